//! RTCP (RFC 3550 section 6): sender and receiver reports with CNAME, written and read.
//!
//! Not extended reports (RFC 3611) and no feedback (RFC 4585): they pass over our head.

use crate::clock::Wall;
use std::time::Duration;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const CNAME: u8 = 1;
/// The least mean time between reports (RFC 3550 section 6.2).
const INTERVAL_MIN: Duration = Duration::from_secs(5);
/// Seconds from 1900 to 1970.
const NTP_EPOCH: i64 = 2_208_988_800;

/// What a sender says of its own stream (RFC 3550 section 6.4.1).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct SenderInfo {
    /// NTP time of the report.
    pub ntp: u64,
    /// The same moment on the stream's clock.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

/// What a receiver says of one source.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Of whom.
    pub ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Lost in all, 24 bits with sign.
    pub lost: i32,
    /// Highest sequence number with cycles.
    pub highest: u32,
    /// Jitter in samples.
    pub jitter: u32,
    /// The middle of the NTP time of the last sender report from there; 0 for none.
    pub last_report: u32,
    /// Time since then, in 65,536ths of a second.
    pub delay: u32,
}

/// One compound packet that we send.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// Our synchronisation source.
    pub ssrc: u32,
    /// Set when we have sent packets since the report before last.
    pub sender: Option<SenderInfo>,
    /// Set when we hear somebody.
    pub block: Option<Block>,
    /// Our name: random, so that it reveals no address (RFC 7022). At most 255 bytes.
    pub cname: &'a [u8],
    /// We leave.
    pub bye: bool,
}

/// What we take from a compound packet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    /// Who reports.
    pub ssrc: u32,
    /// What he says of his stream.
    pub sender: Option<SenderInfo>,
    /// What he says of ours.
    pub block: Option<Block>,
    /// He leaves.
    pub bye: bool,
}

/// The bytes are not a valid compound packet (RFC 3550 section A.2).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Malformed;

/// A wall-clock time as NTP writes it: seconds since 1900, then the fraction.
pub fn ntp(wall: Wall) -> u64 {
    let micros = wall.as_micros();
    let seconds = (micros.div_euclid(1_000_000) + NTP_EPOCH).cast_unsigned();
    let fraction = (micros.rem_euclid(1_000_000).cast_unsigned() << 32) / 1_000_000;
    seconds << 32 | fraction
}

