//! A message without what opens an account or a stream: credentials, SRTP and ICE keys, keys that were pressed.
//!
//! Works on lines, not on the parser's view: what the parser refuses is shown as well, and must not leak either.

/// Headers whose values hold credentials.
const CREDENTIALS: [&[u8]; 4] =
    [b"authorization", b"proxy-authorization", b"authentication-info", b"proxy-authentication-info"];
/// What of credentials may be shown: who, where, and how.
const SHOWN: [&[u8]; 5] = [b"username", b"realm", b"uri", b"algorithm", b"qop"];
/// Lines of bodies that hold keys: SRTP (RFC 4568), ICE (RFC 8839), and digits of INFO.
const BODY_KEYS: [&[u8]; 5] = [b"a=crypto:", b"a=ice-pwd:", b"a=key-mgmt:", b"k=", b"signal="];
const HIDDEN: &[u8] = b"[hidden]";

/// The message as it may be shown. Line ends stay as they are.
pub fn redacted(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    let (mut in_head, mut hiding) = (true, false);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        let end = line.get(text.len()..).unwrap_or_default();
        if text.is_empty() {
            in_head = false;
        }
        // RFC 3261 section 7.3.1: a line that begins with white space goes on with the one before.
        let goes_on = in_head && text.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        hiding = if goes_on { hiding } else { in_head && is_credentials(text) };
        if hiding && goes_on {
            out.extend_from_slice(b" ");
            out.extend_from_slice(HIDDEN);
        } else if hiding {
            credentials(text, &mut out);
        } else if in_head {
            out.extend_from_slice(text);
        } else {
            body_line(text, &mut out);
        }
        out.extend_from_slice(end);
    }
    out
}

fn is_credentials(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
    CREDENTIALS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// `Authorization: Digest username="1001", realm="x", [hidden]`.
fn credentials(line: &[u8], out: &mut Vec<u8>) {
    let colon = line.iter().position(|byte| *byte == b':').map_or(line.len(), |at| at + 1);
    let (name, value) = line.split_at(colon);
    out.extend_from_slice(name);
    let value = value.trim_ascii();
    let space = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let (scheme, fields) = value.split_at(space);
    out.push(b' ');
    // Of another scheme (`Bearer`, `Basic`) all the rest is the secret.
    if !scheme.eq_ignore_ascii_case(b"digest") {
        out.extend_from_slice(HIDDEN);
        return;
    }
    out.extend_from_slice(b"Digest ");
    for field in fields_of(fields) {
        let name = field.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        if SHOWN.iter().any(|shown| name.eq_ignore_ascii_case(shown)) && is_whole(field) {
            out.extend_from_slice(field.trim_ascii());
            out.extend_from_slice(b", ");
        }
    }
    out.extend_from_slice(HIDDEN);
}

/// Whether a field's quotes are closed: an open one would take the next fields with it.
fn is_whole(field: &[u8]) -> bool {
    let value = field.split(|byte| *byte == b'=').skip(1).collect::<Vec<_>>().join(&b'=');
    let value = value.trim_ascii();
    match value.strip_prefix(b"\"") {
        Some(rest) => rest.strip_suffix(b"\"").is_some_and(|inside| {
            let open = inside.iter().rev().take_while(|byte| **byte == b'\\').count();
            open % 2 == 0 && !has_bare_quote(inside)
        }),
        None => !value.contains(&b'"'),
    }
}

fn has_bare_quote(inside: &[u8]) -> bool {
    let mut escaped = false;
    inside.iter().any(|byte| {
        let is_bare = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        is_bare
    })
}

/// The fields between commas that stand outside of quotes.
fn fields_of(text: &[u8]) -> Vec<&[u8]> {
    let (mut fields, mut from) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                fields.push(text.get(from..at).unwrap_or_default());
                from = at + 1;
            }
            _ => {}
        }
    }
    fields.push(text.get(from..).unwrap_or_default());
    fields
}

fn body_line(line: &[u8], out: &mut Vec<u8>) {
    let key = BODY_KEYS
        .iter()
        .find(|key| line.get(..key.len()).is_some_and(|start| start.eq_ignore_ascii_case(key)));
    match key.and_then(|key| line.get(..key.len())) {
        Some(start) => {
            out.extend_from_slice(start);
            out.extend_from_slice(HIDDEN);
        }
        None => out.extend_from_slice(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&redacted(text.as_bytes())), expected);
    }

    #[test]
    fn credentials_keep_who_and_lose_how() {
        check(
            "REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username=\"a,\\\"b\", realm=\"x\", nonce=\"n\", \
             uri=\"sip:x\", response=\"0123\", cnonce=\"c\", nc=00000001\r\nTo: <sip:a@x>\r\n\r\n",
            "REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username=\"a,\\\"b\", realm=\"x\", uri=\"sip:x\", \
             [hidden]\r\nTo: <sip:a@x>\r\n\r\n",
        );
        check(
            "A\nPROXY-AUTHORIZATION : Bearer abc\n def\nTo: x\n",
            "A\nPROXY-AUTHORIZATION : [hidden]\n [hidden]\nTo: x\n",
        );
        check(
            "A\r\nAuthorization: Digest username=\"a, response=\"0123\", realm=\"x\\\", cnonce=1\r\n",
            "A\r\nAuthorization: Digest [hidden]\r\n",
        );
        check("A\r\nAuthorization\r\n", "A\r\nAuthorization [hidden]\r\n");
    }

    #[test]
    fn keys_in_bodies_are_hidden_and_words_in_heads_are_not() {
        check(
            "INVITE sip:x SIP/2.0\r\nSubject: k=1\r\n\r\nv=0\r\na=crypto:1 AES inline:abc\r\na=ice-pwd:x\r\nk=clear:y\r\n",
            "INVITE sip:x SIP/2.0\r\nSubject: k=1\r\n\r\nv=0\r\na=crypto:[hidden]\r\na=ice-pwd:[hidden]\r\nk=[hidden]\r\n",
        );
        check(
            "INFO sip:x SIP/2.0\r\n\r\nSignal=5\r\nDuration=160",
            "INFO sip:x SIP/2.0\r\n\r\nSignal=[hidden]\r\nDuration=160",
        );
        check("", "");
    }
}
