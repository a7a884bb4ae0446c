//! Which challenges of several a client can read, by its User-Agent.
//!
//! RFC 8760 section 2.4 lets a client pass over an algorithm that it does not know. Older stacks don't: some look at the
//! first line only, some give up when any line is strange to them, and then the phone never registers. What is wrong
//! with a client's answer is `Realm`'s; this only chooses what is asked.

/// How a client reads several WWW-Authenticate lines.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// It picks the first that it can answer.
    All,
    /// It looks at the first line alone, and knows no more than MD5.
    FirstLine,
    /// One line that is not MD5 makes it give up.
    Md5Alone,
}

/// Beginnings of User-Agent in lower case; the first that fits counts. baresip knows SHA-256 since 3.12, and 3.12 answers
/// every line at once.
const KNOWN: [(&[u8], Reader); 7] = [
    (b"baresip v0.", Reader::Md5Alone),
    (b"baresip v1.", Reader::Md5Alone),
    (b"baresip v2.", Reader::Md5Alone),
    (b"baresip v3.", Reader::Md5Alone),
    (b"baresip", Reader::All),
    (b"linphone", Reader::All),
    (b"strowger", Reader::All),
];

impl Reader {
    /// How the client with that User-Agent reads. One that is not known to read on may be a reader of the first line:
    /// SIPp, sipsak, PJSUA 2, load tools and small devices are, and a phone that registers by MD5 beats one that never
    /// does. It still sees the stronger algorithms after it.
    pub fn of(user_agent: Option<&[u8]>) -> Self {
        let name = user_agent.unwrap_or_default().to_ascii_lowercase();
        let known = KNOWN.iter().find(|(start, _)| name.starts_with(start));
        known.map_or(Self::FirstLine, |(_, reader)| *reader)
    }

    /// What this client is asked, of all that could be asked, the strongest first. Never empty if `lines` is not.
    pub fn choose(self, mut lines: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        match self {
            // RFC 8760 section 2.1: in the order of preference.
            Self::All => lines,
            Self::FirstLine => {
                lines.reverse();
                lines
            }
            Self::Md5Alone => lines.pop().into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_is_asked_what_it_can_read() {
        let check = |user_agent: Option<&str>, expected: &[&str]| {
            let lines = vec![b"SHA-256".to_vec(), b"MD5".to_vec()];
            let chosen = Reader::of(user_agent.map(str::as_bytes)).choose(lines);
            assert_eq!(chosen, expected.iter().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>());
        };
        check(Some("Linphone/5.1.65"), &["SHA-256", "MD5"]);
        check(Some("baresip v1.0.0 (x86_64/linux)"), &["MD5"]);
        check(Some("baresip v4.1.0 (x86_64/linux)"), &["SHA-256", "MD5"]);
        check(Some("SIPp/Linux"), &["MD5", "SHA-256"]);
        check(Some("sipsak 0.9.8.1"), &["MD5", "SHA-256"]);
        check(Some("Linphonec/5.1.65 (belle-sip/5.1.64)"), &["SHA-256", "MD5"]);
        check(Some(""), &["MD5", "SHA-256"]);
        check(None, &["MD5", "SHA-256"]);
    }
}
