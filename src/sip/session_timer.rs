//! Session timers: RFC 4028. Both ends of a call show now and then that they still live, so that a call whose peer has
//! vanished ends.
//!
//! ```text
//!            2xx with Session-Expires
//!   off ───────────────────────────────► running ──┐ half of the interval, when we refresh: Refresh
//!    ▲                                    │  ▲  └───┘ 2xx to a refresh, of either side: from the start
//!    └──── 2xx without it ────────────────┘  │
//!                                            └─ shortly before the end without a refresh: Expired
//! ```
//! What the headers say and what is agreed are here, and the deadlines of one dialog. Not the requests: the dialog's
//! owner sends them (an UPDATE without SDP, or a re-INVITE with the same SDP).

use crate::clock::Instant;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use std::time::Duration;

/// RFC 4028 section 4: "The absolute minimum for the Session-Expires header field is 90 seconds".
pub const SECONDS_MIN: u32 = 90;

/// The option tag.
pub const TIMER: &str = "timer";

/// An end of a request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who sent the request.
    Uac,
    /// Who answers it.
    Uas,
}

impl Side {
    /// As the parameter `refresher` writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uac => "uac",
            Self::Uas => "uas",
        }
    }
}

/// Who of a dialog refreshes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// We do.
    Us,
    /// The peer does.
    Peer,
}

/// What we want.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The interval that we ask for.
    pub seconds: u32,
    /// The shortest that we accept.
    pub seconds_min: u32,
}

/// What a message says about the session's interval.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The sender knows the extension.
    pub supported: bool,
    /// Session-Expires.
    pub seconds: Option<u32>,
    /// Its `refresher`.
    pub refresher: Option<Side>,
    /// Min-SE.
    pub seconds_min: Option<u32>,
}

/// What our 2xx says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Session-Expires.
    pub seconds: u32,
    /// Its `refresher`.
    pub refresher: Side,
    /// Whether the 2xx says `Require: timer`.
    pub require: bool,
}

impl Said {
    /// Reads it; what can't be read was not said.
    pub fn of(message: &Message) -> Self {
        let mut fields = message.header(Name::SessionExpires).unwrap_or_default().split(|byte| *byte == b';');
        let seconds = fields.next().and_then(seconds);
        let side = fields.find_map(|field| match trimmed(field).strip_prefix("refresher=")?.trim() {
            "uac" => Some(Side::Uac),
            "uas" => Some(Side::Uas),
            _ => None,
        });
        let least = message.header(Name::MinSe).unwrap_or_default();
        Self {
            supported: message
                .supported()
                .chain(message.require())
                .any(|tag| tag.eq_ignore_ascii_case(TIMER.as_bytes())),
            seconds,
            refresher: side,
            seconds_min: least.split(|byte| *byte == b';').next().and_then(self::seconds),
        }
    }
}

fn trimmed(field: &[u8]) -> &str {
    std::str::from_utf8(field).unwrap_or_default().trim()
}

fn seconds(field: &[u8]) -> Option<u32> {
    trimmed(field).parse().ok()
}

/// What a 2xx to the request grants; `None` is no timer.
///
/// # Errors
/// The interval is too short for us: 422 with this Min-SE.
pub fn grant(policy: Policy, said: &Said) -> Result<Option<Granted>, u32> {
    let least = policy.seconds_min.max(SECONDS_MIN);
    let Some(asked) = said.seconds else {
        // RFC 4028 section 9: the UAS may begin a timer that the UAC did not ask for, if the UAC knows the extension.
        let seconds = policy.seconds.max(said.seconds_min.unwrap_or(0)).max(least);
        return Ok(said.supported.then_some(Granted { seconds, refresher: Side::Uas, require: true }));
    };
    // RFC 4028 section 9: 422 is for a UAC that knows the extension; a proxy's wish on behalf of another is taken.
    if said.supported && asked < least {
        return Err(least);
    }
    // RFC 4028 section 9: the UAS may lower the interval, not below Min-SE, and never raises it.
    let floor = said.seconds_min.unwrap_or(SECONDS_MIN).max(least);
    let seconds = asked.min(policy.seconds.max(floor)).max(SECONDS_MIN);
    // RFC 4028 section 9, table 2.
    let refresher = match (said.supported, said.refresher) {
        (true, Some(side)) => side,
        (true, None) | (false, _) => Side::Uas,
    };
    Ok(Some(Granted { seconds, refresher, require: said.supported }))
}

/// What is due.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// We are to refresh.
    Refresh,
    /// Nobody has refreshed in time: BYE.
    Expired,
}

/// A running timer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    seconds: u32,
    refresher: Refresher,
    refresh_at: Option<Instant>,
    ends_at: Instant,
}

