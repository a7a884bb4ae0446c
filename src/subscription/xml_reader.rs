//! Reading XML 1.0 strictly, as far as documents of events need it: elements, attributes, text and the five named
//! entities. No document type, no processing, nothing that grows.
//!
//! A tokenizer with a stack, not a document model: the reader of a document pulls what it wants.

use crate::subscription::xml::is_char;
use std::borrow::Cow;

/// More of any of these is no notification.
const DEPTH_MAX: usize = 16;
const ATTRIBUTES_MAX: usize = 32;

/// What is wrong with a document.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not XML, or XML of a kind that is not taken.
    NotWellFormed,
    /// It is longer or deeper than any that means well.
    TooLarge,
    /// An element, attribute or value that the schema does not have there, or one that it demands is missing.
    Invalid,
}

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::subscription) enum Token<'a> {
    /// An element begins; its name as written.
    Open(&'a str, Vec<(&'a str, Cow<'a, str>)>),
    /// The element opened last ends.
    Close,
    /// Text, which may be white space only.
    Text(Cow<'a, str>),
}

/// A document being read.
#[derive(Debug)]
pub(in crate::subscription) struct Tokens<'a> {
    rest: &'a str,
    open: Vec<&'a str>,
    /// The element just read was empty: its end comes next.
    owes_close: bool,
    has_root: bool,
}

impl<'a> Tokens<'a> {
    pub(in crate::subscription) fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { rest: text, open: Vec::new(), owes_close: false, has_root: false }
    }

    /// Skips the declaration; one of another encoding than UTF-8 is a fault.
    pub(in crate::subscription) fn declaration(&mut self) -> Result<(), Fault> {
        let Some(rest) = self.rest.strip_prefix("<?xml") else { return Ok(()) };
        let (said, rest) = rest.split_once("?>").ok_or(Fault::NotWellFormed)?;
        let (attributes, end) = attributes(said)?;
        let right = attributes.iter().all(|(name, value)| match *name {
            "version" => value == "1.0",
            "encoding" => value.eq_ignore_ascii_case("utf-8"),
            "standalone" => matches!(&**value, "yes" | "no"),
            _ => false,
        });
        if !right || !end.trim().is_empty() {
            return Err(Fault::NotWellFormed);
        }
        self.rest = rest;
        Ok(())
    }

    /// The next piece; `None` at the end of a whole document.
    pub(in crate::subscription) fn next(&mut self) -> Result<Option<Token<'a>>, Fault> {
        if std::mem::take(&mut self.owes_close) {
            self.open.pop();
            return Ok(Some(Token::Close));
        }
        loop {
            if self.open.is_empty() {
                self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
                if self.rest.is_empty() {
                    return if self.has_root { Ok(None) } else { Err(Fault::NotWellFormed) };
                }
            }
            if let Some(rest) = self.rest.strip_prefix("<!--") {
                self.comment(rest)?;
            } else if let Some(rest) = self.rest.strip_prefix("</") {
                return self.close(rest).map(Some);
            } else if let Some(rest) = self.rest.strip_prefix('<') {
                return self.open(rest).map(Some);
            } else if self.open.is_empty() {
                return Err(Fault::NotWellFormed);
            } else {
                return self.text().map(Some);
            }
        }
    }

    fn comment(&mut self, rest: &'a str) -> Result<(), Fault> {
        let (_, rest) = rest.split_once("--").ok_or(Fault::NotWellFormed)?;
        self.rest = rest.strip_prefix('>').ok_or(Fault::NotWellFormed)?;
        Ok(())
    }

    fn open(&mut self, rest: &'a str) -> Result<Token<'a>, Fault> {
        if self.open.is_empty() && std::mem::replace(&mut self.has_root, true) {
            return Err(Fault::NotWellFormed);
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(Fault::TooLarge);
        }
        let (name, rest) = name(rest)?;
        let (attributes, rest) = attributes(rest)?;
        let rest = match rest.strip_prefix("/>") {
            Some(rest) => {
                self.owes_close = true;
                rest
            }
            None => rest.strip_prefix('>').ok_or(Fault::NotWellFormed)?,
        };
        self.open.push(name);
        self.rest = rest;
        Ok(Token::Open(name, attributes))
    }

    fn close(&mut self, rest: &'a str) -> Result<Token<'a>, Fault> {
        let (name, rest) = name(rest)?;
        let rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        self.rest = rest.strip_prefix('>').ok_or(Fault::NotWellFormed)?;
        if self.open.pop() != Some(name) {
            return Err(Fault::NotWellFormed);
        }
        Ok(Token::Close)
    }

    fn text(&mut self) -> Result<Token<'a>, Fault> {
        let end = self.rest.find('<').ok_or(Fault::NotWellFormed)?;
        let (text, rest) = self.rest.split_at_checked(end).ok_or(Fault::NotWellFormed)?;
        self.rest = rest;
        if text.contains("]]>") {
            return Err(Fault::NotWellFormed);
        }
        unescape(text).map(Token::Text)
    }
}

