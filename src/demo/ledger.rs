//! What the simulated parties counted and heard themselves, judged call by call as the calls end.
//!
//! Bounded: a call that is judged is forgotten, but for the counts and the first examples of what was wrong.

use crate::clock::Instant;
use crate::demo::cast;
use crate::sim::hearing::Sound;
use crate::sim::party::CallReport;
use crate::sim::party::End;
use std::collections::BTreeMap;
use std::time::Duration;

/// Shorter talks and waits are too short to hear anything in for certain.
const JUDGED_FROM: Duration = Duration::from_millis(1200);
/// So much music before the agent is enough.
const MUSIC_MIN: Duration = Duration::from_millis(300);
const EXAMPLES_MAX: usize = 3;

/// What is looked at in each call.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::demo) enum Check {
    /// The caller heard the tone of the agent who answered.
    CallerHearsAgent,
    /// The agent heard the caller's tone.
    AgentHearsCaller,
    /// The caller heard music while waiting.
    MusicBefore,
    /// Nobody heard anybody else.
    NoStranger,
    /// Every leg ended by a BYE that was answered, or by a CANCEL.
    LegsEnd,
}

impl Check {
    /// In the order of the verdict.
    pub(in crate::demo) const ALL: [Self; 5] =
        [Self::CallerHearsAgent, Self::AgentHearsCaller, Self::MusicBefore, Self::NoStranger, Self::LegsEnd];

    /// What is true when it passes.
    pub(in crate::demo) const fn claim(self) -> &'static str {
        match self {
            Self::CallerHearsAgent => "every caller who was answered heard the agent",
            Self::AgentHearsCaller => "every agent who answered heard the caller",
            Self::MusicBefore => "every caller heard music while waiting",
            Self::NoStranger => "nobody heard anybody else",
            Self::LegsEnd => "every leg ended as it should",
        }
    }
}

/// How often a check held.
#[derive(Clone, Debug, Default)]
pub(in crate::demo) struct Outcome {
    pub(in crate::demo) passed: u64,
    pub(in crate::demo) failed: u64,
    pub(in crate::demo) examples: Vec<String>,
}

/// A call that is not judged yet.
#[derive(Debug)]
struct Entry {
    caller: usize,
    joined: Option<Instant>,
    served: Option<(usize, Instant)>,
    caller_report: Option<CallReport>,
    agent_report: Option<CallReport>,
}

/// The counts.
#[derive(Debug, Default)]
pub(in crate::demo) struct Ledger {
    entries: BTreeMap<u64, Entry>,
    pub(in crate::demo) placed: u64,
    /// Answered by the queue.
    pub(in crate::demo) joined: u64,
    /// Answered by a simulated agent.
    pub(in crate::demo) served: u64,
    /// Hung up while waiting.
    pub(in crate::demo) gave_up: u64,
    /// Not even answered by the queue.
    pub(in crate::demo) refused: u64,
    /// Refused by simulated agents.
    pub(in crate::demo) rejected: u64,
    pub(in crate::demo) wait_sum: Duration,
    pub(in crate::demo) wait_max: Duration,
    pub(in crate::demo) checks: BTreeMap<Check, Outcome>,
}

impl Ledger {
    pub(in crate::demo) fn placed(&mut self, call: u64, caller: usize) {
        self.placed += 1;
        let entry = Entry { caller, joined: None, served: None, caller_report: None, agent_report: None };
        self.entries.insert(call, entry);
    }

    pub(in crate::demo) fn joined(&mut self, now: Instant, call: u64) {
        if let Some(entry) = self.entries.get_mut(&call) {
            entry.joined = Some(now);
            self.joined += 1;
        }
    }

    pub(in crate::demo) fn served(&mut self, now: Instant, call: u64, agent: usize) {
        let Some(entry) = self.entries.get_mut(&call) else { return };
        if entry.served.is_none() {
            entry.served = Some((agent, now));
            self.served += 1;
            let waited = now.since(entry.joined.unwrap_or(now));
            self.wait_sum += waited;
            self.wait_max = self.wait_max.max(waited);
        }
    }

    /// Whether an agent has answered that call.
    pub(in crate::demo) fn is_served(&self, call: u64) -> bool {
        self.entries.get(&call).is_some_and(|entry| entry.served.is_some())
    }

