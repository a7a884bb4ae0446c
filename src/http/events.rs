//! `GET /events`: server-sent events. First the snapshot, then every change that the key may see.
//!
//! A stream that comes back with `Last-Event-ID` goes on where it was while the ring still has it, else it gets a
//! snapshot again. A reader who falls behind the ring is dropped: he comes back and starts anew.

use crate::http::Shared;
use crate::http::auth::KeyChanges;
use crate::http::auth::Principal;
use crate::http::auth::Scope;
use crate::http::dto;
use crate::http::problem::Problem;
use crate::http::ring::Ring;
use crate::http::route::Access;
use crate::http::route::Asked;
use crate::http::routes::ROUTES;
use crate::http::sight::Sight;
use crate::switch::action::Answer;
use crate::switch::action::Question;
use crate::switch::view::Notice;
use crate::switch::view::OfferState;
use crate::switch::view::Subject;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use bytes::Bytes;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::watch;
use tokio::time::Interval;
use tokio::time::MissedTickBehavior;

/// The names of events, each the kind of thing that its data holds.
pub(crate) const EVENT_NAMES: &[&str] =
    &["agent", "queue", "offer", "call", "caller", "callback", "campaign", "registration", "trunk", "alarm"];
/// Notices read from the ring at a time.
const BATCH: usize = 64;

/// `GET /events`.
pub(crate) async fn serve(asked: Asked) -> Result<Response, Problem> {
    let permit = Arc::clone(&asked.shared.streams).try_acquire_owned();
    let permit = permit.map_err(|_| Problem::busy("too_many_streams", "too many event streams are open"))?;
    let watched = Watched { may: May::of(asked.who()?), sight: asked.sight().await? };
    let last = asked.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.trim().parse().ok());
    let resumed = last.filter(|sequence| asked.shared.ring.can_resume(*sequence));
    // Browsers wait this long before they come back; said before anything else, so that the header is sent at once.
    let mut begin = "retry: 2000\n\n".to_string();
    let sequence = match resumed {
        Some(sequence) => sequence,
        None => snapshot(&asked, &watched, &mut begin).await?,
    };
    let stream = Stream::new(&asked.shared, watched, sequence, begin, permit);
    let body = Body::from_stream(futures_util::stream::unfold(stream, |mut stream| async {
        let text = stream.next().await?;
        Some((Ok::<_, Infallible>(text), stream))
    }));
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Proxies that gather output would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

async fn snapshot(asked: &Asked, watched: &Watched, begin: &mut String) -> Result<u64, Problem> {
    let Answer::Snapshot(all) = asked.shared.state.switch.ask(Question::Snapshot).await? else {
        return Err(Problem::internal("the switch answered another question"));
    };
    let Watched { may, sight } = watched;
    let body = dto::Snapshot {
        sequence: all.sequence,
        at: asked.shared.state.clock.now().wall.into(),
        agents: if may.agents {
            all.agents.into_iter().filter_map(|v| sight.agent(v)).map(Into::into).collect()
        } else {
            Vec::new()
        },
        queues: if may.queues {
            all.queues.into_iter().filter(|v| sight.queue(&v.id)).map(Into::into).collect()
        } else {
            Vec::new()
        },
        offers: if may.offers {
            all.offers.into_iter().filter(|v| is_live(v.state) && sight.offer(v)).map(Into::into).collect()
        } else {
            Vec::new()
        },
        calls: if may.calls {
            all.calls.into_iter().filter(|v| sight.call(v)).map(Into::into).collect()
        } else {
            Vec::new()
        },
    };
    let text = serde_json::to_string(&body).map_err(|error| Problem::internal(&error.to_string()))?;
    write_event(begin, body.sequence, "snapshot", &text);
    Ok(body.sequence)
}

/// Offers that are over are no part of a snapshot.
fn is_live(state: OfferState) -> bool {
    match state {
        OfferState::Pending | OfferState::Accepted | OfferState::Wrapping => true,
        OfferState::Rejected
        | OfferState::Timeout
        | OfferState::Cancelled
        | OfferState::Rescinded
        | OfferState::Completed => false,
    }
}

/// The event's lines. The data is JSON, which holds no line feed of its own.
fn write_event(text: &mut String, sequence: u64, name: &str, data: &str) {
    text.push_str(&format!("id: {sequence}\nevent: {name}\ndata: {data}\n\n"));
}

/// Which kinds of things a key's scopes let it see: those of the routes that list them.
#[derive(Copy, Clone, Debug)]
struct May {
    agents: bool,
    queues: bool,
    callers: bool,
    offers: bool,
    calls: bool,
    registrations: bool,
}

