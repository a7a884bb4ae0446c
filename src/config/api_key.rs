//! `[[api_key]]`: a machine's key to the HTTP API.

use crate::config::context::Noun;
use crate::config::reader::Reader;
use crate::config::secret::Secret;
use crate::config::secret::hex;
use crate::config::words::words;
use crate::ids::AgentId;
use crate::ids::ApiKeyId;
use crate::ids::QueueId;
use std::collections::BTreeSet;

words! {
    /// What an API key may do.
    Scope {
        /// Act as its own agent.
        "agent:self" => AgentSelf,
        /// See queues, agents and calls.
        "queue:read" => QueueRead,
        /// Change the status of agents and the order of callers.
        "queue:supervise" => QueueSupervise,
        /// Place, move and end calls.
        "call:control" => CallControl,
        /// Change campaigns.
        "campaign:write" => CampaignWrite,
        /// Listen to recordings.
        "recording:read" => RecordingRead,
        /// Change what the API may configure.
        "config:write" => ConfigWrite,
        /// Read `/metrics` from anywhere.
        "metrics:read" => MetricsRead,
    }
}

/// `[[api_key]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    /// Its name.
    pub id: ApiKeyId,
    /// The bearer token.
    pub secret: Secret,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Narrows the key to an agent.
    pub agent: Option<AgentId>,
    /// Narrows the key to queues; `None`: all.
    pub queues: Option<Vec<QueueId>>,
}

impl ApiKey {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let id = reader.id("id", Noun::ApiKey);
        let secret = reader.secret_or("secret", |table| table.parsed("sha256", hex).map(Secret::sha256));
        let scopes_at = reader.place_of("scopes");
        let scopes: BTreeSet<Scope> = reader.words("scopes").into_iter().collect();
        let agent = reader.reference("agent", Noun::Agent);
        let narrowed = reader.has("queues");
        let queues = reader.references("queues", Noun::Queue);
        if scopes.contains(&Scope::AgentSelf) && agent.is_none() {
            reader.cx.doubt(&scopes_at, "scope `agent:self` does nothing in a key without `agent`");
        }
        if scopes.is_empty() {
            reader.cx.doubt(&scopes_at, "a key without `scopes` may do nothing");
        }
        Some(Self {
            id: ApiKeyId::new(&id?),
            secret: secret?,
            scopes,
            agent: agent.map(|id| AgentId::new(&id)),
            queues: narrowed.then(|| queues.iter().map(|id| QueueId::new(id)).collect()),
        })
    }
}
