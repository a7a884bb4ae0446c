//! `Idempotency-Key`: a POST that is repeated gets the first one's answer and does nothing again.
//!
//! In memory and bounded, for each API key apart, so that one client can't push out another's. Not a store: after a
//! restart the memory is empty. Owned by `http`.

use crate::clock::Instant;
use crate::http::problem::Problem;
use crate::ids::ApiKeyId;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

/// How long an answer is kept: a client that retries later than a day has forgotten it too.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Answers kept for one API key.
const ENTRIES_MAX: usize = 512;
/// Bytes of answers kept for one API key.
const BYTES_MAX: usize = 1 << 20;
/// API keys with a memory.
const CLIENTS_MAX: usize = 1024;
/// The longest key that is taken.
const KEY_BYTES_MAX: usize = 255;

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The memory; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Clients>>);

#[derive(Debug, Default)]
struct Clients {
    clients: BTreeMap<ApiKeyId, BTreeMap<Id, Entry>>,
    hasher: RandomState,
}

/// The route with its ids, and the client's word.
type Id = (String, String);

#[derive(Debug)]
struct Entry {
    fingerprint: u64,
    since: Instant,
    answer: Option<Kept>,
}

/// What to do with a request that has a key.
#[derive(Debug)]
pub(crate) enum Begin {
    /// It is new: do it, then [`Turn::finish`].
    Do(Turn),
    /// It was done: this is the answer.
    Replay(Kept),
}

/// The right to do a request; dropped without an answer, the key is free again.
#[derive(Debug)]
pub(crate) struct Turn {
    memory: Memory,
    client: ApiKeyId,
    id: Option<Id>,
}

/// The request's key, where it has one.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| (1..=KEY_BYTES_MAX).contains(&text.len()));
    let refuse = || {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "bad_idempotency_key",
            format!("Idempotency-Key has 1 to {KEY_BYTES_MAX} visible ASCII characters"),
        )
    };
    text.map(|text| Some(text.to_string())).ok_or_else(refuse)
}

impl Memory {
    /// Asks for the right to do `route` with this body for `client`.
    pub(crate) fn begin(
        &self,
        client: &ApiKeyId,
        route: String,
        key: String,
        body: &[u8],
        now: Instant,
    ) -> Result<Begin, Problem> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fingerprint = guard.hasher.hash_one(body);
        if guard.clients.len() >= CLIENTS_MAX && !guard.clients.contains_key(client) {
            guard.clients.pop_first();
        }
        let entries = guard.clients.entry(client.clone()).or_default();
        entries.retain(|_, entry| entry.answer.is_none() || now.since(entry.since) < KEPT);
        let id = (route, key);
        if let Some(entry) = entries.get(&id) {
            return entry.again(fingerprint);
        }
        make_room(entries)?;
        entries.insert(id.clone(), Entry { fingerprint, since: now, answer: None });
        drop(guard);
        Ok(Begin::Do(Turn { memory: self.clone(), client: client.clone(), id: Some(id) }))
    }
}

impl Entry {
    fn again(&self, fingerprint: u64) -> Result<Begin, Problem> {
        if self.fingerprint != fingerprint {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this Idempotency-Key was used with another body",
            ));
        }
        match &self.answer {
            Some(kept) => Ok(Begin::Replay(kept.clone())),
            None => Err(Problem::new(
                StatusCode::CONFLICT,
                "request_in_flight",
                "the first request with this Idempotency-Key is not answered yet",
            )),
        }
    }

    fn bytes(&self) -> usize {
        self.answer.as_ref().map_or(0, |kept| kept.body.len())
    }
}

/// Forgets the oldest answers until one more fits; requests in flight are never forgotten.
fn make_room(entries: &mut BTreeMap<Id, Entry>) -> Result<(), Problem> {
    while entries.len() >= ENTRIES_MAX || entries.values().map(Entry::bytes).sum::<usize>() > BYTES_MAX {
        let done = entries.iter().filter(|(_, entry)| entry.answer.is_some());
        let oldest = done.min_by_key(|(_, entry)| entry.since).map(|(id, _)| id.clone());
        let Some(oldest) = oldest else {
            return Err(Problem::busy("busy", "too many requests of this key are in flight"));
        };
        entries.remove(&oldest);
    }
    Ok(())
}