impl May {
    fn of(who: &Principal) -> Self {
        let may = |path: &str| who.has_any(list_scopes(path));
        Self {
            agents: may("/api/v1/agents"),
            queues: may("/api/v1/queues"),
            callers: may("/api/v1/queues/{id}/callers"),
            offers: may("/api/v1/offers"),
            calls: may("/api/v1/calls"),
            // Phones' addresses go to keys that see everything only: a contact names no agent.
            registrations: may("/api/v1/registrations") && !who.is_narrowed(),
        }
    }
}

fn list_scopes(path: &str) -> &'static [Scope] {
    let route = ROUTES.iter().find(|route| route.path == path);
    match route.map(|route| route.access) {
        Some(Access::AnyOf(scopes)) => scopes,
        Some(Access::Open | Access::OpenOnLoopback(_)) | None => &[],
    }
}

struct Watched {
    may: May,
    sight: Sight,
}

impl Watched {
    /// The notice's subject as the key may see it.
    fn seen(&self, notice: &Notice) -> Option<Subject> {
        let Self { may, sight } = self;
        let is_seen = match &notice.subject {
            Subject::Agent(view) => {
                let seen = if may.agents { sight.agent(view.clone()) } else { None };
                return seen.map(Subject::Agent);
            }
            Subject::Queue(view) => may.queues && sight.queue(&view.id),
            Subject::Offer(view) => may.offers && sight.offer(view),
            Subject::Call(view) => may.calls && sight.call(view),
            Subject::Caller(queue, _) => may.callers && sight.queue(queue),
            Subject::Registration(_) => may.registrations,
            Subject::Alarm(_) => may.registrations,
            // Trunks belong to no agent and no queue: a narrowed key sees none.
            Subject::Trunk(_) => may.registrations && sight.is_whole(),
        };
        is_seen.then(|| notice.subject.clone())
    }
}

/// The event's name: the word before the dot of the notice's kind.
fn event_name(notice: &Notice) -> &'static str {
    let word = notice.kind.split('.').next().unwrap_or_default();
    let known = EVENT_NAMES.iter().copied().find(|name| *name == word);
    known.unwrap_or(match &notice.subject {
        Subject::Agent(_) => "agent",
        Subject::Queue(_) => "queue",
        Subject::Offer(_) => "offer",
        Subject::Call(_) => "call",
        Subject::Caller(..) => "caller",
        Subject::Registration(_) => "registration",
        Subject::Alarm(_) => "alarm",
        Subject::Trunk(_) => "trunk",
    })
}

/// One client's stream.
struct Stream {
    ring: Arc<Ring>,
    watched: Watched,
    /// Everything up to here was sent, or is not for this key.
    sequence: u64,
    begin: Option<String>,
    bell: watch::Receiver<u64>,
    beat: Interval,
    keys: KeyChanges,
    stop: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl Stream {
    fn new(
        shared: &Shared,
        watched: Watched,
        sequence: u64,
        begin: String,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let mut beat = tokio::time::interval(shared.state.limits.heartbeat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.reset();
        Self {
            ring: Arc::clone(&shared.ring),
            watched,
            sequence,
            begin: Some(begin),
            bell: shared.ring.bell(),
            beat,
            keys: shared.state.keys.changes(),
            stop: shared.stop.subscribe(),
            _permit: permit,
        }
    }

    /// The next bytes; `None` ends the stream: he fell behind, the keys changed or the server stops.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(begin) = self.begin.take() {
            return Some(Bytes::from(begin));
        }
        loop {
            self.bell.borrow_and_update();
            let (text, is_more) = self.batch()?;
            if !text.is_empty() {
                self.beat.reset();
                return Some(Bytes::from(text));
            }
            if is_more {
                // Nothing in a full batch was for this key: let others run before the next one.
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                changed = self.bell.changed() => changed.ok()?,
                _ = self.beat.tick() => return Some(Bytes::from_static(b": heartbeat\n\n")),
                () = self.keys.next() => return None,
                _ = self.stop.wait_for(|stop| *stop) => return None,
            }
        }
    }

    /// The next events as text, and whether the ring may have more.
    fn batch(&mut self) -> Option<(String, bool)> {
        let notices = self.ring.after(self.sequence, BATCH).ok()?;
        let mut text = String::new();
        for notice in &notices {
            self.sequence = notice.sequence;
            if let Some(subject) = self.watched.seen(notice) {
                let name = event_name(notice);
                let data = dto::notice_json(notice, name, subject);
                write_event(&mut text, notice.sequence, name, &data);
            }
        }
        Some((text, notices.len() == BATCH))
    }
}
