//! Holds what the parties heard and counted against what the switch counted.
//!
//! One line a check. Calls of the newcomer's own phones are in the switch's counts and not in the parties': with one
//! registered the counts may be higher, and that is said.

use crate::demo::ledger::Check;
use crate::demo::ledger::Ledger;
use std::fmt::Write;

/// What the switch says at the end.
#[derive(Clone, Debug, Default)]
pub(in crate::demo) struct SwitchCounts {
    pub(in crate::demo) entered: u64,
    pub(in crate::demo) handled: u64,
    pub(in crate::demo) abandoned: u64,
    pub(in crate::demo) others: u64,
    pub(in crate::demo) waiting: u64,
    pub(in crate::demo) unbalanced: i64,
    pub(in crate::demo) calls_live: u64,
    /// Records of simulated callers' calls.
    pub(in crate::demo) records: u64,
    /// One of the newcomer's phones was registered.
    pub(in crate::demo) guests: bool,
    /// Midnight (UTC) has passed, at which today's counts begin anew.
    pub(in crate::demo) midnight: bool,
}

/// The lines of the verdict.
#[derive(Debug, Default)]
pub(in crate::demo) struct Verdict {
    lines: String,
    failed: bool,
}

impl Verdict {
    /// Judges.
    pub(in crate::demo) fn of(ledger: &Ledger, switch: &SwitchCounts) -> Self {
        let mut verdict = Self::default();
        for check in Check::ALL {
            let outcome = ledger.checks.get(&check).cloned().unwrap_or_default();
            let all = outcome.passed + outcome.failed;
            verdict.line(outcome.failed == 0, check.claim(), &format!("{} of {all}", outcome.passed));
            for example in &outcome.examples {
                verdict.detail(example);
            }
        }
        // A run that was cut short before the first conversation proves nothing.
        verdict.line(ledger.served > 0, "agents answered callers", &ledger.served.to_string());
        let refused = ledger.refused;
        verdict.line(refused == 0, "the queue took every call", &format!("{refused} refused"));
        if switch.midnight {
            verdict.detail(
                "midnight (UTC) has passed: the switch's counts of today began anew and are not compared",
            );
        } else {
            let guests = switch.guests;
            verdict.compare("entered", switch.entered, ledger.joined, guests);
            verdict.compare("handled", switch.handled, ledger.served, guests);
            verdict.compare("abandoned", switch.abandoned, ledger.gave_up, guests);
            let outcomes = switch.handled + switch.abandoned + switch.others + switch.waiting;
            verdict.line(
                switch.entered == outcomes && switch.unbalanced == 0,
                "entered = handled + abandoned + others + waiting",
                &format!(
                    "{} = {} + {} + {} + {}, unbalanced {}",
                    switch.entered,
                    switch.handled,
                    switch.abandoned,
                    switch.others,
                    switch.waiting,
                    switch.unbalanced
                ),
            );
        }
        verdict.compare("call records", switch.records, ledger.placed - ledger.refused, false);
        let live = switch.calls_live;
        verdict.line(live == 0 || switch.guests, "the switch has no call left", &live.to_string());
        verdict
    }

    /// Whether all checks held.
    pub(in crate::demo) fn is_well(&self) -> bool {
        !self.failed
    }

    /// The text to print.
    pub(in crate::demo) fn text(&self) -> String {
        let end = if self.failed { "FAILED: see the lines above" } else { "all is well" };
        format!("{}{end}\n", self.lines)
    }

    fn compare(&mut self, what: &str, switch: u64, parties: u64, guests: bool) {
        let holds = if guests { switch >= parties } else { switch == parties };
        let note = if guests && switch != parties { " (your phone's calls among them)" } else { "" };
        let figures = format!("switch {switch}, parties {parties}{note}");
        self.line(holds, &format!("{what}: the switch and the parties counted the same"), &figures);
    }

    fn line(&mut self, holds: bool, claim: &str, figures: &str) {
        let mark = if holds { "ok    " } else { "FAILED" };
        self.failed |= !holds;
        writeln!(self.lines, "{mark} {claim} ({figures})").expect("a string takes all that is written");
    }

    fn detail(&mut self, what: &str) {
        writeln!(self.lines, "       {what}").expect("a string takes all that is written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::ledger::Outcome;

    fn ledger() -> Ledger {
        let outcome = Outcome { passed: 3, failed: 0, examples: Vec::new() };
        let checks = Check::ALL.into_iter().map(|check| (check, outcome.clone())).collect();
        let mut ledger = Ledger::default();
        (ledger.placed, ledger.joined, ledger.served, ledger.gave_up, ledger.checks) = (4, 4, 3, 1, checks);
        ledger
    }

    fn switch() -> SwitchCounts {
        SwitchCounts { entered: 4, handled: 3, abandoned: 1, records: 4, ..SwitchCounts::default() }
    }

    fn check(ledger: &Ledger, switch: &SwitchCounts, well: bool) {
        let verdict = Verdict::of(ledger, switch);
        assert_eq!(verdict.is_well(), well, "{}", verdict.text());
    }

    #[test]
    fn equal_counts_are_well_and_every_difference_is_not() {
        check(&ledger(), &switch(), true);
        check(&ledger(), &SwitchCounts { entered: 5, others: 1, ..switch() }, false);
        check(&ledger(), &SwitchCounts { handled: 2, others: 1, ..switch() }, false);
        check(&ledger(), &SwitchCounts { records: 3, ..switch() }, false);
        check(&ledger(), &SwitchCounts { calls_live: 1, ..switch() }, false);
        check(&ledger(), &SwitchCounts { unbalanced: 1, ..switch() }, false);
        let (mut refused, mut unserved) = (ledger(), ledger());
        (refused.placed, refused.refused) = (5, 1);
        check(&refused, &switch(), false);
        unserved.served = 0;
        check(&unserved, &SwitchCounts { handled: 0, others: 3, ..switch() }, false);
        let mut deaf = ledger();
        deaf.checks.insert(
            Check::CallerHearsAgent,
            Outcome { passed: 2, failed: 1, examples: vec!["0199000001 did not hear Alice".into()] },
        );
        check(&deaf, &switch(), false);
        assert!(Verdict::of(&deaf, &switch()).text().contains("did not hear Alice"));
    }

    #[test]
    fn a_guests_calls_are_allowed_for() {
        let guests = SwitchCounts { guests: true, entered: 5, handled: 4, ..switch() };
        check(&ledger(), &guests, true);
        check(&ledger(), &SwitchCounts { handled: 2, others: 2, ..guests }, false);
    }
}
