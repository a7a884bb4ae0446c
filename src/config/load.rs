//! From files and environment to a [`Config`]: what is read in which order, and what a check prints.
//!
//! [`load`] touches the machine; everything below it is given its texts.

use crate::config::Config;
use crate::config::agent::Agent;
use crate::config::api_key::ApiKey;
use crate::config::campaign::Campaign;
use crate::config::check;
use crate::config::context::Context;
use crate::config::emergency::Emergency;
use crate::config::fault::Fault;
use crate::config::fault::Place;
use crate::config::fault::Warning;
use crate::config::features::Features;
use crate::config::group::Group;
use crate::config::http::Http;
use crate::config::http::Tls;
use crate::config::inbound::Inbound;
use crate::config::keys::SECTIONS;
use crate::config::labels::Dispositions;
use crate::config::labels::PauseReason;
use crate::config::media::Media;
use crate::config::menu::Menu;
use crate::config::parking::Parking;
use crate::config::phone::Phone;
use crate::config::phone::PhoneRange;
use crate::config::queue::Queue;
use crate::config::reader::Reader;
use crate::config::reader::from_text;
use crate::config::route::Route;
use crate::config::schema::Section;
use crate::config::security::Security;
use crate::config::sip::Sip;
use crate::config::store::Limits;
use crate::config::store::Sounds;
use crate::config::store::Store;
use crate::config::suggest::nearest;
use crate::config::trace::Trace;
use crate::config::tree;
use crate::config::tree::Entry;
use crate::config::tree::Node;
use crate::config::tree::Table;
use crate::config::tree::Value;
use crate::config::trunk::Trunk;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// A configuration that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What somebody should look at, in the order of the files.
    pub warnings: Vec<Warning>,
}

impl Loaded {
    /// Variables and files that have no value: with any of them the switch must not start.
    pub fn unset(&self) -> impl Iterator<Item = &Warning> {
        self.warnings.iter().filter(|warning| matches!(warning, Warning::Unset { .. }))
    }
}

/// A text of a configuration file and the name to call it by.
#[derive(Copy, Clone, Debug)]
pub struct Source<'t> {
    /// The path as it was given.
    pub name: &'t str,
    /// The file's text.
    pub text: &'t str,
}

/// The world around a configuration.
pub struct Outside<'a> {
    /// Looks up an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a file of a secret.
    pub file: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// Loads a file, the `conf.d/*.toml` beside it, and what the environment says.
