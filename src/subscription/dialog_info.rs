//! `application/dialog-info+xml` (RFC 4235 section 4): the calls of somebody, as a lamp shows them.
//!
//! Always the full state, and always with at least one `dialog`: a lamp of Yealink's stays as it was without one
//! (OpenSIPS#1193). Nobody's idle is `terminated`, never `early` (kamailio#1489).

use crate::subscription::sheet::Sheet;
use crate::subscription::xml::Writer;

/// The namespace.
pub const NAMESPACE: &str = "urn:ietf:params:xml:ns:dialog-info";
/// RFC 4235 section 4.4: a parameter of the target that says whether media is rendered; not, while he holds.
pub(in crate::subscription) const RENDERING: &str = "+sip.rendering";

/// Where a call stands (RFC 4235 section 3.7.1), in the order in which a lamp that shows one call should choose.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Rings.
    Early,
    /// Talks.
    Confirmed,
    /// An answer other than 100 has come, which makes no dialog.
    Proceeding,
    /// Just begun.
    Trying,
    /// Over, or never there.
    Terminated,
}

impl State {
    /// All.
    pub const ALL: [Self; 5] =
        [Self::Early, Self::Confirmed, Self::Proceeding, Self::Trying, Self::Terminated];

    /// The RFC's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Confirmed => "confirmed",
            Self::Proceeding => "proceeding",
            Self::Trying => "trying",
            Self::Terminated => "terminated",
        }
    }
}

/// Who called, seen from the one who is watched.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Direction {
    /// He called.
    Initiator,
    /// He was called.
    Recipient,
}

impl Direction {
    /// The RFC's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Recipient => "recipient",
        }
    }
}

/// What a call's dialog is known by, seen from the one who is watched: with these a phone that presses the lamp's key
/// sends an INVITE with Replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Call-ID.
    pub call_id: String,
    /// His tag.
    pub local_tag: String,
    /// The tag of the other end, which is the switch.
    pub remote_tag: String,
}

/// One end of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// His address.
    pub uri: String,
    /// His name.
    pub name: Option<String>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogState {
    /// Unique in the document.
    pub id: String,
    /// Who called; unknown for what is no call.
    pub direction: Option<Direction>,
    /// Where it stands.
    pub state: State,
    /// What it is known by.
    pub ids: Option<Ids>,
    /// The one who is watched.
    pub local: Option<Party>,
    /// Whom he talks to.
    pub remote: Option<Party>,
    /// He holds the other.
    pub holds: bool,
}

impl DialogState {
    /// Something that is no call and has a lamp: a queue, a log-in, a slot.
    pub fn of_thing(id: &str, state: State) -> Self {
        let direction = (state != State::Terminated).then_some(Direction::Recipient);
        Self { id: id.to_owned(), direction, state, ids: None, local: None, remote: None, holds: false }
    }
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogInfo {
    /// The address of the one who is watched.
    pub entity: String,
    /// His calls.
    pub dialogs: Vec<DialogState>,
}

/// Differences of phones.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// As the RFC has it: Yealink, Snom, Grandstream, Poly, Linphone and all others.
    #[default]
    Standard,
    /// Linksys, Sipura and Cisco SPA: any `early` blinks as if it could be picked up, also when the watched one is the
    /// caller (manual of Kamailio's `pua_dialoginfo`, `caller_confirmed`). A caller is `confirmed` to them at once.
    Spa,
}

impl Dialect {
    /// The dialect of a phone by its `User-Agent`.
    pub fn of(user_agent: &[u8]) -> Self {
        let families = [&b"Linksys/"[..], b"Sipura/", b"Cisco/SPA", b"Cisco-SPA"];
        if families.iter().any(|family| user_agent.starts_with(family)) { Self::Spa } else { Self::Standard }
    }

    fn state(self, dialog: &DialogState) -> State {
        match (self, dialog.direction, dialog.state) {
            (Self::Spa, Some(Direction::Initiator), State::Trying | State::Proceeding | State::Early) => {
                State::Confirmed
            }
            (Self::Spa | Self::Standard, _, state) => state,
        }
    }
}

impl DialogInfo {
    /// Writes it in at most about `len_max` bytes: the calls that matter most first, without the parties and the ids where
    /// there is no room for them, and then no more. The first is always there.
    pub fn write(mut self, dialect: Dialect, len_max: usize) -> Sheet {
        for dialog in &mut self.dialogs {
            dialog.state = dialect.state(dialog);
        }
        self.dialogs.sort_by_key(|dialog| dialog.state);
        if self.dialogs.is_empty() {
            self.dialogs.push(DialogState::of_thing("idle", State::Terminated));
        }
        let mut writer = Writer::new();
        let root = [("xmlns", NAMESPACE), ("version", ""), ("state", "full"), ("entity", &self.entity)];
        writer.open("dialog-info", &root).line();
        for (index, dialog) in self.dialogs.iter().enumerate() {
            let before = writer.len();
            for detail in [Detail::All, Detail::Ids, Detail::State] {
                writer.truncate(before);
                put(&mut writer, dialog, detail);
                if writer.len() <= len_max {
                    break;
                }
            }
            if index > 0 && writer.len() > len_max {
                writer.truncate(before);
                break;
            }
        }
        // Not the version of the XML declaration.
        Sheet::versioned(writer.finish(), "dialog-info\" version=\"")
    }
}

