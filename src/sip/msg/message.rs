//! One SIP message: its bytes and a small index over them.
//!
//! The index holds where the first line of each known header is and which of them repeat; everything else is read
//! from the bytes on demand. No heap but the bytes themselves. Typed views are in [`crate::sip::msg::typed`], the
//! strict validation in [`crate::sip::msg::check`].

use crate::sip::msg::fault::Fault;
use crate::sip::msg::length::ContentLength;
use crate::sip::msg::lex;
use crate::sip::msg::lex::Commas;
use crate::sip::msg::limits;
use crate::sip::msg::line;
use crate::sip::msg::line::Lines;
use crate::sip::msg::line::Step;
use crate::sip::msg::method::Method;
use crate::sip::msg::name;
use crate::sip::msg::name::Name;
use bytes::Bytes;
use std::fmt;

/// A range of places in the bytes; 16 bits, for no message is longer.
#[derive(Copy, Clone, Debug, Default)]
struct Span {
    start: u16,
    end: u16,
}

impl Span {
    fn of(start: usize, end: usize) -> Self {
        Self { start: place(start), end: place(end) }
    }
}

/// What the cheap pass saw that the strict one has to say.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sip::msg) struct Oddities {
    /// More or other white space in the request line than the single spaces of the grammar.
    pub(in crate::sip::msg) loose_start_line: bool,
    /// A header line without a colon or with a name that is no token.
    pub(in crate::sip::msg) malformed_line: bool,
    /// A line ends with a bare LF, or has a CR inside.
    pub(in crate::sip::msg) bare_line_end: bool,
    /// More header lines than [`limits::HEADERS_MAX`]; those beyond are not indexed.
    pub(in crate::sip::msg) too_many: bool,
    /// A line longer than [`limits::LINE_LEN_MAX`].
    pub(in crate::sip::msg) too_long: bool,
    /// The bytes end before the empty line.
    pub(in crate::sip::msg) no_empty_line: bool,
}

/// A request or a response. Cheap to clone: the bytes are shared, the index is copied.
#[derive(Clone)]
pub struct Message {
    bytes: Bytes,
    /// Where the first value of each known header starts; 0 when there is none (a start line comes before).
    first: [u16; name::COUNT],
    /// One bit a name: there is more than one line of it.
    repeats: u64,
    method: Span,
    uri: Span,
    version: Span,
    /// The status code; 0 for a request.
    status: u16,
    reason: Span,
    /// Where the header lines start.
    lines: u16,
    body: Span,
    length: ContentLength,
    oddities: Oddities,
}

const _: () = assert!(name::COUNT <= 64, "the bits of `repeats`");
const _: () = assert!(size_of::<Message>() <= 256, "cheap to clone and to move");

impl Message {
    /// Indexes a datagram or one framed message. Line ends before the start line are skipped (RFC 3261 section 7.5),
    /// folded lines are joined, bytes behind Content-Length are cut off (section 18.3). Accepts all that can be
    /// answered; [`Message::check`] says whether it is right.
    pub fn parse(mut bytes: Bytes) -> Result<Self, Fault> {
        if bytes.len() > limits::MESSAGE_LEN_MAX {
            return Err(Fault::TooLong);
        }
        let blank = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        if blank == bytes.len() {
            return Err(Fault::KeepAlive);
        }
        if blank > 0 {
            bytes = bytes.slice(blank..);
        }
        let mut message = Self::blank(bytes);
        let lines = message.index_start_line()?;
        if message.index_lines(lines) == Folds::Found {
            // RFC 3261 section 7.3.1: a fold is worth a space. Joined in place, so that all views are plain slices.
            message.bytes = unfolded(std::mem::take(&mut message.bytes), lines);
            message.forget_lines();
            message.index_lines(lines);
        }
        Ok(message)
    }

    /// The same message with other bytes, in which one header line is longer by `by` bytes before the place `end` that the
    /// line had so far; `None` when it is too long then. Nothing is read again: what is behind has moved.
    pub(in crate::sip) fn with_longer_line(&self, bytes: Bytes, end: usize, by: usize) -> Option<Self> {
        if bytes.len() > limits::MESSAGE_LEN_MAX {
            return None;
        }
        let (end, by) = (u16::try_from(end).ok()?, u16::try_from(by).ok()?);
        let moved = |at: u16| if at >= end { at + by } else { at };
        let body = Span { start: moved(self.body.start), end: moved(self.body.end) };
        let mut longer = Self { bytes, body, ..self.clone() };
        longer.first.iter_mut().for_each(|at| *at = moved(*at));
        Some(longer)
    }