/// A name without its namespace's prefix.
pub(in crate::subscription) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn name(text: &str) -> Result<(&str, &str), Fault> {
    let is_first = |letter: char| letter.is_alphabetic() || letter == '_';
    let is_later = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':');
    let end = text.find(|letter| !is_later(letter)).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).ok_or(Fault::NotWellFormed)?;
    let parts: Vec<&str> = name.split(':').collect();
    let right = parts.len() <= 2 && parts.iter().all(|part| part.starts_with(is_first));
    if right { Ok((name, rest)) } else { Err(Fault::NotWellFormed) }
}

type Attributes<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// Attributes up to what is none.
fn attributes(mut text: &str) -> Result<(Attributes<'_>, &str), Fault> {
    let mut found: Attributes<'_> = Vec::new();
    loop {
        let rest = text.trim_start_matches([' ', '\t', '\r', '\n']);
        if rest.is_empty() || rest.starts_with(['>', '/']) {
            return Ok((found, rest));
        }
        // XML 1.0 production 40: white space before each.
        if rest.len() == text.len() {
            return Err(Fault::NotWellFormed);
        }
        if found.len() >= ATTRIBUTES_MAX {
            return Err(Fault::TooLarge);
        }
        let (name, rest) = name(rest)?;
        let rest = rest.trim_start().strip_prefix('=').ok_or(Fault::NotWellFormed)?.trim_start();
        let quote =
            rest.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or(Fault::NotWellFormed)?;
        let (value, rest) = rest.split_at(1).1.split_once(quote).ok_or(Fault::NotWellFormed)?;
        if value.contains('<') || found.iter().any(|(other, _)| *other == name) {
            return Err(Fault::NotWellFormed);
        }
        found.push((name, spaces(unescape(value)?)));
        text = rest;
    }
}

/// XML 1.0 section 3.3.3: white space in an attribute is a space.
fn spaces(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains(['\t', '\r', '\n']) { Cow::Owned(text.replace(['\t', '\r', '\n'], " ")) } else { text }
}

fn unescape(text: &str) -> Result<Cow<'_, str>, Fault> {
    let is_allowed = |letter: char| is_char(letter) || matches!(letter, '\t' | '\r' | '\n');
    if !text.chars().all(is_allowed) {
        return Err(Fault::NotWellFormed);
    }
    if !text.contains('&') {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split('&');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (entity, rest) = part.split_once(';').ok_or(Fault::NotWellFormed)?;
        plain.push(reference(entity).filter(|letter| is_allowed(*letter)).ok_or(Fault::NotWellFormed)?);
        plain.push_str(rest);
    }
    Ok(Cow::Owned(plain))
}

fn reference(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                    u32::from_str_radix(digits, 16).ok()?
                }
                None if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse().ok()?,
                Some(_) | None => return None,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<usize, Fault> {
        let mut tokens = Tokens::new(text);
        tokens.declaration()?;
        let mut count = 0;
        while tokens.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn what_is_xml_is_read() {
        assert_eq!(tokens("<a/>"), Ok(2));
        assert_eq!(
            tokens(
                "<?xml version='1.0' encoding=\"utf-8\"?>\n<!-- x --><a b='1' c=\"&#x41;&lt;\">t<b:c/></a >\n"
            ),
            Ok(5)
        );
    }

    #[test]
    fn what_is_not_is_refused() {
        let wrong = [
            "",
            " ",
            "x",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a b></a>",
            "<a b=1/>",
            "<a b='1' b='2'/>",
            "<a b='<'/>",
            "<a b='1'c='2'/>",
            "<a>&x;</a>",
            "<a>&</a>",
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<a>&#+65;</a>",
            "<a>]]></a>",
            "<a>\u{1}</a>",
            "<!DOCTYPE a><a/>",
            "<?xml version='1.1'?><a/>",
            "<?xml version='1.0' encoding='latin-1'?><a/>",
            "<?pi?><a/>",
            "<a><![CDATA[x]]></a>",
            "<1/>",
            "<a:b:c/>",
            "<:a/>",
            "<a/>x",
            "<a><!-- -- --></a>",
            "<a",
            "<a b='",
            "<!--",
        ];
        for text in wrong {
            assert_eq!(tokens(text), Err(Fault::NotWellFormed), "{text}");
        }
        assert_eq!(tokens(&"<a>".repeat(17)), Err(Fault::TooLarge));
    }
}
