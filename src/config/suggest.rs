//! "Did you mean …?": the nearest of the known words by edit distance.
//!
//! Only for people reading a fault; nothing is ever corrected by itself.

/// The known word nearest to `wrong`, when it is near enough to be a slip of the finger:
/// at most a third of its letters away.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // A word longer than any key is no slip, and the distance costs the product of the lengths.
    const LETTERS_MAX: usize = 64;
    let letters = wrong.chars().count();
    if letters > LETTERS_MAX {
        return None;
    }
    let limit = letters.div_ceil(3).max(1);
    known
        .into_iter()
        .filter(|word| word.chars().count() <= LETTERS_MAX)
        .map(|word| (distance(wrong, word), word))
        .filter(|(far, word)| *far <= limit && *far < word.chars().count())
        .min()
        .map(|(_, word)| word.to_string())
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other
/// (optimal string alignment), not counting the case of letters.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.to_lowercase().chars().collect();
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, b) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(a != b);
            let mut best = replaced.min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && *a == to[column - 1] && from[row - 1] == *b {
                best = best.min(before[column - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut last, next);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        let known = ["domain", "udp", "tcp", "tls", "user_agent"];
        let check = |wrong, meant: Option<&str>| {
            assert_eq!(nearest(wrong, known), meant.map(str::to_string), "{wrong}");
        };
        check("domian", Some("domain"));
        check("Domain", Some("domain"));
        check("upd", Some("udp"));
        check("useragent", Some("user_agent"));
        check("colour", None);
        check("", None);
        check("x", None);
        check(&"domain".repeat(100), None);
    }
}
