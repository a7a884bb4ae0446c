//! Building requests and responses as bytes.
//!
//! Whatever is passed in, no value can start a header of its own: line ends in values become spaces, names that are
//! no tokens are not written. Content-Length is written here and nowhere else.

use crate::sip::msg::lex;
use crate::sip::msg::message::Message;
use crate::sip::msg::method::Method;
use crate::sip::msg::name::Name;
use crate::sip::msg::name_addr;
use crate::sip::msg::via::Transport;
use crate::sip::msg::via::Via;
use bytes::Bytes;
use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;

/// Room for a usual message, so that the buffer is allocated once.
const CAPACITY: usize = 2048;

/// The part that both writers share: lines, then the body.
#[derive(Debug)]
struct Draft {
    buffer: Vec<u8>,
    /// Where Content-Type, Content-Length and the body start, once there is a body.
    tail: Option<usize>,
}

impl Draft {
    fn new(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.reserve(CAPACITY);
        Self { buffer, tail: None }
    }

    /// Writes bytes with line ends as spaces. Other control characters stay: a quoted string may have them, and what
    /// is copied must come back as it was (RFC 4475 section 3.1.1.2).
    fn clean(&mut self, text: &[u8]) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(text);
        self.clean_from(start);
    }

    fn clean_from(&mut self, start: usize) {
        for byte in self.buffer.get_mut(start..).unwrap_or_default() {
            // Without a branch, so that it is done for many bytes at once.
            *byte = if (*byte == b'\r') | (*byte == b'\n') { b' ' } else { *byte };
        }
    }

    /// Writes a line whose value is in several parts.
    fn line(&mut self, name: &[u8], value: &[&[u8]]) {
        let tail = self.tail.map(|at| self.buffer.split_off(at));
        self.buffer.extend_from_slice(name);
        self.buffer.extend_from_slice(b": ");
        for part in value {
            self.clean(part);
        }
        self.buffer.extend_from_slice(b"\r\n");
        self.put_back(tail);
    }

    /// Writes a line whose value is formatted.
    fn line_fmt(&mut self, name: &[u8], value: std::fmt::Arguments<'_>) {
        let tail = self.tail.map(|at| self.buffer.split_off(at));
        self.buffer.extend_from_slice(name);
        self.buffer.extend_from_slice(b": ");
        let start = self.buffer.len();
        put(&mut self.buffer, value);
        self.clean_from(start);
        self.buffer.extend_from_slice(b"\r\n");
        self.put_back(tail);
    }

    fn raw_line(&mut self, line: &[u8]) {
        let tail = self.tail.map(|at| self.buffer.split_off(at));
        self.clean(line);
        self.buffer.extend_from_slice(b"\r\n");
        self.put_back(tail);
    }

    /// A header after the body is rare; then the body is moved behind it.
    fn put_back(&mut self, tail: Option<Vec<u8>>) {
        if let Some(tail) = tail {
            self.tail = Some(self.buffer.len());
            self.buffer.extend_from_slice(&tail);
        }
    }

    fn body(&mut self, content_type: &[u8], body: &[u8]) {
        if let Some(at) = self.tail.take() {
            self.buffer.truncate(at);
        }
        let tail = self.buffer.len();
        if !content_type.is_empty() {
            self.line(b"Content-Type", &[content_type]);
        }
        self.length(body.len());
        self.buffer.extend_from_slice(body);
        self.tail = Some(tail);
    }

    fn length(&mut self, len: usize) {
        self.buffer.extend_from_slice(b"Content-Length: ");
        put_number(&mut self.buffer, len as u64);
        self.buffer.extend_from_slice(b"\r\n\r\n");
    }

    fn finish(&mut self) -> Bytes {
        if self.tail.is_none() {
            self.tail = Some(self.buffer.len());
            self.length(0);
        }
        Bytes::copy_from_slice(&self.buffer)
    }
}

/// Formats into a buffer, which cannot fail.
fn put(buffer: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    buffer.write_fmt(what).expect("a vector takes all that is written");
}

