//! A menu of keys: says a prompt, takes a key or a number, says it again, and gives up in the end.
//!
//! ```text
//!   Speaking ──prompt ends──► Waiting ──time is up──► Speaking … at last Chosen(Nothing)
//!      │ key                    │ key
//!      ├────────────────────────┤
//!      ▼                        ▼
//!   Dialling (a number may follow) ──► Chosen ──leads nowhere──► Refusing ──► Speaking
//! ```
//! It knows no destinations: what a key leads to is the dial plan's.

use crate::clock::Instant;
use std::collections::BTreeSet;
use std::time::Duration;

/// After so long without a further key a number is complete: slow fingers need some two seconds.
const BETWEEN_KEYS: Duration = Duration::from_secs(2);

/// What a menu says and takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Names of sounds.
    pub prompt: Vec<String>,
    /// What is said to a wrong key.
    pub invalid: Vec<String>,
    /// The keys that lead somewhere.
    pub keys: BTreeSet<char>,
    /// How long a key is waited for after the prompt.
    pub timeout: Duration,
    /// How often the prompt is said again.
    pub repeats: u32,
    /// The keys with which a number may begin, and its most keys; `None`: no numbers are taken.
    pub direct: Option<(BTreeSet<char>, usize)>,
}

/// What the caller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// What is behind this key.
    Key(char),
    /// That number.
    Number(String),
    /// Nothing: he has pressed no valid key.
    Nothing,
}

/// What a menu wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Say these sounds, under that number.
    Say(Vec<String>, u32),
    /// Be silent: the caller is dialling.
    Silence,
    /// Find out where this leads.
    Chosen(Choice),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// The prompt of that number is said.
    Speaking(u32),
    /// The word for a wrong key is said.
    Refusing(u32),
    /// A key is waited for.
    Waiting { until: Instant },
    /// A number has begun.
    Dialling { keys: String, until: Instant },
    /// The choice is made.
    Chosen,
}

/// A menu in the middle of its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    script: Script,
    phase: Phase,
    repeats_left: u32,
}

impl Menu {
    /// A menu that begins with its prompt. `said` numbers the sounds of the whole call.
    pub fn begin(script: Script, said: &mut u32, out: &mut Vec<Step>) -> Self {
        let repeats_left = script.repeats;
        let mut menu = Self { script, phase: Phase::Chosen, repeats_left };
        menu.say_prompt(said, out);
        menu
    }

