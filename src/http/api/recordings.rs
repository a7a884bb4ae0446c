//! Recordings: the list, the sound, and erasing.

use crate::http::api::cdrs::pairs;
use crate::http::api::ok;
use crate::http::dto;
use crate::http::dto::Page;
use crate::http::problem::Fault;
use crate::http::problem::Problem;
use crate::http::problem::shown;
use crate::http::route::Asked;
use crate::ids::RecordingUid;
use crate::recording::Entry;
use crate::recording::Trouble;
use crate::recording::archive::Sound;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use futures_util::stream;
use std::ops::Range;

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;
/// Bytes of a file that are read at once.
const PIECE_BYTES: u64 = 128 * 1024;

/// What a list is asked for.
#[derive(Default)]
struct Query {
    before: Option<RecordingUid>,
    limit: usize,
    queue: Option<String>,
    agent: Option<String>,
    call: Option<String>,
    mailbox: Option<String>,
}

/// `GET /recordings`.
pub(crate) async fn list(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let query = read_query(&asked.query)?;
    let limit = query.limit;
    let wanted = move |entry: &Entry| sight.recording(entry) && query.wants(entry);
    // One more than the page holds tells whether there is another page.
    let found = asked.shared.state.recordings.page(query_before(&asked.query)?, limit + 1, wanted).await;
    let mut entries = found.map_err(|error| {
        tracing::warn!(%error, "the recordings can't be read");
        Problem::busy("recordings_away", "the recordings cannot be read at the moment")
    })?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next_cursor = entries.last().filter(|_| more).map(|entry| entry.id.to_string());
    ok(&Page { items: entries.into_iter().map(dto::RecordingFile::from).collect(), next_cursor })
}

fn query_before(text: &str) -> Result<Option<RecordingUid>, Problem> {
    read_query(text).map(|query| query.before)
}

/// `GET /recordings/{id}/audio`, whole or a range of bytes (RFC 9110 section 14).
pub(crate) async fn audio(asked: Asked) -> Result<Response, Problem> {
    let id = seen(&asked).await?.id;
    let by = asked.who()?.by();
    let (entry, sound) =
        asked.shared.state.recordings.listen(id, by).await.map_err(|trouble| problem(trouble, &asked))?;
    let tag = entry.sha256.as_ref().map(|hash| format!("\"{hash}\""));
    let range = wanted_range(&asked.headers, tag.as_deref(), sound.bytes);
    let (status, range) = match range {
        Ranged::Whole => (StatusCode::OK, 0..sound.bytes),
        Ranged::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Ranged::Nothing => return Ok(not_satisfiable(sound.bytes)),
    };
    let total = sound.bytes;
    let mut response = (status, Body::from_stream(pieces(sound, range.clone()))).into_response();
    let media = if entry.file.ends_with(".flac") { "audio/flac" } else { "audio/wav" };
    put(&mut response, header::CONTENT_TYPE, media);
    put(&mut response, header::ACCEPT_RANGES, "bytes");
    put(&mut response, header::CONTENT_LENGTH, &(range.end - range.start).to_string());
    put(&mut response, header::CONTENT_DISPOSITION, &format!("inline; filename=\"{}\"", entry.file));
    if let Some(tag) = tag {
        put(&mut response, header::ETAG, &tag);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let last = range.end.saturating_sub(1);
        put(&mut response, header::CONTENT_RANGE, &format!("bytes {}-{last}/{total}", range.start));
    }
    Ok(response)
}

