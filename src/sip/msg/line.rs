//! Header lines: where one ends, what is its name, where the head ends.
//!
//! The one scanner for parser, framer and edit list, so that they never disagree about a byte. A line ends with LF,
//! a CR before it belongs to the end; a line that starts with white space continues the one before (RFC 3261 section
//! 7.3.1).

use crate::sip::msg::lex;

/// A header line by its places in the head.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::sip::msg) struct Line {
    /// The name is from `start` up to here; nothing when the line is malformed.
    pub(in crate::sip::msg) name_end: usize,
    /// Behind the colon.
    pub(in crate::sip::msg) value_start: usize,
    /// Before the line's end.
    pub(in crate::sip::msg) value_end: usize,
    /// Where the next line starts.
    pub(in crate::sip::msg) next: usize,
    /// Whether it has continuation lines.
    pub(in crate::sip::msg) is_folded: bool,
}

/// What stands at a line's start.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::sip::msg) enum Step {
    Line(Line),
    /// The empty line; the body starts at that place.
    HeadEnd(usize),
    /// The bytes end before the head does.
    Cut,
}

/// Where the line that starts at `at` ends: the place of its end and of the next line.
pub(in crate::sip::msg) fn line_end(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let feed = at + lex::find(text.get(at..)?, b'\n')?;
    let end = if feed > at && text.get(feed - 1) == Some(&b'\r') { feed - 1 } else { feed };
    Some((end, feed + 1))
}

/// Reads the header line that starts at `at`. A last line without an end counts as cut, unless `is_whole` says that
/// no more bytes come.
pub(in crate::sip::msg) fn step(text: &[u8], at: usize, is_whole: bool) -> Step {
    let (mut end, mut next) = match line_end(text, at) {
        Some(found) => found,
        None if is_whole && at < text.len() => (text.len(), text.len()),
        None => return Step::Cut,
    };
    if end == at {
        return Step::HeadEnd(next);
    }
    let mut is_folded = false;
    while matches!(text.get(next), Some(b' ' | b'\t')) {
        is_folded = true;
        (end, next) = match line_end(text, next) {
            Some(found) => found,
            None if is_whole => (text.len(), text.len()),
            None => return Step::Cut,
        };
    }
    let (name_end, value_start) = name(text, at, end);
    Step::Line(Line { name_end, value_start, value_end: end, next, is_folded })
}

/// The end of the name and the place behind the colon. RFC 3261 section 7.3.1: white space may stand before the colon.
fn name(text: &[u8], at: usize, end: usize) -> (usize, usize) {
    let line = text.get(at..end).unwrap_or(b"");
    let len = lex::token_len(line);
    let mut colon = len;
    while line.get(colon).is_some_and(|b| lex::is_space(*b)) {
        colon += 1;
    }
    if len > 0 && line.get(colon) == Some(&b':') { (at + len, at + colon + 1) } else { (at, at) }
}

/// Walks over the header lines of a head that starts at `at`, as (name, value, line). Malformed lines have no name.
#[derive(Clone, Debug)]
pub(in crate::sip::msg) struct Lines<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    pub(in crate::sip::msg) fn new(text: &'a [u8], at: usize) -> Self {
        Self { text, at }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let Step::Line(line) = step(self.text, self.at, true) else { return None };
        let name = self.text.get(self.at..line.name_end)?;
        let value = self.text.get(line.value_start..line.value_end)?;
        self.at = line.next;
        Some((name, lex::trim(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fold_and_end() {
        let text = b"TO :\r\n sip:a@b\r\nSubject: x\n\ty\nbad line\r\n: no name\r\nl:\r\n\r\n body";
        let lines: Vec<_> = Lines::new(text, 0).collect();
        let expected: [(&[u8], &[u8]); 5] = [
            (b"TO", b"sip:a@b"),
            (b"Subject", b"x\n\ty"),
            (b"", b"bad line"),
            (b"", b": no name"),
            (b"l", b""),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_cut_head_is_seen() {
        assert_eq!(step(b"a: b", 0, false), Step::Cut);
        assert!(matches!(step(b"a: b", 0, true), Step::Line(_)));
        assert_eq!(step(b"\r\nx", 0, false), Step::HeadEnd(2));
        assert_eq!(step(b"", 0, true), Step::Cut);
    }
}
