//! Number patterns (`0XXXXXXXXX`, `3.`) and templates (`+33{1}`, `{.}`) as they are written.
//!
//! Matching and rewriting are the dial plan's.

/// A pattern of dialled numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    tokens: Vec<Token>,
}

/// One place of a pattern.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// This character.
    Literal(char),
    /// `X`: 0 to 9; `Z`: 1 to 9; `N`: 2 to 9: a digit from this one up.
    DigitFrom(char),
    /// `.`: one or more characters, whatever they are; the last token only.
    Rest,
}

impl Pattern {
    /// Reads a pattern: `X`, `Z`, `N` and a final `.` are wildcards, every other character is itself.
    pub fn parse(text: &str) -> Result<Self, String> {
        check_number_length(text)?;
        let last = text.chars().count() - 1;
        let mut tokens = Vec::new();
        for (index, letter) in text.chars().enumerate() {
            tokens.push(match letter {
                'X' => Token::DigitFrom('0'),
                'Z' => Token::DigitFrom('1'),
                'N' => Token::DigitFrom('2'),
                '.' if index == last => Token::Rest,
                '.' => return Err(format!("`.` takes the rest of a number: it must stand last in `{text}`")),
                other if other.is_whitespace() || other.is_control() => {
                    return Err(format!("`{}` contains a blank", text.escape_debug()));
                }
                other => Token::Literal(other),
            });
        }
        Ok(Self { text: text.to_string(), tokens })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its places in order.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// How many runs of neighbouring wildcards there are: what `{1}`, `{2}` … of a template may name.
    /// The final `.` is `{.}` and no run.
    pub fn runs(&self) -> usize {
        let is_digit = |token: &Token| matches!(token, Token::DigitFrom(_));
        let starts = self.tokens.iter().enumerate().filter(|(index, token)| {
            let before = index.checked_sub(1).and_then(|before| self.tokens.get(before));
            is_digit(token) && !before.is_some_and(is_digit)
        });
        starts.count()
    }

    /// Whether it ends in `.`.
    pub fn has_rest(&self) -> bool {
        self.tokens.last() == Some(&Token::Rest)
    }
}

/// A text with places for what a pattern's wildcards took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

/// One part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// This text.
    Literal(String),
    /// `{1}`, `{2}` …: a run of wildcards, by its index from 0.
    Run(usize),
    /// `{.}`: what the pattern's final `.` took.
    Rest,
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, String> {
        check_number_length(text)?;
        if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            return Err(format!("`{}` contains a blank", text.escape_debug()));
        }
        let mut parts = Vec::new();
        let mut left = text;
        while !left.is_empty() {
            let (literal, rest) = left.split_at(left.find('{').unwrap_or(left.len()));
            if literal.contains('}') {
                return Err(format!("a `}}` without `{{` in `{text}`"));
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_string()));
            }
            let Some(inside) = rest.strip_prefix('{') else { break };
            let (name, after) =
                inside.split_once('}').ok_or_else(|| format!("a `{{` without `}}` in `{text}`"))?;
            parts.push(match name {
                "." => Part::Rest,
                digit if digit.len() == 1 && ("1"..="9").contains(&digit) => {
                    Part::Run(usize::from(digit.as_bytes().first().map_or(0, |byte| byte - b'1')))
                }
                other => return Err(format!("`{{{other}}}` is neither `{{1}}` to `{{9}}` nor `{{.}}`")),
            });
            left = after;
        }
        Ok(Self { text: text.to_string(), parts })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its parts in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether it has nothing to fill in.
    pub fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Literal(_)))
    }

    /// Whether the pattern gives all that the template asks for.
    pub fn check(&self, pattern: Option<&Pattern>) -> Result<(), String> {
        for part in &self.parts {
            let (name, given) = match part {
                Part::Literal(_) => continue,
                Part::Run(index) => {
                    (format!("{{{}}}", index + 1), pattern.is_some_and(|pattern| *index < pattern.runs()))
                }
                Part::Rest => ("{.}".to_string(), pattern.is_some_and(Pattern::has_rest)),
            };
            if !given {
                return Err(match pattern {
                    Some(pattern) => {
                        format!("`{name}` has nothing to stand for in pattern `{}`", pattern.as_str())
                    }
                    None => format!("`{name}` has nothing to stand for: there is no pattern here"),
                });
            }
        }
        Ok(())
    }
}

fn check_number_length(text: &str) -> Result<(), String> {
    // E.164 numbers have 15 digits; user parts with letters are longer, but not without end.
    const LETTERS_MAX: usize = 128;
    match text.chars().count() {
        0 => Err("must not be empty".to_string()),
        letters if letters > LETTERS_MAX => Err(format!("must have at most {LETTERS_MAX} characters")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_know_their_runs() {
        let runs = |text| Pattern::parse(text).map(|pattern| (pattern.runs(), pattern.has_rest()));
        assert_eq!(runs("0XXXXXXXXX"), Ok((1, false)));
        assert_eq!(
            runs("00ZX.N"),
            Err("`.` takes the rest of a number: it must stand last in `00ZX.N`".into())
        );
        assert_eq!(runs("0ZX5NX."), Ok((2, true)));
        assert_eq!(runs("600"), Ok((0, false)));
        assert_eq!(runs("."), Ok((0, true)));
        assert!(runs("").is_err() && runs("1 2").is_err() && runs("1\n").is_err());
    }

    #[test]
    fn templates_must_be_given_what_they_ask_for() {
        let check = |template, pattern: Option<&str>| {
            let pattern = pattern.map(|pattern| Pattern::parse(pattern).unwrap());
            Template::parse(template)?.check(pattern.as_ref())
        };
        assert_eq!(check("+33{1}", Some("0XXXXXXXXX")), Ok(()));
        assert_eq!(check("{.}", Some("3.")), Ok(()));
        assert!(check("{.}", Some("3X")).unwrap_err().contains("`{.}` has nothing"));
        assert!(check("{2}", Some("0X")).unwrap_err().contains("`{2}` has nothing"));
        assert!(check("{1}", None).unwrap_err().contains("no pattern"));
        for wrong in ["{", "}", "{0}", "{10}", "{a}", "a}{1}", "", "a b", "{}"] {
            assert!(check(wrong, Some("XXX.")).is_err(), "{wrong}");
        }
    }
}
