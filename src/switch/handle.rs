//! The API's door to the switch: one bounded channel of actions and questions, and the stream of notices.

use crate::switch::action::Action;
use crate::switch::action::Answer;
use crate::switch::action::Done;
use crate::switch::action::Question;
use crate::switch::action::Refusal;
use crate::switch::view::Notice;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot};

/// What waits in the channel; the switch answers by the sender inside.
#[derive(Debug)]
pub enum Request {
    /// Change something.
    Act(Action, oneshot::Sender<Result<Done, Refusal>>),
    /// Tell something.
    Ask(Question, oneshot::Sender<Result<Answer, Refusal>>),
    /// Take no new calls from now on.
    Drain,
}

/// Notices that are told together, in order: each telling may wake a watcher, which costs more than a notice does.
pub type Notices = Arc<[Arc<Notice>]>;

/// A cheap handle; clones share the channel.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
    notices: broadcast::Sender<Notices>,
}

/// The switch's ends of the channels.
#[derive(Debug)]
pub struct Ends {
    /// Requests to serve.
    pub requests: mpsc::Receiver<Request>,
    /// Where notices go; a slow watcher loses the oldest and is told so.
    pub notices: broadcast::Sender<Notices>,
}

/// Requests that may wait; more are refused at once, so that an API client can't slow a call.
const REQUESTS_MAX: usize = 1024;
/// Lots of notices kept for a slow watcher.
const LOTS_MAX: usize = 1024;

impl Handle {
    /// A handle and the ends that the switch serves.
    pub fn new() -> (Self, Ends) {
        let (requests, requests_rx) = mpsc::channel(REQUESTS_MAX);
        let (notices, _) = broadcast::channel(LOTS_MAX);
        let ends = Ends { requests: requests_rx, notices: notices.clone() };
        (Self { requests, notices }, ends)
    }

    /// Asks for a change and waits for its result.
    pub async fn act(&self, action: Action) -> Result<Done, Refusal> {
        let (answer, result) = oneshot::channel();
        self.requests.try_send(Request::Act(action, answer)).map_err(|_| Refusal::Busy)?;
        result.await.unwrap_or(Err(Refusal::Busy))
    }

    /// Asks a question and waits for the answer.
    pub async fn ask(&self, question: Question) -> Result<Answer, Refusal> {
        let (answer, result) = oneshot::channel();
        self.requests.try_send(Request::Ask(question, answer)).map_err(|_| Refusal::Busy)?;
        result.await.unwrap_or(Err(Refusal::Busy))
    }

    /// Asks the switch to take no new calls.
    pub async fn drain(&self) -> Result<(), Refusal> {
        self.requests.send(Request::Drain).await.map_err(|_| Refusal::Busy)
    }

    /// Everything that changes from now on.
    pub fn watch(&self) -> broadcast::Receiver<Notices> {
        self.notices.subscribe()
    }
}
