//! The distributor: which caller is offered to which agent, and when.
//!
//! A deterministic, pure state machine, [`Acd`], owned by one task: `handle(now, Input, &mut Vec<Output>)`, and
//! `poll_timeout()` for when to come back with [`Input::Timeout`]. It knows calls only by their ids: no SIP, no media,
//! no database. The shell rings phones and bridges calls as the outputs say, and stores the facts.
//!
//! ```text
//!              Join                Offer            Answered           Connected
//!   (caller) --------> waiting --------> offered --------> connecting --------> left: handled
//!                       |  ^                |                  |
//!                       |  +----------------+------------------+   refused, timed out, rescinded: same place
//!                       +--> left: abandoned, evicted, moved (from any of the three)
//!
//!              Offer          Answered        Connected      ConversationEnded         timer, EndWrapUp
//!   (agent) free ----> offered ----> answered ----> talking -----------------> wrap-up ----------------> free
//!            ^            |              |
//!            +--- rest <--+--------------+    after an offer that came to nothing
//! ```

mod agent;
mod caller;
mod command;
mod event;
mod invariants;
mod leaving;
mod machine;
mod offering;
mod order;
mod pace;
mod queue;
mod reading;
mod reservation;
mod settings;
mod status;
mod strategy;
mod timers;
mod validation;

pub use command::Input;
pub use event::{Changed, Output};
pub use invariants::Breach;
pub use machine::Acd;
pub use reading::{
    AgentCard, CallerCard, ClassCounts, OfferCard, OfferPhase, QueueCard, SeatCard, WaitingReason,
};
pub use settings::{AgentSettings, Assignment, QueueSettings, RetrySettings, Settings, SettingsError};
pub use strategy::Strategy;
pub use validation::AcdError;

#[cfg(test)]
mod defects;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
