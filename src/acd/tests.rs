//! The distributor's behaviour as it is required: a call's way, the choice of agent and caller, statuses,
//! supervisors, readings.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for the one output it is about")]

use crate::acd::AcdError;
use crate::acd::AgentSettings;
use crate::acd::Assignment;
use crate::acd::Changed;
use crate::acd::Input;
use crate::acd::OfferPhase;
use crate::acd::Output;
use crate::acd::QueueSettings;
use crate::acd::RetrySettings;
use crate::acd::Settings;
use crate::acd::SettingsError;
use crate::acd::Strategy;
use crate::acd::WaitingReason;
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
use crate::record::AgentChange;
use crate::record::AgentStatus;
use crate::record::EntryKind;
use crate::record::Fact;
use crate::record::LeftReason;
use crate::record::OfferResult;
use crate::record::QueueChange;
use crate::record::QueueStatus;
use std::collections::BTreeSet;
use std::time::Duration;

// ---- a call from entering to the end of wrap-up

#[test]
fn a_call_runs_from_join_to_the_end_of_wrap_up() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    let entry = rig.join("support");
    let offer = rig.ringing().offer;
    assert_eq!(rig.state("alice"), AgentStatus::Ringing);
    rig.pass(millis(200));
    rig.step(Input::Ringing { offer });
    rig.pass(seconds(3));
    rig.answer(offer);
    assert_eq!(rig.state("alice"), AgentStatus::Talking);
    rig.pass(seconds(20));
    rig.step(Input::Held { offer, held: true });
    rig.pass(seconds(10));
    rig.step(Input::Held { offer, held: false });
    rig.pass(seconds(30));
    rig.end(offer);
    assert_eq!(rig.state("alice"), AgentStatus::WrapUp);
    let card = rig.acd.agent(&agent_id("alice")).unwrap();
    assert_eq!(card.wrap_up_ends_at.unwrap().as_micros() - card.since.as_micros(), 10_000_000);
    assert_eq!(rig.acd.offer(offer).unwrap().phase, OfferPhase::Wrapping);
    rig.pass(seconds(10));
    assert_eq!(rig.state("alice"), AgentStatus::Ready);
    assert_eq!(rig.acd.offer(offer).unwrap().phase, OfferPhase::Ended(OfferResult::Accepted));
    let expected = [
        QueueChange::Entered { number: "+332".into(), name: None, priority: 0 },
        QueueChange::Offered { offer, agent: agent_id("alice") },
        QueueChange::OfferEnded {
            offer,
            agent: agent_id("alice"),
            result: OfferResult::Accepted,
            rang: seconds(3),
        },
        QueueChange::Left {
            outcome: crate::record::Outcome::Handled,
            reason: LeftReason::Answered,
            waited: millis(3200),
            agent: Some(agent_id("alice")),
        },
        QueueChange::Completed {
            agent: agent_id("alice"),
            talk: seconds(60),
            hold: seconds(10),
            wrap_up: seconds(10),
        },
    ];
    assert_eq!(rig.changes(entry), expected);
    use AgentStatus::{Ready, Ringing, Talking, WrapUp};
    assert_eq!(rig.told("alice"), [Ready, Ringing, Talking, WrapUp, Ready]);
}

#[test]
fn an_unanswered_offer_times_out_and_goes_to_the_next_agent_at_the_same_place() {
    let mut rig = Rig::new(plain(), team(&["alice", "bruno"]));
    let entry = rig.join("support");
    let first = rig.ringing();
    assert_eq!(first.agent, "alice");
    rig.pass(seconds(1));
    rig.step(Input::Ringing { offer: first.offer });
    rig.pass(millis(14_999));
    assert_eq!(rig.ringing().offer, first.offer, "it rings 15 s from its first ring");
    rig.pass(millis(1));
    let second = rig.ringing();
    assert_eq!((second.agent.as_str(), second.entry), ("bruno", entry));
    assert!(
        rig.log.iter().any(|(_, o)| *o == Output::Rescind { offer: first.offer, why: OfferResult::Timeout })
    );
    assert_eq!(rig.left(entry), None);
}

#[test]
fn a_caller_who_hangs_up_is_abandoned_and_the_phone_stops_ringing() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    let entry = rig.join("support");
    let offer = rig.ringing().offer;
    rig.pass(seconds(2));
    let out = rig.step(Input::HungUp { entry });
    assert_eq!(rescinded(&out), [(offer, OfferResult::Cancelled)]);
    assert_eq!(evicted(&out), [], "his call is gone already");
    assert_eq!(rig.left(entry), Some(LeftReason::HungUp));
    assert_eq!(rig.state("alice"), AgentStatus::Ready);
}

