//! Destinations as they are written: `queue:support`, `trunk:far`, `conference:{.}`, `park`.
//!
//! Where a call really goes is the dial plan's to decide.

use crate::config::gaps;
use crate::config::pattern::Template;
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
        /// A trunk, by its id; the called number goes there unchanged.
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
            (Scheme::Park, None) => Ok(Self { scheme: known, name: None }),
            (_, None) => Err((format!("`{text}` does not say which: write `{text}:…`"), None)),
            (_, Some(name)) => {
                let name = Template::parse(name).map_err(|what| (format!("destination: {what}"), None))?;
                Ok(Self { scheme: known, name: Some(name) })
            }
        }
    }
}
