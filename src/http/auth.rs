//! Who asks: API keys, their scopes, and what narrows a key to an agent or to queues.
//!
//! Not the rights of each route (that is `routes`) nor what a narrowed key sees
//! (`sight`). Owned by `http`; the composition root fills [`Keys`] and replaces them on reload.

use crate::http::problem::Problem;
use crate::ids::AgentId;
use crate::ids::ApiKeyId;
use crate::ids::QueueId;
use axum::http::HeaderMap;
use axum::http::header;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use subtle::Choice;
use subtle::ConditionallySelectable;
use subtle::ConstantTimeEq;
use tokio::sync::watch;

/// A right that a key may have.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// An agent's own state, offers and calls; worth nothing to a key without an agent.
    AgentSelf,
    /// Reading queues, callers, agents, offers, calls and their records.
    QueueRead,
    /// Changing agents' states and waiting callers.
    QueueSupervise,
    /// Calls and offers.
    CallControl,
    /// Campaigns.
    CampaignWrite,
    /// Recordings.
    RecordingRead,
    /// What configures the switch.
    ConfigWrite,
    /// Prometheus' figures from another machine.
    MetricsRead,
}

impl Scope {
    /// All scopes.
    pub const ALL: &'static [Self] = &[
        Self::AgentSelf,
        Self::QueueRead,
        Self::QueueSupervise,
        Self::CallControl,
        Self::CampaignWrite,
        Self::RecordingRead,
        Self::ConfigWrite,
        Self::MetricsRead,
    ];

    /// The scope's name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentSelf => "agent:self",
            Self::QueueRead => "queue:read",
            Self::QueueSupervise => "queue:supervise",
            Self::CallControl => "call:control",
            Self::CampaignWrite => "campaign:write",
            Self::RecordingRead => "recording:read",
            Self::ConfigWrite => "config:write",
            Self::MetricsRead => "metrics:read",
        }
    }

    /// The scope of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == name)
    }
}

/// How a key's secret is checked.
#[derive(Clone)]
pub enum Secret {
    /// The secret itself. An empty one, or one of more than 256 bytes, never matches.
    Text(String),
    /// A check of a presented secret against a hash; it must take the same time for every secret.
    Check(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A key as the configuration describes it.
#[derive(Clone, Debug)]
pub struct KeySpec {
    /// Its id: what the logs and records name.
    pub id: ApiKeyId,
    /// How its secret is checked.
    pub secret: Secret,
    /// Its rights.
    pub scopes: Vec<Scope>,
    /// Narrowed to this agent: himself, his offers, his calls, the cards of his queues.
    pub agent: Option<AgentId>,
    /// Narrowed to these queues, their agents, callers, offers and calls.
    pub queues: Option<Vec<QueueId>>,
}

/// The keys in force; clones share them.
#[derive(Clone)]
pub struct Keys(Arc<watch::Sender<Arc<[Key]>>>);

struct Key {
    secret: Stored,
    principal: Arc<Principal>,
}

enum Stored {
    Text(Box<Padded>),
    Check(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

/// Who was recognised by a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) id: ApiKeyId,
    scopes: BTreeSet<Scope>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) queues: Option<BTreeSet<QueueId>>,
}

impl Principal {
    /// Whether one of `scopes` is among the key's rights.
    pub(crate) fn has_any(&self, scopes: &[Scope]) -> bool {
        scopes.iter().any(|scope| self.scopes.contains(scope))
    }

    /// Whose name stands in the records: the agent's own id, else the key's.
    pub(crate) fn by(&self) -> String {
        self.agent.as_ref().map_or(self.id.as_str(), AgentId::as_str).to_string()
    }

    /// Whether the key sees less than everything.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.agent.is_some() || self.queues.is_some()
    }
}

impl From<KeySpec> for Key {
    fn from(spec: KeySpec) -> Self {
        let mut scopes: BTreeSet<_> = spec.scopes.into_iter().collect();
        if spec.agent.is_none() {
            scopes.remove(&Scope::AgentSelf);
        }
        let secret = match spec.secret {
            Secret::Text(text) => Stored::Text(Box::new(Padded::of(&text))),
            Secret::Check(check) => Stored::Check(check),
        };
        let queues = spec.queues.map(|queues| queues.into_iter().collect());
        Self { secret, principal: Arc::new(Principal { id: spec.id, scopes, agent: spec.agent, queues }) }
    }
}

impl Keys {
    /// Keys from their descriptions.
    pub fn new(specs: Vec<KeySpec>) -> Self {
        Self(Arc::new(watch::Sender::new(specs.into_iter().map(Key::from).collect())))
    }

    /// Puts other keys in force; event streams opened with the old ones end and must ask again.
    pub fn replace(&self, specs: Vec<KeySpec>) {
        self.0.send_replace(specs.into_iter().map(Key::from).collect());
    }

    /// Wakes at each [`Keys::replace`].
    pub(crate) fn changes(&self) -> KeyChanges {
        KeyChanges(self.0.subscribe())
    }