#[test]
fn the_longest_wait_ends_in_an_eviction_also_while_a_phone_rings() {
    let mut rig = Rig::new(one(|q| q.max_wait = Some(seconds(20))), team(&["alice"]));
    let entry = rig.join("support");
    rig.pass(seconds(19));
    assert_eq!(rig.left(entry), None);
    rig.pass(seconds(2));
    assert_eq!(rig.left(entry), Some(LeftReason::Timeout));
    assert_eq!(rig.rung_for(entry), [""; 0]);
}

#[test]
fn who_is_being_connected_is_not_timed_out_but_is_when_that_fails() {
    let settings = one(|q| {
        q.max_wait = Some(seconds(20));
        q.ring_timeout = seconds(60);
    });
    let mut rig = Rig::new(settings, team(&["alice"]));
    let entry = rig.join("support");
    rig.pass(seconds(19));
    let offer = rig.ringing().offer;
    rig.step(Input::Answered { offer });
    rig.pass(seconds(5));
    assert_eq!(rig.left(entry), None);
    rig.refuse(offer, OfferResult::Unreachable);
    assert_eq!(rig.left(entry), Some(LeftReason::Timeout));
}

#[test]
fn a_queue_takes_no_more_than_its_length_and_nobody_when_empty() {
    let settings = one(|q| {
        q.max_length = 2;
        q.join_when_empty = false;
    });
    let mut rig = Rig::new(settings, team(&["alice"]));
    let entries: Vec<_> = (0..3).map(|_| rig.join("support")).collect();
    assert_eq!(
        entries.iter().map(|e| rig.left(*e)).collect::<Vec<_>>(),
        [None, None, Some(LeftReason::Full)]
    );
    rig.status("alice", paused("repas"), None);
    rig.step(Input::HungUp { entry: entries[0] });
    let during_pause = rig.join("support");
    assert_eq!(rig.left(during_pause), None, "paused is logged in");
    rig.step(Input::HungUp { entry: during_pause });
    rig.status("alice", QueueStatus::LoggedOut, None);
    let entry = rig.join("support");
    assert_eq!(rig.left(entry), Some(LeftReason::JoinedEmpty));
    assert_eq!(rig.changes(entry).len(), 2, "entered once, left once");
}

#[test]
fn wrap_up_of_zero_frees_at_once_and_the_next_caller_is_offered_in_the_same_step() {
    let mut rig = Rig::new(one(|q| q.wrap_up = Duration::ZERO), team(&["alice"]));
    let first = rig.join("support");
    let second = rig.join("support");
    let offer = rig.ringing().offer;
    rig.answer(offer);
    rig.end(offer);
    assert_eq!(rig.ringing().entry, second);
    assert!(matches!(
        rig.changes(first).last(),
        Some(QueueChange::Completed { wrap_up: Duration::ZERO, .. })
    ));
    assert_eq!(rig.told("alice").last(), Some(&AgentStatus::Ringing), "no moment of being ready in between");
}

#[test]
fn a_supervisor_ends_the_wrap_up_and_is_named() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    rig.join("support");
    let offer = rig.ringing().offer;
    let end = Input::EndWrapUp { agent: agent_id("alice"), by: Some("sup".into()) };
    rig.answer(offer);
    assert_eq!(rig.acd.validate(&end), Err(AcdError::NotInWrapUp(agent_id("alice"))));
    rig.end(offer);
    assert_eq!(rig.acd.validate(&end), Ok(()));
    rig.pass(seconds(4));
    let out = rig.step(end);
    let by = out.iter().find_map(|output| match output {
        Output::Fact(Fact::Agent(event)) => Some(event.by.clone()),
        _ => None,
    });
    assert_eq!(by, Some(Some("sup".into())));
    assert_eq!(rig.state("alice"), AgentStatus::Ready);
    rig.pass(seconds(60));
}

// ---- who is offered to whom

