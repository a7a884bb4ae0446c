//! Cutting a byte stream (TCP, TLS) into messages (RFC 3261 sections 7.5 and 18.3).
//!
//! The length rule is [`ContentLength`], the line rule [`crate::sip::msg::line`]: the parser's own. WebSockets frame
//! by themselves; [`whole`] checks that one of their messages is one of ours.

use crate::sip::msg::fault::Defect;
use crate::sip::msg::fault::Fault;
use crate::sip::msg::length::ContentLength;
use crate::sip::msg::limits;
use crate::sip::msg::line;
use crate::sip::msg::message::Message;
use crate::sip::msg::method::Method;
use crate::sip::msg::name::Name;
use crate::sip::msg::write::ResponseWriter;
use bytes::Buf;
use bytes::Bytes;
use bytes::BytesMut;
use std::net::SocketAddr;

/// What came out of the stream.
#[derive(Clone, Debug)]
pub enum Frame {
    /// A whole message, indexed.
    Message(Message),
    /// Two line ends: a keep-alive. Answer with one CRLF (RFC 5626 section 4.4.1).
    Ping,
}

/// The stream cannot be cut any further; the connection closes.
#[derive(Clone, Debug)]
pub struct BadFrame {
    /// What to answer before closing, and why.
    pub defect: Defect,
    /// The head, when there is one: answer it if it is a request with a Via.
    pub head: Option<Message>,
    /// A stable word for a metric's label.
    pub reason: &'static str,
}

impl BadFrame {
    /// The refusal to send before closing; `source` is where the bytes came from. `None` when there is no request to
    /// answer, or an ACK. The request itself goes nowhere: without its right length nobody knows what it said.
    pub fn answer(&self, source: SocketAddr) -> Option<Bytes> {
        let head = self.head.as_ref().filter(|head| head.is_request())?;
        // RFC 3261 section 17.1.1.3: an ACK is never answered.
        if head.method() == Method::Ack || !head.has(Name::Via) {
            return None;
        }
        let tag = format!("{:016x}", fingerprint(head.as_bytes()));
        let mut response = ResponseWriter::to(head, self.defect.status, self.defect.reason);
        response.source(source).to_tag(tag.as_bytes());
        Some(response.finish())
    }
}

/// RFC 3261 section 8.2.7: an answer that is given without memory has the same tag each time. FNV-1a; nothing but
/// the peer's own dialog hangs on it.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// What a message of a transport that frames by itself (WebSocket) is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// One SIP message; its grammar is not checked yet.
    Message(Bytes),
    /// A double CRLF: answer with one.
    Ping,
    /// A single CRLF, or nothing.
    Pong,
}

/// Takes one message of a transport that frames by itself. RFC 7118 section 5.1: it has exactly one SIP message; a
/// second one behind the first's Content-Length would be lost without a word.
///
/// # Errors
/// Bytes that are no SIP message, or more than one; the connection closes.
pub fn whole(bytes: Bytes) -> Result<Whole, Box<BadFrame>> {
    if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
        let line_ends = bytes.iter().filter(|byte| **byte == b'\n').count();
        return Ok(if line_ends >= 2 { Whole::Ping } else { Whole::Pong });
    }
    let message = Message::parse(bytes.clone()).map_err(bad_start).and_then(answerable)?;
    let head = message.head().len();
    let said = match message.said_length() {
        ContentLength::Is(len) => usize::try_from(len).unwrap_or(usize::MAX),
        ContentLength::Absent | ContentLength::Bad => usize::MAX,
    };
    let behind = message.as_bytes().get(head.saturating_add(said)..).unwrap_or(b"");
    // A line end behind the body is nothing that could be lost.
    if behind.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
        let defect = Defect::whole(400, "One Message Each");
        let head = Message::parse(message.as_bytes().slice(..head)).ok();
        return Err(Box::new(BadFrame { defect, head, reason: "framing" }));
    }
    Ok(Whole::Message(bytes))
}

/// Where the next message stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Before or within a head. `line` is where the line starts that was not whole yet.
    Head { line: usize },
    /// The head is whole; the message ends there.
    Body { end: usize },
    /// Closed by a [`BadFrame`].
    Dead,
}

/// One connection's incoming bytes. Bounded: never keeps more than one message and what one read brought.
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    stage: Stage,
    /// Line ends since the last message: the first of a pair is still without its second.
    half_ping: bool,
    line_ends: u64,
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

