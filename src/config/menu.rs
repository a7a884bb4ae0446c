//! `[[menu]]`: a prompt, and where each key leads.

use crate::config::context::Noun;
use crate::config::phone::number;
use crate::config::queue::sound;
use crate::config::reader::Reader;
use crate::config::target::Target;
use crate::ids::MenuId;
use std::collections::BTreeMap;
use std::time::Duration;

/// `[[menu]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// Its id.
    pub id: MenuId,
    /// Dial it to enter.
    pub number: Option<String>,
    /// What is said: names of sounds.
    pub prompt: Vec<String>,
    /// Where the keys lead.
    pub keys: BTreeMap<char, Target>,
    /// How long a key is waited for after the prompt.
    pub timeout: Duration,
    /// How often the prompt is said again.
    pub repeats: u32,
    /// What is said to a wrong key.
    pub invalid: Vec<String>,
    /// Where the call goes in the end.
    pub on_timeout: Option<Target>,
    /// Whether numbers of ours may be dialled.
    pub direct_dial: bool,
}

impl Menu {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let id = reader.id("id", Noun::Menu);
        let number = number(reader, "number");
        if let Some(number) = &number {
            reader.cx.take_number(number, format!("menu `{}`", id.as_deref().unwrap_or_default()));
        }
        let menu = Self {
            id: MenuId::new(id.as_deref().unwrap_or_default()),
            number: number.map(|number| number.text),
            prompt: sounds(reader, "prompt"),
            keys: keys(reader),
            timeout: reader.seconds("timeout_seconds"),
            repeats: reader.number("repeats").unwrap_or(0),
            invalid: sounds(reader, "invalid"),
            on_timeout: reader.target("timeout", None),
            direct_dial: reader.flag("direct_dial"),
        };
        if menu.keys.is_empty() && !menu.direct_dial {
            reader.cx.doubt(&reader.at.clone(), "a menu without `keys` and `direct_dial` leads nowhere");
        }
        id.map(|_| menu)
    }
}

fn sounds(reader: &mut Reader<'_, '_>, name: &str) -> Vec<String> {
    let spots = reader.text_or_list(name);
    for spot in &spots {
        if let Err(what) = sound(&spot.text) {
            reader.cx.fault(&spot.at, format!("`{name}`: {what}"));
        }
    }
    spots.into_iter().map(|spot| spot.text).collect()
}

fn keys(reader: &mut Reader<'_, '_>) -> BTreeMap<char, Target> {
    let mut keys = BTreeMap::new();
    for (key, target) in reader.texts("keys") {
        let [digit @ (b'0'..=b'9' | b'*' | b'#')] = key.text.as_bytes() else {
            let what =
                format!("`keys`: `{}` is not a key of a phone: 0 to 9, * or #", key.text.escape_debug());
            reader.cx.fault(&key.at, what);
            continue;
        };
        let digit = char::from(*digit);
        if let Some(target) = reader.target_of(target, None) {
            keys.insert(digit, target);
        }
    }
    keys
}