    /// The key with that secret. Every key is compared, each in constant time, so that the answer's time tells
    /// nothing about a secret or about which key came close.
    pub(crate) fn identify(&self, token: &str) -> Option<Arc<Principal>> {
        let keys = Arc::clone(&self.0.borrow());
        let given = Padded::of(token);
        let mut found = 0_u64;
        for (place, key) in (1_u64..).zip(keys.iter()) {
            let same = match &key.secret {
                Stored::Text(secret) => secret.same(&given),
                Stored::Check(check) => Choice::from(u8::from(check(token))),
            };
            found.conditional_assign(&place, same);
        }
        let index = usize::try_from(found).ok()?.checked_sub(1)?;
        keys.get(index).map(|key| Arc::clone(&key.principal))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.borrow().len())
    }
}

/// Tells that the keys were replaced.
pub(crate) struct KeyChanges(watch::Receiver<Arc<[Key]>>);

impl KeyChanges {
    pub(crate) async fn next(&mut self) {
        // An error means that all `Keys` are gone, which ends the server as well.
        let _ = self.0.changed().await;
    }
}

const SECRET_BYTES_MAX: usize = 256;

/// A secret in a block of fixed length: the comparison takes as long for every content and every length.
struct Padded {
    bytes: [u8; SECRET_BYTES_MAX],
    len: u64,
    usable: u8,
}

impl Padded {
    fn of(text: &str) -> Self {
        let mut bytes = [0; SECRET_BYTES_MAX];
        for (to, from) in bytes.iter_mut().zip(text.as_bytes()) {
            *to = *from;
        }
        let usable = u8::from(!text.is_empty() && text.len() <= SECRET_BYTES_MAX);
        Self { bytes, len: text.len() as u64, usable }
    }

    fn same(&self, other: &Self) -> Choice {
        self.bytes.ct_eq(&other.bytes)
            & self.len.ct_eq(&other.len)
            & Choice::from(self.usable)
            & Choice::from(other.usable)
    }
}

/// The bearer token of a request; the problem says what is missing.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        // RFC 6750 section 3.1: without any credentials the challenge carries no error code.
        return Err(Problem::unauthorized(r#"Bearer realm="strowger""#, "this route needs an API key"));
    };
    let text = value.to_str().unwrap_or("");
    // RFC 9110 section 11.1: the scheme's case does not matter.
    let token = text
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, t)| t.trim());
    token.filter(|token| !token.is_empty()).ok_or_else(unknown_key)
}

/// The answer to a key that nobody knows.
pub(crate) fn unknown_key() -> Problem {
    Problem::unauthorized(r#"Bearer realm="strowger", error="invalid_token""#, "this API key is not known")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(id: &str, secret: Secret) -> KeySpec {
        KeySpec { id: ApiKeyId::new(id), secret, scopes: vec![Scope::QueueRead], agent: None, queues: None }
    }

    fn text(id: &str, secret: &str) -> KeySpec {
        spec(id, Secret::Text(secret.to_string()))
    }

    fn name(keys: &Keys, token: &str) -> Option<String> {
        keys.identify(token).map(|who| who.id.to_string())
    }

    #[test]
    fn a_secret_finds_its_key_wherever_it_stands() {
        let keys = Keys::new(vec![
            text("first", "one"),
            text("second", "two"),
            spec("hashed", Secret::Check(Arc::new(|token| token == "three"))),
        ]);
        assert_eq!(name(&keys, "one").as_deref(), Some("first"));
        assert_eq!(name(&keys, "two").as_deref(), Some("second"));
        assert_eq!(name(&keys, "three").as_deref(), Some("hashed"));
        for wrong in ["", "on", "onee", "One", "one\0", "four"] {
            assert_eq!(name(&keys, wrong), None, "{wrong:?}");
        }
        keys.replace(vec![text("third", "one")]);
        assert_eq!(name(&keys, "one").as_deref(), Some("third"));
        assert_eq!(name(&keys, "two"), None);
    }

    #[test]
    fn empty_and_oversized_secrets_never_match() {
        let long = "x".repeat(SECRET_BYTES_MAX + 1);
        let whole = "x".repeat(SECRET_BYTES_MAX);
        let keys = Keys::new(vec![text("empty", ""), text("long", &long), text("whole", &whole)]);
        assert_eq!(name(&keys, ""), None);
        assert_eq!(name(&keys, &long), None);
        assert_eq!(name(&keys, &whole).as_deref(), Some("whole"));
    }

    #[test]
    fn agent_self_is_worth_nothing_without_an_agent() {
        let mut lone = text("lone", "s");
        lone.scopes = vec![Scope::AgentSelf];
        let keys = Keys::new(vec![lone]);
        assert!(!keys.identify("s").unwrap().has_any(&[Scope::AgentSelf]));
    }

    #[test]
    fn scopes_read_back() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(*scope));
        }
        assert_eq!(Scope::parse("queue:write"), None);
    }

    #[test]
    fn secrets_do_not_leak_by_debug() {
        let spec = text("ops", "hush");
        assert!(!format!("{spec:?} {:?}", Keys::new(vec![spec.clone()])).contains("hush"));
    }
}