#[test]
fn longest_idle_is_fair_exactly() {
    let names = ["a", "b", "c", "d"];
    let mut rig = Rig::new(one(|q| q.wrap_up = seconds(5)), team(&names));
    let mut offered = Vec::new();
    // Four callers to everybody in the order of the settings; b ends first, then d, a, c.
    for _ in 0..4 {
        rig.join("support");
        offered.push(rig.ringing());
        rig.answer(offered.last().unwrap().offer);
        rig.pass(seconds(1));
    }
    assert_eq!(offered.iter().map(|o| o.agent.as_str()).collect::<Vec<_>>(), names);
    for index in [1, 3, 0, 2] {
        rig.end(offered[index].offer);
        rig.pass(seconds(1));
    }
    rig.pass(seconds(30));
    let mut next = Vec::new();
    for round in 0..8 {
        rig.join("support");
        let seen = rig.ringing();
        rig.answer(seen.offer);
        rig.pass(seconds(1));
        rig.end(seen.offer);
        rig.pass(seconds(10));
        next.push(seen.agent);
        assert_eq!(next[round], ["b", "d", "a", "c"][round % 4], "{next:?}");
    }
    // A caller who hangs up costs the agent his turn as little as a pause in another's favour.
    let entry = rig.join("support");
    assert_eq!(rig.ringing().agent, "b");
    rig.step(Input::HungUp { entry });
    rig.pass(seconds(2));
    rig.join("support");
    assert_eq!(rig.ringing().agent, "b");
    // Refusing costs it.
    rig.refuse(rig.ringing().offer, OfferResult::Rejected);
    assert_eq!(rig.ringing().agent, "d");
    rig.answer(rig.ringing().offer);
    rig.pass(seconds(30));
    let order: Vec<_> = (0..3)
        .map(|_| {
            rig.join("support");
            rig.ringing().agent
        })
        .collect();
    assert_eq!(order, ["a", "c", "b"]);
}

#[test]
fn levels_go_before_idle_time_and_penalties_inside_a_level() {
    let mut agents = team(&["low", "high", "dear", "cheap"]);
    agents[1].queues[0].level = 2;
    agents[2].queues[0].penalty = 5;
    let mut rig = Rig::new(plain(), agents);
    let order: Vec<_> = (0..4)
        .map(|_| {
            rig.join("support");
            rig.ringing().agent
        })
        .collect();
    assert_eq!(order, ["low", "cheap", "dear", "high"]);
}

#[test]
fn priority_ages_so_that_nobody_starves() {
    let mut rig = Rig::new(one(|q| q.priority_aging = Some(seconds(60))), team(&["alice"]));
    rig.status("alice", paused("repas"), None);
    let old = rig.join("support");
    rig.pass(seconds(59));
    let urgent = rig.join_with("support", Some(1));
    rig.pass(seconds(2));
    let late = rig.join_with("support", Some(1));
    assert_eq!(rig.line("support"), [urgent, old, late]);
}

#[test]
fn an_agent_of_several_queues_takes_the_most_urgent_head_as_of_now() {
    let quick = queue("quick", |q| q.priority_aging = Some(seconds(60)));
    let slow = queue("slow", |q| q.priority_aging = Some(seconds(120)));
    for (wait, expected) in [(90, "slow"), (110, "quick")] {
        let agents = vec![agent("alice", &["quick", "slow"])];
        let mut rig = Rig::new(vec![quick.clone(), slow.clone()], agents);
        rig.status("alice", paused("repas"), None);
        rig.join("slow");
        rig.pass(seconds(100));
        rig.join("quick");
        rig.pass(seconds(wait));
        rig.status("alice", QueueStatus::Ready, None);
        assert_eq!(rig.ringing().queue, expected, "after {wait} s");
    }
}

#[test]
fn a_better_head_elsewhere_waits_for_its_own_agents_only() {
    let queues = vec![queue("one", |_| {}), queue("two", |_| {})];
    let mut rig = Rig::new(queues, vec![agent("a", &["one"]), agent("b", &["two"])]);
    rig.status("a", paused("repas"), None);
    rig.join_with("one", Some(9));
    let entry = rig.join("two");
    assert_eq!((rig.ringing().agent.as_str(), rig.ringing().entry), ("b", entry));
}

