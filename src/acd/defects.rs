//! What went wrong in other distributors must not go wrong here: a test for each, named after its number in the list of
//! known defects.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for the one output it is about")]

use crate::acd::Input;
use crate::acd::OfferPhase;
use crate::acd::Output;
use crate::acd::Strategy;
use crate::acd::rig::Rig;
use crate::acd::rig::agent;
use crate::acd::rig::agent_id;
use crate::acd::rig::evicted;
use crate::acd::rig::millis;
use crate::acd::rig::one;
use crate::acd::rig::paused;
use crate::acd::rig::plain;
use crate::acd::rig::queue;
use crate::acd::rig::rescinded;
use crate::acd::rig::seconds;
use crate::acd::rig::team;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use crate::ids::Random;
use crate::record::AgentChange;
use crate::record::AgentStatus;
use crate::record::EntryKind;
use crate::record::Fact;
use crate::record::LeftReason;
use crate::record::OfferResult;
use crate::record::QueueChange;
use crate::record::QueueStatus;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn r01_two_agents_answer_the_same_call() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut random = Random::seeded(1);
    for round in 0..1000 {
        let count = 2 + usize::try_from(random.below(9)).unwrap();
        let settings = one(|q| q.strategy = Strategy::RingAll);
        let mut rig = Rig::new(settings, team(&names[..count]));
        rig.label = format!("round {round}");
        let entry = rig.join("support");
        assert_eq!(rig.rung_for(entry).len(), count, "all ring");
        let mut answers: Vec<_> = rig.offers.iter().map(|seen| (random.below(10), seen.offer)).collect();
        answers.sort_unstable();
        let mut connects = 0;
        let mut told_to_stop = BTreeSet::new();
        let mut connected_at = None;
        for (at, offer) in answers {
            rig.now = seconds(1000) + millis(at);
            if let Some(winner) = connected_at.take_if(|_| random.below(2) == 0) {
                rig.step(Input::Connected { offer: winner });
            }
            let out = rig.step(Input::Answered { offer });
            told_to_stop.extend(rescinded(&out));
            if out.iter().any(|output| matches!(output, Output::Connect { .. })) {
                connects += 1;
                connected_at = Some(offer);
            }
        }
        if let Some(winner) = connected_at {
            rig.step(Input::Connected { offer: winner });
        }
        assert_eq!((connects, told_to_stop.len()), (1, count - 1), "round {round}");
        assert!(told_to_stop.iter().all(|(_, why)| *why == OfferResult::Rescinded));
        let totals = rig.folds[&QueueId::new("support")].lifetime(EntryKind::Call);
        assert_eq!((totals.entered, totals.handled), (1, 1), "round {round}");
    }
}

#[test]
fn r02_the_first_agent_answers_and_hangs_up_at_once() {
    for delay in 0..=50 {
        for hang_up_as_refused in [false, true] {
            let mut rig = Rig::new(one(|q| q.strategy = Strategy::RingAll), team(&["a", "b"]));
            let entry = rig.join("support");
            rig.pass(seconds(3));
            let offer = rig.offers[0].offer;
            rig.step(Input::Answered { offer });
            rig.pass(millis(delay));
            if hang_up_as_refused {
                rig.refuse(offer, OfferResult::Rejected);
            } else {
                rig.end(offer);
            }
            let later = rig.join("support");
            assert_eq!(rig.line("support"), [entry, later], "he stays first");
            assert_eq!(rig.rung_for(entry), ["b"], "and reaches the other at once");
            rig.answer(rig.ringing().offer);
            assert_eq!(rig.left(entry), Some(LeftReason::Answered));
        }
    }
    // While a is being connected, b serves the next caller: the first then stays first and gets the next free agent.
    let mut rig = Rig::new(one(|q| q.strategy = Strategy::RingAll), team(&["a", "b"]));
    let entry = rig.join("support");
    let later = rig.join("support");
    rig.pass(seconds(3));
    let offer = rig.offers[0].offer;
    rig.step(Input::Answered { offer });
    assert_eq!(rig.rung_for(later), ["b"]);
    rig.end(offer);
    assert_eq!(rig.line("support"), [entry, later]);
    rig.pass(seconds(5));
    assert_eq!(rig.rung_for(entry), ["a"]);
}

