//! What a person types behind `strowger load`, and the bounds of it.

use clap::Args;
use clap::ValueEnum;
use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::time::Duration;

/// Load a SIP server with calls and measure it.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The server under test
    #[arg(long, value_name = "HOST:PORT")]
    pub target: String,
    /// The address that calls come from; its port is the SIP port
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.2:5071")]
    pub from: SocketAddr,
    /// The number to call, {n} counting up; a number or a whole sip: URI
    #[arg(long, value_name = "NUMBER", conflicts_with = "number")]
    pub to: Option<String>,
    /// The same, short: this prefix and a count
    #[arg(long, value_name = "PREFIX", default_value = "1")]
    pub number: String,
    /// How many different numbers are called before {n} starts again
    #[arg(long, value_name = "COUNT", default_value_t = u64::MAX, hide_default_value = true)]
    pub numbers: u64,
    /// Play the called side at this address: it answers everything at once
    #[arg(long, value_name = "ADDR:PORT")]
    pub far: Option<SocketAddr>,
    /// The called side are a queue's agents: each has one call at a time and hangs up after the talk
    #[arg(long, requires = "far")]
    pub agents: bool,
    /// Calls, or registrations, started each second
    #[arg(long, value_name = "PER_SECOND", default_value_t = 10.0)]
    pub rate: f64,
    /// How long calls are started; with --hold how long they are held
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    pub seconds: f64,
    /// Bring up so many calls (at --rate) and hold them all
    #[arg(long, value_name = "CALLS")]
    pub hold: Option<u64>,
    /// How long a call lasts after its answer; without --hold
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    pub talk_seconds: f64,
    /// How long to wait for an answer, and for an agent
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    pub patience_seconds: f64,
    /// Who sends audio
    #[arg(long, value_enum, default_value_t = Rtp::Yes)]
    pub rtp: Rtp,
    /// Register so many accounts instead of calling
    #[arg(long, value_name = "ACCOUNTS")]
    pub register: Option<u64>,
    /// The first account; the number at its end counts up
    #[arg(long, value_name = "USER", default_value = "u0000")]
    pub users: String,
    /// The password of all accounts
    #[arg(long, value_name = "PASSWORD", default_value = "secret")]
    pub secret: String,
    /// The domain of the accounts; without it the target's host
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    /// The server's process, to measure its CPU and memory
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// Who sends audio.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rtp {
    /// Both sides.
    Yes,
    /// Nobody.
    No,
    /// Only the calling side.
    CallerOnly,
    /// Only the called side.
    FarOnly,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(in crate::load) enum Fault {
    /// A value is out of bounds.
    #[error("--{option} must be {allowed}")]
    Option { option: &'static str, allowed: &'static str },
    /// The target's name has no address.
    #[error("`{0}` is not an address, and no name with one")]
    Target(String),
    /// A socket could not be opened.
    #[error("cannot use {address}: {source}")]
    Bind { address: SocketAddr, source: std::io::Error },
    /// The system failed while running.
    #[error("the system refused a basic service: {0}")]
    System(#[from] std::io::Error),
}

impl Fault {
    /// 2 for usage, 3 where something cannot be reached.
    pub(in crate::load) const fn exit_status(&self) -> u8 {
        match self {
            Self::Option { .. } => 2,
            Self::Target(_) | Self::Bind { .. } | Self::System(_) => 3,
        }
    }
}

const RATE_MAX: f64 = 100_000.0;
const SECONDS_MAX: f64 = 86_400.0;
const CALLS_MAX: u64 = 10_000_000;
const HOLD_MAX: u64 = 50_000;

impl Options {
    /// Checks all bounds.
    pub(in crate::load) fn check(&self) -> Result<(), Fault> {
        let ensure = |holds: bool, option, allowed| {
            if holds { Ok(()) } else { Err(Fault::Option { option, allowed }) }
        };
        let seconds = |value: f64| (0.0..=SECONDS_MAX).contains(&value);
        ensure(self.rate > 0.0 && self.rate <= RATE_MAX, "rate", "above 0, at most 100000")?;
        ensure(seconds(self.seconds), "seconds", "between 0 and 86400")?;
        ensure(seconds(self.talk_seconds), "talk-seconds", "between 0 and 86400")?;
        ensure(seconds(self.patience_seconds), "patience-seconds", "between 0 and 86400")?;
        ensure(self.calls() <= CALLS_MAX, "seconds", "shorter: at most 10 million calls in all")?;
        ensure(self.hold.is_none_or(|calls| (1..=HOLD_MAX).contains(&calls)), "hold", "1 to 50000")?;
        ensure(self.register.is_none_or(|n| (1..=CALLS_MAX).contains(&n)), "register", "1 to 10000000")?;
        ensure(self.numbers > 0, "numbers", "at least 1")
    }

    /// How many calls are placed in all.
    pub(in crate::load) fn calls(&self) -> u64 {
        self.hold.unwrap_or((self.rate * self.seconds).ceil() as u64)
    }

    /// The target's address, of the same kind as our own.
    pub(in crate::load) fn target(&self) -> Result<SocketAddr, Fault> {
        let found = self.target.to_socket_addrs().ok();
        let same = |address: &SocketAddr| address.is_ipv4() == self.from.is_ipv4();
        found.and_then(|mut all| all.find(same)).ok_or_else(|| Fault::Target(self.target.clone()))
    }

    /// The number of the nth call.
    pub(in crate::load) fn number_called(&self, n: u64) -> String {
        let n = n.checked_rem(self.numbers).unwrap_or(n).to_string();
        match &self.to {
            Some(pattern) => pattern.replace("{n}", &n),
            None => format!("{}{n}", self.number),
        }
    }

    /// The nth account: the number at the end of `--users` counts up and keeps its width.
    pub(in crate::load) fn user(&self, n: u64) -> String {
        let stem = self.users.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = self.users.get(stem.len()..).unwrap_or_default();
        let number = digits.parse().unwrap_or(0u64).saturating_add(n);
        format!("{stem}{number:0width$}", width = digits.len())
    }
}

/// A number of seconds as a duration; the bounds were checked.
pub(in crate::load) fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(line: &str) -> Options {
        Line::parse_from(format!("load --target 127.0.0.1:5060 {line}").split_whitespace()).options
    }

    #[test]
    fn numbers_and_users_count_up() {
        assert_eq!(options("--number 4").number_called(12), "412");
        assert_eq!(options("--to sip:1{n}@h --numbers 10").number_called(12), "sip:12@h");
        assert_eq!(options("").user(42), "u0042");
        assert_eq!(options("--users u9999").user(2), "u10001");
        assert_eq!(options("--users alice").user(2), "alice2");
    }

    #[test]
    fn bounds_are_checked() {
        assert!(options("").check().is_ok());
        for line in ["--rate 0", "--rate 1e9", "--seconds 1e9", "--hold 0", "--rate 100000 --seconds 86400"] {
            assert!(options(line).check().is_err(), "{line}");
        }
        assert!(Line::try_parse_from("load --target x --agents".split(' ')).is_err());
    }
}
