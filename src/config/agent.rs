//! `[[agent]]`: a person who takes calls.

use crate::config::context::Noun;
use crate::config::context::Spot;
use crate::config::reader::Reader;
use crate::config::secret::Secret;
use crate::config::sip::header_text;
use crate::config::tree::Value;
use crate::config::words::words;
use crate::ids::AgentId;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use std::collections::BTreeMap;

words! {
    /// What a person may do in the web page and the API.
    Role {
        /// His own work.
        "agent" => Agent,
        /// Also the agents of his queues.
        "supervisor" => Supervisor,
        /// Everything.
        "administrator" => Administrator,
    }
}

words! {
    /// The status of an agent who never had one.
    InitialStatus {
        /// In no queue.
        "logged_out" => LoggedOut,
        /// Ready in all his queues.
        "ready" => Ready,
    }
}

/// `[[agent]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    /// His id.
    pub id: AgentId,
    /// His name.
    pub name: String,
    /// His phone; one phone has at most one agent.
    pub phone: Option<PhoneNumber>,
    /// For the web page; without one, codes and the phone.
    pub password: Option<Secret>,
    /// What he may do.
    pub role: Role,
    /// The queues he is assigned to, each once.
    pub queues: Vec<Membership>,
    /// The campaigns he is assigned to, by id.
    pub campaigns: Vec<String>,
    /// What he is good at, 0 to 100.
    pub skills: BTreeMap<String, u8>,
    /// The first time only.
    pub initial_status: InitialStatus,
    /// The queues he supervises.
    pub supervises: Vec<QueueId>,
}

/// An agent's place in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The queue.
    pub queue: QueueId,
    /// Lower levels are asked first.
    pub level: u8,
    /// The place in strategy `linear`; `None`: as the agents are listed.
    pub position: Option<u32>,
    /// Members with less are preferred.
    pub penalty: u32,
}

impl Agent {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let id = reader.id("id", Noun::Agent);
        let name = reader.parsed("name", header_text);
        let phone = reader.spot("phone");
        if let Some(phone) = &phone {
            reader.cx.refer(Noun::Phone, phone);
        }
        let supervises_at = reader.place_of("supervises");
        let agent = Self {
            id: AgentId::new(id.as_deref().unwrap_or_default()),
            name: name.or_else(|| id.clone()).unwrap_or_default(),
            phone: phone.as_ref().map(|phone| PhoneNumber::new(&phone.text)),
            password: reader.secret("password"),
            role: reader.word("role").unwrap_or(Role::Agent),
            queues: memberships(reader),
            campaigns: reader.references("campaigns", Noun::Campaign),
            skills: reader.numbers("skills"),
            initial_status: reader.word("initial_status").unwrap_or(InitialStatus::LoggedOut),
            supervises: reader
                .references("supervises", Noun::Queue)
                .iter()
                .map(|id| QueueId::new(id))
                .collect(),
        };
        if agent.role == Role::Agent && !agent.supervises.is_empty() {
            reader.cx.doubt(&supervises_at, "`supervises` does nothing in the role `agent`");
        }
        if let Some(phone) = phone {
            reader.cx.take_desk(&phone, agent.id.as_str());
        }
        id.map(|_| agent)
    }
}

/// `queues`: ids, or tables in full.
fn memberships(reader: &mut Reader<'_, '_>) -> Vec<Membership> {
    let mut memberships: Vec<Membership> = Vec::new();
    for node in reader.nodes("queues", "a list of ids or tables") {
        let at = node.at.clone();
        let membership = match node.value {
            Value::Text(text) => {
                reader.cx.refer(Noun::Queue, &Spot { at: node.at, text: text.clone() });
                Some(Membership { queue: QueueId::new(&text), level: 1, position: None, penalty: 0 })
            }
            Value::Table(table) => reader.inside("queues", node.at, table, membership),
            Value::Integer(_)
            | Value::Fraction
            | Value::Flag(_)
            | Value::Moment
            | Value::List(_)
            | Value::Unset(_) => reader.wrong_kind("queues", &node, "a list of ids or tables"),
        };
        let Some(membership) = membership else { continue };
        if memberships.iter().any(|known| known.queue == membership.queue) {
            reader.cx.fault(&at, format!("`{}` is there twice in `queues`", membership.queue));
        }
        memberships.push(membership);
    }
    memberships
}

fn membership(reader: &mut Reader<'_, '_>) -> Option<Membership> {
    let queue = reader.reference("id", Noun::Queue);
    let level = reader.number("level").unwrap_or(1);
    let position = reader.number("position");
    let penalty = reader.number("penalty").unwrap_or(0);
    Some(Membership { queue: QueueId::new(&queue?), level, position, penalty })
}
