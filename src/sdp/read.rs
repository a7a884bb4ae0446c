//! Reading a peer's body: what of it matters for one audio stream, and every `m=` line for the answer.
//!
//! Input is hostile: length, lines and formats are bounded, faults are values. Lines that no answer depends on
//! (names, times, bandwidth, even `o=`) are not looked at, so that they cannot make a body unreadable.

use crate::sdp::codec::Codec;
use crate::sdp::crypto::Crypto;
use crate::sdp::direction::Direction;
use crate::sdp::plain;
use crate::sdp::plain::Session;
use sdp_types::Media;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::SocketAddr;
use thiserror::Error;

/// The longest body that is read, in bytes.
pub const BODY_LEN_MAX: usize = 64 * 1024;
/// The most `m=` lines of a body.
pub const MEDIA_MAX: usize = 32;
/// The most formats of an `m=` line.
pub const FORMATS_MAX: usize = 64;
/// The most `a=crypto` lines that are looked at.
const CRYPTO_MAX: usize = 16;

/// Why a body cannot be read. All of them are the peer's: a 400 or 488 for an offer, a BYE for an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SdpFault {
    /// Over [`BODY_LEN_MAX`]; its length in bytes.
    #[error("a body of {0} bytes is too long")]
    TooLong(usize),
    /// A line that breaks the grammar; which, in words.
    #[error("not SDP: {0}")]
    Malformed(String),
    /// Over [`MEDIA_MAX`] streams.
    #[error("too many media lines")]
    TooManyMedia,
    /// Over [`FORMATS_MAX`] formats in one stream.
    #[error("too many formats in a media line")]
    TooManyFormats,
    /// The audio stream has no `c=` line, neither its own nor the session's.
    #[error("the audio stream has no address")]
    NoAddress,
    /// The audio stream's address is a host name, a group or not an address.
    #[error("the audio stream's address is not a unicast IP address")]
    Address,
}

/// A peer's offer or answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The audio stream that counts: the first plain one in use, else the first in use, else the first.
    pub audio: Option<RemoteAudio>,
    /// The first encrypted stream in use beside `audio`, of a peer that offers both.
    pub secure: Option<RemoteAudio>,
    /// All `m=` lines in their order, that of `audio` among them.
    pub lines: Vec<Line>,
}

impl Remote {
    /// Whether a stream with keys in the body is there.
    pub fn offers_keys(&self) -> bool {
        [&self.secure, &self.audio].into_iter().flatten().any(|audio| !audio.crypto.is_empty())
    }
}

/// An `m=` line, for the answer to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `audio`, `video`, `image`, …
    pub media: String,
    /// 0 when the stream is refused or over.
    pub port: u16,
    /// Such as `RTP/AVP`.
    pub proto: String,
    /// The formats as they were written.
    pub formats: String,
}

/// How an audio stream travels.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `RTP/AVP` or `RTP/AVPF`.
    Plain,
    /// `RTP/SAVP` or `RTP/SAVPF`: encrypted, with the keys in the body (RFC 4568).
    Secure,
    /// `UDP/TLS/RTP/SAVP` or `SAVPF`: encrypted, with the keys by DTLS (RFC 5764).
    Dtls,
    /// Not RTP over UDP.
    Unknown,
}

/// A peer's audio stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteAudio {
    /// Its place among [`Remote::lines`].
    pub index: usize,
    /// How it travels.
    pub profile: Profile,
    /// Where the peer listens. The port is 0 when the stream is refused, the address unspecified for an old hold.
    pub rtp: SocketAddr,
    /// Where it wants RTCP, if it says so (`a=rtcp`, RFC 3605).
    pub rtcp: Option<SocketAddr>,
    /// Whether RTCP may share the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// The formats in the peer's order, by the numbers that it gave them. No `telephone-event` among them.
    pub formats: Vec<(u8, Codec)>,
    /// `telephone-event` by payload number and clock in Hz.
    pub dtmf: Vec<(u8, u32)>,
    /// From the peer's side. An old hold (`c=0.0.0.0`, RFC 2543) reads as `SendOnly` or `Inactive`.
    pub direction: Direction,
    /// The packet length that the peer wants to receive, in milliseconds.
    pub ptime_ms: Option<u8>,
    /// The longest packet that it takes, in milliseconds.
    pub maxptime_ms: Option<u8>,
    /// The `a=crypto` lines that we can do, in the peer's order; none for a plain stream.
    pub crypto: Vec<Crypto>,
    /// Whether ICE is there (`a=ice-ufrag` or candidates).
    pub ice: bool,
    /// Whether DTLS is there (`a=fingerprint`).
    pub dtls: bool,
}