    fn blank(bytes: Bytes) -> Self {
        Self {
            bytes,
            first: [0; name::COUNT],
            repeats: 0,
            method: Span::default(),
            uri: Span::default(),
            version: Span::default(),
            status: 0,
            reason: Span::default(),
            lines: 0,
            body: Span::default(),
            length: ContentLength::Absent,
            oddities: Oddities::default(),
        }
    }

    fn forget_lines(&mut self) {
        self.first = [0; name::COUNT];
        self.repeats = 0;
        self.length = ContentLength::Absent;
        let loose_start_line = self.oddities.loose_start_line;
        self.oddities = Oddities { loose_start_line, ..Oddities::default() };
    }

    /// Reads the first line; gives the place of the next.
    fn index_start_line(&mut self) -> Result<usize, Fault> {
        let text = &self.bytes[..];
        let (end, next) = line::line_end(text, 0).unwrap_or((text.len(), text.len()));
        let line = text.get(..end).unwrap_or(b"");
        if line.len() > limits::LINE_LEN_MAX {
            return Err(Fault::StartLine);
        }
        self.lines = place(next);
        if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/")) {
            let (status, reason) = status_line(line).ok_or(Fault::StatusLine)?;
            self.status = status;
            self.version = Span::of(0, 7);
            self.reason = Span::of(reason, end);
        } else {
            let parts = request_line(line).ok_or(Fault::StartLine)?;
            self.method = Span::of(0, parts.method_end);
            self.uri = parts.uri;
            self.version = parts.version;
            self.oddities.loose_start_line = parts.is_loose || text.get(end) != Some(&b'\r');
        }
        Ok(next)
    }

    /// Reads the header lines from `at` on, and finds the body.
    fn index_lines(&mut self, mut at: usize) -> Folds {
        let text = &self.bytes[..];
        let mut folds = Folds::None;
        let mut count = 0;
        loop {
            let line = match line::step(text, at, true) {
                Step::Line(line) => line,
                Step::HeadEnd(body) => {
                    at = body;
                    break;
                }
                Step::Cut => {
                    self.oddities.no_empty_line = true;
                    break;
                }
            };
            if line.is_folded {
                folds = Folds::Found;
            }
            count += 1;
            self.oddities.too_long |= line.value_end.saturating_sub(at) > limits::LINE_LEN_MAX;
            self.oddities.bare_line_end |= text.get(line.value_end) != Some(&b'\r');
            if line.name_end == at {
                self.oddities.malformed_line = true;
            } else if count > limits::HEADERS_MAX {
                self.oddities.too_many = true;
            } else if let Some(name) = text.get(at..line.name_end).and_then(Name::parse) {
                let slot = &mut self.first[name as usize];
                if *slot == 0 {
                    *slot = place(line.value_start);
                } else {
                    self.repeats |= 1 << name as u8;
                }
                if name == Name::ContentLength {
                    let value = text.get(line.value_start..line.value_end).unwrap_or(b"");
                    self.length = self.length.see(value);
                }
            }
            at = line.next;
        }
        // RFC 3261 section 18.3: over datagrams, what is behind Content-Length is dropped, and without one the body
        // is the rest. A length that cannot be true is left to `check`.
        let rest = text.len().saturating_sub(at);
        let len = match self.length {
            ContentLength::Is(len) => rest.min(usize::try_from(len).unwrap_or(rest)),
            ContentLength::Absent | ContentLength::Bad => rest,
        };
        self.body = Span::of(at, at + len);
        folds
    }

    fn span(&self, span: Span) -> &[u8] {
        self.bytes.get(usize::from(span.start)..usize::from(span.end)).unwrap_or(b"")
    }

    /// Whether it is a request.
    pub const fn is_request(&self) -> bool {
        self.status == 0
    }

    /// The method: of the request line, or for a response that of CSeq.
    pub fn method(&self) -> Method<'_> {
        if self.is_request() {
            return Method::parse(self.span(self.method));
        }
        let cseq = self.header(Name::CSeq).unwrap_or(b"");
        let start = cseq.iter().rposition(|b| lex::is_space(*b)).map_or(cseq.len(), |space| space + 1);
        Method::parse(cseq.get(start..).unwrap_or(b""))
    }

    /// The status code of a response, 100 to 699.
    pub const fn status(&self) -> Option<u16> {
        if self.status == 0 { None } else { Some(self.status) }
    }

    /// The reason phrase of a response; any bytes, often UTF-8.
    pub fn reason_phrase(&self) -> &[u8] {
        self.span(self.reason)
    }

    /// The Request-URI as it came; empty for a response.
    pub fn request_uri_raw(&self) -> &[u8] {
        self.span(self.uri)
    }

    /// The version as it came, such as `SIP/2.0`; empty when the request line has none.
    pub fn version(&self) -> &[u8] {
        self.span(self.version)
    }

    /// The first value of a header, without the white space around it; all of the line, commas included.
    pub fn header(&self, name: Name) -> Option<&[u8]> {
        let start = usize::from(*self.first.get(name as usize)?);
        if start == 0 {
            return None;
        }
        let text = &self.bytes[..];
        let end = line::line_end(text, start).map_or(text.len(), |(end, _)| end);
        Some(lex::trim(text.get(start..end)?))
    }

    /// Whether the header is there.
    pub fn has(&self, name: Name) -> bool {
        self.first.get(name as usize).is_some_and(|start| *start != 0)
    }

    /// Whether there is more than one line of the header.
    pub fn repeats(&self, name: Name) -> bool {
        self.repeats & (1 << name as u8) != 0
    }

    /// Whether any known header has more than one line.
    pub(in crate::sip::msg) const fn repeats_any(&self) -> bool {
        self.repeats != 0
    }

    /// The values of all lines of a header, one item a line.
    pub fn headers(&self, name: Name) -> HeaderLines<'_> {
        let value = self.header(name);
        let rest = if self.repeats(name) {
            let start = usize::from(self.first[name as usize]);
            let next = line::line_end(&self.bytes, start).map_or(self.bytes.len(), |(_, next)| next);
            Some(Lines::new(self.head(), next))
        } else {
            None
        };
        HeaderLines { name, value, rest }
    }

    /// The values of a header that is a comma list, over all its lines; commas inside of quotes and `<>` don't cut.
    pub fn values(&self, name: Name) -> Values<'_> {
        Values { lines: self.headers(name), commas: None }
    }

    /// The first value of a header by its name in any case, for headers that have no [`Name`].
    pub fn header_by_name(&self, name: &[u8]) -> Option<&[u8]> {
        if let Some(known) = Name::parse(name) {
            return self.header(known);
        }
        self.all_headers().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All header lines in order, as (name as it came, value). A malformed line has an empty name.
    pub fn all_headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines()
    }

    /// The start line without its end.
    pub(in crate::sip::msg) fn start_line(&self) -> &[u8] {
        let end = line::line_end(&self.bytes, 0).map_or(self.bytes.len(), |(end, _)| end);
        self.bytes.get(..end).unwrap_or(b"")
    }

    pub(in crate::sip::msg) fn lines(&self) -> Lines<'_> {
        Lines::new(self.head(), usize::from(self.lines))
    }

    /// The bytes before the body: start line, header lines and the empty line.
    pub(in crate::sip::msg) fn head(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.body.start)).unwrap_or(&self.bytes)
    }

    /// The body, as long as Content-Length says. Shares the message's bytes.
    pub fn body(&self) -> Bytes {
        self.bytes.slice_ref(self.body_slice())
    }

    /// The body, borrowed.
    pub fn body_slice(&self) -> &[u8] {
        self.span(self.body)
    }

    /// What the Content-Length lines say.
    pub const fn said_length(&self) -> ContentLength {
        self.length
    }

    /// The whole message; folded lines are joined in it, and what was behind the body is still there.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(in crate::sip::msg) const fn oddities(&self) -> Oddities {
        self.oddities
    }
}

