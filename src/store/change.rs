//! What the writer writes: facts and changes of bindings, numbered in the order in which they came.

use crate::record::Fact;
use crate::store::binding::BindingChange;
use crate::store::phone_setting::PhoneChange;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// A line of the log.
    Fact(Fact),
    /// A change of the bindings, which are not part of the log.
    Binding(BindingChange),
    /// A change of a phone's settings, which are not part of the log either.
    Phone(PhoneChange),
}

/// A change and its number within its writer's run, from 1. The number makes writing it twice do nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) change: Change,
}
