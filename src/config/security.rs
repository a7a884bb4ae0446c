//! Who is listened to, how wrong passwords are met, and what a phone may spend: `[security]`, the lists of `[sip]`, and
//! the limits of a phone.
//!
//! Carried out by the switch; nothing is looked up here.

use crate::config::hours::OpenHours;
use crate::config::network::Network;
use crate::config::queue::TimeZone;
use crate::config::reader::Reader;
use crate::config::sip::header_text;
use crate::config::words::words;
use std::net::IpAddr;
use std::time::Duration;

/// The lists of `[sip]`: from whom messages are read at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    /// Only these, unless empty.
    pub allow: Vec<Network>,
    /// Never these.
    pub deny: Vec<Network>,
    /// Beginnings of `User-Agent`, in lower case, whose requests are dropped.
    pub drop_user_agents: Vec<String>,
}

impl Access {
    /// Whether messages from that address are read. `deny` is stronger than `allow`.
    pub fn admits(&self, source: IpAddr) -> bool {
        let inside = |list: &[Network]| list.iter().any(|network| network.contains(source));
        !inside(&self.deny) && (self.allow.is_empty() || inside(&self.allow))
    }

    /// Whether requests with that `User-Agent` are dropped: scanners say who they are.
    pub fn drops(&self, user_agent: &[u8]) -> bool {
        self.drop_user_agents.iter().any(|start| {
            user_agent.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
        })
    }

    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let plain = |found: Vec<(_, Network)>| found.into_iter().map(|(_, network)| network).collect();
        Self {
            allow: plain(reader.parsed_list("allow", Network::parse)),
            deny: plain(reader.parsed_list("deny", Network::parse)),
            drop_user_agents: reader
                .parsed_list("drop_user_agents", user_agent)
                .into_iter()
                .map(|(_, start)| start)
                .collect(),
        }
    }
}

fn user_agent(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("an empty beginning would drop every phone".to_string());
    }
    header_text(text).map(|text| text.to_ascii_lowercase())
}

words! {
    /// What kind of number a phone may call.
    Permission {
        /// Phones and queues of the switch.
        "internal" => Internal,
        /// Numbers outside, in the own country.
        "national" => National,
        /// Numbers in other countries.
        "international" => International,
        /// Numbers of `premium_prefixes`.
        "premium" => Premium,
    }
}

/// `[security]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Security {
    /// Wrong passwords of one account from one source before it is blocked.
    pub auth_failures: u32,
    /// Accounts that one source may fail at before it is blocked.
    pub auth_accounts: u32,
    /// The first block; each further one is twice as long.
    pub auth_block: Duration,
    /// The own country's calling code, without `+`; empty: every number with `+` is international.
    pub country_code: String,
    /// What stands for `+` in dialled numbers.
    pub international_prefixes: Vec<String>,
    /// Numbers that cost more.
    pub premium_prefixes: Vec<String>,
    /// What phones may call that don't say so themselves.
    pub permissions: Vec<Permission>,
    /// Of phones' `international_hours`.
    pub time_zone: Option<TimeZone>,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            auth_failures: 5,
            auth_accounts: 10,
            auth_block: Duration::from_secs(60),
            country_code: String::new(),
            international_prefixes: vec!["00".to_string()],
            premium_prefixes: Vec::new(),
            permissions: vec![Permission::Internal, Permission::National, Permission::International],
            time_zone: None,
        }
    }
}

impl Security {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let numbers = |found: Vec<(_, String)>| found.into_iter().map(|(_, prefix)| prefix).collect();
        let security = Self {
            auth_failures: reader.number("auth_failures").unwrap_or(1),
            auth_accounts: reader.number("auth_accounts").unwrap_or(1),
            auth_block: reader.seconds("auth_block_seconds"),
            country_code: reader.parsed("country_code", country_code).unwrap_or_default(),
            international_prefixes: numbers(reader.parsed_list("international_prefixes", prefix)),
            premium_prefixes: numbers(reader.parsed_list("premium_prefixes", prefix)),
            permissions: reader.words("permissions"),
            time_zone: Some(TimeZone::read(reader, "time_zone")),
        };
        Some(security)
    }
}