#[test]
fn the_strategies_mean_what_their_names_say() {
    let names = ["a", "b", "c"];
    let run = |strategy| {
        let mut rig = Rig::new(
            one(|q| {
                q.strategy = strategy;
                q.wrap_up = Duration::ZERO;
            }),
            team(&names),
        );
        let talks = [10, 1, 1, 1, 1, 1];
        talks.map(|talk| {
            rig.join("support");
            let seen = rig.ringing();
            rig.answer(seen.offer);
            rig.pass(seconds(talk));
            rig.end(seen.offer);
            rig.pass(seconds(1));
            seen.agent
        })
    };
    assert_eq!(run(Strategy::LongestIdle), ["a", "b", "c", "a", "b", "c"]);
    assert_eq!(run(Strategy::RoundRobin), ["a", "b", "c", "a", "b", "c"]);
    assert_eq!(run(Strategy::Linear), ["a", "a", "a", "a", "a", "a"]);
    assert_eq!(run(Strategy::FewestCalls), ["a", "b", "c", "a", "b", "c"]);
    assert_eq!(run(Strategy::LeastTalkTime), ["a", "b", "c", "b", "c", "b"]);
    for (name, strategy) in [("ring-all", Strategy::RingAll), ("weighted-random", Strategy::WeightedRandom)] {
        assert_eq!(Strategy::parse(name), Some(strategy));
        assert_eq!(strategy.name(), name);
    }
    assert_eq!(Strategy::parse("best"), None);
}

#[test]
fn round_robin_remembers_a_place_not_a_person_and_random_is_spread_by_weight() {
    let mut rig = Rig::new(one(|q| q.strategy = Strategy::RoundRobin), team(&["a", "b", "c"]));
    rig.join("support");
    rig.answer(rig.ringing().offer);
    rig.status("b", paused("repas"), None);
    rig.join("support");
    assert_eq!(rig.ringing().agent, "c", "the next free one after a");
    for (strategy, expected) in [(Strategy::Random, [500, 500]), (Strategy::WeightedRandom, [750, 250])] {
        let mut agents = team(&["a", "b"]);
        if strategy == Strategy::WeightedRandom {
            agents[1].queues[0].penalty = 2;
        }
        let mut rig = Rig::new(one(|q| q.strategy = strategy), agents);
        let mut counts = [0_i32; 2];
        for _ in 0..1000 {
            let entry = rig.join("support");
            counts[usize::from(rig.ringing().agent == "b")] += 1;
            rig.step(Input::HungUp { entry });
            rig.pass(seconds(1));
        }
        assert!(counts.iter().zip(expected).all(|(n, e)| (n - e).abs() < 60), "{strategy:?}: {counts:?}");
    }
}

#[test]
fn counts_of_yesterday_do_not_decide_today() {
    let settings = one(|q| {
        q.strategy = Strategy::FewestCalls;
        q.wrap_up = Duration::ZERO;
    });
    let mut rig = Rig::new(settings, team(&["a", "b"]));
    rig.status("b", paused("repas"), None);
    for _ in 0..3 {
        rig.join("support");
        let offer = rig.ringing().offer;
        rig.answer(offer);
        rig.end(offer);
    }
    rig.status("b", QueueStatus::Ready, None);
    rig.join("support");
    assert_eq!(rig.ringing().agent, "b");
    rig.answer(rig.ringing().offer);
    rig.end(rig.offers.last().unwrap().offer);
    rig.pass(seconds(86_400));
    rig.join("support");
    assert_eq!(rig.ringing().agent, "a", "0 to 0 today, and he is idle longer");
}

// ---- statuses (FEATURES section A)

fn three_queues() -> Vec<QueueSettings> {
    ["one", "two", "three"].map(|id| queue(id, |_| {})).to_vec()
}

fn seats(rig: &Rig, name: &str) -> Vec<QueueStatus> {
    rig.acd.agent(&agent_id(name)).unwrap().queues.into_iter().map(|seat| seat.status).collect()
}

#[test]
fn a1_ready_in_exactly_the_chosen_queues() {
    let mut settings = agent("alice", &["one", "two", "three"]);
    settings.initial.clear();
    let mut rig = Rig::new(three_queues(), vec![settings]);
    rig.status("alice", QueueStatus::Ready, Some(&["one", "three"]));
    use QueueStatus::{LoggedOut, Ready};
    assert_eq!(seats(&rig, "alice"), [Ready, LoggedOut, Ready]);
    rig.join("two");
    assert_eq!(rig.offers.len(), 0);
    let unknown = Some(vec![QueueId::new("one"), QueueId::new("nowhere")]);
    let bad = Input::SetStatus { agent: agent_id("alice"), status: LoggedOut, queues: unknown, by: None };
    assert_eq!(rig.acd.validate(&bad), Err(AcdError::UnknownQueue(QueueId::new("nowhere"))));
    rig.step(bad);
    assert_eq!(seats(&rig, "alice"), [Ready, LoggedOut, Ready], "all or none");
}

