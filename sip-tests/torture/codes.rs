//! The columns `ok_regex` and `forbid_regex` of the tables: which status codes an answer may have.
//!
//! The few forms that occur are expanded to the set of codes that they mean: `4\d\d`, `1(?!00)\d\d`, `5(?=01|03)\d\d`.

use std::collections::BTreeSet;

/// One column.
#[derive(Debug, Default)]
pub struct Codes {
    /// The codes from 100 to 699 that match.
    pub codes: BTreeSet<u16>,
    /// `none` among the good: no answer is as good. `silence` among the bad: an answer must come.
    pub silence: bool,
    /// `silence-udp`: over UDP an answer must come.
    pub silence_udp: bool,
    /// `any`: no answer at all may come.
    pub any: bool,
}

impl Codes {
    /// Reads a column.
    pub fn parse(column: &str) -> Self {
        let mut codes = Self::default();
        for alternative in alternatives(column) {
            match alternative {
                "" => {}
                "none" | "silence" => codes.silence = true,
                "silence-udp" => codes.silence_udp = true,
                "any" => codes.any = true,
                pattern => {
                    let found = (100..700).filter(|code| matches(pattern, &format!("{code:03}")));
                    let before = codes.codes.len();
                    codes.codes.extend(found);
                    assert!(
                        codes.codes.len() > before || column.contains('|'),
                        "`{pattern}` matches no code"
                    );
                }
            }
        }
        codes
    }
}

/// Splits at `|` outside of parentheses.
fn alternatives(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'|' if depth == 0 => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[start..]);
    found
}

/// Whether the whole of `code` matches one alternative.
fn matches(pattern: &str, code: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("\\d") {
        return code.starts_with(|c: char| c.is_ascii_digit()) && matches(rest, &code[1..]);
    }
    for (open, wanted) in [("(?!", false), ("(?=", true)] {
        if let Some(rest) = pattern.strip_prefix(open) {
            let (inner, rest) = rest.split_once(')').expect("a lookahead ends");
            return inner.split('|').any(|ahead| code.starts_with(ahead)) == wanted && matches(rest, code);
        }
    }
    match pattern.chars().next() {
        None => code.is_empty(),
        Some(digit) => {
            assert!(digit.is_ascii_digit(), "`{pattern}` has a form that is not understood");
            code.starts_with(digit) && matches(&pattern[1..], &code[1..])
        }
    }
}

#[test]
fn the_columns_mean_what_a_regular_expression_would() {
    let set = |column: &str| Codes::parse(column).codes;
    assert_eq!(set("400|401").into_iter().collect::<Vec<_>>(), [400, 401]);
    assert_eq!(set("4\\d\\d").len(), 100);
    assert_eq!(set("1(?!00)\\d\\d").len(), 99);
    assert!(!set("1(?!00)\\d\\d").contains(&100));
    assert_eq!(set("5(?=01|03)\\d\\d").into_iter().collect::<Vec<_>>(), [501, 503]);
    assert_eq!(set("5(?!01|03)\\d\\d").len(), 98);
    assert!(Codes::parse("400|none").silence && Codes::parse("2\\d\\d|silence-udp").silence_udp);
    assert!(Codes::parse("any").any);
}
