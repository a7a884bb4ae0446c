//! A tiny blocking HTTP client: one connection a request, JSON in and out, and a reader of server-sent events.
//!
//! It speaks HTTP/1.0, so that an answer ends where the connection does.

use crate::real::wait;
use serde_json::Value;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

/// The API with a key.
#[derive(Clone, Debug)]
pub struct Api {
    pub address: SocketAddr,
    key: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Api {
    /// `key` may be empty: no key is sent.
    pub fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, key: key.to_string() }
    }

    /// The same interface, asked by somebody else.
    pub fn with_key(&self, key: &str) -> Self {
        Self::new(self.address, key)
    }

    /// A request; `path` from the root on.
    pub fn request(&self, verb: &str, path: &str, body: Option<&Value>) -> Answer {
        self.try_request(verb, path, body, "").unwrap_or_else(|error| panic!("{verb} {path}: {error}"))
    }

    /// A request that may fail, as when the switch is gone.
    pub fn try_request(
        &self,
        verb: &str,
        path: &str,
        body: Option<&Value>,
        more_headers: &str,
    ) -> std::io::Result<Answer> {
        let mut stream = self.send(verb, path, body, more_headers)?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all)?;
        let text = String::from_utf8_lossy(&all).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Ok(Answer { status, head: head.to_string(), body: body.to_string() })
    }

    fn send(&self, verb: &str, path: &str, body: Option<&Value>, more: &str) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(10))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let body = body.map(ToString::to_string).unwrap_or_default();
        let mut text = format!("{verb} {path} HTTP/1.0\r\nHost: {}\r\n{more}", self.address);
        if !self.key.is_empty() {
            text.push_str(&format!("Authorization: Bearer {}\r\n", self.key));
        }
        if !body.is_empty() {
            text.push_str("Content-Type: application/json\r\n");
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(text.as_bytes())?;
        Ok(stream)
    }

    /// `GET /api/v1{path}`, which must be 200.
    pub fn get(&self, path: &str) -> Value {
        let answer = self.request("GET", &format!("/api/v1{path}"), None);
        assert_eq!(answer.status, 200, "GET {path}: {answer:?}");
        answer.json()
    }

    /// The `items` of a list.
    pub fn list(&self, path: &str) -> Vec<Value> {
        self.get(path)["items"].as_array().unwrap_or_else(|| panic!("{path} is no list")).clone()
    }

    /// The value of a metric's line, as `strowger_calls_total{direction="inbound",outcome="answered"}`, labels in the
    /// order of their names; 0 without one.
    pub fn metric(&self, line: &str) -> f64 {
        let text = self.request("GET", "/metrics", None).body;
        let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a metric is a number"))
    }

    /// Opens the event stream, after the event of that id or from the beginning.
    pub fn events(&self, last: Option<&str>) -> Events {
        let more = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let stream = self.send("GET", "/api/v1/events", None, &more).expect("the API listens");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).expect("the stream begins") > 0, "no events: {head}");
        }
        assert!(head.contains(" 200 ") && head.contains("text/event-stream"), "{head}");
        Events { reader }
    }
}

/// One server-sent event.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: Value,
}

impl Event {
    /// The `type` of its data, such as `offer.accepted`.
    pub fn kind(&self) -> &str {
        self.data["type"].as_str().unwrap_or_default()
    }
}

/// A stream of events.
#[derive(Debug)]
pub struct Events {
    reader: BufReader<TcpStream>,
}

impl Events {
    /// The next event; comments and `retry` are passed over.
    pub fn next(&mut self) -> Event {
        let (mut id, mut name, mut data) = (String::new(), String::new(), String::new());
        loop {
            let mut line = String::new();
            let read = self.reader.read_line(&mut line).expect("an event comes");
            assert!(read > 0, "the event stream has ended");
            match line.trim_end().split_once(": ") {
                Some(("id", value)) => id = value.to_string(),
                Some(("event", value)) => name = value.to_string(),
                Some(("data", value)) => data.push_str(value),
                _ if line.trim_end().is_empty() && !data.is_empty() => {
                    let data = serde_json::from_str(&data).expect("an event's data is JSON");
                    return Event { id, name, data };
                }
                _ => {}
            }
        }
    }

    /// All events up to and with the first that `last` accepts.
    pub fn until(&mut self, what: &str, last: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut all = Vec::new();
        let deadline = wait::now() + Duration::from_secs(30);
        loop {
            let event = self.next();
            let found = last(&event);
            all.push(event);
            if found {
                return all;
            }
            let seen: Vec<_> = all.iter().map(Event::kind).collect();
            assert!(wait::now() < deadline, "no event for: {what}; seen: {seen:?}");
        }
    }
}