impl Turn {
    /// Keeps the answer for those who ask again.
    pub(crate) fn finish(mut self, kept: Kept) {
        if let Some(id) = self.id.take() {
            let mut guard = self.memory.0.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = guard.clients.get_mut(&self.client).and_then(|entries| entries.get_mut(&id));
            if let Some(entry) = entry {
                entry.answer = Some(kept);
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let mut guard = self.memory.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(entries) = guard.clients.get_mut(&self.client) {
                entries.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(memory: &Memory, key: &str, body: &str, at: u64) -> Result<Begin, Problem> {
        let now = Instant::from_micros(at * 1_000_000);
        memory.begin(&ApiKeyId::new("ops"), "POST /x".to_string(), key.to_string(), body.as_bytes(), now)
    }

    fn turn(memory: &Memory, key: &str, body: &str, at: u64) -> Turn {
        match begin(memory, key, body, at) {
            Ok(Begin::Do(turn)) => turn,
            other => panic!("{other:?}"),
        }
    }

    fn kept(body: &str) -> Kept {
        Kept {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn code(result: Result<Begin, Problem>) -> &'static str {
        result.expect_err("refused").code
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        let memory = Memory::default();
        let first = turn(&memory, "k", "{}", 0);
        assert_eq!(code(begin(&memory, "k", "{}", 0)), "request_in_flight");
        assert_eq!(code(begin(&memory, "k", "{ }", 0)), "idempotency_key_reused");
        first.finish(kept("done"));
        assert!(matches!(begin(&memory, "k", "{}", 1), Ok(Begin::Replay(answer)) if answer == kept("done")));
        assert_eq!(code(begin(&memory, "k", "other", 1)), "idempotency_key_reused");
    }

    #[test]
    fn a_request_that_was_given_up_frees_its_key() {
        let memory = Memory::default();
        drop(turn(&memory, "k", "{}", 0));
        drop(turn(&memory, "k", "another", 0));
    }

    #[test]
    fn clients_and_routes_are_apart() {
        let memory = Memory::default();
        turn(&memory, "k", "{}", 0).finish(kept("a"));
        let now = Instant::default();
        for (client, route) in [("other", "POST /x"), ("ops", "POST /y")] {
            let begun = memory.begin(&ApiKeyId::new(client), route.to_string(), "k".to_string(), b"", now);
            assert!(matches!(begun, Ok(Begin::Do(_))));
        }
    }

    #[test]
    fn answers_age_and_the_memory_is_bounded() {
        let memory = Memory::default();
        turn(&memory, "k", "{}", 0).finish(kept("a"));
        drop(turn(&memory, "k", "{}", 24 * 3600));
        for index in 0..2 * ENTRIES_MAX as u64 {
            turn(&memory, &format!("k{index}"), "", index).finish(kept("x"));
        }
        assert!(matches!(begin(&memory, "k1023", "", 2000), Ok(Begin::Replay(_))));
        drop(turn(&memory, "k0", "", 2000));
        let big = "x".repeat(BYTES_MAX / 4);
        for index in 0..20 {
            turn(&memory, &format!("big{index}"), "", 3000 + index).finish(kept(&big));
        }
        let bytes: usize =
            memory.0.lock().unwrap().clients[&ApiKeyId::new("ops")].values().map(Entry::bytes).sum();
        assert!(bytes <= BYTES_MAX + BYTES_MAX / 4 + 1, "{bytes}");
    }

    #[test]
    fn requests_in_flight_are_never_forgotten() {
        let memory = Memory::default();
        let turns: Vec<_> =
            (0..ENTRIES_MAX).map(|index| turn(&memory, &format!("k{index}"), "", 0)).collect();
        assert_eq!(code(begin(&memory, "one more", "", 0)), "busy");
        drop(turns);
        drop(turn(&memory, "one more", "", 0));
    }
}
