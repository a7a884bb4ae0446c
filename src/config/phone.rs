//! `[[phone]]` and `[[phone_range]]`: addresses of record.
//!
//! A range stays a range: ten thousand phones cost one struct.

use crate::config::context::Spot;
use crate::config::phone_features::PhoneFeatures;
use crate::config::reader::Reader;
use crate::config::secret::PhoneSecret;
use crate::config::secret::Secret;
use crate::config::secret::hex;
use crate::config::security::PhoneLimits;
use crate::config::sip::header_text;
use crate::config::srtp::Srtp;
use crate::config::tree::Value;
use crate::ids::PhoneNumber;
use std::collections::BTreeSet;

/// `[[phone]]`, or one of a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Phone {
    /// Its number: the user part of its address of record.
    pub number: PhoneNumber,
    /// What it authenticates with.
    pub secret: PhoneSecret,
    /// The name shown to those it calls.
    pub display_name: Option<String>,
    /// A fixed address (a SIP URI) instead of a registration.
    pub contact: Option<String>,
    /// What it may do, and from where.
    pub limits: PhoneLimits,
    /// Forwarding, do not disturb, intercom and speed dial.
    pub features: PhoneFeatures,
    /// Groups whose members may pick up what rings here.
    pub call_groups: BTreeSet<String>,
    /// Groups whose ringing calls may be picked up from here.
    pub pickup_groups: BTreeSet<String>,
    /// Whether those who watch it see with whom it talks; `None`: as `[sip]` says.
    pub blf_identities: Option<bool>,
    /// Whether its audio is encrypted.
    pub srtp: Srtp,
}

impl Phone {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let number = number(reader, "number");
        let has_secret = reader.has("secret");
        let secret = phone_secret(reader);
        let display_name = reader.parsed("display_name", header_text);
        let contact = reader.parsed("contact", sip_uri);
        let limits = PhoneLimits::read(reader);
        let features = PhoneFeatures::read(reader);
        let mut groups =
            |name: &str| reader.parsed_list(name, group).into_iter().map(|(_, name)| name).collect();
        let (call_groups, pickup_groups) = (groups("call_groups"), groups("pickup_groups"));
        let says = reader.has("blf_identities");
        let blf_identities = says.then_some(reader.flag("blf_identities"));
        let srtp = reader.word("srtp").unwrap_or(Srtp::Optional);
        let number = number?;
        if !has_secret && contact.is_none() {
            let what =
                format!("phone `{}` has neither `secret` nor `contact`: it cannot register", number.text);
            reader.cx.doubt(&reader.at.clone(), what);
        }
        reader.cx.take_phone(&number);
        Some(Self {
            number: PhoneNumber::new(&number.text),
            secret,
            display_name,
            contact,
            call_groups,
            pickup_groups,
            blf_identities,
            srtp,
            limits,
            features,
        })
    }
}

fn phone_secret(reader: &mut Reader<'_, '_>) -> PhoneSecret {
    let Some(node) = reader.take("secret") else { return PhoneSecret::None };
    let is_hash = matches!(&node.value, Value::Table(table)
        if table.contains_key("ha1_md5") || table.contains_key("ha1_sha256"));
    if !is_hash {
        let secret = reader.secret_of("secret", node, |_| None);
        return secret.map_or(PhoneSecret::None, PhoneSecret::Plain);
    }
    let Value::Table(table) = node.value else { return PhoneSecret::None };
    reader.inside("secret", node.at, table, |table| PhoneSecret::Ha1 {
        md5: table.parsed("ha1_md5", hex_text::<16>).map(|hash| Secret::plain(&hash)),
        sha256: table.parsed("ha1_sha256", hex_text::<32>).map(|hash| Secret::plain(&hash)),
    })
}

fn hex_text<const N: usize>(text: &str) -> Result<String, String> {
    hex::<N>(text).map(|_| text.to_ascii_lowercase())
}

