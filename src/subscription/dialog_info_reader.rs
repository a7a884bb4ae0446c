//! Reading `application/dialog-info+xml` strictly by RFC 4235 section 4.4's schema.
//!
//! The switch writes these documents and reads none: this is the judge of what it writes, and what a fuzzer feeds.
//! Elements of other namespaces are skipped, as the schema lets them stand.

use crate::subscription::dialog_info::DialogInfo;
use crate::subscription::dialog_info::DialogState;
use crate::subscription::dialog_info::Direction;
use crate::subscription::dialog_info::Ids;
use crate::subscription::dialog_info::NAMESPACE;
use crate::subscription::dialog_info::Party;
use crate::subscription::dialog_info::RENDERING;
use crate::subscription::dialog_info::State;
pub use crate::subscription::xml_reader::Fault;
use crate::subscription::xml_reader::Token;
use crate::subscription::xml_reader::Tokens;
use crate::subscription::xml_reader::local;
use std::borrow::Cow;

/// A longer one fits no message.
const LEN_MAX: usize = 65_536;
/// More calls has nobody.
const DIALOGS_MAX: usize = 256;

/// A document as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its place in the order of all documents of a subscription.
    pub version: u32,
    /// All calls, or only those that changed.
    pub is_full: bool,
    /// What it says.
    pub info: DialogInfo,
}

/// Reads a document.
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Document, Fault> {
    if bytes.len() > LEN_MAX {
        return Err(Fault::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotWellFormed)?;
    let mut reader = Reader { tokens: Tokens::new(text) };
    reader.tokens.declaration()?;
    let document = reader.document()?;
    match reader.tokens.next()? {
        None => Ok(document),
        Some(_) => Err(Fault::NotWellFormed),
    }
}

struct Reader<'a> {
    tokens: Tokens<'a>,
}

/// An element's attributes, taken out by name.
struct Attributes<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl Attributes<'_> {
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.swap_remove(at).1.into_owned())
    }

    fn need(&mut self, name: &str) -> Result<String, Fault> {
        self.take(name).ok_or(Fault::Invalid)
    }

    /// Nothing is left but declarations of namespaces and attributes of other ones.
    fn finish(self) -> Result<(), Fault> {
        let known = |name: &str| name.starts_with("xmlns") || name.contains(':');
        if self.0.iter().all(|(name, _)| known(name)) { Ok(()) } else { Err(Fault::Invalid) }
    }
}

/// What stands inside an element.
enum Inside<'a> {
    Element(&'a str, Attributes<'a>),
    End,
}