/// Reads a body.
pub fn read(body: &[u8]) -> Result<Remote, SdpFault> {
    if body.len() > BODY_LEN_MAX {
        return Err(SdpFault::TooLong(body.len()));
    }
    let session = plain::read(body).map_or_else(|| whole_way(body), Ok)?;
    if session.medias.len() > MEDIA_MAX {
        return Err(SdpFault::TooManyMedia);
    }
    for media in &session.medias {
        if media.fmt.split(' ').count() > FORMATS_MAX {
            return Err(SdpFault::TooManyFormats);
        }
    }
    let audio = match chosen(&session.medias) {
        Some((index, media)) => Some(read_audio(&session, index, media)?),
        None => None,
    };
    let taken = audio.as_ref().map(|audio| audio.index);
    let beside = |(index, media): &(usize, &Media)| Some(*index) != taken && is_secure(media);
    let secure = match session.medias.iter().enumerate().find(beside) {
        Some((index, media)) => Some(read_audio(&session, index, media)?),
        None => None,
    };
    let lines = session.medias.into_iter().map(|media| Line {
        media: media.media,
        port: media.port,
        proto: media.proto,
        formats: media.fmt,
    });
    Ok(Remote { audio, secure, lines: lines.collect() })
}

/// Reads a body in whatever form.
pub(in crate::sdp) fn whole_way(body: &[u8]) -> Result<Session, SdpFault> {
    let text = relevant_lines(&String::from_utf8_lossy(body))?;
    let session = sdp_types::Session::parse(text.as_bytes());
    session.map(Session::from).map_err(|fault| SdpFault::Malformed(fault.to_string()))
}

/// The body with one form of line end and single spaces, and with every line that does not matter made an unknown
/// one, which keeps the numbers of the others for the fault's text.
fn relevant_lines(body: &str) -> Result<String, SdpFault> {
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    let mut text = String::with_capacity(body.len() + 16);
    let mut media_lines = 0;
    for line in body.trim_start().lines() {
        let line = line.trim();
        match line.as_bytes() {
            [b'v' | b'a', b'=', ..] => text.push_str(line),
            [b'c', b'=', ..] => text.push_str(&single_spaced(line)),
            [b'm', b'=', ..] => {
                media_lines += 1;
                text.push_str(&media_line(line));
            }
            _ => text.push_str("x="),
        }
        text.push('\n');
    }
    if media_lines > MEDIA_MAX { Err(SdpFault::TooManyMedia) } else { Ok(text) }
}

fn single_spaced(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Some peers leave the formats of a refused stream out; the grammar wants one.
fn media_line(line: &str) -> String {
    let line = single_spaced(line);
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        [_, "0", _] => line + " 0",
        _ => line,
    }
}

fn chosen(medias: &[Media]) -> Option<(usize, &Media)> {
    let audio = || medias.iter().enumerate().filter(|(_, media)| media.media.eq_ignore_ascii_case("audio"));
    // A peer that can encrypt but need not offers both profiles, the secure one often first.
    audio()
        .find(|(_, media)| media.port != 0 && profile(&media.proto) == Profile::Plain)
        .or_else(|| audio().find(|(_, media)| media.port != 0))
        .or_else(|| audio().next())
}

/// An encrypted audio stream in use.
fn is_secure(media: &Media) -> bool {
    media.media.eq_ignore_ascii_case("audio") && media.port != 0 && profile(&media.proto) == Profile::Secure
}

fn profile(proto: &str) -> Profile {
    match proto.to_ascii_uppercase().as_str() {
        "RTP/AVP" | "RTP/AVPF" => Profile::Plain,
        "RTP/SAVP" | "RTP/SAVPF" => Profile::Secure,
        "UDP/TLS/RTP/SAVP" | "UDP/TLS/RTP/SAVPF" => Profile::Dtls,
        _ => Profile::Unknown,
    }
}