/// `[[phone_range]]`: phones whose numbers are a prefix and a counter of fixed length.
#[derive(Clone, Debug, PartialEq)]
pub struct PhoneRange {
    /// Before the counter.
    prefix: String,
    digits: usize,
    first: u64,
    last: u64,
    /// The password of them all.
    pub secret: PhoneSecret,
    /// What each of them may do, and from where.
    pub limits: PhoneLimits,
    /// Whether their audio is encrypted.
    pub srtp: Srtp,
}

impl PhoneRange {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let numbers = reader.spot("numbers");
        let secret = reader.secret("secret");
        let limits = PhoneLimits::read(reader);
        let srtp = reader.word("srtp").unwrap_or(Srtp::Optional);
        let numbers = numbers?;
        match Self::parse(&numbers.text) {
            Ok(mut range) => {
                range.secret = secret.map_or(PhoneSecret::None, PhoneSecret::Plain);
                range.limits = limits;
                range.srtp = srtp;
                reader.cx.take_range(numbers, range.clone());
                Some(range)
            }
            Err(what) => {
                reader.cx.fault(&numbers.at, format!("`numbers`: {what}"));
                None
            }
        }
    }

    /// Reads `FIRST-LAST`: the same prefix, and as many digits.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // 18 digits fit a u64 with room to spare.
        const DIGITS_MAX: usize = 18;
        let wrong = || format!("`{text}` is not a range of numbers such as u0000-u9999");
        let (first, last) = text.split_once('-').ok_or_else(wrong)?;
        check_number(first)?;
        check_number(last)?;
        let prefix = first.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let (from, to) = (first.get(prefix.len()..), last.strip_prefix(prefix));
        let (from, to) = (from.ok_or_else(wrong)?, to.ok_or_else(wrong)?);
        let alike = from.len() == to.len() && (1..=DIGITS_MAX).contains(&from.len());
        if !alike || !to.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let (first, last) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
        if first > last {
            return Err(format!("`{text}` ends before it begins"));
        }
        let prefix = prefix.to_string();
        Ok(Self {
            prefix,
            digits: from.len(),
            first,
            last,
            secret: PhoneSecret::None,
            limits: PhoneLimits::default(),
            srtp: Srtp::Optional,
        })
    }

    /// Whether the number is one of the range's.
    pub fn contains(&self, number: &str) -> bool {
        let Some(counter) = number.strip_prefix(self.prefix.as_str()) else { return false };
        counter.len() == self.digits
            && counter.bytes().all(|byte| byte.is_ascii_digit())
            && counter.parse::<u64>().is_ok_and(|counter| (self.first..=self.last).contains(&counter))
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.last - self.first + 1
    }

    /// The numbers in order, made one by one.
    pub fn numbers(&self) -> impl Iterator<Item = PhoneNumber> + '_ {
        (self.first..=self.last).map(|counter| {
            PhoneNumber::new(&format!("{}{counter:0width$}", self.prefix, width = self.digits))
        })
    }

    /// The last number.
    pub fn last(&self) -> PhoneNumber {
        PhoneNumber::new(&format!("{}{:0width$}", self.prefix, self.last, width = self.digits))
    }

    /// Whether the two have a number in common.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        // A longer prefix may end in digits of the other's counter: compare whole numbers of equal length.
        let (short, long) =
            if self.prefix.len() <= other.prefix.len() { (self, other) } else { (other, self) };
        let same_length = short.prefix.len() + short.digits == long.prefix.len() + long.digits;
        let end = |counter| format!("{}{counter:0width$}", long.prefix, width = long.digits);
        let value =
            |number: String| number.strip_prefix(&short.prefix).and_then(|digits| digits.parse().ok());
        match (same_length, value(end(long.first)), value(end(long.last))) {
            (true, Some(first), Some(last)) => short.first.max(first) <= short.last.min(last),
            _ => false,
        }
    }

    /// A phone of the range.
    pub(crate) fn phone(&self, number: &str) -> Phone {
        Phone {
            number: PhoneNumber::new(number),
            secret: self.secret.clone(),
            display_name: None,
            contact: None,
            limits: self.limits.clone(),
            features: PhoneFeatures::default(),
            call_groups: BTreeSet::new(),
            pickup_groups: BTreeSet::new(),
            blf_identities: None,
            srtp: self.srtp,
        }
    }
}

