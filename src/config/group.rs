//! `[[group]]`: phones that ring for one number. Members are phones alone, so that no group is in a group.

use crate::config::context::Noun;
use crate::config::phone::number;
use crate::config::reader::Reader;
use crate::config::sip::header_text;
use crate::config::target::Target;
use crate::config::words::words;
use crate::ids::GroupId;
use crate::ids::PhoneNumber;
use std::time::Duration;

words! {
    /// Which members ring when.
    GroupStrategy {
        /// All at once.
        "all" => All,
        /// One after the other, from the first.
        "linear" => Linear,
        /// One after the other, from the one after whom the last call began.
        "round-robin" => RoundRobin,
        /// One after the other, in an order drawn for each call.
        "random" => Random,
    }
}

/// `[[group]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// Dial it to ring the group.
    pub number: Option<String>,
    /// The phones, in order; at least one.
    pub members: Vec<PhoneNumber>,
    /// Which of them ring when.
    pub strategy: GroupStrategy,
    /// How long all ring, or each of them in turn.
    pub ring: Duration,
    /// Where the call goes when nobody answers.
    pub no_answer: Option<Target>,
    /// Put before the caller's name.
    pub caller_id_prefix: Option<String>,
}

/// More phones than this at once would be a flood, not a group.
const MEMBERS_MAX: usize = 50;

impl Group {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let id = reader.id("id", Noun::Group);
        let name = reader.parsed("name", header_text);
        let number = number(reader, "number");
        if let Some(number) = &number {
            reader.cx.take_number(number, format!("group `{}`", id.as_deref().unwrap_or_default()));
        }
        let members_at = reader.place_of("members");
        let members = reader.references("members", Noun::Phone);
        if members.is_empty() || members.len() > MEMBERS_MAX {
            reader.cx.fault(&members_at, format!("`members` must be 1 to {MEMBERS_MAX} phones"));
        }
        let strategy = reader.word("strategy").unwrap_or(GroupStrategy::All);
        let ring = reader.seconds("ring_seconds");
        let no_answer = reader.target("no_answer", None);
        let caller_id_prefix = reader.parsed("caller_id_prefix", header_text);
        let id = id?;
        Some(Self {
            id: GroupId::new(&id),
            name: name.unwrap_or(id),
            number: number.map(|number| number.text),
            members: members.iter().map(|member| PhoneNumber::new(member)).collect(),
            strategy,
            ring,
            no_answer,
            caller_id_prefix,
        })
    }
}