fn read_audio(session: &Session, index: usize, media: &Media) -> Result<RemoteAudio, SdpFault> {
    let address = address(session, media)?;
    let rtp = SocketAddr::new(address, media.port);
    let (formats, dtmf) = read_formats(media);
    let said = media.attributes.iter().find_map(|a| Direction::of_attribute(a.attribute.trim()));
    let session_said = || session.attributes.iter().find_map(|a| Direction::of_attribute(a.attribute.trim()));
    let direction = said.or_else(session_said).unwrap_or_default();
    let profile = profile(&media.proto);
    // RFC 4568 section 4: the attribute means nothing in a plain stream.
    let crypto = values(media, "crypto").filter(|_| profile == Profile::Secure).filter_map(Crypto::read);
    let anywhere = |name| value(media, name).is_some() || session.attributes.iter().any(|a| is(a, name));
    Ok(RemoteAudio {
        index,
        profile,
        rtp,
        rtcp: value(media, "rtcp").and_then(|text| read_rtcp(text, address)),
        rtcp_mux: value(media, "rtcp-mux").is_some(),
        formats,
        dtmf,
        // RFC 3264 section 8.4: an address of zeros stops whatever was sent to it.
        direction: if address.is_unspecified() && media.port != 0 {
            direction.and(Direction::SendOnly)
        } else {
            direction
        },
        ptime_ms: milliseconds(media, "ptime"),
        maxptime_ms: milliseconds(media, "maxptime"),
        crypto: crypto.take(CRYPTO_MAX).collect(),
        ice: anywhere("ice-ufrag") || anywhere("candidate"),
        dtls: anywhere("fingerprint"),
    })
}

/// The stream's own address, else the session's. A refused stream needs none.
fn address(session: &Session, media: &Media) -> Result<IpAddr, SdpFault> {
    let Some(connection) = media.connections.first().or(session.connection.as_ref()) else {
        let nowhere = IpAddr::from([0, 0, 0, 0]);
        return if media.port == 0 { Ok(nowhere) } else { Err(SdpFault::NoAddress) };
    };
    let address = connection.try_address().map_err(|_| SdpFault::Address)?.ip;
    if address.is_multicast() { Err(SdpFault::Address) } else { Ok(address) }
}

type Formats = (Vec<(u8, Codec)>, Vec<(u8, u32)>);

/// Formats by name: `a=rtpmap` counts, and only where there is none the static number.
fn read_formats(media: &Media) -> Formats {
    let maps: BTreeMap<u8, Codec> = values(media, "rtpmap").filter_map(read_rtpmap).collect();
    let (mut formats, mut dtmf) = (Vec::new(), Vec::new());
    for payload in media.fmt.split(' ').filter_map(|word| word.parse::<u8>().ok()).filter(|p| *p < 128) {
        let Some(codec) = maps.get(&payload).cloned().or_else(|| Codec::of_static(payload)) else {
            continue;
        };
        if codec.name() == "telephone-event" {
            dtmf.push((payload, codec.clock_hz()));
        } else {
            formats.push((payload, codec));
        }
    }
    (formats, dtmf)
}

/// `0 PCMU/8000` or `111 opus/48000/2`; a clock that is left out is 8000.
fn read_rtpmap(text: &str) -> Option<(u8, Codec)> {
    let (payload, encoding) = text.trim().split_once(char::is_whitespace)?;
    let mut parts = encoding.trim().split('/').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let clock_hz = parts.next().map_or(Some(8000), |clock| clock.parse().ok())?;
    let channels = parts.next().map_or(Some(1), |channels| channels.parse().ok())?;
    Some((payload.parse().ok()?, Codec::named(name, clock_hz, channels)))
}

/// RFC 3605: `53020` or `53020 IN IP4 126.16.64.4`.
fn read_rtcp(text: &str, address: IpAddr) -> Option<SocketAddr> {
    let mut words = text.split_whitespace();
    let port = words.next()?.parse().ok().filter(|port| *port != 0)?;
    let own = words.nth(2).and_then(|word| word.parse().ok());
    Some(SocketAddr::new(own.unwrap_or(address), port))
}

/// Whole milliseconds; some write `20.0`.
fn milliseconds(media: &Media, name: &'static str) -> Option<u8> {
    let text = value(media, name)?.trim();
    text.split('.').next()?.parse().ok()
}

fn is(attribute: &sdp_types::Attribute, name: &str) -> bool {
    attribute.attribute.as_bytes().trim_ascii().eq_ignore_ascii_case(name.as_bytes())
}

fn values<'a>(media: &'a Media, name: &'static str) -> impl Iterator<Item = &'a str> {
    media.attributes.iter().filter(move |a| is(a, name)).map(|a| a.value.as_deref().unwrap_or(""))
}

fn value<'a>(media: &'a Media, name: &'static str) -> Option<&'a str> {
    values(media, name).next()
}