/// Writes a decimal number: every message has several, and the formatter costs ten times as much.
fn put_number(buffer: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    buffer.extend_from_slice(digits.get(at..).unwrap_or_default());
}

macro_rules! shared_methods {
    () => {
        /// Adds a header line. CR and LF in the value become spaces. Content-Length is ignored: it is written
        /// with the body.
        pub fn header(&mut self, name: Name, value: &[u8]) -> &mut Self {
            self.open();
            if name != Name::ContentLength {
                self.draft.line(name.as_str().as_bytes(), &[value]);
            }
            self
        }

        /// Adds a header line whose value is formatted.
        pub fn header_fmt(&mut self, name: Name, value: std::fmt::Arguments<'_>) -> &mut Self {
            self.open();
            if name != Name::ContentLength {
                self.draft.line_fmt(name.as_str().as_bytes(), value);
            }
            self
        }

        /// Adds a header line with a name of its own; nothing when the name is no token.
        pub fn header_named(&mut self, name: &[u8], value: &[u8]) -> &mut Self {
            self.open();
            if lex::is_token(name) && Name::parse(name) != Some(Name::ContentLength) {
                self.draft.line(name, &[value]);
            }
            self
        }

        /// Adds a whole line `Name: value` without its end; nothing when it has no name. CR and LF become spaces.
        pub fn raw_line(&mut self, line: &[u8]) -> &mut Self {
            let name = line.get(..lex::token_len(line)).unwrap_or(b"");
            let colon = lex::trim_start(line.get(name.len()..).unwrap_or(b"")).first();
            self.open();
            if colon == Some(&b':') && !name.is_empty() && Name::parse(name) != Some(Name::ContentLength) {
                self.draft.raw_line(line);
            }
            self
        }

        /// Copies all lines of a header from another message, in order, value by value unchanged.
        pub fn copy_all(&mut self, from: &Message, name: Name) -> &mut Self {
            for value in from.headers(name) {
                self.header(name, value);
            }
            self
        }

        /// Sets the body and its type; a second call replaces the first. Without a type no Content-Type is written.
        pub fn body(&mut self, content_type: &[u8], body: &[u8]) -> &mut Self {
            self.open();
            self.draft.body(content_type, body);
            self
        }

        /// The message, with its Content-Length.
        pub fn finish(&mut self) -> Bytes {
            self.open();
            self.draft.finish()
        }

        /// The buffer, for the next message.
        pub fn into_buffer(self) -> Vec<u8> {
            self.draft.buffer
        }
    };
}

/// Writes a request: the request line, then header lines in the order they are added.
#[derive(Debug)]
pub struct RequestWriter {
    draft: Draft,
}

impl RequestWriter {
    /// Starts a request. White space and line ends in the URI are left out.
    pub fn new(method: Method<'_>, uri: &[u8]) -> Self {
        Self::with_buffer(Vec::new(), method, uri)
    }

    /// The same in a buffer from [`RequestWriter::into_buffer`], so that only the finished bytes are allocated.
    pub fn with_buffer(buffer: Vec<u8>, method: Method<'_>, uri: &[u8]) -> Self {
        let mut draft = Draft::new(buffer);
        draft.buffer.extend(method.as_bytes().iter().filter(|b| **b > b' '));
        draft.buffer.push(b' ');
        draft.buffer.extend(uri.iter().filter(|b| **b > b' '));
        draft.buffer.extend_from_slice(b" SIP/2.0\r\n");
        Self { draft }
    }

    fn open(&mut self) {}

    /// Adds our Via: `sent_by` is host and port as they stand in it. `rport` asks for RFC 3581.
    pub fn via(&mut self, transport: Transport<'_>, sent_by: &[u8], branch: &[u8], rport: bool) -> &mut Self {
        let rport = if rport { &b";rport"[..] } else { b"" };
        let parts = [b"SIP/2.0/", transport.as_bytes(), b" ", sent_by, b";branch=", branch, rport];
        self.draft.line(b"Via", &parts);
        self
    }

