//! The life of a subscription, and what holds in every life.

use super::*;
use crate::ids::Random;

const HOUR: Duration = Duration::from_secs(3600);

fn at(millis: u64) -> Instant {
    Instant::from_micros(1_000_000 + millis * 1000)
}

/// A subscription with all that it said.
struct Watch {
    machine: Subscription,
    said: Vec<Output>,
}

impl Watch {
    fn begin(expires: Duration) -> Self {
        let mut said = Vec::new();
        let machine = Subscription::begin(at(0), expires, &mut said);
        Self { machine, said }
    }

    fn tell(&mut self, millis: u64, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.machine.handle(at(millis), input, &mut out);
        self.said.extend(&out);
        out
    }
}

fn active(version: u32, seconds: u32) -> Vec<Output> {
    vec![Output::Notify { standing: Standing::Active(seconds), version }]
}

fn last(version: u32, reason: Reason) -> Vec<Output> {
    vec![Output::Notify { standing: Standing::Terminated(reason), version }]
}

#[test]
fn it_is_told_at_once_then_at_its_pace() {
    let mut watch = Watch::begin(HOUR);
    assert_eq!(watch.said, active(0, 3600));
    assert_eq!(watch.tell(10, Input::Answered(200, None)), []);
    // Lately told: the change waits, and others with it.
    assert_eq!(watch.tell(50, Input::Changed), []);
    assert_eq!(watch.tell(60, Input::Changed), []);
    assert_eq!(watch.machine.poll_timeout(), Some(at(200)));
    assert_eq!(watch.tell(200, Input::Timeout), active(1, 3600));
    // Under way: after its answer.
    assert_eq!(watch.tell(250, Input::Changed), []);
    assert_eq!(watch.tell(900, Input::Answered(200, None)), active(2, 3600));
    assert_eq!(watch.tell(910, Input::Answered(200, None)), []);
    assert_eq!(watch.tell(5000, Input::Changed), active(3, 3595));
}

#[test]
fn it_ends_when_asked_and_by_its_time() {
    let mut watch = Watch::begin(HOUR);
    watch.tell(10, Input::Answered(200, None));
    assert_eq!(watch.tell(20, Input::Unsubscribed), last(1, Reason::Timeout));
    assert!(!watch.machine.is_live());
    assert_eq!(watch.tell(25, Input::Changed), []);
    assert_eq!(watch.tell(30, Input::Answered(481, None)), [Output::Over]);

    let mut watch = Watch::begin(HOUR);
    watch.tell(10, Input::Answered(200, None));
    assert_eq!(watch.tell(1000, Input::Refreshed(HOUR)), active(1, 3600));
    watch.tell(1010, Input::Answered(200, None));
    assert_eq!(watch.machine.poll_timeout(), Some(at(3_601_000)));
    assert_eq!(watch.tell(3_601_000, Input::Timeout), last(2, Reason::Timeout));
    assert_eq!(watch.tell(3_602_000, Input::Lost), [Output::Over]);
    assert_eq!(watch.machine.poll_timeout(), None);
}

#[test]
fn the_end_waits_for_the_notify_under_way() {
    let mut watch = Watch::begin(HOUR);
    assert_eq!(watch.tell(5, Input::Unsubscribed), []);
    assert!(!watch.machine.is_live());
    assert_eq!(watch.tell(6, Input::Refreshed(HOUR)), [], "too late");
    assert_eq!(watch.tell(10, Input::Answered(200, None)), last(1, Reason::Timeout));
    assert_eq!(watch.tell(20, Input::Answered(200, None)), [Output::Over]);
}

#[test]
fn a_question_is_answered_once() {
    let mut watch = Watch::begin(Duration::ZERO);
    assert_eq!(watch.said, last(0, Reason::Timeout));
    assert_eq!(watch.tell(10, Input::Answered(200, None)), [Output::Over]);
}

#[test]
fn a_refused_notify_ends_it_and_a_postponed_one_does_not() {
    for status in [301, 401, 407, 404, 481, 489, 500, 603] {
        let mut watch = Watch::begin(HOUR);
        assert_eq!(watch.tell(10, Input::Answered(status, None)), [Output::Over], "{status}");
    }
    let mut watch = Watch::begin(HOUR);
    assert_eq!(watch.tell(10, Input::Answered(503, Some(2))), []);
    assert_eq!(watch.machine.poll_timeout(), Some(at(2010)));
    assert_eq!(watch.tell(2010, Input::Timeout), active(1, 3598));
    assert_eq!(watch.tell(2020, Input::Answered(481, Some(2))), [Output::Over]);
}

#[test]
fn states_are_written_as_the_rfc_has_them() {
    assert_eq!(Standing::Active(60).value(), "active;expires=60");
    let end = |reason| Standing::Terminated(reason).value();
    assert_eq!(end(Reason::Timeout), "terminated;reason=timeout");
    assert_eq!(end(Reason::NoResource), "terminated;reason=noresource");
    assert_eq!(end(Reason::Probation(9)), "terminated;reason=probation;retry-after=9");
}

/// In every life: one NOTIFY at a time, versions without a gap, changes not faster than the pace, a change is told
/// within the pace of the answer before, and after the end nothing.
#[test]
fn what_holds_in_every_life() {
    for seed in 0..1000 {
        let mut random = Random::seeded(seed);
        let mut said = Vec::new();
        let mut machine = Subscription::begin(at(0), Duration::from_secs(5), &mut said);
        let (mut now, mut pending, mut version, mut over) = (0, false, 0, false);
        let mut untold: Option<u64> = None;
        for _ in 0..200 {
            for output in said.drain(..) {
                assert!(!over, "seed {seed}: something after the end");
                match output {
                    Output::Notify { version: told, .. } => {
                        assert!(!pending, "seed {seed}: two under way");
                        assert_eq!(told, version, "seed {seed}");
                        version += 1;
                        pending = true;
                        untold = None;
                    }
                    Output::Over => over = true,
                }
            }
            if let Some(since) = untold
                && !pending
                && !over
            {
                assert!(now <= since + 200, "seed {seed}: a change at {since} is not told at {now}");
            }
            if over {
                break;
            }
            let due = machine.poll_timeout();
            let step = random.below(150);
            if let Some(due) = due
                && due <= at(now + step)
            {
                now = now.max((due.as_micros() - 1_000_000) / 1000);
                machine.handle(due, Input::Timeout, &mut said);
                continue;
            }
            now += step;
            let input = match random.below(8) {
                0..=2 => Input::Changed,
                3 => Input::Refreshed(Duration::from_secs(5)),
                4 if random.below(20) == 0 => Input::Unsubscribed,
                5 if random.below(40) == 0 => Input::Lost,
                _ if pending => Input::Answered(200, None),
                _ => Input::Changed,
            };
            if matches!(input, Input::Answered(..)) {
                pending = false;
                untold = untold.map(|_| now);
            }
            if input == Input::Changed && machine.is_live() {
                untold = untold.or(Some(now));
            }
            machine.handle(at(now), input, &mut said);
        }
    }
}