    /// When the menu wants `timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Waiting { until } | Phase::Dialling { until, .. } => Some(*until),
            Phase::Speaking(_) | Phase::Refusing(_) | Phase::Chosen => None,
        }
    }

    /// Whether the choice is made, and its destination awaited.
    pub fn has_chosen(&self) -> bool {
        self.phase == Phase::Chosen
    }

    /// The sounds of that number have ended; those that a key has cut off are nobody's any more.
    pub fn said(&mut self, now: Instant, number: u32, said: &mut u32, out: &mut Vec<Step>) {
        if self.phase == Phase::Speaking(number) {
            self.phase = Phase::Waiting { until: now + self.script.timeout };
        } else if self.phase == Phase::Refusing(number) {
            self.again(said, out);
        }
    }

    /// A key. It cuts the prompt off.
    pub fn key(&mut self, now: Instant, key: char, said: &mut u32, out: &mut Vec<Step>) {
        match &mut self.phase {
            Phase::Speaking(_) | Phase::Refusing(_) | Phase::Waiting { .. } => {
                self.first_key(now, key, said, out)
            }
            Phase::Dialling { .. } if key == '#' => self.dialled(out),
            Phase::Dialling { keys, until } => {
                keys.push(key);
                *until = now + BETWEEN_KEYS;
                let full = self.script.direct.as_ref().is_none_or(|(_, most)| keys.len() >= *most);
                if full {
                    self.dialled(out);
                }
            }
            Phase::Chosen => {}
        }
    }

    /// The time of `poll_timeout` has come.
    pub fn timeout(&mut self, now: Instant, said: &mut u32, out: &mut Vec<Step>) {
        match &self.phase {
            Phase::Waiting { until } if *until <= now => self.again(said, out),
            Phase::Dialling { until, .. } if *until <= now => self.dialled(out),
            Phase::Waiting { .. }
            | Phase::Dialling { .. }
            | Phase::Speaking(_)
            | Phase::Refusing(_)
            | Phase::Chosen => {}
        }
    }

    /// The choice leads nowhere.
    pub fn refused(&mut self, said: &mut u32, out: &mut Vec<Step>) {
        if self.phase == Phase::Chosen {
            self.say_invalid(said, out);
        }
    }

    fn first_key(&mut self, now: Instant, key: char, said: &mut u32, out: &mut Vec<Step>) {
        let begins =
            self.script.direct.as_ref().is_some_and(|(first, most)| first.contains(&key) && *most > 1);
        if begins {
            self.phase = Phase::Dialling { keys: key.to_string(), until: now + BETWEEN_KEYS };
            out.push(Step::Silence);
        } else if self.script.keys.contains(&key) {
            self.choose(Choice::Key(key), out);
        } else {
            self.say_invalid(said, out);
        }
    }

    fn dialled(&mut self, out: &mut Vec<Step>) {
        let Phase::Dialling { keys, .. } = &mut self.phase else { return };
        let keys = std::mem::take(keys);
        let mut letters = keys.chars();
        let choice = match (letters.next(), letters.next()) {
            (Some(key), None) if self.script.keys.contains(&key) => Choice::Key(key),
            _ => Choice::Number(keys),
        };
        self.choose(choice, out);
    }

    fn choose(&mut self, choice: Choice, out: &mut Vec<Step>) {
        self.phase = Phase::Chosen;
        out.push(Step::Chosen(choice));
    }

    /// The prompt once more, while it may be repeated.
    fn again(&mut self, said: &mut u32, out: &mut Vec<Step>) {
        match self.repeats_left.checked_sub(1) {
            Some(left) => {
                self.repeats_left = left;
                self.say_prompt(said, out);
            }
            None => self.choose(Choice::Nothing, out),
        }
    }

    fn say_prompt(&mut self, said: &mut u32, out: &mut Vec<Step>) {
        *said = said.wrapping_add(1);
        self.phase = Phase::Speaking(*said);
        out.push(Step::Say(self.script.prompt.clone(), *said));
    }

    fn say_invalid(&mut self, said: &mut u32, out: &mut Vec<Step>) {
        *said = said.wrapping_add(1);
        self.phase = Phase::Refusing(*said);
        out.push(Step::Say(self.script.invalid.clone(), *said));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        menu: Menu,
        said: u32,
        steps: Vec<Step>,
    }

    fn script(direct: bool) -> Script {
        Script {
            prompt: vec!["hello".to_owned()],
            invalid: vec!["no".to_owned()],
            keys: BTreeSet::from(['1', '2', '0']),
            timeout: Duration::from_secs(5),
            repeats: 1,
            direct: direct.then(|| (BTreeSet::from(['1']), 4)),
        }
    }

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn rig(direct: bool) -> Rig {
        let (mut said, mut steps) = (0, Vec::new());
        let menu = Menu::begin(script(direct), &mut said, &mut steps);
        Rig { menu, said, steps }
    }

    impl Rig {
        fn key(&mut self, ms: u64, key: char) {
            self.menu.key(at(ms), key, &mut self.said, &mut self.steps);
        }

        fn said(&mut self, ms: u64, number: u32) {
            self.menu.said(at(ms), number, &mut self.said, &mut self.steps);
        }

        fn timeout(&mut self) {
            let at = self.menu.poll_timeout().expect("it waits");
            self.menu.timeout(at, &mut self.said, &mut self.steps);
        }

        fn last(&self) -> &Step {
            self.steps.last().unwrap()
        }
    }

    fn say(what: &str, number: u32) -> Step {
        Step::Say(vec![what.to_owned()], number)
    }

    #[test]
    fn a_key_cuts_the_prompt_off_and_its_end_is_nobodys() {
        let mut rig = rig(false);
        assert_eq!(rig.last(), &say("hello", 1));
        rig.key(100, '2');
        assert_eq!(rig.last(), &Step::Chosen(Choice::Key('2')));
        let count = rig.steps.len();
        rig.said(120, 1);
        rig.key(130, '1');
        assert_eq!(rig.steps.len(), count, "the choice is made");
    }

    #[test]
    fn it_says_the_prompt_again_and_gives_up() {
        let mut rig = rig(false);
        rig.said(1000, 1);
        rig.timeout();
        assert_eq!(rig.last(), &say("hello", 2));
        rig.said(7000, 1);
        assert_eq!(rig.menu.poll_timeout(), None, "the end of the first prompt is not the second's");
        rig.said(8000, 2);
        rig.timeout();
        assert_eq!(rig.last(), &Step::Chosen(Choice::Nothing));
    }

    #[test]
    fn a_wrong_key_is_told_so_and_counts_as_a_repeat() {
        let mut rig = rig(false);
        rig.key(100, '9');
        assert_eq!(rig.last(), &say("no", 2));
        rig.said(500, 2);
        assert_eq!(rig.last(), &say("hello", 3));
        rig.key(600, '#');
        rig.said(900, 4);
        assert_eq!(rig.last(), &Step::Chosen(Choice::Nothing));
    }

    #[test]
    fn a_number_may_follow_a_key_and_the_key_alone_counts_after_a_while() {
        let mut rig = rig(true);
        rig.key(0, '1');
        assert_eq!(rig.last(), &Step::Silence);
        for (ms, key) in [(500, '0'), (900, '0'), (1300, '1')] {
            rig.key(ms, key);
        }
        assert_eq!(rig.last(), &Step::Chosen(Choice::Number("1001".to_owned())));
        rig.menu.refused(&mut rig.said, &mut rig.steps);
        assert_eq!(rig.last(), &say("no", 2));
        rig.key(2000, '1');
        rig.timeout();
        assert_eq!(rig.last(), &Step::Chosen(Choice::Key('1')));
        let mut rig = self::rig(true);
        rig.key(0, '0');
        assert_eq!(rig.last(), &Step::Chosen(Choice::Key('0')), "no number begins with it: at once");
        let mut rig = self::rig(true);
        for key in ['1', '2', '#'] {
            rig.key(0, key);
        }
        assert_eq!(rig.last(), &Step::Chosen(Choice::Number("12".to_owned())));
    }
}
