//! Numbers between us and a trunk: E.164 inside, and as the trunk writes them outside.
//!
//! Prefixes only: which numbers exist and how long they are is the carrier's to know. A number that fits no rule (an
//! extension, a short code, a name) stays as it is.

use crate::config::Notation;
use crate::config::NumberFormat;

/// National numbers have at least so many digits with their prefix; shorter ones are short codes.
const NATIONAL_MIN: usize = 7;
/// ITU-T E.164 section 6.2.1: at most 15 digits.
const E164_MAX: usize = 15;
/// The country code of North America, where the national prefix is often left out.
const NANP: &str = "1";
const NANP_LEN: usize = 10;

/// A number that came from a trunk, as `+` and digits where it can be told.
pub fn to_e164(notation: &Notation, number: &str) -> String {
    let Some(calling) = &notation.calling else { return number.to_owned() };
    let Some(digits) = digits_of(number) else { return number.to_owned() };
    if number.trim_start().starts_with('+') {
        return format!("+{digits}");
    }
    let after = |prefix: &str| (!prefix.is_empty()).then(|| digits.strip_prefix(prefix)).flatten();
    if let Some(abroad) = after(&notation.international_prefix)
        && (NATIONAL_MIN..=E164_MAX).contains(&abroad.len())
    {
        return format!("+{abroad}");
    }
    if digits.len() < NATIONAL_MIN {
        return number.to_owned();
    }
    if let Some(national) = after(&notation.national_prefix) {
        return format!("+{calling}{national}");
    }
    // A carrier that sends E.164 often leaves out the plus sign.
    if notation.format == NumberFormat::E164 && digits.starts_with(calling.as_str()) && digits.len() > 9 {
        return format!("+{digits}");
    }
    if notation.national_prefix.is_empty() || (calling == NANP && digits.len() == NANP_LEN) {
        return format!("+{calling}{digits}");
    }
    number.to_owned()
}

/// A number of ours as the trunk wants it.
pub fn for_trunk(notation: &Notation, number: &str) -> String {
    match notation.format {
        NumberFormat::AsIs => number.to_owned(),
        NumberFormat::E164 => to_e164(notation, number),
        NumberFormat::National => {
            let whole = to_e164(notation, number);
            let Some(digits) = whole.strip_prefix('+') else { return whole };
            let calling = notation.calling.as_deref().unwrap_or_default();
            match digits.strip_prefix(calling) {
                Some(national) => format!("{}{national}", notation.national_prefix),
                None => format!("{}{digits}", notation.international_prefix),
            }
        }
    }
}

/// The digits of a number, without the separators of RFC 3966 section 3; `None` for what is no number.
fn digits_of(number: &str) -> Option<String> {
    let number = number.trim();
    let rest = number.strip_prefix('+').unwrap_or(number);
    let fits = |letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '.' | '(' | ')' | ' ');
    if !rest.chars().all(fits) {
        return None;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Country;

    fn notation(country: &str, format: NumberFormat) -> Notation {
        let country = Country::named(country).unwrap();
        Notation {
            calling: Some(country.calling.to_string()),
            national_prefix: country.national_prefix.to_string(),
            international_prefix: country.international_prefix.to_string(),
            format,
        }
    }

    #[test]
    fn what_a_trunk_says_becomes_e164() {
        let check = |country, said: &str, expected: &str| {
            assert_eq!(to_e164(&notation(country, NumberFormat::E164), said), expected, "{country} {said}");
        };
        check("FR", "0140000000", "+33140000000");
        check("FR", "0033140000000", "+33140000000");
        check("FR", "33140000000", "+33140000000");
        check("FR", "+33 1 40-00.00 00", "+33140000000");
        check("FR", "0044207946000", "+44207946000");
        check("FR", "15", "15");
        check("FR", "3631", "3631");
        check("FR", "116000", "116000");
        check("FR", "alice", "alice");
        check("FR", "anonymous", "anonymous");
        check("IT", "0612345678", "+390612345678");
        check("HU", "0612345678", "+3612345678");
        check("US", "4155550100", "+14155550100");
        check("US", "14155550100", "+14155550100");
        check("US", "01133140000000", "+33140000000");
        check("GB", "0207946000", "+44207946000");
    }

    #[test]
    fn what_we_send_is_as_the_trunk_wants_it() {
        let check = |country, format, number: &str, expected: &str| {
            assert_eq!(for_trunk(&notation(country, format), number), expected, "{country} {number}");
        };
        check("FR", NumberFormat::National, "+33140000000", "0140000000");
        check("FR", NumberFormat::National, "+44207946000", "0044207946000");
        check("FR", NumberFormat::National, "0140000000", "0140000000");
        check("FR", NumberFormat::National, "3631", "3631");
        check("FR", NumberFormat::E164, "0140000000", "+33140000000");
        check("FR", NumberFormat::AsIs, "0140000000", "0140000000");
        check("US", NumberFormat::National, "+14155550100", "14155550100");
    }

    #[test]
    fn without_a_country_nothing_changes() {
        let plain = Notation { calling: None, ..notation("FR", NumberFormat::AsIs) };
        for number in ["0140000000", "+33140000000", "15", "", "alice"] {
            assert_eq!((to_e164(&plain, number), for_trunk(&plain, number)), (number.into(), number.into()));
        }
    }
}
