//! The shape of the configuration: sections, keys, their kinds, ranges and defaults, and the reference page
//! made of them.
//!
//! The data is in `keys.rs`. The reader takes ranges and defaults from here and nowhere else, so that the page
//! cannot say something else than the code does.

use crate::config::gaps;
use std::fmt::Write;

/// A section: `[name]`, or `[[name]]` when there can be many.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) many: bool,
    pub(crate) what: &'static str,
    pub(crate) keys: &'static [Key],
}

/// A key of a section or of a table inside one.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) default: Default,
    pub(crate) what: &'static str,
}

/// What holds when the key is not written.
#[derive(Copy, Clone, PartialEq)]
pub(crate) enum Default {
    /// A fault.
    Required,
    /// Nothing; what that means is in words, for the page.
    Nothing(&'static str),
    /// This value, in TOML's notation.
    Value(&'static str),
}

/// What a key's value looks like.
#[derive(Copy, Clone)]
pub(crate) enum Shape {
    /// A text; the words say of what kind.
    Text(&'static str),
    /// A list of texts of that kind.
    List(&'static str),
    /// A whole number in a range.
    Integer(i64, i64),
    /// A duration in whole seconds in a range.
    Seconds(i64, i64),
    /// True or false.
    Flag,
    /// One of these.
    Word(&'static [&'static str]),
    /// Some of these.
    Words(&'static [&'static str]),
    /// A text that is not shown, or a table of these.
    Secret(&'static [Key]),
    /// A table.
    Table(&'static [Key]),
    /// A list of tables.
    Tables(&'static [Key]),
    /// A list of ids, or of tables with these.
    IdsOrTables(&'static [Key]),
    /// A table of any names with whole numbers in a range.
    Numbers(i64, i64),
    /// A table of any names with texts of that kind.
    Texts(&'static str),
    /// A text, or a list of texts of that kind.
    TextOrList(&'static str),
    /// A text, or a table of texts by language.
    Localized,
}

impl Shape {
    /// The keys of the table that the value may be.
    pub(crate) fn inner(&self) -> &'static [Key] {
        match self {
            Self::Secret(keys) | Self::Table(keys) | Self::Tables(keys) | Self::IdsOrTables(keys) => keys,
            Self::Text(_)
            | Self::List(_)
            | Self::Integer(..)
            | Self::Seconds(..)
            | Self::Flag
            | Self::Word(_)
            | Self::Words(_)
            | Self::Numbers(..)
            | Self::Texts(_)
            | Self::TextOrList(_)
            | Self::Localized => &[],
        }
    }

    /// The least and the most of the value's numbers.
    pub(crate) fn range(&self) -> (i64, i64) {
        if let Self::Integer(min, max) | Self::Seconds(min, max) | Self::Numbers(min, max) = self {
            (*min, *max)
        } else {
            (i64::MIN, i64::MAX)
        }
    }

    /// Whether the value is one thing that a variable or a file can hold.
    pub(crate) fn is_scalar(&self) -> bool {
        matches!(
            self,
            Self::Text(_)
                | Self::Integer(..)
                | Self::Seconds(..)
                | Self::Flag
                | Self::Word(_)
                | Self::Secret(_)
                | Self::Localized
        )
    }

    /// Whether the value is a list of plain texts, which a variable holds with commas.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self, Self::List(_) | Self::Words(_))
    }

    fn in_words(&self) -> String {
        let names =
            |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Text(kind) => (*kind).to_string(),
            Self::List(kind) => format!("list: {kind}"),
            Self::Integer(min, max) => format!("{min} to {max}"),
            Self::Seconds(min, max) => format!("{min} to {max} s"),
            Self::Flag => "`true` or `false`".to_string(),
            Self::Word(known) => format!("one of {}", names(known)),
            Self::Words(known) => format!("list of {}", names(known)),
            Self::Secret(_) => "secret".to_string(),
            Self::Table(_) => "table".to_string(),
            Self::Tables(_) => "list of tables".to_string(),
            Self::IdsOrTables(_) => "list of ids or of tables".to_string(),
            Self::Numbers(min, max) => format!("table of {min} to {max}"),
            Self::Texts(kind) => format!("table: {kind}"),
            Self::TextOrList(kind) => format!("{kind}, or a list of them"),
            Self::Localized => "text, or texts by language".to_string(),
        }
    }
}

/// The page `docs/configuration.md`.
pub fn reference() -> String {
    let mut page = String::from(INTRODUCTION);
    for section in crate::config::keys::SECTIONS {
        let (open, close) = if section.many { ("[[", "]]") } else { ("[", "]") };
        let _ = write!(page, "\n## {open}{}{close}\n\n{}\n\n", section.name, section.what);
        page.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
        rows(&mut page, section.name, "", section.keys);
    }
    page.push_str(&gaps::reference());
    page
}

fn rows(page: &mut String, section: &str, prefix: &str, keys: &[Key]) {
    for key in keys {
        let default = match key.default {
            Default::Required => "**required**".to_string(),
            Default::Nothing(words) => words.to_string(),
            Default::Value(value) => format!("`{value}`"),
        };
        let name = format!("{prefix}{}", key.name);
        let path = format!("{section}.{name}");
        let not_built = if gaps::is_gap(&path) { " *(not built yet, see the end)*" } else { "" };
        let shape = key.shape.in_words();
        let row = format!("| `{name}` | {shape} | {default} | {}{not_built} |\n", key.what);
        page.push_str(&row);
        rows(page, section, &format!("{name}."), key.shape.inner());
    }
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Made from src/config/keys.rs by `BLESS=1 cargo test --lib config::`; a test compares. Don't edit. -->

Strowger reads one TOML file, and after it every `conf.d/*.toml` beside it, in the order of their names:
lists such as `[[queue]]` are joined, and in sections the later value of a key wins. `strowger check-config FILE`
prints every fault with line and column; `config/callcentre.toml` and `config/load.toml` are examples.

- Durations are whole seconds and end in `_seconds`. Addresses are `ADDRESS:PORT`; IPv6 is written `[::1]:5060`.
- Relative paths start in the working directory.
- Instead of a text, number or flag, `{ env = \"NAME\" }` takes an environment variable and `{ file = \"PATH\" }`
  a file (without its last line break). Without a value there `check-config` warns and `serve` refuses to start.
- Keys of the sections in single brackets can be set by the environment, above all files:
  `STROWGER__SIP__DOMAIN=example.com`; lists with commas: `STROWGER__SIP__UDP=192.0.2.7:5060,[::1]:5060`.
- Number patterns: `X` is 0 to 9, `Z` 1 to 9, `N` 2 to 9, a last `.` one or more characters; all else is itself.
  In a rewrite or a destination beside a pattern, `{1}`, `{2}` … are what its runs of wildcards took, and
  `{.}` what its last `.` took.
- Destinations: `phone:NUMBER`, `queue:ID`, `menu:ID`, `group:ID`, `voicemail:NUMBER`, `conference:ROOM`,
  `music:CLASS`, `trunk:ID` (the called number goes there unchanged) or `trunk:ID/NUMBER` (that one does), `park`.
";