#[test]
fn a2_empty_is_judged_after_the_whole_change() {
    let settings = ["one", "two", "three"].map(|id| queue(id, |q| q.leave_when_empty = true)).to_vec();
    let mut rig = Rig::new(settings, vec![agent("alice", &["one", "two", "three"])]);
    rig.status("alice", paused("repas"), None);
    let entry = rig.join("one");
    rig.pass(seconds(1));
    assert_eq!(rig.left(entry), None, "paused is not gone");
    rig.status("alice", QueueStatus::LoggedOut, None);
    assert_eq!(rig.left(entry), Some(LeftReason::LeftEmpty));
    let times: BTreeSet<_> = rig
        .facts()
        .filter_map(|fact| match fact {
            Fact::Agent(event) if matches!(&event.change, AgentChange::Queue { status, .. } if *status == QueueStatus::LoggedOut) => {
                Some(event.at)
            }
            _ => None,
        })
        .collect();
    assert_eq!(times.len(), 1, "all queues in one request");
}

#[test]
fn a3_global_ready_restores_what_he_had_not_logged_out_of() {
    use QueueStatus::{LoggedOut, Ready};
    let mut rig = Rig::new(three_queues(), vec![agent("alice", &["one", "two", "three"])]);
    rig.status("alice", LoggedOut, Some(&["two"]));
    rig.status("alice", paused("repas"), None);
    assert_eq!(seats(&rig, "alice"), [paused("repas"), LoggedOut, paused("repas")]);
    rig.status("alice", Ready, None);
    assert_eq!(seats(&rig, "alice"), [Ready, LoggedOut, Ready]);
    rig.status("alice", LoggedOut, None);
    rig.status("alice", LoggedOut, None);
    assert_eq!(rig.state("alice"), AgentStatus::LoggedOut);
    rig.status("alice", Ready, None);
    assert_eq!(seats(&rig, "alice"), [Ready, LoggedOut, Ready], "a logout everywhere is remembered");
    rig.status("alice", LoggedOut, Some(&["one", "three"]));
    rig.status("alice", Ready, None);
    assert_eq!(seats(&rig, "alice"), [Ready, Ready, Ready], "nothing to restore: everywhere");
}

#[test]
fn a4_paused_in_one_queue_he_is_offered_the_other() {
    let mut rig = Rig::new(three_queues(), vec![agent("alice", &["one", "two"])]);
    rig.status("alice", paused("repas"), Some(&["one"]));
    assert_eq!(rig.state("alice"), AgentStatus::Ready);
    rig.join("one");
    assert_eq!(rig.offers.len(), 0);
    rig.join("two");
    assert_eq!(rig.ringing().queue, "two");
    let card = rig.acd.queue(&QueueId::new("one"), rig.instant()).unwrap();
    assert_eq!((card.agents.paused, card.agents.logged_in), (1, 1));
}

#[test]
fn a6_a_pause_during_a_call_waits_for_the_end_of_wrap_up() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    rig.join("support");
    let offer = rig.ringing().offer;
    rig.answer(offer);
    rig.join("support");
    rig.status("alice", paused("repas"), None);
    let card = rig.acd.agent(&agent_id("alice")).unwrap();
    assert_eq!((card.status, card.pending), (AgentStatus::Talking, Some(paused("repas"))));
    rig.pass(seconds(60));
    rig.end(offer);
    rig.status("alice", QueueStatus::LoggedOut, None);
    assert_eq!(rig.state("alice"), AgentStatus::WrapUp);
    rig.pass(seconds(9));
    rig.status("alice", paused("formation"), None);
    rig.pass(seconds(1));
    let card = rig.acd.agent(&agent_id("alice")).unwrap();
    assert_eq!((card.status, card.reason.as_deref()), (AgentStatus::Paused, Some("formation")));
    assert_eq!(card.pending, None);
    assert_eq!(rig.offers.len(), 1);
    let last = rig.facts().filter_map(|fact| match fact {
        Fact::Agent(event) => Some(event.by.clone()),
        _ => None,
    });
    assert_eq!(last.last(), Some(Some("sup".into())), "by whom it was asked for");
}

#[test]
fn a6_ready_during_a_call_takes_a_pending_pause_back() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    rig.join("support");
    let offer = rig.ringing().offer;
    rig.answer(offer);
    rig.status("alice", QueueStatus::LoggedOut, None);
    rig.status("alice", QueueStatus::Ready, None);
    rig.end(offer);
    rig.pass(seconds(10));
    assert_eq!(rig.state("alice"), AgentStatus::Ready);
}

