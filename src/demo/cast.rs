//! Who takes part: names, numbers and the tone that each one speaks.
//!
//! No behaviour: what they do is in `play`.

/// The queue's number.
pub(in crate::demo) const QUEUE_NUMBER: &str = "600";
/// The queue's id.
pub(in crate::demo) const QUEUE: &str = "support";
/// The newcomer's own phones, with the agents who sit at them.
pub(in crate::demo) const GUESTS: [(&str, &str, &str); 2] =
    [("1001", "vous", "Vous"), ("1002", "you", "You")];
/// What the numbers of simulated callers begin with.
pub(in crate::demo) const CALLER_PREFIX: &str = "01990";

/// Agents have these tones and callers those above; both in steps of 50 Hz, within what a telephone carries.
const AGENT_TONE_HZ: u32 = 400;
const CALLER_TONE_HZ: u32 = 1900;
const TONES_EACH: u32 = 28;
const AGENTS_MIN: u16 = 2;
const AGENTS_MAX: u16 = 28;
const AGENT_NAMES: [&str; 14] = [
    "Alice Martin",
    "Bruno Petit",
    "Chloé Durand",
    "David Leroy",
    "Élise Moreau",
    "Farid Benali",
    "Gaëlle Simon",
    "Hugo Laurent",
    "Inès Michel",
    "Jules Garcia",
    "Karim Haddad",
    "Léa Fontaine",
    "Manon Roux",
    "Noé Lambert",
];

/// How many agents take the calls of so many callers.
pub(in crate::demo) fn agents(callers: u16) -> usize {
    usize::from((callers / 2).clamp(AGENTS_MIN, AGENTS_MAX))
}

/// An agent's name.
pub(in crate::demo) fn agent_name(agent: usize) -> String {
    let name = AGENT_NAMES.get(agent % AGENT_NAMES.len()).copied().unwrap_or_default();
    if agent < AGENT_NAMES.len() {
        name.to_owned()
    } else {
        format!("{name} {}", agent / AGENT_NAMES.len() + 1)
    }
}

/// An agent's id.
pub(in crate::demo) fn agent_id(agent: usize) -> String {
    format!("agent{:02}", agent + 1)
}

/// An agent's phone.
pub(in crate::demo) fn agent_phone(agent: usize) -> String {
    format!("2{:03}", agent + 1)
}

/// What an agent speaks.
pub(in crate::demo) fn agent_tone_hz(agent: usize) -> u32 {
    AGENT_TONE_HZ + 50 * (agent as u32 % TONES_EACH)
}

/// What a caller speaks; callers further apart than there are tones share one.
pub(in crate::demo) fn caller_tone_hz(caller: usize) -> u32 {
    CALLER_TONE_HZ + 50 * (caller as u32 % TONES_EACH)
}

/// The calling number of a call, by which it is known again at the agent's phone.
pub(in crate::demo) fn caller_number(call: u64) -> String {
    format!("{CALLER_PREFIX}{call:05}")
}

/// The call with that calling number.
pub(in crate::demo) fn call_of(number: &str) -> Option<u64> {
    number.strip_prefix(CALLER_PREFIX)?.parse().ok()
}

/// All tones that anybody speaks.
pub(in crate::demo) fn tones_hz() -> impl Iterator<Item = u32> {
    let steps = || (0..TONES_EACH).map(|step| 50 * step);
    steps().map(|hz| AGENT_TONE_HZ + hz).chain(steps().map(|hz| CALLER_TONE_HZ + hz))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn everybody_is_told_apart() {
        let phones: BTreeSet<String> = (0..agents(u16::MAX)).map(agent_phone).collect();
        let tones: BTreeSet<u32> = (0..agents(u16::MAX)).map(agent_tone_hz).collect();
        let names: BTreeSet<String> = (0..agents(u16::MAX)).map(agent_name).collect();
        assert_eq!((phones.len(), tones.len(), names.len()), (28, 28, 28));
        assert_eq!(tones_hz().collect::<BTreeSet<u32>>().len(), 56);
        assert!(tones_hz().all(|hz| (300..3400).contains(&hz)));
        assert_eq!(call_of(&caller_number(123)), Some(123));
        assert_eq!(call_of(&caller_number(1_234_567)), Some(1_234_567));
        assert_eq!(call_of("1001"), None);
        assert_eq!((agents(1), agents(8), agents(200)), (2, 4, 28));
    }
}