pub fn load(path: &Path) -> Result<Loaded, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut files = Vec::new();
    for (order, path) in paths(path, &mut faults).into_iter().enumerate() {
        match read_text(&path, order) {
            Ok(text) => files.push((path.display().to_string(), text)),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let sources: Vec<_> = files.iter().map(|(name, text)| Source { name, text }).collect();
    let env = |name: &str| std::env::var(name).ok();
    let file = |path: &Path| std::fs::read_to_string(path);
    let mut loaded = parse_sources(&sources, &Outside { env: &env, file: &file })?;
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    loaded.warnings.extend(unknown_variables(names));
    Ok(loaded)
}

/// Reads one text. Files of secrets are not read: they count as unset.
pub fn parse(name: &str, text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Vec<Fault>> {
    let file = |_: &Path| Err(io::Error::new(io::ErrorKind::Unsupported, "files are not read here"));
    parse_sources(&[Source { name, text }], &Outside { env, file: &file })
}

/// Reads texts in order, later ones over earlier ones.
pub fn parse_sources(sources: &[Source<'_>], outside: &Outside<'_>) -> Result<Loaded, Vec<Fault>> {
    let mut cx = Context::new(outside);
    read_sources(sources, &mut cx)
}

/// What `check-config` prints, and its exit status: 0 with one line per warning, 1 with one line per fault.
pub fn report(result: &Result<Loaded, Vec<Fault>>) -> (String, u8) {
    let lines = |lines: Vec<String>| lines.into_iter().map(|line| line + "\n").collect::<String>();
    match result {
        Ok(loaded) => (lines(loaded.warnings.iter().map(Warning::to_string).collect()), 0),
        Err(faults) => (lines(faults.iter().map(Fault::to_string).collect()), 1),
    }
}

/// The file itself, then `conf.d/*.toml` beside it by name.
fn paths(main: &Path, faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    let folder = main.parent().unwrap_or(Path::new("")).join("conf.d");
    let mut more = Vec::new();
    match std::fs::read_dir(&folder) {
        Ok(entries) => {
            let found = entries.flatten().map(|entry| entry.path());
            more.extend(found.filter(|path| path.extension().is_some_and(|end| end == "toml")));
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
        Err(error) => faults.push(unreadable(&folder, 1, &error.to_string())),
    }
    more.sort();
    std::iter::once(main.to_path_buf()).chain(more).collect()
}

fn read_text(path: &Path, order: usize) -> Result<String, Fault> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, order, &error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        unreadable(path, order, &format!("line {line} is not UTF-8"))
    })
}

fn unreadable(path: &Path, order: usize, why: &str) -> Fault {
    let order = u32::try_from(order).unwrap_or(u32::MAX);
    let at = Place { order, file: Arc::from(path.display().to_string()), line: 0, column: 0 };
    Fault { at, what: format!("cannot be read: {why}"), suggestion: None }
}

/// Variables that look like ours and are not.
fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<Warning> {
    let known: Vec<String> = single_keys().map(|(section, key)| variable(section.name, key.name)).collect();
    let mut unknown: Vec<_> =
        names.filter(|name| name.starts_with("STROWGER__") && !known.contains(name)).collect();
    unknown.sort();
    let warn = |name: String| {
        let meant = nearest(&name, known.iter().map(String::as_str));
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        let at = Place { order: u32::MAX, file: Arc::from(name), line: 0, column: 0 };
        Warning::Doubtful { at, what: format!("no key has this variable{meant}") }
    };
    unknown.into_iter().map(warn).collect()
}

fn variable(section: &str, key: &str) -> String {
    format!("STROWGER__{}__{}", section.to_uppercase(), key.to_uppercase())
}

/// The keys that a variable can set.
fn single_keys() -> impl Iterator<Item = (&'static Section, &'static crate::config::schema::Key)> {
    let sections = SECTIONS.iter().filter(|section| !section.many);
    let keys = sections.flat_map(|section| section.keys.iter().map(move |key| (section, key)));
    keys.filter(|(_, key)| key.shape.is_scalar() || key.shape.is_list())
}

pub(crate) fn read_sources(sources: &[Source<'_>], cx: &mut Context<'_>) -> Result<Loaded, Vec<Fault>> {
    let start =
        Place { order: 0, file: Arc::from(sources.first().map_or("", |s| s.name)), line: 1, column: 1 };
    let mut root = Node { at: start.clone(), value: Value::Table(Table::new()) };
    for (order, source) in (0..).zip(sources) {
        match tree::parse(source.name, order, source.text) {
            Ok(more) => tree::merge(&mut root, more),
            Err(fault) => cx.faults.push(fault),
        }
    }
    // A file that is no TOML hides keys: what then seems to be missing is not worth saying.
    if !cx.faults.is_empty() {
        return Err(std::mem::take(&mut cx.faults));
    }
    let Value::Table(mut table) = root.value else { return Err(Vec::new()) };
    override_by_environment(&mut table, cx);
    let config = Root { table, at: start }.read(cx);
    check::listeners(cx);
    cx.finish();
    cx.faults.sort();
    cx.faults.dedup();
    let mut warnings = std::mem::take(&mut cx.warnings);
    warnings.sort_by(|a, b| a.at().cmp(b.at()));
    match config {
        Some(config) if cx.faults.is_empty() => Ok(Loaded { config, warnings }),
        _ => Err(std::mem::take(&mut cx.faults)),
    }
}

/// Puts what `STROWGER__SECTION__KEY` says over what the files say.
fn override_by_environment(root: &mut Table, cx: &Context<'_>) {
    for (section, key) in single_keys() {
        let name = variable(section.name, key.name);
        let Some(text) = (cx.outside.env)(&name) else { continue };
        let at = Place { order: u32::MAX, file: Arc::from(name), line: 0, column: 0 };
        let value = if key.shape.is_list() {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            let node = |item: &str| Node { at: at.clone(), value: Value::Text(item.to_string()) };
            Value::List(items.map(node).collect())
        } else {
            from_text(&key.shape, &text)
        };
        let empty = || Node { at: at.clone(), value: Value::Table(Table::new()) };
        let entry =
            root.entry(section.name.to_string()).or_insert_with(|| Entry { at: at.clone(), node: empty() });
        if let Value::Table(table) = &mut entry.node.value {
            table.insert(key.name.to_string(), Entry { at: at.clone(), node: Node { at, value } });
        }
    }
}

/// The outermost table.
struct Root {
    table: Table,
    at: Place,
}

impl Root {
    fn read(mut self, cx: &mut Context<'_>) -> Option<Config> {
        self.check_names(cx);
        let has_tls = self.table.contains_key("tls");
        let tls = self.section(cx, "tls", Tls::read);
        let sip = self.one(cx, "sip", |reader| Sip::read(reader, has_tls));
        let media = self.one(cx, "media", |reader| Media::read(reader, sip.as_ref()));
        let http = self.one(cx, "http", |reader| Http::read(reader, has_tls));
        let store = self.one(cx, "store", Store::read);
        let sounds = self.one(cx, "sounds", Sounds::read);
        let limits = self.one(cx, "limits", Limits::read);
        let security = self.one(cx, "security", Security::read);
        let trace = self.one(cx, "trace", Trace::read);
        let phones = self.many(cx, "phone", Phone::read);
        // Everything is read before anything is given up, so that one fault does not hide another.
        let api_keys = self.many(cx, "api_key", ApiKey::read);
        let phone_ranges = self.many(cx, "phone_range", PhoneRange::read);
        let agents = self.many(cx, "agent", Agent::read);
        let pause_reasons = self.many(cx, "pause_reason", PauseReason::read);
        let dispositions = self.section(cx, "dispositions", Dispositions::read).unwrap_or_default();
        let parking = self.section(cx, "parking", Parking::read);
        let features = self.one(cx, "features", Features::read);
        let groups = self.many(cx, "group", Group::read);
        let menus = self.many(cx, "menu", Menu::read);
        let queues = self.many(cx, "queue", Queue::read);
        let trunks = self.many(cx, "trunk", Trunk::read);
        let routes = self.many(cx, "route", Route::read);
        let inbound = self.many(cx, "inbound", Inbound::read);
        let campaigns = self.many(cx, "campaign", Campaign::read);
        let emergency = self.section(cx, "emergency", Emergency::read).unwrap_or_default();
        Some(Config {
            sip: sip?,
            tls,
            media: media?,
            http: http?,
            store: store?,
            sounds: sounds?,
            limits: limits?,
            security: security?,
            trace: trace?,
            api_keys,
            phones: phones.into_iter().map(|phone| (phone.number.clone(), phone)).collect(),
            phone_ranges,
            agents,
            pause_reasons,
            dispositions,
            parking,
            features: features?,
            groups,
            menus,
            queues,
            trunks,
            routes,
            inbound,
            campaigns,
            emergency,
        })
    }

    fn check_names(&self, cx: &mut Context<'_>) {
        for (name, entry) in &self.table {
            if !SECTIONS.iter().any(|section| section.name == name) {
                let suggestion = nearest(name, SECTIONS.iter().map(|section| section.name));
                let what = format!("unknown section `{name}`");
                cx.faults.push(Fault { at: entry.at.clone(), what, suggestion });
            }
        }
    }

    /// A section that has values even when it is not written.
    fn one<T>(
        &mut self,
        cx: &mut Context<'_>,
        name: &'static str,
        read: impl FnOnce(&mut Reader<'_, '_>) -> Option<T>,
    ) -> Option<T> {
        let empty = || Entry {
            at: self.at.clone(),
            node: Node { at: self.at.clone(), value: Value::Table(Table::new()) },
        };
        let entry = self.table.remove(name).unwrap_or_else(empty);
        read_table(cx, name, entry.node, read)
    }

    /// A section that counts only when it is written.
    fn section<T>(
        &mut self,
        cx: &mut Context<'_>,
        name: &'static str,
        read: impl FnOnce(&mut Reader<'_, '_>) -> Option<T>,
    ) -> Option<T> {
        let entry = self.table.remove(name)?;
        cx.note_gap(name, None, &entry.at);
        read_table(cx, name, entry.node, read)
    }

    /// Sections that can be there many times.
    fn many<T>(
        &mut self,
        cx: &mut Context<'_>,
        name: &'static str,
        read: impl Fn(&mut Reader<'_, '_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(entry) = self.table.remove(name) else { return Vec::new() };
        cx.note_gap(name, None, &entry.at);
        let Value::List(nodes) = entry.node.value else {
            cx.fault(&entry.at, format!("there can be many of `{name}`: write [[{name}]]"));
            return Vec::new();
        };
        nodes.into_iter().filter_map(|node| read_table(cx, name, node, &read)).collect()
    }
}

fn read_table<T>(
    cx: &mut Context<'_>,
    name: &'static str,
    node: Node,
    read: impl FnOnce(&mut Reader<'_, '_>) -> Option<T>,
) -> Option<T> {
    let section = SECTIONS.iter().find(|section| section.name == name);
    let keys = section.expect("only sections of the table of keys are read").keys;
    let Value::Table(table) = node.value else {
        cx.fault(&node.at, format!("`{name}` must be a section [{name}], not {}", node.kind()));
        return None;
    };
    read(&mut Reader::new(cx, name, keys, node.at, table))
}