#[test]
fn a9_without_a_phone_he_is_unreachable_and_not_offered() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    rig.step(Input::Reachable { agent: agent_id("alice"), reachable: false });
    assert_eq!(rig.state("alice"), AgentStatus::Unreachable);
    let entry = rig.join("support");
    assert_eq!(rig.offers.len(), 0);
    let card = rig.acd.caller(entry, rig.instant()).unwrap();
    assert_eq!(card.why, WaitingReason::NobodyReachable);
    rig.step(Input::Reachable { agent: agent_id("alice"), reachable: true });
    assert_eq!(rig.ringing().entry, entry);
}

#[test]
fn a_pause_while_it_rings_stops_the_ringing_and_the_caller_keeps_his_place() {
    let mut rig = Rig::new(plain(), team(&["alice", "bruno"]));
    let entry = rig.join("support");
    let offer = rig.ringing().offer;
    rig.status("alice", paused("repas"), None);
    assert_eq!(rig.state("alice"), AgentStatus::Paused);
    assert_eq!(rig.rung_for(entry), ["bruno"]);
    assert_eq!(rig.acd.offer(offer).unwrap().phase, OfferPhase::Ended(OfferResult::Rescinded));
}

#[test]
fn an_agent_in_another_call_is_talking_and_not_offered() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    rig.step(Input::Busy { agent: agent_id("alice"), busy: true });
    assert_eq!(rig.state("alice"), AgentStatus::Talking);
    let entry = rig.join("support");
    assert_eq!(rig.offers.len(), 0);
    rig.status("alice", paused("repas"), None);
    assert_eq!(rig.acd.agent(&agent_id("alice")).unwrap().pending, Some(paused("repas")));
    rig.status("alice", QueueStatus::Ready, None);
    rig.step(Input::Busy { agent: agent_id("alice"), busy: false });
    assert_eq!(rig.ringing().entry, entry);
}

#[test]
fn a_busy_phone_after_a_queue_call_keeps_the_agent_from_the_next() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    rig.join("support");
    let offer = rig.ringing().offer;
    rig.answer(offer);
    rig.step(Input::Busy { agent: agent_id("alice"), busy: true });
    rig.status("alice", paused("repas"), None);
    rig.end(offer);
    rig.join("support");
    rig.pass(seconds(60));
    assert_eq!(rig.state("alice"), AgentStatus::Talking);
    rig.step(Input::Busy { agent: agent_id("alice"), busy: false });
    assert_eq!(rig.state("alice"), AgentStatus::Paused);
    assert_eq!(rig.offers.len(), 1);
}

#[test]
fn who_lets_it_ring_too_often_is_paused() {
    let retry = RetrySettings { max_no_answer: Some(3), ..RetrySettings::default() };
    let mut rig = Rig::with_retry(plain(), team(&["alice"]), retry);
    rig.join("support");
    rig.pass(seconds(120));
    assert_eq!(rig.offers.len(), 3);
    let card = rig.acd.agent(&agent_id("alice")).unwrap();
    assert_eq!((card.status, card.reason.as_deref()), (AgentStatus::Paused, Some("no_answer")));
}

#[test]
fn who_does_not_answer_is_left_in_peace_longer_each_time() {
    let mut rig = Rig::new(one(|q| q.max_wait = None), team(&["alice"]));
    rig.join("support");
    rig.pass(seconds(400));
    let starts: Vec<_> = rig.offers.iter().map(|seen| seen.at.as_secs()).collect();
    let pauses: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0] - 15).collect();
    assert_eq!(pauses[..6], [5, 10, 20, 40, 60, 60]);
    // His own "ready" ends the rest, and the count starts again.
    rig.pass(seconds(15));
    rig.status("alice", QueueStatus::Ready, None);
    rig.ringing();
}

// ---- supervisors

#[test]
fn a_supervisor_moves_within_the_queue_to_any_place() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    rig.status("alice", paused("repas"), None);
    let entries: Vec<_> = (0..5).map(|_| rig.join("support")).collect();
    let [a, b, c, d, e] = entries[..] else { panic!("five") };
    let put = |rig: &mut Rig, entry, position, priority| {
        let input = Input::Move { entry, to_queue: None, position, priority, by: None };
        rig.acd.validate(&input).unwrap();
        rig.step(input);
    };
    put(&mut rig, e, Some(1), None);
    assert_eq!(rig.line("support"), [e, a, b, c, d]);
    put(&mut rig, e, Some(3), None);
    assert_eq!(rig.line("support"), [a, b, e, c, d]);
    put(&mut rig, a, Some(99), None);
    assert_eq!(rig.line("support"), [b, e, c, d, a]);
    put(&mut rig, d, Some(2), None);
    assert_eq!(rig.line("support"), [b, d, e, c, a]);
    put(&mut rig, c, None, Some(5));
    assert_eq!(rig.line("support"), [c, b, d, e, a]);
    let late = rig.join("support");
    assert_eq!(rig.line("support").last(), Some(&late));
    let zero = Input::Move { entry: a, to_queue: None, position: Some(0), priority: None, by: None };
    assert_eq!(rig.acd.validate(&zero), Err(AcdError::PositionZero));
    rig.status("alice", QueueStatus::Ready, None);
    assert_eq!(rig.ringing().entry, c);
}

