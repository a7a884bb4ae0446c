//! The way of every request: route, key, rate, body, repetition, action, problem, headers, figures. One function a step.
//!
//! Owned by `http`; actions see only what passed ([`Asked`]).

use crate::http::Shared;
use crate::http::auth;
use crate::http::auth::Principal;
use crate::http::auth::Scope;
use crate::http::idempotency;
use crate::http::idempotency::Begin;
use crate::http::idempotency::Kept;
use crate::http::idempotency::Turn;
use crate::http::problem::Problem;
use crate::http::route::Access;
use crate::http::route::Asked;
use crate::http::route::Route;
use crate::http::route::Verb;
use crate::http::routes::ROUTES;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::RawPathParams;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::Response;
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::PoisonError;

/// Where the request came from; the server puts it into each request.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The largest answer that is kept for a repeated POST.
const KEPT_BYTES_MAX: usize = 1 << 18;

/// Answers a request to one of the table's paths; `places` are the routes of that path.
pub(crate) async fn answer(shared: Arc<Shared>, places: Arc<[usize]>, request: Request) -> Response {
    let began = shared.state.clock.instant();
    let (parts, body) = request.into_parts();
    let of_path = || places.iter().filter_map(|place| Some((*place, ROUTES.get(*place)?)));
    let verb = Verb::of(&parts.method);
    let Some((place, route)) = of_path().find(|(_, route)| Some(route.verb) == verb) else {
        return finished(Err(Problem::method_not_allowed(allowed(of_path().map(|(_, route)| route.verb)))));
    };
    let response = finished(run(&shared, route, parts, body).await);
    if let Some(timing) = shared.timings.get(place) {
        let timing = timing.get_or_init(|| shared.state.metrics.http_route(&route.label()));
        timing.observe(shared.state.clock.instant().since(began));
    }
    tracing::debug!(
        method = route.verb.as_str(),
        route = route.path,
        status = response.status().as_u16(),
        "request"
    );
    response
}

/// Answers a request to a path that the table does not have.
pub(crate) async fn unknown_path() -> Response {
    finished(Err(Problem::new(StatusCode::NOT_FOUND, "unknown_path", "there is no such path")))
}

fn allowed(verbs: impl Iterator<Item = Verb>) -> String {
    let mut names: Vec<_> = verbs.map(Verb::as_str).collect();
    if names.contains(&"GET") {
        names.push(Method::HEAD.as_str());
    }
    names.join(", ")
}

async fn run(
    shared: &Arc<Shared>,
    route: &'static Route,
    mut parts: Parts,
    body: Body,
) -> Result<Response, Problem> {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
    let who = admit(shared, route, &parts.headers, peer)?;
    let params = params(route, &mut parts).await?;
    let body =
        if route.verb.has_body() { read_body(shared, &parts.headers, body).await? } else { Bytes::new() };
    let turn = match begin(shared, route, who.as_deref(), &parts, &body)? {
        Some(Begin::Replay(kept)) => return Ok(replayed(kept)),
        Some(Begin::Do(turn)) => Some(turn),
        None => None,
    };
    let asked = Asked {
        shared: Arc::clone(shared),
        who,
        route,
        params,
        query: parts.uri.query().unwrap_or_default().to_string(),
        headers: parts.headers,
        body,
    };
    let acted = tokio::time::timeout(shared.state.limits.request_timeout, (route.act)(asked)).await;
    let result = acted.unwrap_or_else(|_| Err(Problem::busy("timeout", "the switch did not answer in time")));
    match turn {
        Some(turn) => keep(turn, result).await,
        None => result,
    }
}

/// Who asks, when he may: the key is known, not too fast, and has one of the route's scopes.
fn admit(
    shared: &Shared,
    route: &Route,
    headers: &HeaderMap,
    peer: Option<SocketAddr>,
) -> Result<Option<Arc<Principal>>, Problem> {
    let scopes = match route.access {
        Access::Open => return Ok(None),
        Access::OpenOnLoopback(_) if shared.state.loopback_metrics && peer.is_some_and(is_loopback) => {
            return Ok(None);
        }
        Access::OpenOnLoopback(scopes) | Access::AnyOf(scopes) => scopes,
    };
    let token = auth::bearer(headers)?;
    let now = shared.state.clock.instant();
    let found = shared.state.keys.identify(token);
    let mut buckets = shared.buckets.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(who) = found else {
        buckets.take_stranger(now).map_err(Problem::too_many)?;
        return Err(auth::unknown_key());
    };
    buckets.take(&who.id, now).map_err(Problem::too_many)?;
    drop(buckets);
    if who.has_any(scopes) {
        return Ok(Some(who));
    }
    let names: Vec<_> = scopes.iter().copied().map(Scope::as_str).collect();
    Err(Problem::forbidden(format!("this route needs one of the scopes: {}", names.join(", "))))
}

fn is_loopback(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

async fn params(route: &Route, parts: &mut Parts) -> Result<Vec<(String, String)>, Problem> {
    match RawPathParams::from_request_parts(parts, &()).await {
        Ok(params) => Ok(params.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()),
        Err(_) if !route.path.contains('{') => Ok(Vec::new()),
        // Bytes that are no UTF-8 name nothing that there is.
        Err(_) => Err(Problem::not_found("thing", "…")),
    }
}

async fn read_body(shared: &Shared, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let limits = &shared.state.limits;
    let too_large = || {
        let detail = format!("a body has at most {} bytes", limits.body_bytes_max);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limits.body_bytes_max) {
        return Err(too_large());
    }
    let reading = axum::body::to_bytes(body, limits.body_bytes_max);
    match tokio::time::timeout(limits.request_timeout, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // A connection that broke off ends here as well; then nobody reads the answer.
        Ok(Err(_)) => Err(too_large()),
        Err(_) => {
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body did not come in time"))
        }
    }
}

fn begin(
    shared: &Shared,
    route: &Route,
    who: Option<&Principal>,
    parts: &Parts,
    body: &[u8],
) -> Result<Option<Begin>, Problem> {
    let (Verb::Post, Some(who)) = (route.verb, who) else { return Ok(None) };
    let Some(key) = idempotency::key(&parts.headers)? else { return Ok(None) };
    let now = shared.state.clock.instant();
    shared.memory.begin(&who.id, parts.uri.to_string(), key, body, now).map(Some)
}

/// Keeps the answer for a repeated request. What a later try may change (503, 504 and our own faults) is not kept.
async fn keep(turn: Turn, result: Result<Response, Problem>) -> Result<Response, Problem> {
    let response = result.unwrap_or_else(Problem::into_response);
    if response.status().is_server_error() && response.status() != StatusCode::NOT_IMPLEMENTED {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, KEPT_BYTES_MAX).await;
    let body = body.map_err(|_| Problem::internal("an answer is too large to be kept"))?;
    turn.finish(Kept { status: parts.status, headers: parts.headers.clone(), body: body.clone() });
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replayed(kept: Kept) -> Response {
    let mut response = (kept.status, kept.body).into_response();
    *response.headers_mut() = kept.headers;
    response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    response
}

/// Headers that every answer has. There are none for other origins (CORS): only the switch's own page asks from a
/// browser.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

fn finished(result: Result<Response, Problem>) -> Response {
    let mut response = result.unwrap_or_else(Problem::into_response);
    response.headers_mut().extend(HEADERS);
    response
}
