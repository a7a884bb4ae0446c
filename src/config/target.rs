//! Destinations as they are written: `queue:support`, `trunk:far`, `trunk:far/+33140000000`, `conference:{.}`, `park`.
//!
//! Where a call really goes is the dial plan's to decide.

use crate::config::gaps;
use crate::config::pattern::Template;
use crate::config::phone::check_number;
use crate::config::words::Word;
use crate::config::words::words;

words! {
    /// The kinds of destination.
    Scheme {
        /// A phone, by its number.
        "phone" => Phone,
        /// A queue, by its id.
        "queue" => Queue,
        /// A menu of keys.
        "menu" => Menu,
        /// A group of phones.
        "group" => Group,
        /// A mailbox.
        "voicemail" => Voicemail,
        /// A conference room.
        "conference" => Conference,
        /// Hold music alone, by its class.
        "music" => Music,
        /// A trunk, by its id; the called number goes there unchanged, or the one that is written after a `/`.
        "trunk" => Trunk,
        /// A parking slot.
        "park" => Park,
    }
}

impl Scheme {
    /// Whether calls to such a destination are served; else they are answered with 501.
    pub fn is_built(self) -> bool {
        !gaps::scheme_is_gap(self)
    }
}

/// A destination as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its kind.
    pub scheme: Scheme,
    /// What of that kind; `None` for `park` alone.
    pub name: Option<Template>,
    /// The number that a trunk is given; `None`: the called one.
    pub number: Option<Template>,
}

impl Target {
    /// Reads a destination. The error has what was probably meant.
    pub(crate) fn parse(text: &str) -> Result<Self, (String, Option<String>)> {
        let (scheme, name) = match text.split_once(':') {
            Some((scheme, name)) => (scheme, Some(name)),
            None => (text, None),
        };
        let Some(known) = Scheme::named(scheme) else {
            let kinds = Scheme::NAMES.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let what = format!("`{text}` is not a destination ({kinds})");
            let meant = crate::config::suggest::nearest(scheme, Scheme::NAMES.iter().copied());
            let meant = meant.map(|meant| match name {
                Some(name) => format!("{meant}:{name}"),
                None => meant,
            });
            return Err((what, meant));
        };
        match (known, name) {
            (Scheme::Park, None) => Ok(Self { scheme: known, name: None, number: None }),
            (_, None) => Err((format!("`{text}` does not say which: write `{text}:…`"), None)),
            (_, Some(name)) => {
                let (name, number) = match name.split_once('/') {
                    Some((name, number)) if known == Scheme::Trunk => (name, Some(sent(number)?)),
                    Some(_) | None => (name, None),
                };
                let name = Template::parse(name).map_err(|what| (format!("destination: {what}"), None))?;
                Ok(Self { scheme: known, name: Some(name), number })
            }
        }
    }
}

/// The number behind a trunk.
fn sent(text: &str) -> Result<Template, (String, Option<String>)> {
    let number = Template::parse(text).map_err(|what| (format!("destination: {what}"), None))?;
    let right = if number.is_literal() { check_number(text) } else { Ok(()) };
    right.map(|()| number).map_err(|what| (format!("destination: after the `/`, {what}"), None))
}
