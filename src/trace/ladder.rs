//! A call as a ladder: a column for each party, a line for each message.
//!
//! ```text
//!              1001                     strowger                  2002
//!              10.1.0.1:5060                                      10.1.0.2:5060
//! 09:00:01.002 |--INVITE sdp:audio pcma---->|                         |
//! 09:00:01.002 |<---------100 Trying--------|                         |
//! 09:00:01.003 |                            |--INVITE sdp:audio pcma->|
//! ```

use crate::clock::Wall;
use crate::sip::msg::Message;
use crate::trace::ring::Packet;
use crate::trace::ring::Way;
use std::fmt::Write;
use std::net::SocketAddr;

/// Between two columns.
const WIDTH: usize = 34;
/// More parties than this share the last column: a ladder that is wider is no picture.
const COLUMNS_MAX: usize = 6;
const TIME_WIDTH: usize = 13;

/// A party: where it is, and what it calls itself.
struct Party {
    address: SocketAddr,
    name: String,
}

/// The ladder as text, the oldest message on top. Nothing of credentials or keys is in it.
pub fn ladder(packets: &[Packet]) -> String {
    let parties = parties(packets);
    let mut text = String::new();
    heading(&parties, &mut text);
    for packet in packets {
        let other = parties.iter().position(|party| party.address == packet.remote);
        let column = other.unwrap_or(COLUMNS_MAX).min(COLUMNS_MAX - 1);
        // The switch stands after the first party.
        let column = if column == 0 { 0 } else { column + 1 };
        line(packet, column, parties.len().clamp(1, COLUMNS_MAX) + 1, &mut text);
    }
    text
}

fn parties(packets: &[Packet]) -> Vec<Party> {
    let mut parties: Vec<Party> = Vec::new();
    for packet in packets {
        if parties.iter().all(|party| party.address != packet.remote) {
            parties.push(Party { address: packet.remote, name: name_of(packet) });
        }
    }
    parties
}

/// Who the other end is: the caller of a request that came in, the called of one that went out.
fn name_of(packet: &Packet) -> String {
    let Ok(message) = Message::parse(packet.bytes.clone()) else { return String::new() };
    let from_peer = message.is_request() == (packet.way == Way::In);
    let address = if from_peer { message.from() } else { message.to() };
    let user = address.ok().and_then(|address| address.uri.user.map(<[u8]>::to_vec));
    user.map(|user| printable(&user)).unwrap_or_default()
}

fn heading(parties: &[Party], text: &mut String) {
    let addresses: Vec<String> =
        parties.iter().take(COLUMNS_MAX).map(|party| party.address.to_string()).collect();
    let names = parties.iter().take(COLUMNS_MAX).map(|party| party.name.as_str());
    let mut rows: [Vec<&str>; 2] = [names.collect(), addresses.iter().map(String::as_str).collect()];
    for (row, switch) in rows.iter_mut().zip(["strowger", ""]) {
        row.insert(1.min(row.len()), switch);
        let start = text.len();
        let _ = write!(text, "{:TIME_WIDTH$}", "");
        for cell in row.iter() {
            let _ = write!(text, "{:<width$}", cut(cell, WIDTH - 1), width = WIDTH);
        }
        let end = text.get(start..).map_or(0, |row| row.trim_end().len());
        text.truncate(start + end);
        text.push('\n');
    }
}

fn line(packet: &Packet, column: usize, columns: usize, text: &mut String) {
    let _ = write!(text, "{:<TIME_WIDTH$}", clock(packet.at));
    // The switch is column 1; the arrow fills the gaps between it and the party.
    let (left, right) = if column == 0 { (0, 1) } else { (1, column) };
    let to_right = (packet.way == Way::In) == (column == 0);
    for gap in 0..columns {
        text.push('|');
        if gap + 1 == columns {
            break;
        }
        if gap == left {
            let width = (right - left) * WIDTH - 1;
            arrow(&label(packet), width, to_right, text);
        } else if gap < left || gap >= right {
            text.extend(std::iter::repeat_n(' ', WIDTH - 1));
        } else {
            // Under the arrow that began before: nothing more, not even the column's line.
            text.pop();
        }
    }
    text.push('\n');
}

fn arrow(label: &str, width: usize, to_right: bool, text: &mut String) {
    let label = cut(label, width - 4);
    let rest = width - 1 - label.chars().count();
    let (before, after) = (rest / 2, rest - rest / 2);
    let line = |count| std::iter::repeat_n('-', count);
    if !to_right {
        text.push('<');
    }
    text.extend(line(before));
    text.push_str(&label);
    text.extend(line(after));
    if to_right {
        text.push('>');
    }
}