/// The first line and the names of the headers only: numbers and secrets don't get into a log by accident.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self
            .status()
            .map_or_else(|| self.span(self.method).escape_ascii().to_string(), |s| s.to_string());
        write!(f, "Message({what}, {} bytes)", self.bytes.len())
    }
}

/// See [`Message::headers`].
#[derive(Clone, Debug)]
pub struct HeaderLines<'a> {
    name: Name,
    value: Option<&'a [u8]>,
    rest: Option<Lines<'a>>,
}

impl<'a> Iterator for HeaderLines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if let Some(value) = self.value.take() {
            return Some(value);
        }
        self.rest.as_mut()?.find(|(name, _)| Name::parse(name) == Some(self.name)).map(|(_, value)| value)
    }
}

/// See [`Message::values`].
#[derive(Clone, Debug)]
pub struct Values<'a> {
    lines: HeaderLines<'a>,
    commas: Option<Commas<'a>>,
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            if let Some(value) = self.commas.as_mut().and_then(Iterator::next) {
                return Some(value);
            }
            self.commas = Some(Commas::of(self.lines.next()?));
        }
    }
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Folds {
    None,
    Found,
}

/// A place as 16 bits; [`limits::MESSAGE_LEN_MAX`] keeps them in range.
fn place(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// `SIP/2.0 200 OK`: the code and where the phrase starts. RFC 4475 section 3.1.1.13: the phrase may be empty; the
/// code has three digits, so that 4294967301 does not wrap to 5 (section 3.1.2.19).
fn status_line(line: &[u8]) -> Option<(u16, usize)> {
    let rest = line.get(7..).filter(|_| line.get(4..7) == Some(b"2.0"))?;
    let (&first, rest) = rest.split_first()?;
    let code = lex::number(rest.get(..3)?, 699).filter(|code| *code >= 100)?;
    let follows = rest.get(3);
    (first == b' ' && follows.is_none_or(|b| *b == b' ')).then_some(())?;
    Some((u16::try_from(code).ok()?, line.len().min(12)))
}

struct RequestLine {
    method_end: usize,
    uri: Span,
    version: Span,
    is_loose: bool,
}

/// `METHOD SP uri SP version`. Generous, so that a wrong one can be answered: the version is the last word, the URI
/// all between.
fn request_line(line: &[u8]) -> Option<RequestLine> {
    let method_end = lex::token_len(line);
    if method_end == 0 || !line.get(method_end).is_some_and(|b| lex::is_space(*b)) {
        return None;
    }
    let end = lex::trim_end(line).len();
    let version_start = line.get(..end)?.iter().rposition(|b| lex::is_space(*b))? + 1;
    if version_start <= method_end + 1 {
        // Only two words: no version.
        let uri = Span::of(version_start.max(method_end), end);
        return Some(RequestLine {
            method_end,
            uri,
            version: Span::of(end, end),
            is_loose: end != line.len(),
        });
    }
    let middle = line.get(method_end..version_start)?;
    let uri_start = method_end + (middle.len() - lex::trim_start(middle).len());
    let uri_end = method_end + lex::trim_end(middle).len();
    if uri_start >= uri_end {
        let (uri, version) = (Span::of(version_start, end), Span::of(end, end));
        return Some(RequestLine { method_end, uri, version, is_loose: true });
    }
    let is_loose = line.get(method_end..uri_start) != Some(b" ")
        || line.get(uri_end..version_start) != Some(b" ")
        || end != line.len();
    let (uri, version) = (Span::of(uri_start, uri_end), Span::of(version_start, end));
    Some(RequestLine { method_end, uri, version, is_loose })
}

/// The same bytes with every fold's line end replaced by spaces; the length stays.
fn unfolded(bytes: Bytes, lines: usize) -> Bytes {
    let mut bytes = bytes.try_into_mut().unwrap_or_else(|shared| bytes::BytesMut::from(&shared[..]));
    let mut at = lines;
    while let Some((end, next)) = line::line_end(&bytes, at) {
        if end == at {
            break;
        }
        if matches!(bytes.get(next), Some(b' ' | b'\t'))
            && let Some(line_end) = bytes.get_mut(end..next)
        {
            line_end.fill(b' ');
        }
        at = next;
    }
    bytes.freeze()
}
