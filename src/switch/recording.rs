//! Which calls are recorded, and who has that changed: by the queue or the inbound rule, by `*1`, by the API.
//!
//! A recording is of a call and follows its customer: his leg is tapped, what he says and what he hears, whoever he talks to.
//! So hold, transfers and conferences need nothing here; only when that leg ends, or goes over to another call, does the
//! recording look for another one or go with it. What is written is the recorder's matter.

use crate::call::LegId;
use crate::call::State;
use crate::clock::Instant;
use crate::clock::Now;
use crate::config;
use crate::config::RecordingMode;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::QueueId;
use crate::ids::RecordingUid;
use crate::media::command::Command as MediaCommand;
use crate::media::tap::TapKey;
use crate::recording::Begin;
use crate::recording::Ending;
use crate::recording::Kind;
use crate::recording::Order;
use crate::recording::Report;
use crate::switch::action::RecordingAction;
use crate::switch::action::Refusal;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::leg::Leg;
use crate::switch::view::AlarmView;
use crate::switch::view::RecordingState;

/// The words of the notice.
const NOTICE: &str = "this-call-may-be-recorded";

/// What a call knows of its recordings.
#[derive(Debug, Default)]
pub(crate) struct CallRecording {
    /// What the inbound rule says, which goes before the queue's word.
    rule: Option<config::Recording>,
    live: Option<Live>,
    /// How many have begun.
    count: u32,
    /// One has ended before the call: none begins by itself any more.
    stopped: bool,
}

/// A recording that runs.
#[derive(Debug)]
struct Live {
    key: TapKey,
    /// The leg that is tapped.
    leg: LegId,
    paused: bool,
    /// When the pause has to end.
    resume_at: Option<Instant>,
    /// What held when it began, wherever the call goes.
    policy: config::Recording,
}

impl CallRecording {
    /// None yet, of a call with that rule.
    pub(crate) fn of(rule: Option<config::Recording>) -> Self {
        Self { rule, ..Self::default() }
    }

    /// As the API shows it.
    pub(crate) fn state(&self) -> RecordingState {
        match &self.live {
            None => RecordingState::Off,
            Some(Live { paused: true, .. }) => RecordingState::Paused,
            Some(_) => RecordingState::On,
        }
    }
}

/// Who has something of a recording changed.
pub(crate) struct Asker<'a> {
    /// His name for the manifest.
    pub(crate) by: &'a str,
    /// He is an agent, for whom the configuration sets limits.
    pub(crate) is_agent: bool,
}

impl Core {
    /// Looks after a call's recording: begins the one that is always made, and keeps hold of a leg.
    pub(crate) fn follow_recording(&mut self, now: Now, call: CallUid) {
        let Some(slot) = self.calls.get(&call) else { return };
        match &slot.recording.live {
            Some(live) if !self.can_be_tapped(live.leg, call) => self.tap_another(now, call),
            Some(_) => {}
            None if slot.recording.stopped || !matches!(slot.call.state(), State::Talking { .. }) => {}
            None => {
                let (policy, by) = self.recording_policy(call);
                if let Some(policy) = policy.filter(|policy| policy.mode == RecordingMode::Always) {
                    self.begin_recording(now, call, policy, by);
                }
            }
        }
    }

    /// What holds for a call, and whose word it is; nothing for a call that neither a queue nor a trunk has brought.
    fn recording_policy(&self, call: CallUid) -> (Option<config::Recording>, &'static str) {
        let Some(slot) = self.calls.get(&call) else { return (None, "") };
        if let Some(rule) = slot.recording.rule {
            return (Some(rule), "inbound");
        }
        let queue = slot.call.ledger().queue.as_ref().and_then(|queue| self.config.queue(queue));
        (queue.map(|queue| queue.recording), "queue")
    }

