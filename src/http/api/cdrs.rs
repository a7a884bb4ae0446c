//! Call detail records, page by page, as JSON or CSV.

use crate::clock::Wall;
use crate::http::CdrQuery;
use crate::http::api::ok;
use crate::http::csv;
use crate::http::dto;
use crate::http::dto::Page;
use crate::http::problem::Fault;
use crate::http::problem::Problem;
use crate::http::problem::shown;
use crate::http::route::Asked;
use crate::http::sight::Sight;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::QueueId;
use crate::record::Cdr;
use axum::extract::Query;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;

const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 1000;
/// Reads of the store for one page: a key of few queues may have to pass over many records. The page is then
/// shorter than asked, and its cursor goes on.
const READS_MAX: u32 = 8;

/// `GET /cdrs`.
pub(crate) async fn list(asked: Asked) -> Result<Response, Problem> {
    let sight = asked.sight().await?;
    let query = read_query(&asked.query)?;
    let Some(query) = narrowed(query, &sight) else { return page(&asked, Vec::new(), None) };
    let (cdrs, next) = collect(&asked, &sight, query).await?;
    page(&asked, cdrs, next)
}

/// Reads until the page is full; the store's answer is filtered by what the key sees.
async fn collect(
    asked: &Asked,
    sight: &Sight,
    query: CdrQuery,
) -> Result<(Vec<Cdr>, Option<CallUid>), Problem> {
    let wanted = query.limit as usize;
    let mut seen: Vec<Cdr> = Vec::new();
    // One more than the page holds tells whether there is another page.
    let mut query = CdrQuery { limit: query.limit.saturating_add(1), ..query };
    for _ in 0..READS_MAX {
        let read = asked.shared.state.records.cdrs(query.clone()).await;
        let read = read.map_err(|error| {
            tracing::warn!(error, "the store could not be read");
            Problem::busy("store_away", "the records cannot be read at the moment")
        })?;
        let is_last = read.len() < query.limit as usize;
        query.before = read.last().map(|cdr| cdr.call).or(query.before);
        seen.extend(read.into_iter().filter(|cdr| sight.cdr(cdr)));
        if seen.len() > wanted {
            seen.truncate(wanted);
            let next = seen.last().map(|cdr| cdr.call);
            return Ok((seen, next));
        }
        if is_last {
            return Ok((seen, None));
        }
    }
    Ok((seen, query.before))
}

/// The query within what the key sees; `None` when nothing can be in it.
fn narrowed(mut query: CdrQuery, sight: &Sight) -> Option<CdrQuery> {
    if let Some(only) = sight.only_agent() {
        if query.agent.as_ref().is_some_and(|agent| agent != only) {
            return None;
        }
        query.agent = Some(only.clone());
    }
    if let Some(only) = sight.only_queues() {
        if query.queue.as_ref().is_some_and(|queue| !only.contains(queue)) {
            return None;
        }
        if only.len() == 1 {
            query.queue = only.first().cloned();
        }
    }
    Some(query)
}

fn read_query(text: &str) -> Result<CdrQuery, Problem> {
    let mut query = CdrQuery { before: None, limit: LIMIT, from: None, to: None, queue: None, agent: None };
    let mut faults = Vec::new();
    for (name, value) in pairs(text)? {
        let mut fault = |message: &str| {
            faults.push(Fault { pointer: format!("/{}", shown(&name)), message: message.to_string() });
        };
        match name.as_str() {
            "from" | "to" => match Wall::parse(&value) {
                Some(at) if name == "from" => query.from = Some(at),
                Some(at) => query.to = Some(at),
                None => fault("has to be an RFC 3339 time such as 2026-11-22T09:00:00Z"),
            },
            "queue" => query.queue = Some(QueueId::new(&value)),
            "agent" => query.agent = Some(AgentId::new(&value)),
            "limit" => match value.parse() {
                Ok(limit @ 1..=LIMIT_MAX) => query.limit = limit,
                Ok(_) | Err(_) => fault("has to be a whole number from 1 to 1000"),
            },
            "cursor" => match CallUid::parse(&value) {
                Some(call) => query.before = Some(call),
                None => fault("has to be the next_cursor of a page"),
            },
            _ => fault("there is no such parameter"),
        }
    }
    if query.from.zip(query.to).is_some_and(|(from, to)| from > to) {
        faults.push(Fault { pointer: "/to".to_string(), message: "lies before from".to_string() });
    }
    if faults.is_empty() { Ok(query) } else { Err(Problem::invalid(faults)) }
}

/// The query's parameters, decoded.
pub(crate) fn pairs(text: &str) -> Result<Vec<(String, String)>, Problem> {
    let broken = || Problem::field("", "the query cannot be read");
    let uri = Uri::builder().path_and_query(format!("/?{text}")).build().map_err(|_| broken())?;
    Query::try_from_uri(&uri).map(|Query(pairs)| pairs).map_err(|_| broken())
}

fn page(asked: &Asked, cdrs: Vec<Cdr>, next: Option<CallUid>) -> Result<Response, Problem> {
    let items: Vec<_> = cdrs.into_iter().map(dto::Cdr::from).collect();
    let next_cursor = next.map(|call| call.to_string());
    if !wants_csv(&asked.headers) {
        let mut response = ok(&Page { items, next_cursor })?;
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
        return Ok(response);
    }
    let text = csv::page(dto::Cdr::COLUMNS, items.into_iter().map(dto::Cdr::cells));
    let mut response = (StatusCode::OK, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    headers
        .insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"cdrs.csv\""));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    // RFC 8288: a table has no room for the cursor.
    let link = next_cursor
        .map(|cursor| format!("<{}?{}>; rel=\"next\"", asked.route.path, turned(&asked.query, &cursor)));
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        headers.insert(header::LINK, link);
    }
    Ok(response)
}

/// The same query at the next page.
fn turned(query: &str, cursor: &str) -> String {
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    kept.chain([format!("cursor={cursor}").as_str()]).collect::<Vec<_>>().join("&")
}

/// Whether CSV is asked for above JSON (RFC 9110 section 12.5.1).
fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let weight = |media: &str| {
        let of = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let same = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media));
            let q = parts.find_map(|part| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()));
            same.then_some(q.unwrap_or(1.0))
        };
        accept.split(',').find_map(of)
    };
    weight("text/csv")
        .is_some_and(|csv| csv > 0.0 && weight("application/json").is_none_or(|json| csv >= json))
}