impl<'a> Reader<'a> {
    /// The next element inside the present one, or its end. Text between elements is white space only.
    fn inside(&mut self) -> Result<Inside<'a>, Fault> {
        loop {
            match self.tokens.next()?.ok_or(Fault::NotWellFormed)? {
                Token::Open(name, attributes) => return Ok(Inside::Element(name, Attributes(attributes))),
                Token::Close => return Ok(Inside::End),
                Token::Text(text) if text.trim().is_empty() => {}
                Token::Text(_) => return Err(Fault::Invalid),
            }
        }
    }

    /// The text of an element without children, up to its end.
    fn text(&mut self) -> Result<String, Fault> {
        let mut whole = String::new();
        loop {
            match self.tokens.next()?.ok_or(Fault::NotWellFormed)? {
                Token::Text(text) => whole.push_str(&text),
                Token::Close => return Ok(whole.trim().to_owned()),
                Token::Open(..) => return Err(Fault::Invalid),
            }
        }
    }

    /// To the end of an element whose content does not matter.
    fn skip(&mut self) -> Result<(), Fault> {
        let mut depth = 1;
        while depth > 0 {
            match self.tokens.next()?.ok_or(Fault::NotWellFormed)? {
                Token::Open(..) => depth += 1,
                Token::Close => depth -= 1,
                Token::Text(_) => {}
            }
        }
        Ok(())
    }

    /// An element without content.
    fn empty(&mut self) -> Result<(), Fault> {
        match self.inside()? {
            Inside::End => Ok(()),
            Inside::Element(..) => Err(Fault::Invalid),
        }
    }

    fn document(&mut self) -> Result<Document, Fault> {
        let Some(Token::Open(name, attributes)) = self.tokens.next()? else {
            return Err(Fault::NotWellFormed);
        };
        let prefix = name.strip_suffix(local(name)).unwrap_or_default().trim_end_matches(':');
        let declared = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        let mut attributes = Attributes(attributes);
        if local(name) != "dialog-info" || attributes.take(&declared).as_deref() != Some(NAMESPACE) {
            return Err(Fault::Invalid);
        }
        let version = number(&attributes.need("version")?)?;
        let is_full = match attributes.need("state")?.as_str() {
            "full" => true,
            "partial" => false,
            _ => return Err(Fault::Invalid),
        };
        let entity = attributes.need("entity")?;
        attributes.finish()?;
        let mut dialogs: Vec<DialogState> = Vec::new();
        while let Inside::Element(name, attributes) = self.inside()? {
            if local(name) != "dialog" {
                self.other(name, prefix)?;
                continue;
            }
            let dialog = self.dialog(attributes, prefix)?;
            // RFC 4235 section 4.1.1: the id is unique amongst all dialogs of the user.
            if dialogs.iter().any(|other| other.id == dialog.id) {
                return Err(Fault::Invalid);
            }
            if dialogs.len() >= DIALOGS_MAX {
                return Err(Fault::TooLarge);
            }
            dialogs.push(dialog);
        }
        Ok(Document { version, is_full, info: DialogInfo { entity, dialogs } })
    }

    /// An element that is not of this schema: skipped when it is of another namespace.
    fn other(&mut self, name: &str, prefix: &str) -> Result<(), Fault> {
        let own = name.strip_suffix(local(name)).unwrap_or_default().trim_end_matches(':') == prefix;
        if own { Err(Fault::Invalid) } else { self.skip() }
    }

    fn dialog(&mut self, mut attributes: Attributes<'a>, prefix: &str) -> Result<DialogState, Fault> {
        let id = attributes.need("id")?;
        let call_id = attributes.take("call-id");
        let tags = (attributes.take("local-tag"), attributes.take("remote-tag"));
        let ids = match (call_id, tags) {
            (Some(call_id), (Some(local_tag), Some(remote_tag))) => {
                Some(Ids { call_id, local_tag, remote_tag })
            }
            // Other parts of the three are no dialog.
            (None, (Some(_), _) | (_, Some(_))) => return Err(Fault::Invalid),
            (Some(_) | None, _) => None,
        };
        let direction = match attributes.take("direction").as_deref() {
            Some("initiator") => Some(Direction::Initiator),
            Some("recipient") => Some(Direction::Recipient),
            None => None,
            Some(_) => return Err(Fault::Invalid),
        };
        attributes.finish()?;
        let (mut state, mut local_party, mut remote, mut holds) = (None, None, None, false);
        let (mut has_local, mut has_remote) = (false, false);
        while let Inside::Element(name, mut attributes) = self.inside()? {
            match local(name) {
                // The schema's order: the state is the first.
                "state" if state.is_none() => {
                    let _ = (attributes.take("event"), attributes.take("code"));
                    attributes.finish()?;
                    state = Some(state_of(&self.text()?)?);
                }
                "local" if state.is_some() && !has_local && !has_remote => {
                    has_local = true;
                    attributes.finish()?;
                    let (party, rendered) = self.party(prefix)?;
                    holds = !rendered;
                    local_party = party;
                }
                "remote" if state.is_some() && !has_remote => {
                    has_remote = true;
                    attributes.finish()?;
                    remote = self.party(prefix)?.0;
                }
                "duration" | "replaces" | "referred-by" | "route-set" if state.is_some() => self.skip()?,
                _ => self.other(name, prefix)?,
            }
        }
        let state = state.ok_or(Fault::Invalid)?;
        Ok(DialogState { id, direction, state, ids, local: local_party, remote, holds })
    }

    /// A party, and whether it renders media.
    fn party(&mut self, prefix: &str) -> Result<(Option<Party>, bool), Fault> {
        let (mut identity, mut target, mut rendered) = (None, false, true);
        while let Inside::Element(name, mut attributes) = self.inside()? {
            match local(name) {
                "identity" if identity.is_none() && !target => {
                    let display = attributes.take("display");
                    attributes.finish()?;
                    let uri = self.text()?;
                    if uri.is_empty() {
                        return Err(Fault::Invalid);
                    }
                    identity = Some(Party { uri, name: display });
                }
                "target" if !target => {
                    target = true;
                    attributes.need("uri")?;
                    attributes.finish()?;
                    rendered = self.target(prefix)?;
                }
                "session-description" | "cseq" => self.skip()?,
                _ => self.other(name, prefix)?,
            }
        }
        Ok((identity, rendered))
    }

    fn target(&mut self, prefix: &str) -> Result<bool, Fault> {
        let mut rendered = true;
        while let Inside::Element(name, mut attributes) = self.inside()? {
            if local(name) != "param" {
                self.other(name, prefix)?;
                continue;
            }
            let (name, value) = (attributes.need("pname")?, attributes.need("pvalue")?);
            attributes.finish()?;
            self.empty()?;
            if name.eq_ignore_ascii_case(RENDERING) {
                rendered = !value.eq_ignore_ascii_case("no");
            }
        }
        Ok(rendered)
    }
}

fn number(text: &str) -> Result<u32, Fault> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(Fault::Invalid)
}

