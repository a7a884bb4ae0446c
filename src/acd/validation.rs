//! Whether a person's request can be done, and why not: for the API, before the input is handled.
//!
//! Only requests are judged. What calls and phones report is always accepted and ignored when it comes too late.

use crate::acd::agent::AgentNo;
use crate::acd::agent::Work;
use crate::acd::command::Input;
use crate::acd::machine::Acd;
use crate::acd::reservation::Stage;
use crate::ids::AgentId;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;

/// Why a request can't be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcdError {
    /// There is no such agent (HTTP 404).
    #[error("there is no agent `{0}`")]
    UnknownAgent(AgentId),
    /// There is no such queue (HTTP 404; 422 where it was a field).
    #[error("there is no queue `{0}`")]
    UnknownQueue(QueueId),
    /// No such caller waits (HTTP 404).
    #[error("no caller `{0}` waits")]
    UnknownCaller(EntryUid),
    /// There is no such offer, or its end was long ago (HTTP 404).
    #[error("there is no offer `{0}`")]
    UnknownOffer(OfferUid),
    /// The agent may not log in to that queue (HTTP 422).
    #[error("agent `{agent}` is not assigned to queue `{queue}`")]
    NotAssigned {
        /// Who.
        agent: AgentId,
        /// Where.
        queue: QueueId,
    },
    /// An empty list of queues, or an agent without any (HTTP 422).
    #[error("no queue is named, and none is assigned")]
    NoQueue,
    /// Positions count from 1 (HTTP 422).
    #[error("the first position is 1")]
    PositionZero,
    /// The agent is not in wrap-up (HTTP 409).
    #[error("agent `{0}` is not in wrap-up")]
    NotInWrapUp(AgentId),
    /// An agent has just answered the caller (HTTP 409).
    #[error("caller `{0}` is being connected to an agent")]
    CallerConnecting(EntryUid),
    /// The offer is not ringing any more (HTTP 409).
    #[error("offer `{0}` is not pending")]
    OfferNotPending(OfferUid),
}

impl Acd {
    /// Whether `input` would do something now, and the reason if not.
    pub fn validate(&self, input: &Input) -> Result<(), AcdError> {
        match input {
            Input::Join { queue, .. } => self.known_queue(queue),
            Input::SetStatus { agent, queues, .. } => self.status_settable(agent, queues.as_deref()),
            Input::EndWrapUp { agent, .. } => {
                let no = self.known_agent(agent)?;
                match self.agents[no.0].work {
                    Work::WrapUp { .. } => Ok(()),
                    Work::Free | Work::Offered(_) | Work::Answered(_) | Work::Talking(_) => {
                        Err(AcdError::NotInWrapUp(agent.clone()))
                    }
                }
            }
            Input::Move { entry, to_queue, position, .. } => {
                self.movable(*entry)?;
                to_queue.as_ref().map_or(Ok(()), |queue| self.known_queue(queue))?;
                if *position == Some(0) { Err(AcdError::PositionZero) } else { Ok(()) }
            }
            Input::Remove { entry, .. } => self.movable(*entry),
            Input::Refused { offer, .. } => self.pending(*offer),
            Input::Reachable { agent, .. } | Input::Busy { agent, .. } => self.known_agent(agent).map(drop),
            Input::HungUp { .. }
            | Input::Failed { .. }
            | Input::Exit { .. }
            | Input::Ringing { .. }
            | Input::Answered { .. }
            | Input::Connected { .. }
            | Input::Held { .. }
            | Input::ConversationEnded { .. }
            | Input::Stop
            | Input::Timeout => Ok(()),
        }
    }

    fn known_agent(&self, agent: &AgentId) -> Result<AgentNo, AcdError> {
        self.agent_nos.get(agent).copied().ok_or_else(|| AcdError::UnknownAgent(agent.clone()))
    }

    fn known_queue(&self, queue: &QueueId) -> Result<(), AcdError> {
        if self.queue_nos.contains_key(queue) { Ok(()) } else { Err(AcdError::UnknownQueue(queue.clone())) }
    }

    fn status_settable(&self, id: &AgentId, queues: Option<&[QueueId]>) -> Result<(), AcdError> {
        let no = self.known_agent(id)?;
        let agent = &self.agents[no.0];
        if agent.seats.is_empty() || queues.is_some_and(<[QueueId]>::is_empty) {
            return Err(AcdError::NoQueue);
        }
        for queue in queues.unwrap_or_default() {
            let no = self.queue_nos.get(queue).ok_or_else(|| AcdError::UnknownQueue(queue.clone()))?;
            if agent.seat(*no).is_none() {
                return Err(AcdError::NotAssigned { agent: id.clone(), queue: queue.clone() });
            }
        }
        Ok(())
    }

    fn movable(&self, entry: EntryUid) -> Result<(), AcdError> {
        let caller = self.callers.get(&entry).ok_or(AcdError::UnknownCaller(entry))?;
        if caller.connecting { Err(AcdError::CallerConnecting(entry)) } else { Ok(()) }
    }

    fn pending(&self, offer: OfferUid) -> Result<(), AcdError> {
        match self.reservations.find(offer).map(|reservation| reservation.stage) {
            None => Err(AcdError::UnknownOffer(offer)),
            Some(Stage::Sent { .. } | Stage::Ringing { .. }) => Ok(()),
            Some(
                Stage::Connecting { .. } | Stage::Talking { .. } | Stage::WrapUp { .. } | Stage::Ended(_),
            ) => Err(AcdError::OfferNotPending(offer)),
        }
    }
}
