//! The one rule for Content-Length, for the parser and for the stream framer alike.
//!
//! Were there two, a message could be smuggled inside the body of another: RFC 3261 section 18.3.

use crate::sip::msg::lex;
use crate::sip::msg::line::Lines;
use crate::sip::msg::name::Name;

/// What the Content-Length lines of one message say together.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum ContentLength {
    /// There is none.
    #[default]
    Absent,
    /// One number; several lines that say the same number count as one.
    Is(u32),
    /// Not a number, negative, beyond 32 bits, or several that differ. Must not be used to count anything.
    Bad,
}

impl ContentLength {
    /// Takes one more Content-Length value into account.
    pub(in crate::sip::msg) fn see(self, value: &[u8]) -> Self {
        let number = lex::number(lex::trim(value), u64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok());
        match (self, number) {
            (Self::Absent, Some(number)) => Self::Is(number),
            (Self::Is(before), Some(number)) if before == number => self,
            (Self::Absent | Self::Is(_) | Self::Bad, _) => Self::Bad,
        }
    }

    /// What the header lines from `at` on say.
    pub(in crate::sip::msg) fn of_lines(text: &[u8], at: usize) -> Self {
        Lines::new(text, at)
            .filter(|(name, _)| Name::parse(name) == Some(Name::ContentLength))
            .fold(Self::Absent, |length, (_, value)| length.see(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_say_a_length() {
        let check = |text: &str, expected| {
            assert_eq!(ContentLength::of_lines(text.as_bytes(), 0), expected, "{text:?}");
        };
        check("Content-Length: 5\r\n\r\n", ContentLength::Is(5));
        check("Content-Length  :\r\n  0005  \r\n\r\n", ContentLength::Is(5));
        check("L:5\r\ncontent-length:5\r\n\r\n", ContentLength::Is(5));
        check("l: 5\r\nl: 6\r\n\r\n", ContentLength::Bad);
        check("l: 5, 5\r\n\r\n", ContentLength::Bad);
        check("l: 5\r\nl: x\r\nl: 5\r\n\r\n", ContentLength::Bad);
        check("l: -999\r\n\r\n", ContentLength::Bad);
        check("l:\r\n\r\n", ContentLength::Bad);
        check("l: 18446744073709551615\r\n\r\n", ContentLength::Bad);
        check("l: 4294967296\r\n\r\n", ContentLength::Bad);
        check("x: 5\r\n\r\nl: 7\r\n", ContentLength::Absent);
    }
}