#[test]
fn a_move_into_another_queue_is_a_new_stay_with_the_old_waiting_time() {
    let queues = vec![queue("one", |_| {}), queue("two", |_| {})];
    let mut rig = Rig::new(queues, vec![agent("a", &["one"]), agent("b", &["two"])]);
    rig.status("b", paused("repas"), None);
    let entry = rig.join("one");
    let offer = rig.ringing().offer;
    rig.pass(seconds(5));
    let other = rig.join("two");
    rig.pass(seconds(5));
    let to_queue = Some(QueueId::new("two"));
    let out = rig.step(Input::Move { entry, to_queue, position: None, priority: None, by: None });
    let into = out
        .iter()
        .find_map(|output| match output {
            Output::Moved { entry: from, into, .. } if *from == entry => Some(*into),
            _ => None,
        })
        .unwrap();
    assert_eq!(rescinded(&out), [(offer, OfferResult::Rescinded)]);
    assert_eq!(rig.left(entry), Some(LeftReason::Moved));
    assert_eq!(rig.line("two"), [into, other], "he waits since 10 s");
    let card = rig.acd.caller(into, rig.instant()).unwrap();
    assert_eq!((card.waited, card.waited_in_all, card.position), (Duration::ZERO, seconds(10), 1));
    let out = rig.step(Input::Remove { entry: into, by: None });
    assert_eq!(evicted(&out), [LeftReason::Removed]);
}

#[test]
fn exits_by_key_callback_and_closing_time_have_their_outcomes() {
    let mut rig = Rig::new(plain(), team(&[]));
    for reason in [LeftReason::Key, LeftReason::Callback, LeftReason::Closed] {
        let entry = rig.join("support");
        rig.step(Input::Exit { entry, reason });
        assert_eq!(rig.left(entry), Some(reason));
    }
    let entry = rig.join("support");
    rig.step(Input::Exit { entry, reason: LeftReason::Answered });
    assert_eq!(rig.left(entry), None, "no such exit");
    rig.step(Input::Failed { entry });
    let totals = rig.acd.queue(&QueueId::new("support"), rig.instant()).unwrap().totals;
    assert_eq!((totals.evicted_customer, totals.pending, totals.evicted_system), (1, 1, 2));
}

#[test]
fn at_the_end_everybody_leaves_and_nobody_is_offered() {
    let mut rig = Rig::new(plain(), team(&["alice", "bruno", "carla"]));
    let offers: Vec<_> = (0..3)
        .map(|_| {
            rig.join("support");
            rig.ringing().offer
        })
        .collect();
    rig.answer(offers[0]);
    rig.answer(offers[1]);
    rig.end(offers[1]);
    let waiting = rig.join("support");
    let out = rig.step(Input::Stop);
    assert_eq!(evicted(&out), [LeftReason::Restart; 2]);
    assert_eq!(rig.left(waiting), Some(LeftReason::Restart));
    let late = rig.join("support");
    assert_eq!(rig.left(late), Some(LeftReason::Restart));
    rig.end(offers[0]);
    rig.pass(seconds(5));
    let fold = &rig.folds[&QueueId::new("support")];
    let totals = fold.lifetime(EntryKind::Call);
    assert_eq!((totals.handled, totals.completed), (2, 2), "every handled one was completed");
    assert_eq!(rig.acd.poll_timeout(), None);
}

// ---- reading and telling