fn state_of(word: &str) -> Result<State, Fault> {
    State::ALL.into_iter().find(|state| state.word() == word).ok_or(Fault::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(inside: &str) -> String {
        format!(
            "<dialog-info xmlns=\"{NAMESPACE}\" version=\"0\" state=\"full\" entity=\"sip:a@b\">{inside}</dialog-info>"
        )
    }

    /// RFC 4235 section 6.1, with another namespace's element beside.
    #[test]
    fn a_document_of_a_phone_is_read() {
        let text = "<?xml version=\"1.0\"?>\r\n<d:dialog-info xmlns:d=\"urn:ietf:params:xml:ns:dialog-info\" \
            xmlns:x=\"urn:x\" version=\"1\" state=\"partial\" entity=\"sip:alice@example.com\">\
            <d:dialog id=\"as7d900as8\" call-id=\"a84b4c76e66710\" local-tag=\"1928301774\" direction=\"initiator\">\
            <d:state event=\"rejected\" code=\"486\">terminated</d:state><d:duration>274</d:duration>\
            <d:local><d:identity display=\"Alice\">sip:alice@example.com</d:identity>\
            <d:target uri=\"sip:alice@pc33.example.com\"><d:param pname=\"+sip.rendering\" pvalue=\"no\"/></d:target>\
            <x:other><x:deep/></x:other></d:local></d:dialog><x:note>hello</x:note></d:dialog-info>";
        let found = read(text.as_bytes()).unwrap();
        assert_eq!((found.version, found.is_full), (1, false));
        let dialog = &found.info.dialogs[0];
        assert_eq!((dialog.state, dialog.holds, &dialog.ids), (State::Terminated, true, &None));
        assert_eq!(dialog.local.as_ref().unwrap().name.as_deref(), Some("Alice"));
        assert_eq!(read(document("").as_bytes()).unwrap().info.dialogs, []);
    }

    /// What is taken is written by us and read back, whatever was made of it.
    #[test]
    fn mutated_documents_are_refused_or_understood() {
        use crate::ids::Random;
        use crate::subscription::dialog_info::Dialect;
        let text = document(
            "<dialog id=\"1\" call-id=\"a\" local-tag=\"b\" remote-tag=\"c\" direction=\"recipient\"><state>early</state>\
             <local><identity display=\"A&amp;&#x42;\">sip:a@b</identity><target uri=\"sip:a@b\"><param pname=\"+sip.rendering\" \
             pvalue=\"no\"/></target></local></dialog><dialog id=\"2\"><state>terminated</state></dialog>",
        );
        let bits = [
            &b"<"[..],
            b">",
            b"\"",
            b"&#10;",
            b"&#9;",
            b"/>",
            b"<!--",
            b"-->",
            b"1",
            b" ",
            b"\xff",
            b"<state>",
        ];
        let mut taken = 0;
        for seed in 0..10_000 {
            let mut random = Random::seeded(seed);
            let mut bytes = text.clone().into_bytes();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len() as u64) as usize;
                let end = (at + random.below(8) as usize).min(bytes.len());
                let bit = bits[random.below(bits.len() as u64) as usize];
                bytes.splice(at..end, bit.iter().copied());
            }
            if let Ok(document) = read(&bytes) {
                taken += 1;
                let sheet = document.info.write(Dialect::Standard, 680);
                read(&sheet.bytes(document.version)).unwrap_or_else(|fault| panic!("seed {seed}: {fault:?}"));
            }
        }
        assert!(taken > 100, "{taken}");
    }

    #[test]
    fn what_the_schema_forbids_is_refused() {
        let wrong = [
            "<dialog><state>early</state></dialog>",
            "<dialog id=\"1\"/>",
            "<dialog id=\"1\"><state>ringing</state></dialog>",
            "<dialog id=\"1\" direction=\"in\"><state>early</state></dialog>",
            "<dialog id=\"1\" local-tag=\"x\"><state>early</state></dialog>",
            "<dialog id=\"1\" colour=\"red\"><state>early</state></dialog>",
            "<dialog id=\"1\"><state>early</state><state>early</state></dialog>",
            "<dialog id=\"1\"><local/><state>early</state></dialog>",
            "<dialog id=\"1\"><state>early</state><remote/><local/></dialog>",
            "<dialog id=\"1\"><state>early</state><local><target/></local></dialog>",
            "<dialog id=\"1\"><state>early</state><local><identity></identity></local></dialog>",
            "<dialog id=\"1\"><state>early</state><local><target uri=\"x\"><param pname=\"a\"/></target></local></dialog>",
            "<dialog id=\"1\"><state>early</state></dialog><dialog id=\"1\"><state>early</state></dialog>",
            "<lamp/>",
            "text",
        ];
        for inside in wrong {
            assert_eq!(read(document(inside).as_bytes()), Err(Fault::Invalid), "{inside}");
        }
        for change in [
            ("version=\"0\"", "version=\"-1\""),
            ("version=\"0\"", "version=\"4294967296\""),
            ("version=\"0\" ", ""),
            ("full", "whole"),
            ("entity", "who"),
            ("ns:dialog-info", "ns:presence"),
            ("dialog-info xmlns", "dialog xmlns"),
        ] {
            let text = document("").replace(change.0, change.1);
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(read(&[0xff]), Err(Fault::NotWellFormed));
        assert_eq!(read(&vec![b' '; LEN_MAX + 1]), Err(Fault::TooLarge));
    }
}