/// `DELETE /recordings/{id}`.
pub(crate) async fn erase(asked: Asked) -> Result<Response, Problem> {
    let id = seen(&asked).await?.id;
    let by = asked.who()?.by();
    asked.shared.state.recordings.erase(id, by).await.map_err(|trouble| problem(trouble, &asked))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The recording of the path, where the key sees it.
async fn seen(asked: &Asked) -> Result<Entry, Problem> {
    let id = asked.param("id");
    let missing = || Problem::not_found("recording", id);
    let uid = RecordingUid::parse(id).ok_or_else(missing)?;
    let sight = asked.sight().await?;
    let entry = asked.shared.state.recordings.find(uid).await;
    let entry = entry.map_err(|_| problem(Trouble::Away, asked))?.ok_or_else(missing)?;
    if sight.recording(&entry) { Ok(entry) } else { Err(missing()) }
}

fn problem(trouble: Trouble, asked: &Asked) -> Problem {
    let detail = trouble.to_string();
    match trouble {
        Trouble::Unknown => Problem::not_found("recording", asked.param("id")),
        Trouble::Running => Problem::new(StatusCode::CONFLICT, "recording_runs", detail),
        Trouble::Erased => Problem::new(StatusCode::GONE, "recording_erased", detail),
        Trouble::Away => Problem::busy("recordings_away", &detail),
    }
}

impl Query {
    fn wants(&self, entry: &Entry) -> bool {
        let same = |wanted: &Option<String>, is: Option<&String>| {
            wanted.as_ref().is_none_or(|text| is == Some(text))
        };
        same(&self.queue, entry.queue.as_ref())
            && same(&self.agent, entry.agent.as_ref())
            && same(&self.call, Some(&entry.call))
            && same(&self.mailbox, entry.mailbox.as_ref())
    }
}

fn read_query(text: &str) -> Result<Query, Problem> {
    let mut query = Query { limit: LIMIT, ..Query::default() };
    let mut faults = Vec::new();
    for (name, value) in pairs(text)? {
        let mut fault = |message: &str| {
            faults.push(Fault { pointer: format!("/{}", shown(&name)), message: message.to_string() });
        };
        match name.as_str() {
            "queue" => query.queue = Some(value),
            "agent" => query.agent = Some(value),
            "call" => query.call = Some(value),
            "mailbox" => query.mailbox = Some(value),
            "limit" => match value.parse() {
                Ok(limit @ 1..=LIMIT_MAX) => query.limit = limit,
                Ok(_) | Err(_) => fault("has to be a whole number from 1 to 1000"),
            },
            "cursor" => match RecordingUid::parse(&value) {
                Some(id) => query.before = Some(id),
                None => fault("has to be the next_cursor of a page"),
            },
            _ => fault("there is no such parameter"),
        }
    }
    if faults.is_empty() { Ok(query) } else { Err(Problem::invalid(faults)) }
}

/// What of a file is wanted.
#[derive(Debug, PartialEq, Eq)]
enum Ranged {
    Whole,
    Part(Range<u64>),
    /// Nothing of what is asked for is there.
    Nothing,
}

/// RFC 9110 section 14.2: a range that can't be read is ignored, and so is one of another version of the file. Of several
/// ranges we give none: "A server that supports range requests MAY ignore or reject".
fn wanted_range(headers: &HeaderMap, tag: Option<&str>, bytes: u64) -> Ranged {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::IF_RANGE).is_some_and(|known| Some(known) != tag) {
        return Ranged::Whole;
    }
    let Some(spec) = text(header::RANGE).and_then(|range| range.strip_prefix("bytes=")) else {
        return Ranged::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Ranged::Whole };
    let (from, until) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(from), Ok(last)) if from <= last => (from, last.saturating_add(1).min(bytes)),
        (Ok(from), Err(_)) if last.is_empty() => (from, bytes),
        (Err(_), Ok(count)) if first.is_empty() => (bytes.saturating_sub(count), bytes),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => return Ranged::Whole,
    };
    if from < until { Ranged::Part(from..until) } else { Ranged::Nothing }
}

fn not_satisfiable(bytes: u64) -> Response {
    let detail = format!("the recording has {bytes} bytes");
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail);
    let mut response = problem.into_response();
    put(&mut response, header::CONTENT_RANGE, &format!("bytes */{bytes}"));
    response
}

fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The bytes of the range, read as the client takes them.
fn pieces(sound: Sound, range: Range<u64>) -> impl stream::Stream<Item = std::io::Result<Vec<u8>>> {
    stream::unfold((sound, range), |(sound, range)| async move {
        if range.is_empty() {
            return None;
        }
        let length = PIECE_BYTES.min(range.end - range.start);
        let piece = sound.read(range.start, usize::try_from(length).unwrap_or(0)).await;
        let left = if piece.is_ok() { range.start + length..range.end } else { range.end..range.end };
        Some((piece, (sound, left)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str, wanted: Ranged) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        assert_eq!(wanted_range(&headers, Some("\"a\""), 100), wanted, "{range}");
    }

    #[test]
    fn ranges_are_read_and_odd_ones_ignored() {
        check("bytes=0-9", Ranged::Part(0..10));
        check("bytes=90-", Ranged::Part(90..100));
        check("bytes=90-1000", Ranged::Part(90..100));
        check("bytes=-10", Ranged::Part(90..100));
        check("bytes=-1000", Ranged::Part(0..100));
        check("bytes=100-", Ranged::Nothing);
        check("bytes=-0", Ranged::Nothing);
        for odd in ["bytes=9-0", "bytes=a-b", "bytes=-", "bytes=0-1,5-6", "seconds=0-1", "bytes=1"] {
            check(odd, Ranged::Whole);
        }
        let mut headers = HeaderMap::new();
        assert_eq!(wanted_range(&headers, None, 100), Ranged::Whole);
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-9"));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"b\""));
        assert_eq!(wanted_range(&headers, Some("\"a\""), 100), Ranged::Whole, "another version");
        assert_eq!(wanted_range(&headers, Some("\"b\""), 100), Ranged::Part(0..10));
    }
}
