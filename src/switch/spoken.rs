//! Numbers as prompts: up to 199 as a person says them in French or English, longer ones digit by digit.

use crate::config::Language;

/// A count as sounds.
pub(crate) fn count(number: u32, language: Language) -> Vec<String> {
    let mut sounds = Vec::new();
    match number {
        0..=199 => {
            if number >= 100 {
                sounds.push("digits/100".to_owned());
            }
            let rest = number % 100;
            if rest > 0 || number == 0 {
                match language {
                    Language::French => french(rest, &mut sounds),
                    Language::English => english(rest, &mut sounds),
                }
            }
        }
        _ => sounds = digits(&number.to_string()),
    }
    sounds
}

/// A number digit by digit; what has no sound is left out.
pub(crate) fn digits(number: &str) -> Vec<String> {
    number.chars().filter(char::is_ascii_digit).map(|digit| format!("digits/{digit}")).collect()
}

fn say(number: u32, sounds: &mut Vec<String>) {
    sounds.push(format!("digits/{number}"));
}

fn english(number: u32, sounds: &mut Vec<String>) {
    match number {
        0..=20 => say(number, sounds),
        _ => {
            say(number - number % 10, sounds);
            if !number.is_multiple_of(10) {
                say(number % 10, sounds);
            }
        }
    }
}

fn french(number: u32, sounds: &mut Vec<String>) {
    match number {
        0..=20 | 30 | 40 | 50 | 60 | 70 | 80 | 90 => say(number, sounds),
        // Soixante et onze, soixante-douze; quatre-vingt-un, quatre-vingt-onze.
        61..=79 | 81..=99 => {
            let base = if number < 80 { 60 } else { 80 };
            say(base, sounds);
            if base == 60 && matches!(number, 61 | 71) {
                sounds.push("vm-and".to_owned());
            }
            say(number - base, sounds);
        }
        _ => {
            say(number - number % 10, sounds);
            if number % 10 == 1 {
                sounds.push("vm-and".to_owned());
            }
            say(number % 10, sounds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: u32, french: &str, english: &str) {
        let text =
            |language| count(number, language).join(" ").replace("digits/", "").replace("vm-and", "et");
        assert_eq!(text(Language::French), french, "{number}");
        assert_eq!(text(Language::English), english, "{number}");
    }

    #[test]
    fn numbers_are_said_as_people_say_them() {
        check(0, "0", "0");
        check(1, "1", "1");
        check(17, "17", "17");
        check(21, "20 et 1", "20 1");
        check(34, "30 4", "30 4");
        check(71, "60 et 11", "70 1");
        check(72, "60 12", "70 2");
        check(80, "80", "80");
        check(81, "80 1", "80 1");
        check(91, "80 11", "90 1");
        check(100, "100", "100");
        check(142, "100 40 2", "100 40 2");
        check(305, "3 0 5", "3 0 5");
        assert_eq!(digits("+33 1a"), ["digits/3", "digits/3", "digits/1"]);
    }
}