fn country_code(text: &str) -> Result<String, String> {
    let right = text.is_empty() || (text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit()));
    if right {
        Ok(text.to_string())
    } else {
        Err(format!("`{}` is not a calling code such as 33", text.escape_debug()))
    }
}

fn prefix(text: &str) -> Result<String, String> {
    const DIGITS_MAX: usize = 20;
    let digits = text.strip_prefix('+').unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'*' | b'#');
    if (digits.is_empty() && text != "+") || digits.len() > DIGITS_MAX || !digits.bytes().all(plain) {
        return Err(format!(
            "`{}` is not the beginning of a number, such as +33 or 0899",
            text.escape_debug()
        ));
    }
    Ok(text.to_string())
}

/// What a phone may do. The default is everything that [`Security`] does not forbid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhoneLimits {
    /// The phone is known from there only; from anywhere when empty.
    pub allow_from: Vec<Network>,
    /// Calls of its own at once.
    pub calls_max: Option<u32>,
    /// Calls to outside in any hour.
    pub calls_per_hour: Option<u32>,
    /// Minutes of calls to outside in any hour.
    pub minutes_per_hour: Option<u32>,
    /// Numbers outside that it may call; all when empty.
    pub allowed_prefixes: Vec<String>,
    /// Numbers outside that it may not call.
    pub denied_prefixes: Vec<String>,
    /// Instead of `[security] permissions`.
    pub permissions: Option<Vec<Permission>>,
    /// When it may call other countries and premium numbers.
    pub international_hours: Option<OpenHours>,
}

impl PhoneLimits {
    /// Whether the phone is known at that address.
    pub fn may_come_from(&self, source: IpAddr) -> bool {
        self.allow_from.is_empty() || self.allow_from.iter().any(|network| network.contains(source))
    }

    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let numbers = |found: Vec<(_, String)>| found.into_iter().map(|(_, prefix)| prefix).collect();
        let networks = reader.parsed_list("allow_from", Network::parse);
        let says = reader.has("permissions");
        let words = reader.words("permissions");
        Self {
            allow_from: networks.into_iter().map(|(_, network)| network).collect(),
            calls_max: reader.number("max_calls"),
            calls_per_hour: reader.number("calls_per_hour"),
            minutes_per_hour: reader.number("minutes_per_hour"),
            allowed_prefixes: numbers(reader.parsed_list("allowed_prefixes", prefix)),
            denied_prefixes: numbers(reader.parsed_list("denied_prefixes", prefix)),
            permissions: Some(words).filter(|_| says),
            international_hours: reader.parsed("international_hours", OpenHours::parse),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deny_is_stronger_than_allow() {
        let list =
            |texts: &[&str]| texts.iter().map(|text| Network::parse(text).unwrap()).collect::<Vec<_>>();
        let mut access =
            Access { allow: list(&["10.0.0.0/8"]), deny: list(&["10.6.6.0/24"]), ..Access::default() };
        let admits = |access: &Access, ip: &str| access.admits(ip.parse().unwrap());
        assert!(admits(&access, "10.1.1.1") && !admits(&access, "10.6.6.6") && !admits(&access, "192.0.2.1"));
        access.allow.clear();
        assert!(admits(&access, "192.0.2.1") && !admits(&access, "10.6.6.6"));
    }

    #[test]
    fn scanners_are_known_by_how_they_begin() {
        let access = Access { drop_user_agents: vec!["friendly-scanner".to_string()], ..Access::default() };
        assert!(access.drops(b"Friendly-Scanner") && access.drops(b"friendly-scanner/2"));
        assert!(!access.drops(b"Linphone") && !access.drops(b"friendly") && !access.drops(b""));
    }
}
