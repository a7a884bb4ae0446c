//! Countries: how numbers are written there, and which of them are emergency numbers.
//!
//! Data with its sources, not a numbering plan: whether a number exists is the carrier's to know. A country that is
//! missing is written out by `national_prefix`, `international_prefix` and `[emergency] numbers`.

/// What is known of a country.
#[derive(Debug, PartialEq, Eq)]
pub struct Country {
    /// ISO 3166-1 alpha-2.
    pub code: &'static str,
    /// The country code of E.164, without the plus sign.
    pub calling: &'static str,
    /// What stands before a national number when it is dialled inside the country; empty where nothing does.
    pub national_prefix: &'static str,
    /// What stands before an international number.
    pub international_prefix: &'static str,
    /// The numbers that must always be reachable.
    pub emergency: &'static [&'static str],
}

impl Country {
    /// The country of that code, in any case.
    pub fn named(code: &str) -> Option<&'static Self> {
        COUNTRIES.iter().find(|country| country.code.eq_ignore_ascii_case(code))
    }

    /// Reads a country's code.
    pub(crate) fn parse(text: &str) -> Result<&'static Self, String> {
        Self::named(text).ok_or_else(|| {
            let known = COUNTRIES.iter().map(|country| country.code).collect::<Vec<_>>().join(", ");
            format!("country `{text}` is not in the table ({known})")
        })
    }
}

const fn country(
    code: &'static str,
    calling: &'static str,
    national_prefix: &'static str,
    international_prefix: &'static str,
    emergency: &'static [&'static str],
) -> Country {
    Country { code, calling, national_prefix, international_prefix, emergency }
}

/// Prefixes: ITU-T Operational Bulletin, "Dialling procedures (international prefix, national (trunk) prefix and
/// national (significant) number)". Emergency numbers: ITU-T E.129 presentations of the national plans and, by country,
/// the rule named beside it. 112 holds in the whole European Union (Directive (EU) 2018/1972, article 109). Lines for
/// advice without emergency (GB 101 and 111, DK 114, US 311) are left out.
const COUNTRIES: &[Country] = &[
    // KEM-V 2009, section 17.
    country("AT", "43", "0", "00", &["112", "122", "128", "133", "140", "141", "142", "144", "147"]),
    // Telecommunications (Emergency Call Service) Determination 2019.
    country("AU", "61", "0", "0011", &["000", "106", "112"]),
    // Royal decree of 2 February 2007 on the emergency services.
    country("BE", "32", "0", "00", &["100", "101", "112"]),
    country("BG", "359", "0", "00", &["112"]),
    // Resolution Anatel 357/2006, public emergency services.
    country("BR", "55", "0", "00", &["190", "192", "193"]),
    country("CA", "1", "1", "011", &["911"]),
    // Ordinance on addressing resources (AEFV), article 28.
    country("CH", "41", "0", "00", &["112", "117", "118", "143", "144", "145", "147", "1414"]),
    country("CN", "86", "0", "00", &["110", "119", "120", "122"]),
    country("CY", "357", "", "00", &["112", "199"]),
    // Decree 117/2007, section 7.
    country("CZ", "420", "", "00", &["112", "150", "155", "156", "158"]),
    // Telekommunikationsgesetz, section 164.
    country("DE", "49", "0", "00", &["110", "112"]),
    country("DK", "45", "", "00", &["112"]),
    country("EE", "372", "", "00", &["112"]),
    // Real decreto 903/1997 and the national plan (CNMC).
    country("ES", "34", "", "00", &["061", "062", "080", "085", "088", "091", "092", "112"]),
    country("FI", "358", "0", "00", &["112"]),
    // Arcep, decision 2018-0881 and its changes: numbers of emergency services.
    country(
        "FR",
        "33",
        "0",
        "00",
        &["15", "17", "18", "112", "114", "115", "116000", "119", "191", "196", "197"],
    ),
    // Ofcom, General Conditions A3: 112 and 999.
    country("GB", "44", "0", "00", &["112", "999"]),
    country("GR", "30", "", "00", &["100", "108", "112", "166", "199"]),
    country("HR", "385", "0", "00", &["112", "192", "193", "194", "195"]),
    country("HU", "36", "06", "00", &["104", "105", "107", "112"]),
    country("IE", "353", "0", "00", &["112", "999"]),
    country("IN", "91", "0", "00", &["100", "101", "102", "108", "112"]),
    country("IS", "354", "", "00", &["112"]),
    // Piano di numerazione nazionale (Agcom 8/15/CIR).
    country("IT", "39", "", "00", &["112", "113", "114", "115", "117", "118", "1530"]),
    country("JP", "81", "0", "010", &["110", "118", "119"]),
    country("LT", "370", "0", "00", &["112"]),
    country("LU", "352", "", "00", &["112", "113"]),
    country("LV", "371", "", "00", &["110", "112", "113"]),
    country("MA", "212", "0", "00", &["15", "19", "177"]),
    country("MT", "356", "", "00", &["112"]),
    country("MX", "52", "", "00", &["911"]),
    country("NL", "31", "0", "00", &["112"]),
    // Ekomforskriften, section 6-2.
    country("NO", "47", "", "00", &["110", "112", "113"]),
    country("NZ", "64", "0", "00", &["111"]),
    country("PL", "48", "", "00", &["112", "997", "998", "999"]),
    country("PT", "351", "", "00", &["112"]),
    country("RO", "40", "0", "00", &["112"]),
    country("SE", "46", "0", "00", &["112"]),
    country("SI", "386", "0", "00", &["112", "113"]),
    country("SK", "421", "0", "00", &["112", "150", "155", "158"]),
    country("TN", "216", "", "00", &["190", "193", "197", "198"]),
    // FCC, 47 CFR 9.3: 911; 933 is the carriers' line for testing it (Kari's Law, RAY BAUM'S Act).
    country("US", "1", "1", "011", &["911", "933"]),
    country("ZA", "27", "0", "00", &["112", "10111", "10177"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_made_of_digits() {
        assert!(COUNTRIES.is_sorted_by_key(|country| country.code));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        for country in COUNTRIES {
            let prefixes = [country.calling, country.national_prefix, country.international_prefix];
            assert!(prefixes.into_iter().all(digits), "{country:?}");
            assert!(!country.emergency.is_empty() && country.emergency.iter().all(|number| digits(number)));
        }
        assert_eq!(Country::named("fr").map(|country| country.calling), Some("33"));
        assert!(Country::parse("XX").is_err());
        assert!(!Country::named("GB").unwrap().emergency.contains(&"101"));
    }
}