/// The method or the status, and what the body says of the media.
fn label(packet: &Packet) -> String {
    let Ok(message) = Message::parse(packet.bytes.clone()) else { return "(unreadable)".to_owned() };
    let mut label = match message.status() {
        Some(status) => {
            let head = packet.bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let phrase = head.get(b"SIP/2.0 200 ".len()..).unwrap_or_default().trim_ascii();
            let method = printable(message.method().as_bytes());
            let phrase = printable(phrase);
            if method == "INVITE" {
                format!("{status} {phrase}")
            } else {
                format!("{status} {phrase} ({method})")
            }
        }
        None => printable(message.method().as_bytes()),
    };
    if let Some(summary) = media(message.body_slice()) {
        label.push_str(" sdp:");
        label.push_str(&summary);
    }
    label
}

/// `audio 20000 pcma,pcmu sendonly`, for each line of media.
fn media(body: &[u8]) -> Option<String> {
    if !body.starts_with(b"v=") {
        return None;
    }
    let mut parts: Vec<String> = Vec::new();
    for line in body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        let text = printable(line);
        if let Some(rest) = text.strip_prefix("m=") {
            let mut words = rest.split(' ');
            let (kind, port) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            parts.push(format!("{kind} {port}"));
        } else if let Some(codec) = text.strip_prefix("a=rtpmap:").and_then(|rest| rest.split(' ').nth(1)) {
            let name = codec.split('/').next().unwrap_or_default().to_ascii_lowercase();
            if let Some(part) = parts.last_mut().filter(|_| name != "telephone-event") {
                part.push(if part.matches(' ').count() == 1 { ' ' } else { ',' });
                part.push_str(&name);
            }
        } else if let (Some(direction @ ("sendonly" | "recvonly" | "inactive")), Some(part)) =
            (text.strip_prefix("a="), parts.last_mut())
        {
            part.push(' ');
            part.push_str(direction);
        }
    }
    Some(parts.join(" "))
}

/// The time of day of a moment, in UTC, with milliseconds.
fn clock(at: Wall) -> String {
    let text = at.to_string();
    text.split('T').nth(1).unwrap_or_default().trim_end_matches('Z').to_owned()
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// Text of a peer, without anything that a terminal would act on.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|letter| if letter.is_control() { '.' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::ring::Thread;
    use bytes::Bytes;

    fn packet(millis: i64, way: Way, remote: &str, text: &str) -> Packet {
        let base = Wall::parse("2026-11-24T09:00:00Z").unwrap();
        let text = format!(
            "{text}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:1001@x>;tag=1\r\nTo: <sip:2002@x>\r\nCall-ID: 1\r\n"
        );
        Packet {
            at: Wall::from_micros(base.as_micros() + millis * 1000),
            way,
            transport: "udp",
            local: "10.0.0.1:5060".parse().unwrap(),
            remote: remote.parse().unwrap(),
            thread: Thread::of(b"1"),
            bytes: Bytes::from(text),
        }
    }

    fn with_body(mut packet: Packet, cseq: &str, body: &str) -> Packet {
        let head = String::from_utf8(packet.bytes.to_vec()).unwrap();
        packet.bytes = Bytes::from(format!("{head}CSeq: {cseq}\r\n\r\n{body}"));
        packet
    }

    #[test]
    fn a_call_is_a_ladder() {
        let (a, b) = ("10.1.0.1:5060", "10.1.0.2:5060");
        let sdp = "v=0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n";
        let packets = [
            with_body(packet(1, Way::In, a, "INVITE sip:2002@x SIP/2.0"), "1 INVITE", sdp),
            with_body(packet(2, Way::Out, a, "SIP/2.0 100 Trying"), "1 INVITE", ""),
            with_body(packet(3, Way::Out, b, "INVITE sip:2002@h SIP/2.0"), "1 INVITE", ""),
            with_body(
                packet(4, Way::In, b, "SIP/2.0 200 OK"),
                "1 BYE",
                "v=0\r\na=sendonly\r\nm=audio 1 x 0\r\na=sendonly\r\n",
            ),
            Packet { bytes: Bytes::from("\u{1b}[2J nonsense"), ..packet(5, Way::In, a, "") },
        ];
        let expected = [
            "             1001                              strowger                          2002",
            "             10.1.0.1:5060                                                       10.1.0.2:5060",
            "09:00:00.001 |---INVITE sdp:audio 4000 pcma--->|                                 |",
            "09:00:00.002 |<-----------100 Trying-----------|                                 |",
            "09:00:00.003 |                                 |-------------INVITE------------->|",
            "09:00:00.004 |                                 |<-200 OK (BYE) sdp:audio 1 send--|",
            "09:00:00.005 |----------(unreadable)---------->|                                 |",
        ];
        let text = ladder(&packets);
        assert_eq!(text.lines().collect::<Vec<_>>(), expected, "{text}");
        let widths: Vec<usize> = text.lines().skip(2).map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn many_parties_and_none() {
        assert_eq!(ladder(&[]).lines().count(), 2);
        let packets: Vec<_> =
            (1..20).map(|n| packet(n, Way::Out, &format!("10.1.0.{n}:5060"), "BYE sip:a SIP/2.0")).collect();
        assert_eq!(ladder(&packets).lines().count(), 21);
    }
}
