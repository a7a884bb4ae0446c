//! Matching numbers with patterns, and filling templates with what the wildcards took.

use crate::config::Part;
use crate::config::Pattern;
use crate::config::Template;
use crate::config::Token;

/// What a pattern's wildcards took from a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures<'n> {
    runs: Vec<&'n str>,
    rest: Option<&'n str>,
}

impl<'n> Captures<'n> {
    /// What a run of neighbouring wildcards took, by its index from 0.
    pub fn run(&self, index: usize) -> Option<&'n str> {
        self.runs.get(index).copied()
    }

    /// What the final `.` took.
    pub fn rest(&self) -> Option<&'n str> {
        self.rest
    }
}

/// Matches a whole number; `None` when it does not fit.
pub fn captures<'n>(pattern: &Pattern, number: &'n str) -> Option<Captures<'n>> {
    let mut captures = Captures::default();
    let mut letters = number.char_indices();
    let mut run_start = None;
    for token in pattern.tokens() {
        let (at, letter) = letters.next()?;
        let fits = match token {
            Token::Literal(literal) => *literal == letter,
            Token::DigitFrom(least) => letter.is_ascii_digit() && letter >= *least,
            Token::Rest => true,
        };
        if !fits {
            return None;
        }
        match token {
            Token::DigitFrom(_) => _ = run_start.get_or_insert(at),
            Token::Literal(_) | Token::Rest => {
                captures.runs.extend(run_start.take().and_then(|s| number.get(s..at)))
            }
        }
        if *token == Token::Rest {
            captures.rest = number.get(at..);
            return Some(captures);
        }
    }
    captures.runs.extend(run_start.and_then(|start| number.get(start..)));
    letters.next().is_none().then_some(captures)
}

/// Fills a template. A part that the pattern does not give is empty; the configuration's check prevents it.
pub fn fill(template: &Template, captures: &Captures<'_>) -> String {
    let mut text = String::new();
    for part in template.parts() {
        text.push_str(match part {
            Part::Literal(literal) => literal,
            Part::Run(index) => captures.run(*index).unwrap_or(""),
            Part::Rest => captures.rest().unwrap_or(""),
        });
    }
    text
}
