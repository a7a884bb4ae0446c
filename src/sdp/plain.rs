//! Reads a body whose lines are as nearly everybody writes them, in one pass: some ten times cheaper than the whole way.
//!
//! Not a second grammar: whatever is not plainly right gets no answer here and goes through `sdp-types`, which also finds
//! the words for a fault. A test holds both against each other.

use crate::sdp::local::bare_line;
use sdp_types::AddrType;
use sdp_types::Attribute;
use sdp_types::Connection;
use sdp_types::Media;
use sdp_types::NetType;

/// What matters of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sdp) struct Session {
    /// The session's own `c=` line.
    pub(in crate::sdp) connection: Option<Connection>,
    /// `a=` lines before the first `m=` line.
    pub(in crate::sdp) attributes: Vec<Attribute>,
    /// The `m=` lines with what is below them.
    pub(in crate::sdp) medias: Vec<Media>,
}

impl From<sdp_types::Session> for Session {
    fn from(session: sdp_types::Session) -> Self {
        Self { connection: session.connection, attributes: session.attributes, medias: session.medias }
    }
}

/// Reads a plain body; `None` when it has to go the whole way.
pub(in crate::sdp) fn read(body: &[u8]) -> Option<Session> {
    let text = std::str::from_utf8(body).ok()?;
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    if lines.next() != Some("v=0") {
        return None;
    }
    let mut session = Session::default();
    for line in lines {
        let Some((key, value)) = line.split_at_checked(2) else {
            if line.bytes().all(|byte| byte.is_ascii_graphic()) {
                continue;
            }
            return None;
        };
        match key {
            "v=" => return None,
            "c=" => {
                let connection = connection(is_trimmed(value).then_some(value)?)?;
                match session.medias.last_mut() {
                    Some(media) => media.connections.push(connection),
                    None if session.connection.is_some() => return None,
                    None => session.connection = Some(connection),
                }
            }
            "m=" => session.medias.push(media(is_trimmed(value).then_some(value)?)?),
            "a=" => {
                let attribute = attribute(is_trimmed(value).then_some(value)?);
                match session.medias.last_mut() {
                    Some(media) => media.attributes.push(attribute),
                    None => session.attributes.push(attribute),
                }
            }
            // Nothing depends on it, unless white space hides a line that matters.
            _ if is_trimmed(key) && !line.contains('\r') => {}
            _ => return None,
        }
    }
    Some(session)
}

/// Whether nothing stands around it and no stray line end in it.
fn is_trimmed(text: &str) -> bool {
    let ends = [text.chars().next(), text.chars().next_back()];
    !ends.into_iter().flatten().any(char::is_whitespace) && !text.contains('\r')
}

/// `IN IP4 192.0.2.1`
fn connection(value: &str) -> Option<Connection> {
    let mut words = value.split(' ');
    let (net, kind, address) = (words.next()?, words.next()?, words.next()?);
    let kind = match kind {
        "IP4" => AddrType::Ip4,
        "IP6" => AddrType::Ip6,
        _ => return None,
    };
    let plain = net == "IN" && words.next().is_none() && is_word(address);
    plain.then(|| Connection { nettype: NetType::In, addrtype: kind, connection_address: address.to_owned() })
}

/// `audio 10000 RTP/AVP 0 8 101`
fn media(value: &str) -> Option<Media> {
    let mut words = value.splitn(4, ' ');
    let (media, port, proto, fmt) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let plain = is_word(media)
        && is_word(proto)
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && fmt.split(' ').all(is_word);
    let port = port.parse().ok().filter(|_| plain)?;
    Some(bare_line(media, port, proto, fmt))
}

/// `name` or `name:value`
fn attribute(value: &str) -> Attribute {
    let (name, value) = value.split_once(':').map_or((value, None), |(name, value)| (name, Some(value)));
    Attribute { attribute: name.to_owned(), value: value.map(str::to_owned) }
}

/// Whether it is letters, digits and signs of ASCII alone, at least one.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::read::whole_way;
    use proptest::prelude::*;

    const BODY: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        m=audio 10000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n\
        m=video 0 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\n";

    #[test]
    fn a_plain_body_is_read_at_once() {
        let session = read(BODY.as_bytes()).unwrap();
        assert_eq!(session.medias.len(), 2);
        assert_eq!(session, whole_way(BODY.as_bytes()).unwrap());
        for odd in
            ["", " v=0\r\n", "v=1\r\n", "v=0\r\nm=audio  1 RTP/AVP 0\r\n", "v=0\r\n a=x\r\n", "v=0\rc=x\r\n"]
        {
            assert_eq!(read(odd.as_bytes()), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_what_the_whole_way_reads(
            cuts in proptest::collection::vec((0usize..BODY.len(), 0usize..12, "[ -~\r\n\t\u{e9}]{0,6}"), 0..4)
        ) {
            let mut body = BODY.as_bytes().to_vec();
            for (at, len, text) in cuts {
                let at = at.min(body.len());
                let end = (at + len).min(body.len());
                body.splice(at..end, text.bytes());
            }
            if let Some(session) = read(&body) {
                prop_assert_eq!(Ok(session), whole_way(&body));
            }
        }
    }
}