#[test]
fn r03_calls_are_counted_once_and_fewest_calls_goes_in_order() {
    let ids = ["q1", "q2", "q3", "q4", "q5"];
    let settings = |id: &&str| {
        queue(id, |q| {
            q.strategy = Strategy::FewestCalls;
            q.wrap_up = Duration::ZERO;
        })
    };
    let agents: Vec<_> = (0..20).map(|n| agent(&format!("a{n:02}"), &ids)).collect();
    let mut rig = Rig::new(ids.iter().map(settings).collect(), agents);
    let mut taken: BTreeMap<(String, String), u32> = BTreeMap::new();
    let entries: Vec<_> = (0..200).map(|n| rig.join(ids[n % 5])).collect();
    let mut answered = 0;
    while answered < 200 {
        let seen = rig.offers[answered].clone();
        rig.answer(seen.offer);
        *taken.entry((seen.queue, seen.agent)).or_default() += 1;
        rig.pass(millis(10));
        rig.end(seen.offer);
        answered += 1;
    }
    let handled: u64 = rig.folds.values().map(|fold| fold.lifetime(EntryKind::Call).handled).sum();
    let completed: u64 = rig.folds.values().map(|fold| fold.lifetime(EntryKind::Call).completed).sum();
    assert_eq!((handled, completed, taken.values().sum::<u32>()), (200, 200, 200));
    assert!(entries.iter().all(|entry| rig.left(*entry) == Some(LeftReason::Answered)));
    // Alone, each caller goes to one of those who took fewest of this very queue.
    for _ in 0..60 {
        rig.join("q1");
        let seen = rig.ringing();
        let count = |agent: &str| taken.get(&("q1".to_string(), agent.to_string())).copied().unwrap_or(0);
        let fewest = (0..20).map(|n| count(&format!("a{n:02}"))).min().unwrap();
        assert_eq!(count(&seen.agent), fewest);
        rig.answer(seen.offer);
        rig.end(seen.offer);
        *taken.entry((seen.queue, seen.agent)).or_default() += 1;
    }
}

#[test]
fn r04_no_offer_inside_a_wrap_up_whatever_the_queue() {
    let ids = ["q1", "q2", "q3", "q4", "q5", "q6"];
    let settings: Vec<_> = ids.iter().zip(1..).map(|(id, n)| queue(id, |q| q.wrap_up = seconds(n))).collect();
    let mut rig = Rig::new(settings, vec![agent("alice", &ids)]);
    rig.checks = false;
    let mut random = Random::seeded(4);
    let mut free_from = Duration::ZERO;
    for round in 0..10_000 {
        rig.join(ids[usize::try_from(random.below(6)).unwrap()]);
        rig.pass(millis(random.below(8000)));
        let Some(seen) = rig.offers.get(round).cloned() else {
            panic!("round {round}: he was never offered a caller");
        };
        assert!(seen.at >= free_from, "round {round}: offered {:?} before {free_from:?}", seen.at);
        rig.answer(seen.offer);
        rig.pass(millis(random.below(100)));
        rig.join(ids[usize::try_from(random.below(6)).unwrap()]);
        rig.end(seen.offer);
        let wrap_up: u64 = seen.queue[1..].parse().unwrap();
        free_from = rig.now + seconds(wrap_up);
        for extra in rig.line(&seen.queue).into_iter().skip(3) {
            rig.step(Input::HungUp { entry: extra });
        }
        rig.pass(seconds(wrap_up));
        assert_eq!(rig.offers.len(), round + 2, "round {round}: at its end somebody waits for him");
    }
}

