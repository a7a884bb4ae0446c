//! Who calls, as headers say it, and the way that a call has taken before it came here.
//!
//! Read from carriers that are trusted, written for them. Leaves only: which number a trunk may show is `trunks`'
//! matter, and who forwards what is decided elsewhere; whoever forwards calls [`Trail::divert`] on the new leg.

use crate::config;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::sip::msg::NameAddr;
use crate::switch::leg::Shown;
use crate::switch::write;

/// The number of a caller who shows none (RFC 3323 section 4.1.1.3).
pub(crate) const ANONYMOUS: &str = "anonymous";

/// Diversions that are kept: more are a loop, and the INVITE must stay below 1,300 bytes.
const DIVERSIONS_MAX: usize = 5;
/// Bytes of one kept value: a longer one is left out, not cut.
const VALUE_MAX: usize = 200;
/// Bytes of all values of one header together.
const VALUES_MAX: usize = 400;

/// The caller of an INVITE: P-Asserted-Identity, else Remote-Party-ID, else From (INTEROP, "Caller id").
pub(crate) fn caller(message: &Message) -> Shown {
    let asserted = message.addresses(Name::PAssertedIdentity).flatten().next();
    let party = || message.addresses(Name::RemotePartyId).flatten().next();
    let from = message.from().ok();
    let Some(address) = asserted.or_else(party).or(from) else { return Shown::default() };
    if is_private(message) {
        // RFC 3325 section 7: with `id`, the asserted identity stays inside the trust domain; a phone is outside.
        return Shown { number: ANONYMOUS.to_owned(), name: Some("Anonymous".to_owned()) };
    }
    let name = write::text(&address.display_text());
    let number = write::text(&address.uri.user_decoded());
    Shown { number, name: (!name.is_empty()).then_some(name) }
}

/// Whether the caller asks for privacy: by the header, by Remote-Party-ID, or by an anonymous From (RFC 3323 section
/// 4.1.1.3) with nobody asserted beside it.
pub(crate) fn is_private(message: &Message) -> bool {
    let withheld = |word: &[u8]| {
        [&b"id"[..], b"user", b"header"].iter().any(|known| word.trim_ascii().eq_ignore_ascii_case(known))
    };
    // RFC 3323 section 4.2: the values stand between semicolons.
    let by_header = message
        .headers(Name::Privacy)
        .any(|value| value.split(|byte| matches!(byte, b';' | b',')).any(withheld));
    let party = || message.addresses(Name::RemotePartyId).flatten().next();
    let by_party = party()
        .and_then(|party| party.params.value(b"privacy"))
        .is_some_and(|word| [&b"full"[..], b"uri"].iter().any(|known| word.eq_ignore_ascii_case(known)));
    let asserted = message.header(Name::PAssertedIdentity).is_some() || party().is_some();
    let by_from = !asserted && message.from().is_ok_and(|from| is_anonymous(&from));
    by_header || by_party || by_from
}

fn is_anonymous(from: &NameAddr<'_>) -> bool {
    from.uri.user_decoded().eq_ignore_ascii_case(ANONYMOUS.as_bytes())
        || from.uri.raw.to_ascii_lowercase().ends_with(b"@anonymous.invalid")
}

/// How a caller is written into the INVITE that goes to a trunk.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The number in the trunk's notation; empty when there is none to show.
    pub(crate) number: String,
    /// The name.
    pub(crate) name: Option<String>,
    /// He wants his number withheld.
    pub(crate) private: bool,
    /// Where the number stands.
    pub(crate) preset: config::Identity,
    /// The name of our account there, which some carriers want in From.
    pub(crate) account: Option<String>,
    /// The host of the addresses.
    pub(crate) domain: String,
}

impl Written {
    /// The value of From without its tag.
    pub(crate) fn from(&self) -> String {
        if self.private {
            // RFC 3323 section 4.1.1.3.
            return "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned();
        }
        let account = match self.preset {
            config::Identity::Pai | config::Identity::Rpid => self.account.as_deref(),
            config::Identity::From | config::Identity::PaiAndFrom => None,
        };
        self.address(account.unwrap_or(&self.number))
    }

