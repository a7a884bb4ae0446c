//! Event packages by name: which there are, and what their documents are called.
//!
//! Not their documents, which have files of their own.

/// What `Allow-Events` says: every package that is served.
pub const ALLOW_EVENTS: &str = "dialog, message-summary, presence";

/// An event package (RFC 6665 section 7.2).
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Package {
    /// Who talks or rings: lamps (RFC 4235).
    Dialog,
    /// Voice messages that wait (RFC 3842).
    MessageSummary,
    /// Whether somebody can be reached (RFC 3856).
    Presence,
}

impl Package {
    /// All, in the order of their names.
    pub const ALL: [Self; 3] = [Self::Dialog, Self::MessageSummary, Self::Presence];

    /// The name in `Event`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dialog => "dialog",
            Self::MessageSummary => "message-summary",
            Self::Presence => "presence",
        }
    }

    /// The type of its documents, as `Accept` and `Content-Type` say it.
    pub const fn content_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Dialog => ("application", "dialog-info+xml"),
            Self::MessageSummary => ("application", "simple-message-summary"),
            Self::Presence => ("application", "pidf+xml"),
        }
    }

    /// The package of that name; names are compared as RFC 6665 section 8.4 has tokens: letter by letter.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|package| package.name() == name)
    }
}

/// What an `Event` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The package.
    pub package: Package,
    /// The parameter `id`, which tells several subscriptions of one dialog apart, and which NOTIFY repeats.
    pub id: Option<String>,
}

impl Event {
    /// Reads the header's value; `None` for a package that is not served. Parameters other than `id` (`sla`, `ma`) do
    /// not change what is told, and are left out.
    pub fn parse(value: &[u8]) -> Option<Self> {
        /// A longer one would come back in every NOTIFY.
        const ID_LEN_MAX: usize = 64;
        let text = std::str::from_utf8(value).ok()?;
        let mut parts = text.split(';').map(str::trim);
        let package = Package::named(parts.next()?)?;
        let id = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
            let value = value.trim();
            let right = !value.is_empty() && value.len() <= ID_LEN_MAX && value.bytes().all(token);
            (name.trim().eq_ignore_ascii_case("id") && right).then(|| value.to_owned())
        });
        Some(Self { package, id })
    }

    /// The value to write.
    pub fn value(&self) -> String {
        match &self.id {
            Some(id) => format!("{};id={id}", self.package.name()),
            None => self.package.name().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_and_written() {
        let check = |value: &str, expected: Option<&str>| {
            let event = Event::parse(value.as_bytes());
            assert_eq!(event.map(|event| event.value()).as_deref(), expected, "{value}");
        };
        check("dialog", Some("dialog"));
        check(" dialog ; id=7 ", Some("dialog;id=7"));
        check("dialog;sla;ma", Some("dialog"));
        check("message-summary", Some("message-summary"));
        check("presence;ID=a\r\nb", Some("presence"));
        check("refer", None);
        check("dialog.winfo", None);
        check("Dialog", None);
        check("", None);
        assert_eq!(Event::parse(&[0xff]), None);
    }

    #[test]
    fn the_header_names_every_package() {
        let names: Vec<_> = Package::ALL.iter().map(|package| package.name()).collect();
        assert_eq!(names.join(", "), ALLOW_EVENTS);
    }
}