#[test]
fn r05_and_r06_the_agent_is_offered_the_next_caller_after_every_order_of_hang_ups() {
    type Story = fn(&mut Rig, EntryUid, OfferUid);
    let stories: [Story; 10] = [
        |rig, entry, _| drop(rig.step(Input::HungUp { entry })),
        |rig, entry, offer| {
            rig.step(Input::Ringing { offer });
            rig.step(Input::HungUp { entry });
            rig.step(Input::Refused { offer, why: OfferResult::Rejected });
        },
        |rig, entry, offer| {
            rig.step(Input::HungUp { entry });
            rig.step(Input::Answered { offer });
            rig.step(Input::ConversationEnded { offer });
        },
        |rig, entry, offer| {
            rig.step(Input::Answered { offer });
            rig.step(Input::HungUp { entry });
            rig.step(Input::Connected { offer });
        },
        |rig, entry, offer| {
            rig.answer(offer);
            rig.step(Input::HungUp { entry });
            rig.end(offer);
            rig.end(offer);
        },
        |rig, entry, offer| {
            rig.answer(offer);
            rig.end(offer);
            rig.step(Input::HungUp { entry });
            rig.step(Input::Held { offer, held: true });
        },
        // A forward to an invalid place.
        |rig, entry, offer| {
            rig.refuse(offer, OfferResult::Unreachable);
            rig.step(Input::HungUp { entry });
        },
        // Held while the conversation ends, as in a transfer.
        |rig, _, offer| {
            rig.answer(offer);
            rig.step(Input::Held { offer, held: true });
            rig.pass(seconds(3));
            rig.end(offer);
        },
        // Answered, and nothing more is heard.
        |rig, entry, offer| {
            rig.step(Input::Answered { offer });
            rig.pass(seconds(11));
            rig.step(Input::HungUp { entry });
        },
        |rig, entry, _| drop(rig.step(Input::Failed { entry })),
    ];
    for (number, story) in stories.into_iter().enumerate() {
        let mut rig = Rig::new(plain(), team(&["alice"]));
        rig.label = format!("story {number}");
        let entry = rig.join("support");
        let offer = rig.ringing().offer;
        story(&mut rig, entry, offer);
        rig.pass(seconds(60));
        assert_eq!(rig.state("alice"), AgentStatus::Ready, "story {number}");
        let next = rig.join("support");
        assert_eq!(rig.rung_for(next), ["alice"], "story {number}");
    }
}

#[test]
fn r10_each_caller_enters_once_and_leaves_once() {
    let settings = one(|q| {
        q.leave_when_empty = true;
        q.join_when_empty = false;
        q.max_length = 7;
        q.max_wait = Some(seconds(9));
        q.wrap_up = seconds(1);
    });
    let mut rig = Rig::new(settings, team(&["a", "b"]));
    let mut random = Random::seeded(10);
    let mut entries = Vec::new();
    while entries.len() < 10_000 {
        let entry = rig.join("support");
        entries.push(entry);
        match random.below(8) {
            // Caller and agent hang up together; the queue empties as somebody abandons.
            0 => {
                let offer = rig.offers.last().map(|seen| seen.offer);
                rig.step(Input::HungUp { entry });
                offer.map(|offer| rig.refuse(offer, OfferResult::Rejected));
            }
            1 => {
                rig.status("a", QueueStatus::LoggedOut, None);
                rig.status("b", QueueStatus::LoggedOut, None);
                rig.step(Input::HungUp { entry });
                rig.status("a", QueueStatus::Ready, None);
                rig.status("b", QueueStatus::Ready, None);
            }
            2 | 3 => {
                let offer = rig.offers.last().expect("an offer").offer;
                if rig.step(Input::Answered { offer }).iter().any(|o| matches!(o, Output::Connect { .. })) {
                    rig.step(Input::Connected { offer });
                    rig.end(offer);
                }
            }
            _ => rig.pass(millis(random.below(3000))),
        }
    }
    rig.pass(seconds(30));
    let mut counts: BTreeMap<EntryUid, (u32, u32)> = BTreeMap::new();
    for fact in rig.facts() {
        if let Fact::Queue(event) = fact {
            let count = counts.entry(event.entry).or_default();
            count.0 += u32::from(matches!(event.change, QueueChange::Entered { .. }));
            count.1 += u32::from(matches!(event.change, QueueChange::Left { .. }));
        }
    }
    assert_eq!(counts.len(), entries.len());
    assert!(counts.values().all(|count| *count == (1, 1)));
}

