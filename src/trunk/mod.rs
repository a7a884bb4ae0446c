//! Trunks without I/O: the machines that keep a way to the outside alive, and the rules by which one is chosen.
//!
//! A [`Lookup`] finds a name's addresses (RFC 3263), a [`Roster`] holds them with the [`Health`] of each, a
//! [`Registration`] keeps our contact known, a [`Gate`] counts calls, and [`verdict`] says what a refusal means for the
//! next target. None of them writes a message or opens anything: `switch` does. Time and randomness are arguments.

pub mod gate;
pub mod health;
pub mod lookup;
pub mod registration;
pub mod roster;
#[cfg(test)]
mod tests;
pub mod verdict;

pub use gate::Gate;
pub use health::Health;
pub use lookup::Answer;
pub use lookup::Candidate;
pub use lookup::Failure;
pub use lookup::Found;
pub use lookup::Lookup;
pub use lookup::Question;
pub use lookup::Record;
pub use registration::Registration;
pub use roster::Place;
pub use roster::Roster;
pub use roster::Target;
pub use verdict::Verdict;