    /// What a caller is told before he enters a queue that may record him, where the queue wants that.
    pub(crate) fn record_notice(&self, call: CallUid, queue: &QueueId) -> Option<Vec<String>> {
        let queue = self.config.queue(queue).filter(|queue| queue.record_notice)?;
        let policy = self.calls.get(&call).and_then(|slot| slot.recording.rule).unwrap_or(queue.recording);
        (policy.mode != RecordingMode::Never).then(|| vec![NOTICE.to_owned()])
    }

    /// Whose leg is tapped: that of a trunk, else the caller's.
    fn customer(&self, call: CallUid) -> Option<LegId> {
        let slot = self.calls.get(&call)?;
        let caller = slot.call.caller();
        // Phones that still ring are nobody's; the caller's answer may be on its way.
        let there = |id: &LegId| *id == caller || self.legs.get(id).is_some_and(Leg::is_up);
        let outside = |id: &LegId| self.legs.get(id).is_some_and(|leg| leg.trunk.is_some());
        let all = std::iter::once(&caller).chain(&slot.legs);
        let legs = all.filter(|id| self.can_be_tapped(**id, call) && there(id));
        legs.clone().find(|id| outside(id)).or_else(|| legs.clone().next()).copied()
    }

    fn can_be_tapped(&self, leg: LegId, call: CallUid) -> bool {
        self.legs.get(&leg).is_some_and(|leg| leg.call == call && leg.media_open)
    }

    fn begin_recording(&mut self, now: Now, call: CallUid, policy: config::Recording, by: &str) {
        let Some(leg) = self.customer(call) else { return };
        self.next_tap += 1;
        let key = TapKey(self.next_tap);
        let id = RecordingUid::draw(now.wall, &mut self.random);
        let right = self.legs.get(&leg).map_or_else(String::new, |leg| leg.party.clone());
        let left = self.others(call, leg);
        let Some(slot) = self.calls.get_mut(&call) else { return };
        slot.recording.count += 1;
        slot.recording.live = Some(Live { key, leg, paused: false, resume_at: None, policy });
        let ledger = slot.call.ledger();
        let begin = Begin {
            key,
            id,
            kind: Kind::Call,
            call,
            number: slot.recording.count,
            left,
            right,
            queue: ledger.queue.as_ref().map(ToString::to_string),
            agent: ledger.agent.as_ref().map(ToString::to_string),
            mailbox: None,
            by: by.to_owned(),
            length_max: None,
        };
        self.recordings.insert(key, call);
        self.out.push(Output::Recorder(now, Order::Begin(Box::new(begin))));
        self.tap(leg, Some(key));
        self.note(now, call, format!("recording begins ({by})"));
        self.board.calls.insert(call);
    }

    /// The other parties, or the agent's name where there is one.
    fn others(&self, call: CallUid, customer: LegId) -> String {
        let Some(slot) = self.calls.get(&call) else { return String::new() };
        if let Some(agent) = &slot.call.ledger().agent {
            return agent.to_string();
        }
        let others = slot.legs.iter().filter(|id| **id != customer).filter_map(|id| self.legs.get(id));
        let up: Vec<&str> = others.filter(|leg| leg.is_up()).map(|leg| leg.party.as_str()).collect();
        up.join(", ")
    }

    fn tap(&mut self, leg: LegId, key: Option<TapKey>) {
        if let Some(leg) = self.legs.get(&leg).filter(|leg| leg.media_open) {
            let command = MediaCommand::Tap { leg: leg.media(), key };
            self.out.push(Output::Media { worker: leg.worker, command });
        }
    }

    /// The tapped leg is gone: another one of the call takes its place, if there is one.
    fn tap_another(&mut self, now: Now, call: CallUid) {
        let customer = self.customer(call);
        let Some(live) = self.calls.get_mut(&call).and_then(|slot| slot.recording.live.as_mut()) else {
            return;
        };
        match customer {
            Some(leg) => {
                live.leg = leg;
                let key = (!live.paused).then_some(live.key);
                self.tap(leg, key);
            }
            None => self.end_recording(now, call, Ending::CallEnded, None),
        }
    }