    /// Adds CSeq.
    pub fn cseq(&mut self, number: u32, method: Method<'_>) -> &mut Self {
        let tail = self.draft.tail.map(|at| self.draft.buffer.split_off(at));
        self.draft.buffer.extend_from_slice(b"CSeq: ");
        put_number(&mut self.draft.buffer, u64::from(number));
        self.draft.buffer.push(b' ');
        self.draft.clean(method.as_bytes());
        self.draft.buffer.extend_from_slice(b"\r\n");
        self.draft.put_back(tail);
        self
    }

    shared_methods!();
}

/// Writes a response to a request: status line and the headers that RFC 3261 section 8.2.6.2 has copied, then those
/// that are added. The settings (`source`, `to_tag`, `with_record_route`) come before the first header.
#[derive(Debug)]
pub struct ResponseWriter<'m> {
    draft: Draft,
    request: &'m Message,
    source: Option<SocketAddr>,
    to_tag: Option<&'m [u8]>,
    record_route: bool,
    is_open: bool,
}

impl<'m> ResponseWriter<'m> {
    /// Starts the response. A malformed request is answered as far as its headers can be copied.
    pub fn to(request: &'m Message, status: u16, reason: &str) -> Self {
        Self::with_buffer(Vec::new(), request, status, reason)
    }

    /// The same in a buffer from [`ResponseWriter::into_buffer`].
    pub fn with_buffer(buffer: Vec<u8>, request: &'m Message, status: u16, reason: &str) -> Self {
        let mut draft = Draft::new(buffer);
        draft.buffer.extend_from_slice(b"SIP/2.0 ");
        // Three digits, whatever it is.
        let digit = |by: u16| b'0' + (status / by % 10) as u8;
        draft.buffer.extend_from_slice(&[digit(100), digit(10), digit(1), b' ']);
        draft.clean(reason.as_bytes());
        draft.buffer.extend_from_slice(b"\r\n");
        Self { draft, request, source: None, to_tag: None, record_route: false, is_open: false }
    }

    /// Where the request came from: completes the top Via with `received` and `rport` (RFC 3261 section 18.2.1,
    /// RFC 3581 section 4).
    pub fn source(&mut self, source: SocketAddr) -> &mut Self {
        self.source = Some(source);
        self
    }

    /// The tag for To, added when the request has none (RFC 3261 section 8.2.6.2). Not for a 100.
    pub fn to_tag(&mut self, tag: &'m [u8]) -> &mut Self {
        self.to_tag = Some(tag);
        self
    }

    /// Copies Record-Route too: for answers that make a dialog (RFC 3261 section 12.1.1).
    pub fn with_record_route(&mut self) -> &mut Self {
        self.record_route = true;
        self
    }

    /// Writes the copied headers, once.
    fn open(&mut self) {
        if std::mem::replace(&mut self.is_open, true) {
            return;
        }
        let request = self.request;
        self.copy_vias();
        if self.record_route {
            self.copy_all(request, Name::RecordRoute);
        }
        for name in [Name::From, Name::To, Name::CallId, Name::CSeq] {
            // A repeated one is copied once: the answer at least must be well-formed.
            let Some(value) = request.header(name) else { continue };
            match self.to_tag {
                Some(tag) if name == Name::To && !has_tag(value) => {
                    self.draft.line(b"To", &[value, b";tag=", tag]);
                }
                Some(_) | None => self.draft.line(name.as_str().as_bytes(), &[value]),
            }
        }
    }

    fn copy_vias(&mut self) {
        let mut lines = self.request.headers(Name::Via);
        let Some(top) = lines.next() else { return };
        let (value, others) = lex::cut(top, b',').map_or((top, None), |(value, rest)| (value, Some(rest)));
        self.draft.buffer.extend_from_slice(b"Via: ");
        match (Via::parse(value), self.source) {
            (Ok(via), Some(source)) => self.completed_via(&via, source),
            (Ok(_) | Err(_), _) => self.draft.clean(lex::trim_end(value)),
        }
        if let Some(others) = others {
            self.draft.buffer.extend_from_slice(b",");
            self.draft.clean(others);
        }
        self.draft.buffer.extend_from_slice(b"\r\n");
        for line in lines {
            self.draft.line(b"Via", &[line]);
        }
    }

