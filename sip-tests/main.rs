//! Black-box tests of the switch: what goes in by the wire, what comes out by the wire, and what is heard.
//!
//! `torture` feeds it the messages of RFC 4475 and 5118; `scenario` runs whole calls, one file each, in the virtual
//! world of `harness`: virtual time, a seeded bad network, the real core and the real media engine. `real` runs the
//! built program on loopback against SIPp and baresip. `streams` opens connections of every kind to the transports alone.
#![allow(
    unreachable_pub,
    clippy::wildcard_enum_match_arm,
    reason = "a test binary has no users, and asks for one arm"
)]

mod harness;
mod real;
mod scenario;
mod streams;
mod torture;