impl Framer {
    /// For a fresh connection.
    pub fn new() -> Self {
        Self { buffer: BytesMut::new(), stage: Stage::Head { line: 0 }, half_ping: false, line_ends: 0 }
    }

    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.stage != Stage::Dead {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The buffer to read into directly; only append.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Whether a message has begun and is not whole: a timer should bound how long that may last.
    pub fn is_within_message(&self) -> bool {
        self.stage != Stage::Dead && !self.buffer.is_empty()
    }

    /// How many line ends came between messages; it grows by one with each pong (RFC 5626 section 4.4.1).
    pub const fn line_ends(&self) -> u64 {
        self.line_ends
    }

    /// The next frame; `None` when more bytes are needed. After an error always `None`.
    pub fn pop(&mut self) -> Result<Option<Frame>, Box<BadFrame>> {
        loop {
            match self.stage {
                Stage::Dead => return Ok(None),
                Stage::Body { end } if self.buffer.len() < end => return Ok(None),
                Stage::Body { end } => return self.message(end),
                Stage::Head { line } => {
                    if line == 0 && self.skip_line_end() {
                        self.half_ping = !self.half_ping;
                        if self.half_ping {
                            continue;
                        }
                        return Ok(Some(Frame::Ping));
                    }
                    match self.find_head_end(line)? {
                        Some(end) => self.stage = Stage::Body { end },
                        None => return Ok(None),
                    }
                }
            }
        }
    }

    /// Takes one CRLF (or LF) from the front. RFC 3261 section 7.5: they are ignored before a start line.
    fn skip_line_end(&mut self) -> bool {
        let len = match &self.buffer[..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return false,
        };
        self.buffer.advance(len);
        self.line_ends += 1;
        true
    }

    /// Looks for the empty line, from the line that was not whole; gives the message's end.
    fn find_head_end(&mut self, mut at: usize) -> Result<Option<usize>, Box<BadFrame>> {
        if self.buffer[..] == *b"\r" {
            return Ok(None);
        }
        while let Some((end, next)) = line::line_end(&self.buffer, at) {
            if end.saturating_sub(at) > limits::LINE_LEN_MAX || next > limits::HEAD_LEN_MAX {
                return Err(self.too_long());
            }
            if end == at && at > 0 {
                return self.message_end(next).map(Some);
            }
            at = next;
        }
        // One more: the CR of a line end may be there without its LF.
        if self.buffer.len().saturating_sub(at) > limits::LINE_LEN_MAX + 1
            || self.buffer.len() > limits::HEAD_LEN_MAX
        {
            return Err(self.too_long());
        }
        self.stage = Stage::Head { line: at };
        Ok(None)
    }

    /// The message's end, from its head which ends at `head`.
    fn message_end(&mut self, head: usize) -> Result<usize, Box<BadFrame>> {
        let bad = |reason| Defect::bad(Name::ContentLength, reason);
        let start = line::line_end(&self.buffer, 0).map_or(head, |(_, next)| next);
        match ContentLength::of_lines(self.buffer.get(..head).unwrap_or(b""), start) {
            // RFC 3261 section 18.3: "The Content-Length header field MUST be used with stream-oriented transports".
            ContentLength::Absent => Err(self.close(bad("Missing Content-Length"), "length_missing", head)),
            ContentLength::Bad => Err(self.close(bad("Malformed Content-Length"), "length_malformed", head)),
            ContentLength::Is(len) => {
                let end = usize::try_from(len).ok().and_then(|len| head.checked_add(len));
                match end.filter(|end| *end <= limits::MESSAGE_LEN_MAX) {
                    Some(end) => Ok(end),
                    // RFC 3261 section 21.5.7: 513.
                    None => Err(self.close(Defect::whole(513, "Message Too Large"), "too_long", head)),
                }
            }
        }
    }

    fn message(&mut self, end: usize) -> Result<Option<Frame>, Box<BadFrame>> {
        // Copied, so that a message that is kept for long does not keep the read buffer with it.
        let bytes = Bytes::copy_from_slice(self.buffer.get(..end).unwrap_or(b""));
        self.buffer.advance(end);
        self.stage = Stage::Head { line: 0 };
        self.half_ping = false;
        match Message::parse(bytes).map_err(bad_start).and_then(answerable) {
            Ok(message) => Ok(Some(Frame::Message(message))),
            Err(broken) => {
                self.stage = Stage::Dead;
                self.buffer = BytesMut::new();
                Err(broken)
            }
        }
    }

    fn too_long(&mut self) -> Box<BadFrame> {
        let len = self.buffer.len().min(limits::HEAD_LEN_MAX);
        self.close(Defect::whole(513, "Message Too Large"), "head_too_long", len)
    }

    /// Ends the stream; keeps the head for an answer.
    fn close(&mut self, defect: Defect, reason: &'static str, head: usize) -> Box<BadFrame> {
        self.stage = Stage::Dead;
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.truncate(head);
        Box::new(BadFrame { defect, head: Message::parse(bytes.freeze()).ok(), reason })
    }
}

/// A request without a Via (HTTP, say) can't be answered: then the connection ends, so that its sender knows.
fn answerable(message: Message) -> Result<Message, Box<BadFrame>> {
    if !message.is_request() || message.has(Name::Via) {
        return Ok(message);
    }
    let defect = Defect::bad(Name::Via, "Missing Via");
    Err(Box::new(BadFrame { defect, head: None, reason: "missing_header" }))
}

fn bad_start(fault: Fault) -> Box<BadFrame> {
    Box::new(BadFrame {
        defect: Defect::whole(400, "Malformed Start Line"),
        head: None,
        reason: fault.reason(),
    })
}
