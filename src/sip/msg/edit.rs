//! Forwarding a message with some headers changed and the rest byte for byte.

use crate::sip::msg::length::ContentLength;
use crate::sip::msg::lex;
use crate::sip::msg::message::Message;
use crate::sip::msg::name::Name;
use bytes::Bytes;

/// What to do with the lines of one header.
#[derive(Clone, Debug)]
enum Edit<'e> {
    Remove(Name),
    /// The first value, which may be one of several in its line.
    RemoveTop(Name),
    /// The first line gets the value, the others go; added when there is none.
    Replace(Name, &'e [u8]),
    /// A line before the first of that name, or before all lines.
    Push(Name, &'e [u8]),
    /// A line behind all lines.
    Append(Name, &'e [u8]),
}

/// A list of changes; nothing happens before [`Edits::apply`].
#[derive(Clone, Debug, Default)]
pub struct Edits<'e> {
    uri: Option<&'e [u8]>,
    edits: Vec<Edit<'e>>,
    body: Option<(&'e [u8], &'e [u8])>,
}

impl<'e> Edits<'e> {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another Request-URI; white space in it is left out. Nothing for a response.
    pub fn request_uri(&mut self, uri: &'e [u8]) -> &mut Self {
        self.uri = Some(uri);
        self
    }

    /// Without any line of that header.
    pub fn remove(&mut self, name: Name) -> &mut Self {
        self.edits.push(Edit::Remove(name));
        self
    }

    /// Without the first value of that header: our Via or Route.
    pub fn remove_top(&mut self, name: Name) -> &mut Self {
        self.edits.push(Edit::RemoveTop(name));
        self
    }

    /// One line of that header with this value, at the place of the first.
    pub fn replace(&mut self, name: Name, value: &'e [u8]) -> &mut Self {
        self.edits.push(Edit::Replace(name, value));
        self
    }

    /// A line above the others of that header: Via, Record-Route.
    pub fn push(&mut self, name: Name, value: &'e [u8]) -> &mut Self {
        self.edits.push(Edit::Push(name, value));
        self
    }

    /// A line below all others.
    pub fn append(&mut self, name: Name, value: &'e [u8]) -> &mut Self {
        self.edits.push(Edit::Append(name, value));
        self
    }

    /// Another body. Content-Length follows, and Content-Type unless `content_type` is empty.
    pub fn body(&mut self, content_type: &'e [u8], body: &'e [u8]) -> &mut Self {
        self.body = Some((content_type, body));
        self
    }

    /// The changed message. Content-Length is written anew when the body changes or when it was not one right number.
    pub fn apply(&self, message: &Message) -> Bytes {
        let body = self.body.map_or(message.body_slice(), |(_, body)| body);
        let said = match message.said_length() {
            ContentLength::Is(len) => usize::try_from(len).ok(),
            ContentLength::Absent | ContentLength::Bad => None,
        };
        let keeps_length = said == Some(body.len()) && !message.repeats(Name::ContentLength);
        let mut out = Vec::with_capacity(message.as_bytes().len() + 512);
        self.start_line(message, &mut out);
        self.edits.iter().for_each(|edit| {
            // A pushed line whose header is absent goes on top.
            if let Edit::Push(name, value) = edit
                && !message.has(*name)
            {
                line(&mut out, *name, value);
            }
        });
        let mut seen = 0u64;
        for (name, value) in message.lines() {
            match Name::parse(name) {
                Some(Name::ContentLength) if !keeps_length => {}
                Some(Name::ContentType) if self.body.is_some_and(|(kind, _)| !kind.is_empty()) => {}
                Some(known) => {
                    self.known_line(known, name, value, seen & (1 << known as u8) == 0, &mut out);
                    seen |= 1 << known as u8;
                }
                None => copy(&mut out, name, value),
            }
        }
        self.finish(message, keeps_length, body, out)
    }

    fn start_line(&self, message: &Message, out: &mut Vec<u8>) {
        match self.uri {
            Some(uri) if message.is_request() => {
                out.extend_from_slice(message.method().as_bytes());
                out.push(b' ');
                out.extend(uri.iter().filter(|b| **b > b' '));
                out.push(b' ');
                out.extend_from_slice(message.version());
            }
            Some(_) | None => out.extend_from_slice(message.start_line()),
        }
        out.extend_from_slice(b"\r\n");
    }

    fn known_line(&self, known: Name, name: &[u8], value: &[u8], is_first: bool, out: &mut Vec<u8>) {
        let mut kept = Some((name, value));
        for edit in &self.edits {
            match edit {
                Edit::Remove(which) if *which == known => kept = None,
                Edit::RemoveTop(which) if *which == known && is_first => {
                    kept = kept.and_then(|(name, value)| Some((name, lex::trim(lex::cut(value, b',')?.1))));
                }
                Edit::Replace(which, new) if *which == known => {
                    kept = is_first.then_some((known.as_str().as_bytes(), new));
                }
                Edit::Push(which, new) if *which == known && is_first => line(out, known, new),
                Edit::Remove(_)
                | Edit::RemoveTop(_)
                | Edit::Replace(..)
                | Edit::Push(..)
                | Edit::Append(..) => {}
            }
        }
        if let Some((name, value)) = kept {
            copy(out, name, value);
        }
    }

    fn finish(&self, message: &Message, keeps_length: bool, body: &[u8], mut out: Vec<u8>) -> Bytes {
        for edit in &self.edits {
            match edit {
                Edit::Append(name, value) => line(&mut out, *name, value),
                Edit::Replace(name, value) if !message.has(*name) => line(&mut out, *name, value),
                Edit::Remove(_) | Edit::RemoveTop(_) | Edit::Replace(..) | Edit::Push(..) => {}
            }
        }
        if let Some((kind, _)) = self.body.filter(|(kind, _)| !kind.is_empty()) {
            line(&mut out, Name::ContentType, kind);
        }
        if !keeps_length {
            line(&mut out, Name::ContentLength, body.len().to_string().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
        out.into()
    }
}

fn line(out: &mut Vec<u8>, name: Name, value: &[u8]) {
    copy(out, name.as_str().as_bytes(), value);
}

/// Writes one line; CR and LF in the value become spaces. A malformed line without a name does not travel on.
fn copy(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    if name.is_empty() {
        return;
    }
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend(value.iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }));
    out.extend_from_slice(b"\r\n");
}
