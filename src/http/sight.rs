//! What a key may see: everything, one agent's things, or some queues' things. What it may not see does not exist (404).
//!
//! One rule for lists, single things, changes and events. Not the rights of a route ([`crate::http::routes`]).

use crate::http::auth::Principal;
use crate::http::problem::Problem;
use crate::ids::AgentId;
use crate::ids::QueueId;
use crate::record::Cdr;
use crate::recording::Entry;
use crate::switch::action::Answer;
use crate::switch::action::Question;
use crate::switch::handle::Handle;
use crate::switch::view::AgentView;
use crate::switch::view::CallView;
use crate::switch::view::OfferView;
use std::collections::BTreeSet;

/// A key's view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Only this agent, and offers and calls of his.
    agent: Option<AgentId>,
    /// Only these queues, and what belongs to them.
    queues: Option<BTreeSet<QueueId>>,
    /// For a key of an agent alone: the queues that he works in, whose cards he may see.
    own_queues: Option<BTreeSet<QueueId>>,
}

impl Sight {
    /// What `who` sees. An agent's queues are asked from the switch.
    pub(crate) async fn of(who: &Principal, switch: &Handle) -> Result<Self, Problem> {
        let mut sight = Self { agent: who.agent.clone(), queues: who.queues.clone(), own_queues: None };
        if let (Some(agent), None) = (&who.agent, &who.queues) {
            let Answer::Queues(queues) = switch.ask(Question::Queues).await? else {
                return Err(Problem::internal("the switch answered another question"));
            };
            let own = queues.into_iter().filter(|queue| queue.members.contains(agent));
            sight.own_queues = Some(own.map(|queue| queue.id).collect());
        }
        Ok(sight)
    }

    /// Whether everything is seen.
    pub(crate) fn is_whole(&self) -> bool {
        self.agent.is_none() && self.queues.is_none()
    }

    /// The only agent seen, where there is only one.
    pub(crate) fn only_agent(&self) -> Option<&AgentId> {
        self.agent.as_ref()
    }

    /// The only queues seen, where a key names some.
    pub(crate) fn only_queues(&self) -> Option<&BTreeSet<QueueId>> {
        self.queues.as_ref()
    }

    /// A queue's card and its callers.
    pub(crate) fn queue(&self, id: &QueueId) -> bool {
        let among =
            |queues: &Option<BTreeSet<QueueId>>| queues.as_ref().is_none_or(|queues| queues.contains(id));
        among(&self.queues) && among(&self.own_queues)
    }

    /// An agent, without his states in queues that are not seen; `None` when he is not seen at all.
    pub(crate) fn agent(&self, mut view: AgentView) -> Option<AgentView> {
        if self.agent.as_ref().is_some_and(|only| *only != view.id) {
            return None;
        }
        if let Some(queues) = &self.queues {
            view.queues.retain(|queue| queues.contains(&queue.id));
            if view.queues.is_empty() {
                return None;
            }
        }
        Some(view)
    }

    /// An offer.
    pub(crate) fn offer(&self, view: &OfferView) -> bool {
        self.thing(Some(&view.agent), Some(&view.queue))
    }

    /// A call.
    pub(crate) fn call(&self, view: &CallView) -> bool {
        self.thing(view.agent.as_ref(), view.queue.as_ref())
    }

    /// A call's record.
    pub(crate) fn cdr(&self, cdr: &Cdr) -> bool {
        self.thing(cdr.agent.as_ref(), cdr.queue.as_ref())
    }

    /// A recording.
    pub(crate) fn recording(&self, entry: &Entry) -> bool {
        let agent = entry.agent.as_deref().map(AgentId::new);
        let queue = entry.queue.as_deref().map(QueueId::new);
        self.thing(agent.as_ref(), queue.as_ref())
    }

    fn thing(&self, agent: Option<&AgentId>, queue: Option<&QueueId>) -> bool {
        let own = self.agent.as_ref().is_none_or(|only| agent == Some(only));
        let among =
            self.queues.as_ref().is_none_or(|queues| queue.is_some_and(|queue| queues.contains(queue)));
        own && among
    }
}
