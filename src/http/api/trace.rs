//! The SIP messages of a call, or of what never became one: as JSON, as a ladder, or as a capture file.
//!
//! Messages show numbers and addresses of everybody, so this is for those who may configure the switch, and for whole
//! keys only. Credentials and keys are taken out of every form.

use crate::http::api::ask;
use crate::http::api::cdrs::pairs;
use crate::http::api::ok;
use crate::http::dto;
use crate::http::dto::Page;
use crate::http::problem::Fault;
use crate::http::problem::Problem;
use crate::http::problem::shown;
use crate::http::route::Asked;
use crate::ids::CallUid;
use crate::switch::action::Question;
use crate::trace;
use crate::trace::Packet;
use crate::trace::Thread;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;

/// Dialogs shown when the query does not say how many.
const LAST: usize = 10;
const LAST_MAX: usize = 1000;

/// In which form.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Ladder,
    Text,
    Pcap,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    form: Form,
    number: Option<String>,
    call_id: Option<String>,
    last: usize,
}

/// `GET /calls/{id}/trace`.
pub(crate) async fn call(asked: Asked) -> Result<Response, Problem> {
    let id = asked.param("id");
    let missing = || Problem::not_found("call", id);
    let call = CallUid::parse(id).ok_or_else(missing)?;
    if !asked.sight().await?.is_whole() {
        return Err(missing());
    }
    let wanted = read_query(&asked.query, false)?;
    let packets = ask!(asked, Question::Trace(Some(call)) => Trace);
    show(wanted.form, &packets)
}

/// `GET /trace`: by number or Call-ID, the last dialogs.
pub(crate) async fn last(asked: Asked) -> Result<Response, Problem> {
    let wanted = read_query(&asked.query, true)?;
    let mut packets = Vec::new();
    if asked.sight().await?.is_whole() {
        packets = ask!(asked, Question::Trace(None) => Trace);
    }
    let threads = threads(&packets, &wanted);
    packets.retain(|packet| threads.contains(&packet.thread));
    show(wanted.form, &packets)
}

/// The last dialogs that are asked for.
fn threads(packets: &[Packet], wanted: &Wanted) -> Vec<Thread> {
    let only = wanted.call_id.as_ref().map(|call_id| Thread::of(call_id.as_bytes()));
    let mut threads: Vec<Thread> = Vec::new();
    for packet in packets.iter().rev() {
        if threads.len() == wanted.last {
            break;
        }
        let is_asked_for = only.is_none_or(|only| only == packet.thread)
            && !threads.contains(&packet.thread)
            && wanted.number.as_ref().is_none_or(|number| trace::concerns(packet, number));
        if is_asked_for {
            threads.push(packet.thread);
        }
    }
    threads
}

fn show(form: Form, packets: &[Packet]) -> Result<Response, Problem> {
    let (media, body) = match form {
        Form::Json => return ok(&Page::whole(packets.iter().map(dto::TraceMessage::from).collect())),
        Form::Ladder => ("text/plain; charset=utf-8", trace::ladder(packets).into_bytes()),
        Form::Text => ("text/plain; charset=utf-8", whole(packets)),
        Form::Pcap => ("application/vnd.tcpdump.pcap", trace::pcap(packets)),
    };
    let mut response = (StatusCode::OK, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    Ok(response)
}

/// The messages one after the other, each under a line that says when and which way.
fn whole(packets: &[Packet]) -> Vec<u8> {
    let mut text = Vec::new();
    for packet in packets {
        let (word, local, remote) = (dto::way(packet.way), packet.local, packet.remote);
        let line = format!("--- {} {word} {} {local} {remote}\n", packet.at, packet.transport);
        text.extend(line.into_bytes());
        text.extend(trace::redacted(&packet.bytes));
        text.push(b'\n');
    }
    text
}

fn read_query(text: &str, filters: bool) -> Result<Wanted, Problem> {
    let mut wanted = Wanted { form: Form::Json, number: None, call_id: None, last: LAST };
    let mut faults = Vec::new();
    for (name, value) in pairs(text)? {
        let mut fault = |message: &str| {
            faults.push(Fault { pointer: format!("/{}", shown(&name)), message: message.to_string() });
        };
        match name.as_str() {
            "format" => match value.as_str() {
                "json" => wanted.form = Form::Json,
                "ladder" => wanted.form = Form::Ladder,
                "text" => wanted.form = Form::Text,
                "pcap" => wanted.form = Form::Pcap,
                _ => fault("has to be json, ladder, text or pcap"),
            },
            "number" if filters => wanted.number = Some(value),
            "call_id" if filters => wanted.call_id = Some(value),
            "last" if filters => match value.parse() {
                Ok(last @ 1..=LAST_MAX) => wanted.last = last,
                Ok(_) | Err(_) => fault("has to be a whole number from 1 to 1000"),
            },
            _ => fault("there is no such parameter"),
        }
    }
    if faults.is_empty() { Ok(wanted) } else { Err(Problem::invalid(faults)) }
}
