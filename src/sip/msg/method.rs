//! Request methods. A method is a case-sensitive token; unknown ones are kept as they are.

/// A request method (RFC 3261 and its extensions). Compared byte by byte: `invite` is not `INVITE`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the variants are the RFCs' names")]
pub enum Method<'a> {
    Invite,
    Ack,
    Bye,
    Cancel,
    Register,
    Options,
    Prack,
    Subscribe,
    Notify,
    Publish,
    Info,
    Refer,
    Message,
    Update,
    /// Any other token.
    Other(&'a [u8]),
}

/// The methods with a name of their own, for an `Allow` header or a table.
const KNOWN: [(Method<'static>, &str); 14] = [
    (Method::Invite, "INVITE"),
    (Method::Ack, "ACK"),
    (Method::Bye, "BYE"),
    (Method::Cancel, "CANCEL"),
    (Method::Register, "REGISTER"),
    (Method::Options, "OPTIONS"),
    (Method::Prack, "PRACK"),
    (Method::Subscribe, "SUBSCRIBE"),
    (Method::Notify, "NOTIFY"),
    (Method::Publish, "PUBLISH"),
    (Method::Info, "INFO"),
    (Method::Refer, "REFER"),
    (Method::Message, "MESSAGE"),
    (Method::Update, "UPDATE"),
];

impl<'a> Method<'a> {
    /// The method of that token; never fails, an empty or odd one is `Other`.
    pub fn parse(token: &'a [u8]) -> Self {
        match token {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"CANCEL" => Self::Cancel,
            b"REGISTER" => Self::Register,
            b"OPTIONS" => Self::Options,
            b"PRACK" => Self::Prack,
            b"SUBSCRIBE" => Self::Subscribe,
            b"NOTIFY" => Self::Notify,
            b"PUBLISH" => Self::Publish,
            b"INFO" => Self::Info,
            b"REFER" => Self::Refer,
            b"MESSAGE" => Self::Message,
            b"UPDATE" => Self::Update,
            other => Self::Other(other),
        }
    }

    /// The token as it stands in a request line.
    pub fn as_bytes(self) -> &'a [u8] {
        if let Self::Other(token) = self {
            return token;
        }
        KNOWN.iter().find(|(known, _)| *known == self).map_or(b"", |(_, word)| word.as_bytes())
    }

    /// The method without its borrow when it is a known one, for tables that outlive the message.
    pub fn known(self) -> Option<Method<'static>> {
        KNOWN.iter().find(|(known, _)| *known == self).map(|(known, _)| *known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_read_back_and_are_case_sensitive() {
        for (method, word) in KNOWN {
            assert_eq!(Method::parse(word.as_bytes()), method);
            assert_eq!(method.as_bytes(), word.as_bytes());
            assert_eq!(method.known(), Some(method));
        }
        assert_eq!(Method::parse(b"RE%47IST%45R"), Method::Other(b"RE%47IST%45R"));
        assert_eq!(Method::parse(b"invite"), Method::Other(b"invite"));
        assert_eq!(Method::Other(b"X").known(), None);
    }
}