    /// A leg goes over to another call: the recording of which it is the customer goes with it, where that call has none.
    pub(crate) fn recording_moves(&mut self, leg: LegId, from: CallUid, into: CallUid) {
        let is_free = self.calls.get(&into).is_some_and(|slot| slot.recording.live.is_none());
        let Some(slot) = self.calls.get_mut(&from) else { return };
        let Some(live) = slot.recording.live.take_if(|live| live.leg == leg && is_free) else { return };
        if let Some(resume_at) = live.resume_at
            && self.recording_timers.remove(&(resume_at, from))
        {
            self.recording_timers.insert((resume_at, into));
        }
        self.recordings.insert(live.key, into);
        if let Some(slot) = self.calls.get_mut(&into) {
            slot.recording.live = Some(live);
        }
        self.board.calls.insert(into);
    }

    /// The call's recording ends, if one runs.
    pub(crate) fn end_recording(&mut self, now: Now, call: CallUid, why: Ending, by: Option<&str>) {
        let Some(live) = self.take_live(call) else { return };
        let by = by.map(str::to_owned);
        self.out.push(Output::Recorder(now, Order::End { key: live.key, why, by }));
        self.tap(live.leg, None);
    }

    fn take_live(&mut self, call: CallUid) -> Option<Live> {
        let slot = self.calls.get_mut(&call)?;
        let live = slot.recording.live.take()?;
        slot.recording.stopped = true;
        self.recordings.remove(&live.key);
        if let Some(at) = live.resume_at {
            self.recording_timers.remove(&(at, call));
        }
        self.board.calls.insert(call);
        Some(live)
    }

    /// Word from the recorder.
    pub(crate) fn recorder_report(&mut self, now: Now, report: &Report) {
        match report {
            Report::Ended { key, why } => {
                let Some(call) = self.recordings.get(key).copied() else { return };
                let Some(live) = self.take_live(call) else { return };
                self.tap(live.leg, None);
                let reason = why.word();
                self.note(now, call, format!("recording has ended: {reason}"));
                self.board.alarms.push(AlarmView::new("recording", reason, &call.to_string(), None));
            }
            Report::Mailbox { .. } => {}
        }
    }

    /// Does what somebody wants of a call's recording.
    pub(crate) fn record_action(
        &mut self,
        now: Now,
        call: CallUid,
        what: RecordingAction,
        asker: &Asker<'_>,
    ) -> Result<(), Refusal> {
        let Some(slot) = self.calls.get(&call) else { return Err(self.no_live_call(call)) };
        let state = slot.recording.state();
        match (what, state) {
            (RecordingAction::Start, RecordingState::Off) => self.start_recording(now, call, asker),
            (RecordingAction::Start, _) => {
                Err(conflict("recording_runs", "the call is recorded already; a pause is ended by `resume`"))
            }
            (_, RecordingState::Off) => Err(conflict("not_recording", "the call is not recorded")),
            (RecordingAction::Pause, RecordingState::On) => {
                self.pause_recording(now, call, asker.by);
                Ok(())
            }
            (RecordingAction::Resume, RecordingState::Paused) => {
                self.resume_recording(now, call, asker.by);
                Ok(())
            }
            (RecordingAction::Pause | RecordingAction::Resume, _) => Ok(()),
            (RecordingAction::Stop, _) => self.stop_recording(now, call, asker),
        }
    }

    fn start_recording(&mut self, now: Now, call: CallUid, asker: &Asker<'_>) -> Result<(), Refusal> {
        let talking = self
            .calls
            .get(&call)
            .is_some_and(|slot| matches!(slot.call.state(), State::Talking { .. } | State::Transferring(_)));
        if !talking {
            return Err(conflict("call_not_talking", "nobody talks in this call yet"));
        }
        let policy = match self.recording_policy(call).0 {
            Some(policy) if policy.mode == RecordingMode::Never => {
                return Err(denied("its queue or inbound rule says that the call is never recorded"));
            }
            Some(policy) => policy,
            // Nobody has said anything of calls between phones: who controls calls may, an agent may not.
            None if asker.is_agent => {
                return Err(denied("an agent may record calls of queues and trunks alone"));
            }
            None => config::Recording { mode: RecordingMode::OnDemand, ..config::Recording::NEVER },
        };
        self.begin_recording(now, call, policy, asker.by);
        let began = self.calls.get(&call).is_some_and(|slot| slot.recording.live.is_some());
        if began {
            Ok(())
        } else {
            Err(conflict("call_not_talking", "nobody can be recorded in this call now"))
        }
    }