/// How much is told of a call.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Detail {
    /// Everything.
    All,
    /// Not who talks.
    Ids,
    /// What a lamp needs.
    State,
}

fn put(writer: &mut Writer, dialog: &DialogState, detail: Detail) {
    let mut attributes = vec![("id", dialog.id.as_str())];
    if let Some(ids) = dialog.ids.as_ref().filter(|_| detail != Detail::State) {
        attributes.push(("call-id", &ids.call_id));
        attributes.push(("local-tag", &ids.local_tag));
        attributes.push(("remote-tag", &ids.remote_tag));
    }
    if let Some(direction) = dialog.direction {
        attributes.push(("direction", direction.word()));
    }
    writer.open("dialog", &attributes).line();
    writer.leaf("state", &[], dialog.state.word());
    if detail == Detail::All {
        if let Some(local) = &dialog.local {
            party(writer, "local", local, dialog.holds);
        }
        if let Some(remote) = &dialog.remote {
            party(writer, "remote", remote, false);
        }
    }
    writer.close();
}

fn party(writer: &mut Writer, element: &'static str, party: &Party, holds: bool) {
    writer.open(element, &[]).line();
    let name: Vec<(&str, &str)> = party.name.iter().map(|name| ("display", name.as_str())).collect();
    writer.leaf("identity", &name, &party.uri);
    if holds {
        writer.open("target", &[("uri", &party.uri)]);
        writer.empty("param", &[("pname", RENDERING), ("pvalue", "no")]).close();
    } else {
        writer.empty("target", &[("uri", &party.uri)]);
    }
    writer.close();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::dialog_info_reader::Document;
    use crate::subscription::dialog_info_reader::read;

    fn call(id: &str, state: State, direction: Direction) -> DialogState {
        DialogState {
            id: id.to_owned(),
            direction: Some(direction),
            state,
            ids: Some(Ids {
                call_id: "c@x".to_owned(),
                local_tag: "l".to_owned(),
                remote_tag: "r".to_owned(),
            }),
            local: Some(Party { uri: "sip:1001@example.com".to_owned(), name: None }),
            remote: Some(Party {
                uri: "sip:1002@example.com".to_owned(),
                name: Some("\"B\" <&>".to_owned()),
            }),
            holds: state == State::Confirmed,
        }
    }

    fn info(dialogs: Vec<DialogState>) -> DialogInfo {
        DialogInfo { entity: "sip:1001@example.com".to_owned(), dialogs }
    }

    fn states(info: DialogInfo, dialect: Dialect, len_max: usize) -> Vec<(String, State)> {
        let bytes = info.write(dialect, len_max).bytes(3);
        let document = read(&bytes).expect("what we write can be read");
        assert_eq!((document.version, document.is_full), (3, true));
        document.info.dialogs.into_iter().map(|dialog| (dialog.id, dialog.state)).collect()
    }

    #[test]
    fn idle_is_one_terminated_dialog() {
        let shown = states(info(Vec::new()), Dialect::Standard, 700);
        assert_eq!(shown, [("idle".to_owned(), State::Terminated)]);
    }

    #[test]
    fn what_is_written_reads_back() {
        let written = info(vec![
            call("1", State::Early, Direction::Recipient),
            call("2", State::Confirmed, Direction::Initiator),
            DialogState::of_thing("3", State::Trying),
        ]);
        let bytes = written.clone().write(Dialect::Standard, 10_000).bytes(u32::MAX);
        assert_eq!(read(&bytes), Ok(Document { version: u32::MAX, is_full: true, info: written }));
    }

    #[test]
    fn the_call_that_matters_most_comes_first_and_stays() {
        let many = || {
            let mut dialogs: Vec<_> =
                (0..20).map(|n| call(&n.to_string(), State::Confirmed, Direction::Recipient)).collect();
            dialogs.push(call("rings", State::Early, Direction::Recipient));
            info(dialogs)
        };
        let shown = states(many(), Dialect::Standard, 700);
        assert_eq!(shown[0], ("rings".to_owned(), State::Early));
        assert!(shown.len() > 1 && shown.len() < 8, "{shown:?}");
        assert!(many().write(Dialect::Standard, 700).len() < 750);
        assert_eq!(states(many(), Dialect::Standard, 0).len(), 1, "one is always there");
    }

    #[test]
    fn a_caller_does_not_blink_on_a_linksys() {
        let rings = || info(vec![call("1", State::Early, Direction::Initiator)]);
        assert_eq!(states(rings(), Dialect::Standard, 700)[0].1, State::Early);
        assert_eq!(states(rings(), Dialect::of(b"Linksys/SPA962-6.1.5(a)"), 700)[0].1, State::Confirmed);
        assert_eq!(Dialect::of(b"Cisco/SPA504G-7.6.2"), Dialect::Spa);
        assert_eq!(Dialect::of(b"Yealink SIP-T46G 28.82.0.20"), Dialect::Standard);
        let called = info(vec![call("1", State::Early, Direction::Recipient)]);
        assert_eq!(states(called, Dialect::Spa, 700)[0].1, State::Early);
    }
}