impl SessionTimer {
    /// The session was begun or refreshed by a 2xx just now.
    pub fn start(now: Instant, seconds: u32, refresher: Refresher) -> Self {
        // A peer that writes 0 would have us refresh without end.
        let seconds = seconds.max(SECONDS_MIN);
        let interval = Duration::from_secs(u64::from(seconds));
        // RFC 4028 section 10: the BYE comes "slightly before the session expiration", by "the minimum of 32 seconds
        // and one third of the session interval".
        let before = Duration::from_secs(32).min(interval / 3);
        // RFC 4028 section 10: "It is RECOMMENDED that this refresh be sent once half the session interval has
        // elapsed".
        let refresh_at = (refresher == Refresher::Us).then_some(now + interval / 2);
        Self { seconds, refresher, refresh_at, ends_at: now + interval.saturating_sub(before) }
    }

    /// The interval.
    pub fn seconds(&self) -> u32 {
        self.seconds
    }

    /// Who refreshes.
    pub fn refresher(&self) -> Refresher {
        self.refresher
    }

    /// When [`SessionTimer::timeout`] is wanted.
    pub fn poll_timeout(&self) -> Instant {
        self.refresh_at.map_or(self.ends_at, |at| at.min(self.ends_at))
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: Instant) -> Due {
        if self.ends_at <= now {
            return Due::Expired;
        }
        match self.refresh_at.take_if(|at| *at <= now) {
            Some(_) => Due::Refresh,
            None => Due::Nothing,
        }
    }

    /// The refresh could not be done now, or was refused: once more after `wait`. It changes nothing at the end.
    pub fn refresh_after(&mut self, now: Instant, wait: Duration) {
        self.refresh_at = Some(now + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { seconds: 1800, seconds_min: 90 };

    fn said(lines: &str) -> Said {
        let text = format!("INVITE sip:a@b SIP/2.0\r\n{lines}\r\n");
        Said::of(&Message::parse(text.into()).unwrap())
    }

    fn granted(lines: &str) -> Option<(u32, &'static str, bool)> {
        grant(POLICY, &said(lines)).unwrap().map(|g| (g.seconds, g.refresher.as_str(), g.require))
    }

    #[test]
    fn the_headers_are_read_in_all_their_spellings() {
        let all = said("k: 100rel, TIMER\r\nx: 4000 ; refresher=uac\r\nMin-SE: 120;x\r\n");
        assert_eq!((all.supported, all.seconds, all.refresher), (true, Some(4000), Some(Side::Uac)));
        assert_eq!(all.seconds_min, Some(120));
        assert_eq!(said("Session-Expires: soon\r\n"), Said::default());
        assert!(said("Require: timer\r\n").supported);
    }

    /// RFC 4028 section 9, table 2, and what a UAS may do to the interval.
    #[test]
    fn what_is_granted() {
        assert_eq!(granted(""), None);
        assert_eq!(granted("Supported: timer\r\n"), Some((1800, "uas", true)));
        assert_eq!(granted("Supported: timer\r\nSession-Expires: 600\r\n"), Some((600, "uas", true)));
        assert_eq!(
            granted("Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n"),
            Some((600, "uac", true))
        );
        assert_eq!(granted("Session-Expires: 600;refresher=uac\r\n"), Some((600, "uas", false)));
        assert_eq!(granted("Supported: timer\r\nSession-Expires: 7200\r\n"), Some((1800, "uas", true)));
        let high = "Supported: timer\r\nSession-Expires: 7200\r\nMin-SE: 3600\r\n";
        assert_eq!(granted(high), Some((3600, "uas", true)));
        assert_eq!(grant(POLICY, &said("Supported: timer\r\nSession-Expires: 60\r\n")), Err(90));
        assert_eq!(granted("Session-Expires: 60\r\n"), Some((90, "uas", false)));
        let strict = Policy { seconds: 1800, seconds_min: 600 };
        assert_eq!(grant(strict, &said("Supported: timer\r\nSession-Expires: 300\r\n")), Err(600));
    }

    #[test]
    fn a_refresher_refreshes_at_half_and_the_other_waits_nearly_to_the_end() {
        let start = Instant::from_micros(0);
        let at = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
        let mut ours = SessionTimer::start(start, 1800, Refresher::Us);
        assert_eq!(ours.poll_timeout(), at(900));
        assert_eq!(ours.timeout(at(899)), Due::Nothing);
        assert_eq!(ours.timeout(at(900)), Due::Refresh);
        assert_eq!(ours.timeout(at(901)), Due::Nothing);
        ours.refresh_after(at(901), Duration::from_secs(5));
        assert_eq!(ours.poll_timeout(), at(906));
        assert_eq!(ours.timeout(at(906)), Due::Refresh);
        assert_eq!((ours.poll_timeout(), ours.timeout(at(1768))), (at(1768), Due::Expired));
        let theirs = SessionTimer::start(start, 1800, Refresher::Peer);
        assert_eq!(theirs.poll_timeout(), at(1768));
        // A third of a short interval is less than 32 seconds.
        assert_eq!(SessionTimer::start(start, 90, Refresher::Peer).poll_timeout(), at(60));
        assert_eq!(SessionTimer::start(start, 0, Refresher::Peer).poll_timeout(), at(60));
    }
}