    fn stop_recording(&mut self, now: Now, call: CallUid, asker: &Asker<'_>) -> Result<(), Refusal> {
        let live = self.calls.get(&call).and_then(|slot| slot.recording.live.as_ref());
        if asker.is_agent && live.is_some_and(|live| !live.policy.agent_may_stop) {
            return Err(denied("an agent may pause this recording, not stop it"));
        }
        self.end_recording(now, call, Ending::Stopped, Some(asker.by));
        self.note(now, call, format!("recording stopped by {}", asker.by));
        Ok(())
    }

    fn pause_recording(&mut self, now: Now, call: CallUid, by: &str) {
        let Some(live) = self.calls.get_mut(&call).and_then(|slot| slot.recording.live.as_mut()) else {
            return;
        };
        live.paused = true;
        live.resume_at = live.policy.pause_max.map(|longest| now.instant + longest);
        if let Some(at) = live.resume_at {
            self.recording_timers.insert((at, call));
        }
        // What must not be recorded does not even leave the media worker.
        let (key, leg) = (live.key, live.leg);
        self.out.push(Output::Recorder(now, Order::Pause { key, by: by.to_owned() }));
        self.tap(leg, None);
        self.note(now, call, format!("recording paused by {by}"));
        self.board.calls.insert(call);
    }

    fn resume_recording(&mut self, now: Now, call: CallUid, by: &str) {
        let Some(live) = self.calls.get_mut(&call).and_then(|slot| slot.recording.live.as_mut()) else {
            return;
        };
        live.paused = false;
        if let Some(at) = live.resume_at.take() {
            self.recording_timers.remove(&(at, call));
        }
        let (key, leg) = (live.key, live.leg);
        self.out.push(Output::Recorder(now, Order::Resume { key, by: by.to_owned() }));
        self.tap(leg, Some(key));
        self.note(now, call, format!("recording goes on ({by})"));
        self.board.calls.insert(call);
    }

    /// Ends pauses that have lasted as long as they may.
    pub(crate) fn recording_timeout(&mut self, now: Now) {
        while let Some((at, call)) =
            self.recording_timers.first().copied().filter(|(at, _)| *at <= now.instant)
        {
            self.recording_timers.remove(&(at, call));
            self.resume_recording(now, call, "limit");
        }
    }

    /// `*1` in a call, or what the profile has for it: pauses a recording, or lets it go on, or begins one on demand.
    pub(crate) fn recording_code(&mut self, now: Now, leg: LegId) {
        let Some(leg) = self.legs.get(&leg) else { return };
        let (call, phone) = (leg.call, leg.phone.clone());
        let Some(phone) = phone else { return };
        let Some(slot) = self.calls.get(&call) else { return };
        let what = match slot.recording.state() {
            RecordingState::On => RecordingAction::Pause,
            RecordingState::Paused => RecordingAction::Resume,
            RecordingState::Off => RecordingAction::Start,
        };
        let by = self.agents_by_phone.get(&phone).map_or_else(|| phone.to_string(), AgentId::to_string);
        let asker = Asker { by: &by, is_agent: true };
        if let Err(refusal) = self.record_action(now, call, what, &asker) {
            tracing::info!(call = %call, %refusal, "a code for the recording does nothing");
        }
    }
}

fn conflict(code: &'static str, detail: &str) -> Refusal {
    Refusal::Conflict { code, detail: detail.to_owned() }
}

fn denied(detail: &str) -> Refusal {
    Refusal::Denied { detail: detail.to_owned() }
}