/// Reads a number that can be dialled.
pub(crate) fn number(reader: &mut Reader<'_, '_>, name: &str) -> Option<Spot> {
    let spot = reader.spot(name)?;
    match check_number(&spot.text) {
        Ok(()) => Some(spot),
        Err(what) => {
            reader.cx.fault(&spot.at, format!("`{name}`: {what}"));
            None
        }
    }
}

/// Whether the text can be the user part of an address without escapes (RFC 3261 section 25.1, `unreserved`,
/// and `+`, which numbers begin with).
pub(crate) fn check_number(text: &str) -> Result<(), String> {
    const LETTERS_MAX: usize = 64;
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'*' | b'#' | b'.' | b'_' | b'-');
    if text.is_empty() || text.len() > LETTERS_MAX || !text.bytes().all(plain) {
        return Err(format!(
            "`{}` is not a number: 1 to {LETTERS_MAX} digits, letters and + * # . _ -",
            text.escape_debug()
        ));
    }
    Ok(())
}

/// The name of a pickup group: any short word.
fn group(text: &str) -> Result<String, String> {
    const LETTERS_MAX: usize = 64;
    let blank = text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    if text.is_empty() || text.len() > LETTERS_MAX || blank {
        return Err(format!("`{}` is not the name of a group: a word without spaces", text.escape_debug()));
    }
    Ok(text.to_string())
}

fn sip_uri(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("sip:").or_else(|| text.strip_prefix("sips:")).unwrap_or("");
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split([';', '?']).next().unwrap_or("");
    let blank = text.chars().any(|letter| letter.is_whitespace() || letter.is_control() || letter == '>');
    if blank || crate::config::network::Host::parse(host, 5060).is_err() {
        return Err(format!("`{}` is not a SIP URI such as sip:1002@192.0.2.7:5060", text.escape_debug()));
    }
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_knows_its_numbers() {
        let range = PhoneRange::parse("u0000-u9999").unwrap();
        assert_eq!(range.count(), 10_000);
        assert!(range.contains("u0000") && range.contains("u9999") && range.contains("u0042"));
        for other in ["u10000", "u999", "u", "0000", "v0000", "u+001", "u00é", ""] {
            assert!(!range.contains(other), "{other}");
        }
        let numbers: Vec<_> = range.numbers().map(|number| number.to_string()).collect();
        assert_eq!((numbers[0].as_str(), numbers[9999].as_str()), ("u0000", "u9999"));
        for wrong in ["u0000", "u0000-v9999", "u0000-u99999", "u-u", "9-0", "1-", "-", "a1-a1b"] {
            assert!(PhoneRange::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranges_overlap_by_number_and_not_by_prefix() {
        let check = |one: &str, two: &str, overlap: bool| {
            let (one, two) = (PhoneRange::parse(one).unwrap(), PhoneRange::parse(two).unwrap());
            assert_eq!(one.overlaps(&two), overlap);
            assert_eq!(two.overlaps(&one), overlap);
        };
        check("100-199", "150-160", true);
        check("100-199", "200-299", false);
        check("100-199", "0100-0199", false);
        check("u00-u99", "u050-u060", false);
        check("u00-u99", "v00-v99", false);
    }

    #[test]
    fn contacts_are_sip_uris() {
        for right in ["sip:a00@127.0.0.3:5070", "sips:x@example.com", "sip:[::1]:5060;transport=tcp"] {
            assert!(sip_uri(right).is_ok(), "{right}");
        }
        for wrong in ["", "sip:", "a00@127.0.0.3", "sip:a@b c", "tel:+33", "sip:a@h>\r\n"] {
            assert!(sip_uri(wrong).is_err(), "{wrong:?}");
        }
    }
}