    /// The top Via as it came, but for `received` and `rport`, which are ours to say.
    fn completed_via(&mut self, via: &Via<'_>, source: SocketAddr) {
        let address = source.ip().to_canonical();
        // RFC 3261 section 18.2.1: `received` when sent-by is a name or another address. RFC 3581 section 4: always
        // when `rport` is asked for.
        let is_received = via.rport.is_some() || via.host.ip().map(|ip| ip.to_canonical()) != Some(address);
        if !is_received && via.received.is_none() {
            self.draft.clean(via.raw);
            return;
        }
        let head = via.raw.len().saturating_sub(via.params.raw().len());
        self.draft.clean(lex::trim_end(via.raw.get(..head).unwrap_or(via.raw)));
        for (name, value) in via.params.iter() {
            if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
                continue;
            }
            self.draft.buffer.push(b';');
            self.draft.clean(name);
            if let Some(value) = value {
                self.draft.buffer.push(b'=');
                self.draft.clean(value);
            }
        }
        if via.rport.is_some() {
            self.draft.buffer.extend_from_slice(b";rport=");
            put_number(&mut self.draft.buffer, u64::from(source.port()));
        }
        match address {
            _ if !is_received => {}
            // RFC 5118 section 4.5: without brackets, as the grammar of `received` has it.
            IpAddr::V4(v4) => {
                let [first, others @ ..] = v4.octets();
                self.draft.buffer.extend_from_slice(b";received=");
                put_number(&mut self.draft.buffer, u64::from(first));
                for octet in others {
                    self.draft.buffer.push(b'.');
                    put_number(&mut self.draft.buffer, u64::from(octet));
                }
            }
            IpAddr::V6(v6) => put(&mut self.draft.buffer, format_args!(";received={v6}")),
        }
    }

    shared_methods!();
}

/// Whether a To has a tag; one that cannot be read gets none either, for a tag behind it would only look like one.
fn has_tag(value: &[u8]) -> bool {
    match name_addr::params(value) {
        Some(params) => params.value(b"tag").is_some(),
        None => memchr::memmem::find(value, b"tag=").is_some(),
    }
}

/// The CANCEL of an INVITE that we sent (RFC 3261 section 9.1): its URI, top Via, From, To, Call-ID, CSeq number and
/// Route.
pub fn cancel(invite: &Message) -> Bytes {
    let to = invite.header(Name::To).unwrap_or(b"");
    follow_up(invite, Method::Cancel, to)
}

/// The ACK of a final answer from 300 on (RFC 3261 section 17.1.1.3): as CANCEL, but for To, which is the answer's.
pub fn ack_non_2xx(invite: &Message, response: &Message) -> Bytes {
    let to = response.header(Name::To).or_else(|| invite.header(Name::To)).unwrap_or(b"");
    follow_up(invite, Method::Ack, to)
}

fn follow_up(invite: &Message, method: Method<'_>, to: &[u8]) -> Bytes {
    let mut writer = RequestWriter::new(method, invite.request_uri_raw());
    let vias = invite.header(Name::Via).unwrap_or(b"");
    writer.header(Name::Via, lex::cut(vias, b',').map_or(vias, |(top, _)| top));
    writer.copy_all(invite, Name::Route);
    writer.header(Name::MaxForwards, b"70");
    writer.header(Name::From, invite.header(Name::From).unwrap_or(b""));
    writer.header(Name::To, to);
    writer.header(Name::CallId, invite.header(Name::CallId).unwrap_or(b""));
    if let Ok(cseq) = invite.cseq() {
        writer.cseq(cseq.number, method);
    }
    writer.finish()
}