/// The middle 32 bits of an NTP time.
pub const fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// A duration in 65,536ths of a second.
pub fn fixed_point(duration: Duration) -> u32 {
    u32::try_from((duration.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

/// The round trip that a block about us proves (RFC 3550 section 6.4.1); `None` without one of our reports in it.
pub fn round_trip(now: u64, block: &Block) -> Option<Duration> {
    if block.last_report == 0 {
        return None;
    }
    let units = middle(now).wrapping_sub(block.last_report).wrapping_sub(block.delay).cast_signed();
    let units = u64::try_from(units).ok()?;
    Some(Duration::from_micros((units * 1_000_000) >> 16))
}

/// How long until the next report (RFC 3550 sections 6.2 and 6.3.1) for two parties, whose share of the session's
/// bandwidth always asks for less than the minimum. `dice` is a random number; the first report comes sooner.
pub fn interval(first: bool, dice: u64) -> Duration {
    let mean = if first { INTERVAL_MIN / 2 } else { INTERVAL_MIN };
    // Between half and one and a half times the mean, made smaller by e - 3/2 for the timer's reconsideration.
    let share = 0.5 + (dice >> 11) as f64 / (1u64 << 53) as f64;
    mean.mul_f64(share / 1.218_28)
}

/// Appends the compound packet: a report, the CNAME, and BYE when we leave (RFC 3550 section 6.1).
pub fn write(out: &mut Vec<u8>, report: &Report<'_>) {
    let blocks = u8::from(report.block.is_some());
    let words = 1 + 5 * u16::from(report.sender.is_some()) + 6 * u16::from(blocks);
    let kind = if report.sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
    header(out, blocks, kind, words);
    out.extend(report.ssrc.to_be_bytes());
    if let Some(sender) = &report.sender {
        out.extend(sender.ntp.to_be_bytes());
        out.extend(sender.timestamp.to_be_bytes());
        out.extend(sender.packets.to_be_bytes());
        out.extend(sender.octets.to_be_bytes());
    }
    if let Some(block) = &report.block {
        let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;
        out.extend(block.ssrc.to_be_bytes());
        out.extend((u32::from(block.fraction_lost) << 24 | lost).to_be_bytes());
        out.extend(block.highest.to_be_bytes());
        out.extend(block.jitter.to_be_bytes());
        out.extend(block.last_report.to_be_bytes());
        out.extend(block.delay.to_be_bytes());
    }
    let cname = report.cname.get(..usize::from(u8::MAX).min(report.cname.len())).unwrap_or_default();
    // RFC 3550 section 6.5: an item, then at least one zero byte up to the next word.
    let padding = 4 - (2 + cname.len()) % 4;
    let words = 1 + (2 + cname.len() + padding) / 4;
    header(out, 1, SOURCE_DESCRIPTION, words as u16);
    out.extend(report.ssrc.to_be_bytes());
    out.extend([CNAME, cname.len() as u8]);
    out.extend(cname);
    out.extend(std::iter::repeat_n(0, padding));
    if report.bye {
        header(out, 1, BYE, 1);
        out.extend(report.ssrc.to_be_bytes());
    }
}

fn header(out: &mut Vec<u8>, count: u8, kind: u8, words: u16) {
    out.extend([0x80 | count, kind]);
    out.extend(words.to_be_bytes());
}

/// Reads a compound packet and keeps what concerns the stream `ours`.
///
/// # Errors
/// [`Malformed`] when a length, the version or the first packet's type is not as RFC 3550 section A.2 demands.
pub fn read(mut bytes: &[u8], ours: u32) -> Result<Heard, Malformed> {
    let mut heard = Heard::default();
    let mut first = true;
    while !bytes.is_empty() {
        let [flags, kind, l0, l1] = *bytes.first_chunk::<4>().ok_or(Malformed)?;
        let length = 4 + 4 * usize::from(u16::from_be_bytes([l0, l1]));
        let (packet, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
        let body = packet.get(4..).unwrap_or_default();
        let starts_well = flags & 0x20 == 0 && matches!(kind, SENDER_REPORT | RECEIVER_REPORT);
        if flags >> 6 != 2 || (first && !starts_well) {
            return Err(Malformed);
        }
        match kind {
            SENDER_REPORT | RECEIVER_REPORT => {
                read_report(body, flags & 0x1f, kind, first, ours, &mut heard)?
            }
            BYE => heard.bye = true,
            _ => {}
        }
        first = false;
        bytes = rest;
    }
    if first { Err(Malformed) } else { Ok(heard) }
}

fn read_report(
    body: &[u8],
    count: u8,
    kind: u8,
    first: bool,
    ours: u32,
    heard: &mut Heard,
) -> Result<(), Malformed> {
    let ssrc = word(body, 0).ok_or(Malformed)?;
    let mut blocks = body.get(4..).ok_or(Malformed)?;
    if first {
        heard.ssrc = ssrc;
    }
    if kind == SENDER_REPORT {
        let (info, rest) = blocks.split_at_checked(20).ok_or(Malformed)?;
        let field = |index| word(info, index).ok_or(Malformed);
        if first {
            heard.sender = Some(SenderInfo {
                ntp: u64::from(field(0)?) << 32 | u64::from(field(1)?),
                timestamp: field(2)?,
                packets: field(3)?,
                octets: field(4)?,
            });
        }
        blocks = rest;
    }
    for _ in 0..count {
        let (block, rest) = blocks.split_at_checked(24).ok_or(Malformed)?;
        let field = |index| word(block, index).ok_or(Malformed);
        if field(0)? == ours {
            let loss = field(1)?;
            heard.block = Some(Block {
                ssrc: ours,
                fraction_lost: (loss >> 24) as u8,
                lost: (loss << 8).cast_signed() >> 8,
                highest: field(2)?,
                jitter: field(3)?,
                last_report: field(4)?,
                delay: field(5)?,
            });
        }
        blocks = rest;
    }
    Ok(())
}

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    bytes.get(4 * index..)?.first_chunk::<4>().map(|chunk| u32::from_be_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(ssrc: u32) -> Block {
        Block { ssrc, fraction_lost: 64, lost: -3, highest: 0x1_0005, jitter: 17, last_report: 5, delay: 6 }
    }

    fn sender() -> SenderInfo {
        SenderInfo { ntp: 0x1122_3344_5566_7788, timestamp: 99, packets: 1000, octets: 160_000 }
    }

    #[test]
    fn reports_read_back() {
        for (sender, theirs, bye) in
            [(Some(sender()), Some(block(7)), false), (None, None, true), (None, Some(block(7)), false)]
        {
            for cname in [&b""[..], b"a", b"ab", b"abc", b"0123456789abcdef"] {
                let mut bytes = Vec::new();
                write(&mut bytes, &Report { ssrc: 3, sender, block: theirs, cname, bye });
                assert_eq!(bytes.len() % 4, 0);
                assert_eq!(read(&bytes, 7), Ok(Heard { ssrc: 3, sender, block: theirs, bye }));
                assert_eq!(read(&bytes, 8).unwrap().block, None);
            }
        }
    }

    #[test]
    fn what_is_not_a_compound_packet_is_refused() {
        let mut bytes = Vec::new();
        write(&mut bytes, &Report { ssrc: 3, sender: Some(sender()), block: None, cname: b"x", bye: false });
        assert_eq!(read(&[], 1), Err(Malformed));
        assert_eq!(read(&bytes[..bytes.len() - 1], 1), Err(Malformed));
        bytes[0] |= 5; // promises five blocks
        assert_eq!(read(&bytes, 1), Err(Malformed));
        assert_eq!(read(&[0x80, SOURCE_DESCRIPTION, 0, 0], 1), Err(Malformed));
        assert_eq!(read(&[0x00, RECEIVER_REPORT, 0, 1, 0, 0, 0, 1], 1), Err(Malformed));
    }

    #[test]
    fn the_round_trip_is_what_is_left_without_the_peers_delay() {
        let sent = ntp(Wall::from_micros(1_000_000_000));
        let now = ntp(Wall::from_micros(1_000_350_000));
        let delay = fixed_point(Duration::from_millis(250));
        let answer = Block { last_report: middle(sent), delay, ..block(1) };
        let trip = round_trip(now, &answer).unwrap();
        assert!(trip.abs_diff(Duration::from_millis(100)) < Duration::from_micros(50), "{trip:?}");
        assert_eq!(round_trip(now, &Block { last_report: 0, ..answer }), None);
        assert_eq!(round_trip(sent, &answer), None, "a peer that claims the future");
    }

    #[test]
    fn reports_come_every_few_seconds_at_random() {
        assert_eq!(interval(false, 0).as_millis(), 2052);
        assert_eq!(interval(false, u64::MAX).as_millis(), 6156);
        assert!(interval(true, u64::MAX) < Duration::from_millis(3100));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..96), kind in 199u8..205) {
            if let Some([flags, second, ..]) = bytes.first_chunk_mut::<2>() {
                *flags = 0x80 | *flags & 0x1f;
                *second = kind;
            }
            let _ = read(&bytes, 1);
        }
    }
}
