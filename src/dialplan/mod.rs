//! The dial plan: where a called number goes. Pure: made from the configuration, it answers questions.
//!
//! It knows no calls: who is busy, registered or logged in is found out later.

pub mod codes;
mod destination;
pub mod group;
mod matching;
mod number;
mod plan;
mod reach;
#[cfg(test)]
mod tests;

pub use codes::Codes;
pub use codes::Feature;
pub use destination::Destination;
pub use matching::Captures;
pub use matching::captures;
pub use matching::fill;
pub use number::for_trunk;
pub use number::to_e164;
pub use plan::Dialplan;
pub use reach::Reach;
