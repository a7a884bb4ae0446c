//! Where a call goes, with everything filled in.

use crate::dialplan::codes::Feature;
use crate::ids::GroupId;
use crate::ids::MenuId;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::ids::TrunkId;

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To a phone of ours.
    Phone(PhoneNumber),
    /// Into a queue.
    Queue(QueueId),
    /// To the outside.
    Trunk {
        /// The trunks to try, in order; at least one.
        trunks: Vec<TrunkId>,
        /// The number to send.
        number: String,
    },
    /// To a ring group.
    Group(GroupId),
    /// Into a menu.
    Menu(MenuId),
    /// To a service of the switch, by its code.
    Feature(Feature),
    /// To whatever rings in a group that the caller may pick up from.
    PickupGroup,
    /// To what rings at that phone.
    PickupDirected(PhoneNumber),
    /// To hold music of that class, and nobody else.
    Music(String),
    /// Into the conference of that name.
    Conference(String),
    /// Understood, but not served in this version: 501 (RFC 3261 section 21.5.2).
    NotBuilt {
        /// What was asked for, such as `voicemail:12`.
        what: String,
    },
    /// Nowhere: 404 (RFC 3261 section 21.4.5).
    NotFound,
}
