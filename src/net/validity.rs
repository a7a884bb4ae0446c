//! Until when an X.509 certificate is valid (RFC 5280 section 4.1.2.5): for the metric, and to warn in time.
//!
//! Not a verifier: that is the TLS library's. Reads as much DER as leads to that one date.

/// `notAfter` in seconds since 1970, or `None` when the bytes are no certificate.
pub(in crate::net) fn not_after(certificate: &[u8]) -> Option<i64> {
    let (_, outer, _) = element(certificate)?;
    let (_, mut fields, _) = element(outer)?;
    // The version, which version 1 certificates leave out, comes under the tag [0].
    if fields.first() == Some(&0xa0) {
        fields = element(fields)?.2;
    }
    // The serial number, the signature's algorithm and the issuer.
    for _ in 0..3 {
        fields = element(fields)?.2;
    }
    let (_, validity, _) = element(fields)?;
    let (_, _, after) = element(validity)?;
    let (tag, time, _) = element(after)?;
    moment(tag, time)
}

/// The first element: its tag, its content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(*first & 0x7f))?;
        // Longer than four digits is longer than any certificate.
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// RFC 5280 section 4.1.2.5: `YYMMDDHHMMSSZ` until 2049, `YYYYMMDDHHMMSSZ` from then on.
fn moment(tag: u8, text: &[u8]) -> Option<i64> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let digits = text.strip_suffix(b"Z")?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year = number(year)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    let part = |at: usize| number(rest.get(at..at + 2)?);
    let (month, day) = (part(0)?, part(2)?);
    let (hour, minute, second) = (part(4)?, part(6)?, part(8)?);
    let is_date = rest.len() == 10 && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn number(digits: &[u8]) -> Option<i64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// Days since 1970-01-01 in the Gregorian calendar, counted in years that begin with March so that the leap day is last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_found() {
        for (year, month, day, seconds) in [
            (2027_i32, 3_u8, 1_u8, 1_803_859_200_i64),
            (2028, 2, 29, 1_835_395_200),
            (2070, 1, 1, 3_155_760_000),
        ] {
            let mut params = rcgen::CertificateParams::new(vec!["pbx.example.com".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, month, day);
            let key = rcgen::KeyPair::generate().unwrap();
            let made = params.self_signed(&key).unwrap();
            assert_eq!(not_after(made.der()), Some(seconds), "{year}-{month}-{day}");
            // Cut anywhere it is no certificate, and nothing breaks.
            for end in 0..made.der().len() {
                assert_eq!(not_after(&made.der()[..end]), None, "cut at {end}");
            }
        }
        assert_eq!(not_after(&[0x30, 0xff, 0xff]), None);
        assert_eq!(moment(0x17, b"99123"), None);
    }
}