    pub(in crate::demo) fn caller_ended(&mut self, call: u64, report: CallReport) {
        let Some(entry) = self.entries.get_mut(&call) else { return };
        if report.answered.is_none() {
            self.refused += 1;
        } else if entry.served.is_none() {
            self.gave_up += 1;
        }
        entry.caller_report = Some(report);
        self.judge(call);
    }

    /// An agent's leg that was answered has ended.
    pub(in crate::demo) fn agent_ended(&mut self, call: u64, report: CallReport) {
        if let Some(entry) = self.entries.get_mut(&call) {
            entry.agent_report = Some(report);
            self.judge(call);
        }
    }

    /// Calls that are not over.
    pub(in crate::demo) fn live(&self) -> impl Iterator<Item = u64> {
        self.entries.keys().copied()
    }

    /// Calls whose end was never reported count as legs that did not end.
    pub(in crate::demo) fn close(&mut self) {
        for (call, _) in std::mem::take(&mut self.entries) {
            self.note(Check::LegsEnd, false, || format!("call {call} did not end"));
        }
    }

    /// The mean wait of those who were answered.
    pub(in crate::demo) fn wait_mean(&self) -> Duration {
        self.wait_sum.checked_div(u32::try_from(self.served).unwrap_or(u32::MAX)).unwrap_or_default()
    }

    fn note(&mut self, check: Check, holds: bool, example: impl FnOnce() -> String) {
        let outcome = self.checks.entry(check).or_default();
        if holds {
            outcome.passed += 1;
        } else {
            outcome.failed += 1;
            if outcome.examples.len() < EXAMPLES_MAX {
                outcome.examples.push(example());
            }
        }
    }

    fn judge(&mut self, call: u64) {
        let is_whole = self.entries.get(&call).is_some_and(|entry| {
            entry.caller_report.is_some() && (entry.served.is_none() || entry.agent_report.is_some())
        });
        if !is_whole {
            return;
        }
        let Some(entry) = self.entries.remove(&call) else { return };
        let Some(caller) = &entry.caller_report else { return };
        let number = &caller.from;
        let (mine, ended) = (cast::caller_tone_hz(entry.caller), ended_well(caller));
        self.note(Check::LegsEnd, ended, || format!("{number}: {:?} with {}", caller.end, caller.code));
        let mut strangers = caller.hearing.certain_tones();
        if let (Some((agent, at)), Some(report)) = (entry.served, &entry.agent_report) {
            let theirs = cast::agent_tone_hz(agent);
            strangers.retain(|hz| *hz != theirs);
            strangers.extend(report.hearing.certain_tones().into_iter().filter(|hz| *hz != mine));
            let name = cast::agent_name(agent);
            let ended = ended_well(report);
            self.note(Check::LegsEnd, ended, || format!("{name}: {:?} with {}", report.end, report.code));
            if caller.ended.min(report.ended).since(at) >= JUDGED_FROM {
                let heard = caller.hearing.has_tone(theirs);
                self.note(Check::CallerHearsAgent, heard, || {
                    format!("{number} did not hear {name} ({theirs} Hz): {}", heard_instead(caller))
                });
                let heard = report.hearing.has_tone(mine);
                self.note(Check::AgentHearsCaller, heard, || {
                    format!("{name} did not hear {number} ({mine} Hz): {}", heard_instead(report))
                });
            }
        }
        let until = entry.served.map_or(caller.ended, |(_, at)| at);
        if let Some(joined) = entry.joined
            && until.since(joined) >= JUDGED_FROM
        {
            let music = caller.hearing.time_of(Sound::Other, until);
            self.note(Check::MusicBefore, music >= MUSIC_MIN, || {
                format!("{number} waited without music: {}", heard_instead(caller))
            });
        }
        self.note(Check::NoStranger, strangers.is_empty(), || {
            format!("in {number}'s call: {strangers:?} Hz")
        });
    }
}

fn ended_well(report: &CallReport) -> bool {
    // A refusal is an end too; whether it should be one is another check.
    matches!(report.end, End::HungUp | End::ByPeer | End::Refused)
}

fn heard_instead(report: &CallReport) -> String {
    let hearing = &report.hearing;
    format!("{} packets, {} lost, tones {:?}", hearing.packets, hearing.lost, hearing.certain_tones())
}
