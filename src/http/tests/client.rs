//! A small HTTP/1.1 client that shows what is on the wire: no redirects, no retries, no hidden headers.

use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Asserts the status and, for a problem, its form; gives its code.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let body = self.json();
        let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["code", "detail", "errors", "status", "title", "type"]);
        assert_eq!(body["status"], status);
        body["code"].as_str().unwrap().to_string()
    }

    /// The pointers of a problem's faults.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let body = self.json();
        let faults = body["errors"].as_array().unwrap().clone();
        faults.iter().map(|fault| fault["pointer"].as_str().unwrap().to_string()).collect()
    }

    /// The ids of a page's items.
    pub(crate) fn ids(&self, field: &str) -> Vec<String> {
        assert_eq!(self.status, 200, "{self:?}");
        let items = self.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| item[field].as_str().unwrap().to_string()).collect()
    }
}

/// A request in words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) key: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Ask {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let path = if path.starts_with('/') { path.to_string() } else { format!("/api/v1/{path}") };
        Self { method: method.to_string(), path, ..Self::default() }
    }

    pub(crate) fn key(self, key: &str) -> Self {
        Self { key: Some(key.to_string()), ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }

    pub(crate) fn body(self, body: &str) -> Self {
        Self { body: body.to_string(), ..self }
    }

    pub(crate) fn bytes(&self, connection: &str) -> String {
        let mut text =
            format!("{} {} HTTP/1.1\r\nHost: test\r\nConnection: {connection}\r\n", self.method, self.path);
        if let Some(key) = &self.key {
            text.push_str(&format!("Authorization: Bearer {key}\r\n"));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        text + "\r\n" + &self.body
    }

    pub(crate) async fn send(&self, server: SocketAddr) -> Reply {
        raw(server, self.bytes("close").as_bytes()).await
    }
}

/// Sends bytes as they are and reads the answer until the server closes.
pub(crate) async fn raw(server: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(server).await.unwrap();
    // The server may answer and close before it has read all of a body that is too large.
    let _ = stream.write_all(bytes).await;
    let mut stream = BufReader::new(stream);
    let (status, headers) = head(&mut stream).await;
    let mut body = Vec::new();
    let _ = stream.read_to_end(&mut body).await;
    assert!(!headers.contains_key("transfer-encoding"), "answers of the API have a length");
    // Sound is no text: what is not UTF-8 of it is not looked at.
    Reply { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
}

async fn head(stream: &mut BufReader<TcpStream>) -> (u16, BTreeMap<String, String>) {
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status in {line:?}"));
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { return (status, headers) };
        headers.insert(name.to_ascii_lowercase(), value.to_string());
    }
}

/// An event stream, read event by event.
pub(crate) struct Events {
    stream: BufReader<TcpStream>,
    pub(crate) headers: BTreeMap<String, String>,
    text: String,
}

/// One block of an event stream: an event, or a comment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<u64>,
    pub(crate) name: String,
    pub(crate) data: Value,
    pub(crate) comment: String,
}

impl Events {
    pub(crate) async fn open(server: SocketAddr, ask: Ask) -> Self {
        let mut stream = TcpStream::connect(server).await.unwrap();
        stream.write_all(ask.bytes("keep-alive").as_bytes()).await.unwrap();
        let mut stream = BufReader::new(stream);
        let (status, headers) = head(&mut stream).await;
        assert_eq!(status, 200, "{headers:?}");
        assert_eq!(headers["content-type"], "text/event-stream");
        Self { stream, headers, text: String::new() }
    }

    /// The next event or comment; `None` at the stream's end.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_string(), rest.to_string());
                self.text = rest;
                if let Some(event) = read_block(&block) {
                    return Some(event);
                }
                continue;
            }
            let chunk = self.chunk().await?;
            self.text.push_str(&chunk);
        }
    }

    /// The next event of that name, comments and others passed over.
    pub(crate) async fn next_of(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }

    /// One chunk of the chunked coding (RFC 9112 section 7.1).
    async fn chunk(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.ok()?;
        let len = usize::from_str_radix(line.trim(), 16).ok().filter(|len| *len > 0)?;
        let mut bytes = vec![0; len + 2];
        self.stream.read_exact(&mut bytes).await.ok()?;
        bytes.truncate(len);
        Some(String::from_utf8(bytes).unwrap())
    }
}

fn read_block(block: &str) -> Option<Event> {
    let mut event = Event::default();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap();
        let value = value.trim_start();
        match field {
            "" => event.comment = value.to_string(),
            "id" => event.id = Some(value.parse().unwrap()),
            "event" => event.name = value.to_string(),
            "data" => event.data = serde_json::from_str(value).unwrap(),
            "retry" => return None,
            _ => panic!("unknown field in {block:?}"),
        }
    }
    Some(event)
}
