//! The tests' own reading of a SIP message, by the letter of RFC 3261 section 7.3 and nothing else: they must not take
//! the switch's parser for a judge of the switch.

/// Header lines in order: names in lower case and long, values unfolded and trimmed.
#[derive(Debug, Default)]
pub struct Text {
    pub start: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

/// RFC 3261 section 7.3.3 and its registry.
const COMPACT: [(&str, &str); 11] = [
    ("v", "via"),
    ("f", "from"),
    ("t", "to"),
    ("i", "call-id"),
    ("m", "contact"),
    ("l", "content-length"),
    ("c", "content-type"),
    ("e", "content-encoding"),
    ("s", "subject"),
    ("k", "supported"),
    ("o", "event"),
];

impl Text {
    pub fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = match end {
            Some(at) => (&bytes[..at], &bytes[at + 4..]),
            None => (bytes, &b""[..]),
        };
        let mut lines = Vec::<Vec<u8>>::new();
        for line in split_lines(head) {
            match lines.last_mut() {
                Some(last) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                    last.push(b' ');
                    last.push(b' ');
                    last.extend_from_slice(line);
                }
                _ => lines.push(line.to_vec()),
            }
        }
        let mut lines = lines.into_iter();
        let start = String::from_utf8_lossy(&lines.next().unwrap_or_default()).into_owned();
        let headers = lines.filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = String::from_utf8_lossy(&line[..colon]).trim().to_ascii_lowercase();
            let name =
                COMPACT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| (*long).to_owned());
            Some((name, line[colon + 1..].trim_ascii().to_vec()))
        });
        Self { start, headers: headers.collect(), body: body.to_vec() }
    }

    /// The status code of a response.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// All lines of one name.
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_slice()).collect()
    }

    /// The only line of that name.
    pub fn one(&self, name: &str) -> Option<&[u8]> {
        match self.all(name).as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// All values of a header that is a list.
    pub fn list(&self, name: &str) -> Vec<Vec<u8>> {
        self.all(name).into_iter().flat_map(split_list).collect()
    }

    /// Whether a word is among the values of a list of words.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        self.list(name).iter().any(|value| value.eq_ignore_ascii_case(word.as_bytes()))
    }
}

fn split_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    // A lone LF ends no line here: the RFCs' files have CRLF.
    let mut rest = Some(head);
    std::iter::from_fn(move || {
        let text = rest?;
        match text.windows(2).position(|two| two == b"\r\n") {
            Some(at) => {
                rest = Some(&text[at + 2..]);
                Some(&text[..at])
            }
            None => rest.take(),
        }
    })
}

/// Splits at commas outside of quotes and angle brackets.
fn split_list(value: &[u8]) -> Vec<Vec<u8>> {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    let mut parts = vec![Vec::new()];
    for byte in value {
        let cut = *byte == b',' && !quoted && !angle;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' if !quoted => angle = true,
            b'>' if !quoted => angle = false,
            _ => {}
        }
        match parts.last_mut() {
            Some(part) if !cut => part.push(*byte),
            _ => parts.push(Vec::new()),
        }
    }
    parts.into_iter().map(|part| part.trim_ascii().to_vec()).collect()
}

#[test]
fn a_folded_message_is_read() {
    let text = Text::read(b"OPTIONS sip:a SIP/2.0\r\nV: one, \"a,b\" <x,y>\r\n  ;c\r\ni :  id\r\n\r\nbody");
    assert_eq!(text.list("via"), [b"one".to_vec(), b"\"a,b\" <x,y>    ;c".to_vec()]);
    assert_eq!(text.one("call-id"), Some(&b"id"[..]));
    assert_eq!(text.body, b"body");
}