    /// The other headers.
    pub(crate) fn headers(&self) -> Vec<(Name, String)> {
        let mut headers = Vec::new();
        let is_known = !self.number.is_empty() && self.number != ANONYMOUS;
        match self.preset {
            config::Identity::Pai | config::Identity::PaiAndFrom if is_known => {
                headers.push((Name::PAssertedIdentity, self.address(&self.number)));
            }
            config::Identity::Rpid if is_known => {
                let privacy = if self.private { "full" } else { "off" };
                let value =
                    format!("{};party=calling;screen=yes;privacy={privacy}", self.address(&self.number));
                headers.push((Name::RemotePartyId, value));
            }
            config::Identity::Pai
            | config::Identity::PaiAndFrom
            | config::Identity::Rpid
            | config::Identity::From => {}
        }
        if self.private {
            // RFC 3325 section 9.3.
            headers.push((Name::Privacy, "id".to_owned()));
        }
        headers
    }

    fn address(&self, number: &str) -> String {
        let (number, domain) = (write::user(number), &self.domain);
        match &self.name {
            Some(name) => format!("{} <sip:{number}@{domain}>", write::quoted(name)),
            None => format!("<sip:{number}@{domain}>"),
        }
    }
}

/// Why a call was sent on (RFC 5806 section 4, and the causes of RFC 4458).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Diverted {
    /// Always.
    Unconditional,
    /// The phone is busy.
    UserBusy,
    /// It rang in vain.
    NoAnswer,
    /// No phone can be reached.
    Unavailable,
    /// Do not disturb.
    DoNotDisturb,
    /// The phone itself said where to (3xx).
    Deflection,
}

impl Diverted {
    const fn word(self) -> &'static str {
        match self {
            Self::Unconditional => "unconditional",
            Self::UserBusy => "user-busy",
            Self::NoAnswer => "no-answer",
            Self::Unavailable => "unavailable",
            Self::DoNotDisturb => "do-not-disturb",
            Self::Deflection => "deflection",
        }
    }

    /// RFC 4458 section 2.
    const fn cause(self) -> u16 {
        match self {
            Self::Unconditional => 302,
            Self::UserBusy | Self::DoNotDisturb => 486,
            Self::NoAnswer => 408,
            Self::Unavailable => 503,
            Self::Deflection => 480,
        }
    }
}

/// The way that a call has taken: Diversion (RFC 5806) and History-Info (RFC 7044), as they came and as they grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trail {
    /// Values of Diversion, the latest first.
    diversions: Vec<String>,
    /// Values of History-Info, the earliest first.
    history: Vec<String>,
}

impl Trail {
    /// What an INVITE from a trusted carrier says.
    pub(crate) fn of(message: &Message) -> Self {
        let values = |name| {
            message
                .values(name)
                .filter(|value| value.len() <= VALUE_MAX)
                .filter_map(|value| std::str::from_utf8(value).ok())
                .filter(|value| !value.contains(|letter: char| letter.is_control()))
                .map(str::to_owned)
                .take(DIVERSIONS_MAX)
                .collect()
        };
        Self { diversions: values(Name::Diversion), history: values(Name::HistoryInfo) }
    }

    /// Whether the call came straight here.
    pub(crate) fn is_empty(&self) -> bool {
        self.diversions.is_empty() && self.history.is_empty()
    }

    /// `from` sends the call on `to` another number. The latest stands first in Diversion, last in History-Info.
    pub(crate) fn divert(&mut self, from: &str, to: &str, why: Diverted, domain: &str) {
        let (from, to) = (write::user(from), write::user(to));
        self.diversions.insert(0, format!("<sip:{from}@{domain}>;reason={}", why.word()));
        self.diversions.truncate(DIVERSIONS_MAX);
        if self.history.is_empty() {
            self.history.push(format!("<sip:{from}@{domain}>;index=1"));
        }
        // RFC 7044 section 10.3: one level deeper than the entry that was retargeted; `mp` names that entry.
        let last = self.history.last().and_then(|entry| index_of(entry)).unwrap_or("1").to_owned();
        self.history.push(format!("<sip:{to}@{domain};cause={}>;index={last}.1;mp={last}", why.cause()));
        // The first entry is who was called at first: it stays.
        if self.history.len() > DIVERSIONS_MAX {
            self.history.remove(1);
        }
    }

    /// The headers for the next INVITE.
    pub(crate) fn headers(&self) -> Vec<(Name, String)> {
        let mut headers = Vec::new();
        for (name, values) in [(Name::Diversion, &self.diversions), (Name::HistoryInfo, &self.history)] {
            let mut bytes = 0;
            for value in values {
                bytes += value.len();
                if bytes > VALUES_MAX {
                    break;
                }
                headers.push((name, value.clone()));
            }
        }
        headers
    }
}