#[test]
fn r13_the_agent_rejects_during_the_announcement() {
    let mut rig = Rig::new(plain(), team(&["a", "b"]));
    let entry = rig.join("support");
    let offer = rig.ringing().offer;
    rig.step(Input::Answered { offer });
    rig.pass(seconds(2));
    let out = rig.refuse(offer, OfferResult::Rejected);
    assert_eq!(rescinded(&out), [(offer, OfferResult::Rejected)]);
    assert_eq!(rig.rung_for(entry), ["b"]);
}

#[test]
fn r14_the_caller_leaves_during_the_announcement() {
    let mut rig = Rig::new(plain(), team(&["a"]));
    for answered in [false, true] {
        let entry = rig.join("support");
        let offer = rig.ringing().offer;
        if answered {
            rig.step(Input::Answered { offer });
        }
        let out = rig.step(Input::HungUp { entry });
        assert_eq!(rescinded(&out), [(offer, OfferResult::Cancelled)], "in the same step");
        let late = rig.step(Input::Answered { offer });
        assert_eq!(rescinded(&late), [(offer, OfferResult::Cancelled)], "a crossing answer does not stay up");
        rig.pass(seconds(2));
        assert_eq!(rig.state("a"), AgentStatus::Ready);
    }
}

#[test]
fn r15_the_bridge_fails_after_the_answer() {
    let mut rig = Rig::new(plain(), team(&["a"]));
    let first = rig.join("support");
    let second = rig.join("support");
    let offer = rig.ringing().offer;
    rig.step(Input::Answered { offer });
    rig.refuse(offer, OfferResult::Unreachable);
    assert_eq!(rig.line("support"), [first, second], "back at his place");
    rig.pass(seconds(10));
    let offer = rig.ringing().offer;
    assert_eq!(rig.ringing().entry, first);
    // The bridge is never reported: that ends too.
    rig.step(Input::Answered { offer });
    rig.pass(seconds(11));
    assert_eq!(rig.acd.offer(offer).unwrap().phase, OfferPhase::Ended(OfferResult::Unreachable));
    assert_eq!(rig.line("support"), [first, second]);
}

