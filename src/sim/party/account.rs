//! A registration that a party keeps, or makes once.
//!
//! A plain value: `register` moves it on.

use crate::clock::Instant;
use std::time::Duration;

/// An account to register.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The script's number for it.
    pub label: u64,
    /// The number to register.
    pub user: String,
    /// Its password.
    pub password: String,
    /// How long the binding is to last.
    pub expires: Duration,
    /// Refresh before it expires, and try again after a failure.
    pub keep: bool,
}

/// How far it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::sim::party) enum Stage {
    /// A REGISTER is under way, without credentials or with the answer to a challenge; `ending` when it asks for no
    /// more binding.
    Asking { challenged: bool, ending: bool },
    /// Nothing is under way.
    Resting,
}

/// An account.
#[derive(Debug)]
pub(in crate::sim::party) struct Account {
    pub(in crate::sim::party) registration: Registration,
    pub(in crate::sim::party) stage: Stage,
    pub(in crate::sim::party) call_id: String,
    pub(in crate::sim::party) tag: String,
    pub(in crate::sim::party) cseq: u32,
    /// The first REGISTER of this round.
    pub(in crate::sim::party) began: Instant,
    /// False once it is to be ended.
    pub(in crate::sim::party) wanted: bool,
    pub(in crate::sim::party) failures: u32,
    /// The timer that is set.
    pub(in crate::sim::party) next: Option<Instant>,
}
