//! Header names that the switch knows: their canonical spelling, compact forms and a quick look-up.
//!
//! Not a list of all headers: an unknown one is found by [`crate::sip::msg::Message::header_by_name`] and passes
//! through unchanged.

macro_rules! names {
    ($($variant:ident $text:literal $($compact:literal)?,)*) => {
        /// A known header name. The order is alphabetical and means nothing.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each variant is the header's own name")]
        pub enum Name {
            $($variant,)*
        }

        impl Name {
            /// Every known name.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The canonical spelling.
            pub const fn as_str(self) -> &'static str {
                TEXTS[self as usize]
            }

            /// RFC 3261 section 7.3.3: the one-letter forms, here and in the extensions' RFCs.
            const fn of_letter(letter: u8) -> Option<Self> {
                match letter {
                    $($($compact => Some(Self::$variant),)?)*
                    _ => None,
                }
            }
        }

        const TEXTS: &[&str] = &[$($text,)*];
    };
}

names! {
    Accept "Accept",
    AcceptEncoding "Accept-Encoding",
    AcceptLanguage "Accept-Language",
    AlertInfo "Alert-Info",
    Allow "Allow",
    AllowEvents "Allow-Events" b'u',
    AuthenticationInfo "Authentication-Info",
    Authorization "Authorization",
    CallId "Call-ID" b'i',
    CallInfo "Call-Info",
    Contact "Contact" b'm',
    ContentDisposition "Content-Disposition",
    ContentEncoding "Content-Encoding" b'e',
    ContentLength "Content-Length" b'l',
    ContentType "Content-Type" b'c',
    CSeq "CSeq",
    Date "Date",
    Diversion "Diversion",
    Event "Event" b'o',
    Expires "Expires",
    From "From" b'f',
    HistoryInfo "History-Info",
    Identity "Identity" b'y',
    MaxForwards "Max-Forwards",
    MinExpires "Min-Expires",
    MinSe "Min-SE",
    PAssertedIdentity "P-Asserted-Identity",
    PPreferredIdentity "P-Preferred-Identity",
    Path "Path",
    Privacy "Privacy",
    ProxyAuthenticate "Proxy-Authenticate",
    ProxyAuthorization "Proxy-Authorization",
    ProxyRequire "Proxy-Require",
    RAck "RAck",
    RSeq "RSeq",
    Reason "Reason",
    RecordRoute "Record-Route",
    ReferTo "Refer-To" b'r',
    ReferredBy "Referred-By" b'b',
    RemotePartyId "Remote-Party-ID",
    Replaces "Replaces",
    Require "Require",
    RetryAfter "Retry-After",
    Route "Route",
    Server "Server",
    ServiceRoute "Service-Route",
    SessionExpires "Session-Expires" b'x',
    SipETag "SIP-ETag",
    SipIfMatch "SIP-If-Match",
    Subject "Subject" b's',
    SubscriptionState "Subscription-State",
    Supported "Supported" b'k',
    Timestamp "Timestamp",
    To "To" b't',
    Unsupported "Unsupported",
    UserAgent "User-Agent",
    Via "Via" b'v',
    Warning "Warning",
    WwwAuthenticate "WWW-Authenticate",
}

/// How many names there are; the width of a message's index.
pub(in crate::sip::msg) const COUNT: usize = Name::ALL.len();

/// Slots of the look-up table: a power of two, sparse enough that most probes hit at once.
const SLOTS: usize = 256;
const EMPTY: u8 = u8::MAX;

/// Open addressing, filled at compile time: a name's slot, or the next free one.
const TABLE: [u8; SLOTS] = {
    let mut table = [EMPTY; SLOTS];
    let mut at = 0;
    while at < COUNT {
        let mut slot = hash(TEXTS[at].as_bytes());
        while table[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = at as u8;
        at += 1;
    }
    table
};

/// Mixes length, first, middle and last letter, all of them blind to case.
const fn hash(name: &[u8]) -> usize {
    let len = name.len();
    let first = (name[0] | 0x20) as usize;
    let middle = (name[len / 2] | 0x20) as usize;
    let last = (name[len - 1] | 0x20) as usize;
    (len * 31 + first * 7 + middle * 13 + last * 3) % SLOTS
}

impl Name {
    /// The known name spelt so, in any case, or by its compact letter.
    pub fn parse(name: &[u8]) -> Option<Self> {
        match name {
            [] => None,
            [letter] => Self::of_letter(letter.to_ascii_lowercase()),
            _ => {
                let mut slot = hash(name);
                loop {
                    let at = *TABLE.get(slot)?;
                    let text = TEXTS.get(usize::from(at))?;
                    // The canonical spelling is what nearly everybody sends; comparing it costs less.
                    if text.as_bytes() == name || text.as_bytes().eq_ignore_ascii_case(name) {
                        return Self::ALL.get(usize::from(at)).copied();
                    }
                    slot = (slot + 1) % SLOTS;
                }
            }
        }
    }

    /// Whether a message may carry only one value of it. RFC 3261 section 7.3.1: several lines are allowed only
    /// where the grammar is a comma list.
    pub const fn is_single(self) -> bool {
        matches!(
            self,
            Self::From
                | Self::To
                | Self::CallId
                | Self::CSeq
                | Self::MaxForwards
                | Self::ContentType
                | Self::Expires
                | Self::Event
                | Self::ReferTo
                | Self::Replaces
                | Self::SessionExpires
                | Self::MinSe
                | Self::RAck
                | Self::RSeq
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_in_any_case() {
        for name in Name::ALL {
            let text = name.as_str();
            assert_eq!(Name::parse(text.as_bytes()), Some(*name));
            assert_eq!(Name::parse(text.to_uppercase().as_bytes()), Some(*name));
            assert_eq!(Name::parse(text.to_lowercase().as_bytes()), Some(*name));
            assert_eq!(Name::parse(format!("{text}x").as_bytes()), None);
        }
        assert_eq!(Name::parse(b""), None);
        assert_eq!(Name::parse(b"C%6Fntact"), None);
    }

    #[test]
    fn compact_letters_are_known() {
        let forms =
            [(b"i", Name::CallId), (b"M", Name::Contact), (b"l", Name::ContentLength), (b"V", Name::Via)];
        for (letter, name) in forms {
            assert_eq!(Name::parse(letter), Some(name));
        }
        assert_eq!(Name::parse(b"q"), None);
    }
}
