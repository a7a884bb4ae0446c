//! Black-box tests.
#![allow(unreachable_pub, clippy::wildcard_enum_match_arm, reason = "a test binary has no users, and asks for one arm")]

mod real;