#[test]
fn the_cards_show_position_reason_and_a_falling_estimate() {
    let mut rig = Rig::new(one(|q| q.wrap_up = Duration::ZERO), team(&["alice"]));
    for _ in 0..8 {
        rig.join("support");
    }
    for _ in 0..4 {
        let offer = rig.ringing().offer;
        rig.answer(offer);
        rig.pass(seconds(30));
        rig.end(offer);
    }
    let offer = rig.ringing().offer;
    rig.answer(offer);
    let cards = rig.acd.callers(&QueueId::new("support"), rig.instant());
    assert_eq!(cards.iter().map(|card| card.position).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(cards[1].estimated_wait, Some(seconds(60)));
    assert_eq!(cards[1].why, WaitingReason::AllBusy);
    rig.pass(seconds(10));
    let card = rig.acd.caller(cards[1].id, rig.instant()).unwrap();
    assert_eq!(card.estimated_wait, Some(seconds(50)));
    let queue = rig.acd.queue(&QueueId::new("support"), rig.instant()).unwrap();
    assert_eq!((queue.waiting, queue.agents.talking, queue.members), (3, 1, vec![agent_id("alice")]));
    assert_eq!(queue.longest_wait, seconds(130));
    rig.status("alice", QueueStatus::LoggedOut, None);
    rig.end(offer);
    let card = rig.acd.caller(cards[1].id, rig.instant()).unwrap();
    assert_eq!((card.estimated_wait, card.why), (None, WaitingReason::NobodyLoggedIn));
}

#[test]
fn each_changed_thing_is_told_once_a_step() {
    let queues = vec![queue("one", |_| {}), queue("two", |_| {})];
    let mut rig = Rig::new(queues, vec![agent("a", &["one", "two"])]);
    let entry = rig.join("one");
    let offer = rig.ringing().offer;
    rig.pass(seconds(5));
    let out = rig.refuse(offer, OfferResult::Rejected);
    for changed in [
        Changed::Agent(agent_id("a")),
        Changed::Queue(QueueId::new("one")),
        Changed::Queue(QueueId::new("two")),
        Changed::Offer(offer),
        Changed::Caller(entry),
    ] {
        assert_eq!(Rig::notices(&out, &changed), 1, "{changed:?}");
    }
}

#[test]
fn unknown_and_late_inputs_are_ignored() {
    let mut rig = Rig::new(plain(), team(&["alice"]));
    let nobody = EntryUid::from_u128(99);
    let offer = OfferUid::from_u128(99);
    let by = None;
    let inputs = [
        Input::HungUp { entry: nobody },
        Input::Failed { entry: nobody },
        Input::Remove { entry: nobody, by: None },
        Input::Move { entry: nobody, to_queue: None, position: None, priority: None, by: None },
        Input::Ringing { offer },
        Input::Connected { offer },
        Input::Refused { offer, why: OfferResult::Busy },
        Input::Held { offer, held: true },
        Input::ConversationEnded { offer },
        Input::EndWrapUp { agent: agent_id("nobody"), by },
        Input::Reachable { agent: agent_id("nobody"), reachable: true },
        Input::Busy { agent: agent_id("nobody"), busy: true },
        Input::Timeout,
    ];
    for input in inputs {
        assert_eq!(rig.step(input.clone()), [], "{input:?}");
    }
    let out = rig.step(Input::Answered { offer });
    assert_eq!(rescinded(&out), [(offer, OfferResult::Rescinded)], "an unknown leg does not stay up");
    let join = Input::Join {
        entry: nobody,
        call: crate::ids::CallUid::from_u128(1),
        queue: QueueId::new("nowhere"),
        number: String::new(),
        name: None,
        priority: None,
    };
    assert_eq!(rig.acd.validate(&join), Err(AcdError::UnknownQueue(QueueId::new("nowhere"))));
    assert_eq!(evicted(&rig.step(join)), [LeftReason::Failed], "his call does not hang");
}

#[test]
fn settings_that_lead_nowhere_are_refused() {
    let check = |queues: &[&str], agents: Vec<AgentSettings>| {
        let queues = queues.iter().map(|id| QueueSettings::named(id)).collect();
        Settings::new(queues, agents, RetrySettings::default()).map(drop)
    };
    assert_eq!(check(&["one"], vec![agent("a", &["one"])]), Ok(()));
    assert_eq!(check(&["one", "one"], vec![]), Err(SettingsError::TwoQueues(QueueId::new("one"))));
    assert_eq!(
        check(&[], vec![agent("a", &[]), agent("a", &[])]),
        Err(SettingsError::TwoAgents(agent_id("a")))
    );
    let (agent_name, queue) = (agent_id("a"), QueueId::new("two"));
    assert_eq!(
        check(&["one"], vec![agent("a", &["two"])]),
        Err(SettingsError::NoSuchQueue { agent: agent_name, queue })
    );
    let mut twice = agent("a", &["one"]);
    twice.queues.push(Assignment::to("one"));
    assert!(matches!(check(&["one"], vec![twice]), Err(SettingsError::AssignedTwice { .. })));
}
