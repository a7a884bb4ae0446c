//! The API from outside: a real listener on loopback, a small client, a fake switch behind the handle.

mod bodies;
mod changes;
mod client;
mod events;
mod fake;
mod limits;
mod recordings;
mod records;
mod rights;
mod system;