#[test]
fn r16_ring_all_frees_everybody_else_within_a_second() {
    let names: Vec<_> = (0..20).map(|n| format!("a{n:02}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut rig = Rig::new(one(|q| q.strategy = Strategy::RingAll), team(&names));
    rig.join("support");
    rig.answer(rig.offers[7].offer);
    assert_eq!(names.iter().filter(|name| rig.state(name) == AgentStatus::Ready).count(), 19);
    rig.pass(seconds(1));
    let next = rig.join("support");
    assert_eq!(rig.rung_for(next).len(), 19);
}

#[test]
fn r17_nobody_waits_beside_a_ready_agent() {
    let mut rig = Rig::new(plain(), team(&["a", "b"]));
    let mut random = Random::seeded(17);
    let mut alarm_from = rig.now;
    for _ in 0..2000 {
        rig.join("support");
        let seen = rig.offers.last().unwrap().clone();
        match random.below(4) {
            0 => rig.status(&seen.agent, paused("x"), None),
            1 => rig.status(&seen.agent, QueueStatus::Ready, None),
            2 => drop(rig.step(Input::HungUp { entry: seen.entry })),
            _ => drop(rig.refuse(seen.offer, OfferResult::Timeout)),
        }
        rig.pass(millis(random.below(500)));
        let offered = rig.offers.last().unwrap().at;
        let card = rig.acd.queue(&QueueId::new("support"), rig.instant()).unwrap();
        if card.agents.ready == 0 || card.waiting == card.agents.ringing {
            alarm_from = rig.now;
        }
        let beside = rig.now - alarm_from.max(offered);
        assert!(beside <= seconds(60), "a caller waits beside a ready agent since {beside:?}");
    }
}

#[test]
fn r18_an_unavailable_agent_at_any_place_does_not_block() {
    let strategies = [
        Strategy::LongestIdle,
        Strategy::RingAll,
        Strategy::RoundRobin,
        Strategy::Linear,
        Strategy::Random,
        Strategy::WeightedRandom,
        Strategy::FewestCalls,
        Strategy::LeastTalkTime,
    ];
    for strategy in strategies {
        for away in ["a", "b", "c"] {
            for kind in 0..3 {
                let mut rig = Rig::new(one(|q| q.strategy = strategy), team(&["a", "b", "c"]));
                rig.label = format!("{strategy:?} without {away}, {kind}");
                match kind {
                    0 => rig.status(away, paused("x"), None),
                    1 => drop(rig.step(Input::Reachable { agent: agent_id(away), reachable: false })),
                    _ => drop(rig.step(Input::Busy { agent: agent_id(away), busy: true })),
                }
                let mut reached = BTreeSet::new();
                for _ in 0..2 {
                    let entry = rig.join("support");
                    let offer =
                        rig.offers.iter().rfind(|seen| seen.entry == entry).expect("an offer").clone();
                    reached.insert(offer.agent);
                    rig.answer(offer.offer);
                    rig.pass(seconds(1));
                }
                assert_eq!(reached.len(), 2, "{}", rig.label);
                assert!(!reached.contains(away), "{}", rig.label);
            }
        }
    }
}

#[test]
fn r19_at_most_one_offer_a_second_while_the_agent_toggles() {
    let mut rig = Rig::new(one(|q| q.max_wait = None), team(&["alice"]));
    rig.join("support");
    let retry = [OfferResult::Busy, OfferResult::Rejected, OfferResult::Unreachable];
    for round in 0..600 {
        rig.status("alice", paused("x"), None);
        rig.pass(millis(50));
        rig.status("alice", QueueStatus::Ready, None);
        if round % 3 == 0 {
            let last = rig.offers.last().unwrap().offer;
            rig.refuse(last, retry[round % 9 / 3]);
            rig.status("alice", QueueStatus::Ready, None);
        }
        rig.pass(millis(50));
    }
    let gaps: Vec<_> = rig.offers.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(gaps.iter().all(|gap| *gap >= seconds(1)), "{gaps:?}");
    assert!(gaps.len() >= 50, "and he is still offered: {}", gaps.len());
}

#[test]
fn r22_nobody_is_locked_after_a_hundred_thousand_calls() {
    let mut rig = Rig::new(one(|q| q.wrap_up = Duration::ZERO), team(&["alice"]));
    rig.checks = false;
    for _ in 0..100_000 {
        rig.join("support");
        let offer = rig.offers.pop().expect("an offer").offer;
        rig.answer(offer);
        rig.now += millis(1);
        rig.end(offer);
        rig.log.clear();
    }
    assert_eq!(rig.state("alice"), AgentStatus::Ready);
    assert!(rig.acd.offers().len() <= 256, "the tail of ended offers is bounded");
    rig.acd.check().unwrap();
    rig.checks = true;
    rig.step(Input::Timeout);
}

#[test]
fn r24_each_wrap_up_ends_in_its_own_time() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut rig = Rig::new(one(|q| q.wrap_up = seconds(30)), team(&names));
    let offers: Vec<_> = names
        .iter()
        .map(|_| {
            rig.join("support");
            let seen = rig.ringing();
            rig.answer(seen.offer);
            seen
        })
        .collect();
    let start = rig.now;
    for seen in &offers {
        rig.end(seen.offer);
        rig.pass(seconds(1));
    }
    rig.pass(seconds(60));
    for (seen, n) in offers.iter().zip(0..) {
        let ready = |(at, output): &(Duration, Output)| match output {
            Output::Fact(Fact::Agent(event)) if event.agent.as_str() == seen.agent => {
                matches!(event.change, AgentChange::Status { status: AgentStatus::Ready, .. }).then_some(*at)
            }
            _ => None,
        };
        assert_eq!(rig.log.iter().filter_map(ready).next_back(), Some(start + seconds(30 + n)));
    }
}

#[test]
fn r25_the_caller_does_not_learn_of_refusals() {
    for why in [OfferResult::Busy, OfferResult::Rejected, OfferResult::Timeout, OfferResult::Unreachable] {
        let mut rig = Rig::new(plain(), team(&["a", "b", "c"]));
        let entry = rig.join("support");
        for _ in 0..2 {
            let out = rig.refuse(rig.ringing().offer, why);
            assert_eq!(evicted(&out), []);
        }
        assert_eq!(rig.rung_for(entry), ["c"], "{why:?}");
        rig.answer(rig.ringing().offer);
        assert_eq!(rig.left(entry), Some(LeftReason::Answered));
    }
}

#[test]
fn r27_a_burst_of_callers_goes_to_distinct_agents() {
    let names: Vec<_> = (0..100).map(|n| format!("a{n:02}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut rig = Rig::new(plain(), team(&names));
    for n in 0..100 {
        rig.now = seconds(2000) + Duration::from_micros(n * 100);
        rig.join("support");
    }
    let agents: BTreeSet<_> = rig.offers.iter().map(|seen| &seen.agent).collect();
    let entries: BTreeSet<_> = rig.offers.iter().map(|seen| seen.entry).collect();
    assert_eq!((rig.offers.len(), agents.len(), entries.len()), (100, 100, 100));
}

#[test]
fn r28_a_registration_during_an_offer_changes_nothing() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    let entry = rig.join("support");
    let offer = rig.ringing().offer;
    rig.step(Input::Ringing { offer });
    for reachable in [true, false, true] {
        rig.step(Input::Reachable { agent: agent_id("alice"), reachable });
        assert_eq!(rig.state("alice"), AgentStatus::Ringing);
    }
    rig.answer(offer);
    assert_eq!(rig.left(entry), Some(LeftReason::Answered));
}

#[test]
fn r29_another_call_during_the_offer_takes_the_agent_out() {
    let mut rig = Rig::new(plain(), team(&["alice", "bruno"]));
    let entry = rig.join("support");
    let offer = rig.ringing().offer;
    let out = rig.step(Input::Busy { agent: agent_id("alice"), busy: true });
    assert_eq!(rescinded(&out), [(offer, OfferResult::Busy)]);
    assert_eq!(rig.state("alice"), AgentStatus::Talking);
    assert_eq!(rig.rung_for(entry), ["bruno"]);
    rig.pass(seconds(3));
    rig.step(Input::Busy { agent: agent_id("alice"), busy: false });
    let next = rig.join("support");
    assert_eq!(rig.rung_for(next), ["alice"]);
}

#[test]
fn r30_ringing_refusing_and_unreachable_are_not_empty() {
    let settings = one(|q| {
        q.leave_when_empty = true;
        q.join_when_empty = false;
    });
    let mut rig = Rig::new(settings, team(&["alice"]));
    let entry = rig.join("support");
    rig.pass(seconds(15));
    rig.step(Input::Reachable { agent: agent_id("alice"), reachable: false });
    rig.step(Input::Busy { agent: agent_id("alice"), busy: true });
    let second = rig.join("support");
    rig.pass(seconds(30));
    assert_eq!((rig.left(entry), rig.left(second)), (None, None));
    rig.status("alice", QueueStatus::LoggedOut, None);
    assert_eq!(rig.left(entry), None, "pending: he is in a call");
    rig.step(Input::Busy { agent: agent_id("alice"), busy: false });
    assert_eq!(rig.left(entry), Some(LeftReason::LeftEmpty));
}

#[test]
fn r31_an_agent_behind_a_forward_answers_without_ringing() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    let entry = rig.join("support");
    let offer = rig.ringing().offer;
    rig.answer(offer);
    rig.step(Input::HungUp { entry });
    rig.step(Input::Ringing { offer });
    assert_eq!(rig.left(entry), Some(LeftReason::Answered), "not abandoned");
    let totals = rig.folds[&QueueId::new("support")].lifetime(EntryKind::Call);
    assert_eq!((totals.handled, totals.abandoned), (1, 0));
}