/// The `index` of a History-Info entry: digits and dots.
fn index_of(entry: &str) -> Option<&str> {
    let (_, rest) = entry.rsplit_once(";index=")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
    rest.get(..end).filter(|index| !index.is_empty() && index.len() <= 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(headers: &str) -> Message {
        let text = format!("INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\n{headers}\r\n");
        Message::parse(text.into()).unwrap()
    }

    const FROM: &str = "From: \"F\" <sip:1@x>;tag=a\r\n";

    fn number(headers: &str) -> String {
        caller(&invite(&format!("{FROM}{headers}"))).number
    }

    #[test]
    fn the_asserted_identity_is_before_the_remote_party_and_that_before_from() {
        let (pai, rpid) =
            ("P-Asserted-Identity: <sip:3@x>\r\n", "Remote-Party-ID: <sip:2@x>;party=calling\r\n");
        assert_eq!(number(""), "1");
        assert_eq!(number(rpid), "2");
        assert_eq!(number(&format!("{rpid}{pai}")), "3");
        assert_eq!(number("P-Asserted-Identity: \"N\" <tel:+331>\r\n"), "+331");
    }

    #[test]
    fn a_withheld_number_is_not_shown() {
        let pai = "P-Asserted-Identity: <sip:3@x>\r\n";
        for privacy in ["Privacy: id\r\n", "Privacy: header;id;critical\r\n", "Privacy: USER\r\n"] {
            assert_eq!(number(&format!("{pai}{privacy}")), ANONYMOUS, "{privacy}");
        }
        assert_eq!(number(&format!("{pai}Privacy: none\r\n")), "3");
        assert_eq!(number("Remote-Party-ID: <sip:2@x>;privacy=full\r\n"), ANONYMOUS);
        let anonymous = "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=a\r\n";
        assert!(is_private(&invite(anonymous)));
        assert_eq!(caller(&invite(&format!("{anonymous}{pai}"))).number, "3", "the carrier shows it");
    }

    fn written(preset: config::Identity, private: bool) -> Written {
        let (number, account) = ("+33140000000".to_owned(), Some("acc".to_owned()));
        Written { number, name: Some("A \"B\"".to_owned()), private, preset, account, domain: "x".to_owned() }
    }

    #[test]
    fn the_number_stands_where_the_preset_says() {
        let address = r#""A \"B\"" <sip:+33140000000@x>"#;
        let account = r#""A \"B\"" <sip:acc@x>"#;
        let check = |preset, from: &str, headers: &[(Name, String)]| {
            let written = written(preset, false);
            assert_eq!((written.from().as_str(), &written.headers()[..]), (from, headers));
        };
        check(config::Identity::From, address, &[]);
        check(config::Identity::Pai, account, &[(Name::PAssertedIdentity, address.to_owned())]);
        check(config::Identity::PaiAndFrom, address, &[(Name::PAssertedIdentity, address.to_owned())]);
        let party = format!("{address};party=calling;screen=yes;privacy=off");
        check(config::Identity::Rpid, account, &[(Name::RemotePartyId, party)]);
        let hidden = written(config::Identity::PaiAndFrom, true);
        assert!(!hidden.from().contains("33140"));
        assert_eq!(hidden.headers().last(), Some(&(Name::Privacy, "id".to_owned())));
    }

    #[test]
    fn a_diversion_is_kept_and_grows() {
        let came = invite(
            "Diversion: <sip:9@c>;reason=no-answer\r\nHistory-Info: <sip:8@c>;index=1, <sip:9@c>;index=1.1;mp=1\r\n",
        );
        let mut trail = Trail::of(&came);
        trail.divert("1001", "+331", Diverted::UserBusy, "x");
        let values: Vec<String> = trail.headers().into_iter().map(|(_, value)| value).collect();
        assert_eq!(values[0], "<sip:1001@x>;reason=user-busy");
        assert_eq!(values[1], "<sip:9@c>;reason=no-answer");
        assert_eq!(values[4], "<sip:+331@x;cause=486>;index=1.1.1;mp=1.1");
        for round in 0..50 {
            trail.divert("1001", &format!("{round}"), Diverted::NoAnswer, "x");
        }
        assert!(trail.diversions.len() == DIVERSIONS_MAX && trail.headers().len() <= 2 * DIVERSIONS_MAX);
        assert!(Trail::of(&invite(FROM)).is_empty());
    }
}
