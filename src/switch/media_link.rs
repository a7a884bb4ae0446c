//! Between a leg and the media engine: ports, what was negotiated, what the workers report.

use crate::call;
use crate::call::Cause;
use crate::call::LegEvent;
use crate::call::LegId;
use crate::call::Way;
use crate::clock::Now;
use crate::config;
use crate::ids::CallUid;
use crate::media::Guard;
use crate::media::command::Codec;
use crate::media::command::Command as MediaCommand;
use crate::media::command::Event as MediaEvent;
use crate::media::command::Format;
use crate::media::command::KeyWay;
use crate::media::command::LegKey;
use crate::media::command::LegStats;
use crate::sdp;
use crate::sip::endpoint::Flow;
use crate::sip::msg::Message;
use crate::sip::reliable::Received;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::identity::Trail;
use crate::switch::in_call::Pressed;
use crate::switch::leg::Leg;
use crate::switch::leg::Peer;
use crate::switch::leg::Phase;
use crate::switch::leg::Renegotiation;
use crate::switch::leg::Session;
use crate::switch::view::LegRole;

/// Packets are 20 ms long: what every phone takes.
const PTIME_MS: u8 = 20;

impl Core {
    /// A new leg with a media port of its own; `None` when the worker has no port left.
    pub(crate) fn open_leg(
        &mut self,
        call: CallUid,
        worker: usize,
        role: LegRole,
        party: String,
        flow: Flow,
        phase: Phase,
    ) -> Option<LegId> {
        let port = self.ports.take(worker)?;
        self.next_leg += 1;
        let id = LegId(self.next_leg);
        let local = self.local_side(flow, port);
        let leg = Leg {
            id,
            call,
            role,
            party,
            phone: None,
            trunk: None,
            more_headers: Vec::new(),
            pressed: Pressed::default(),
            takes_info: false,
            private: false,
            trail: Trail::default(),
            own_call: false,
            phase,
            flow,
            target: None,
            path: Vec::new(),
            dialled: None,
            invite_sent: None,
            worker,
            media_open: true,
            local,
            remote: None,
            agreed: None,
            encrypted: false,
            body: None,
            dialog: None,
            dialog_id: None,
            unacknowledged: None,
            renegotiation: Renegotiation::default(),
            direction_before: sdp::Direction::SendRecv,
            wanted: None,
            retry_at: None,
            refers: 0,
            referred_by: None,
            holds: false,
            peer: Peer::default(),
            session: Session::default(),
            reliable: None,
            answer_waits: None,
            received: Received::default(),
            forks: Vec::new(),
            armed: None,
        };
        let open = MediaCommand::Open {
            leg: leg.media(),
            port,
            // Not before the answer: a phone that sent early audio may ring in silence. See `watch_media`.
            no_media_timeout: None,
            guard: self.latch_guard(flow),
        };
        self.out.push(Output::Media { worker, command: open });
        self.legs.insert(id, leg);
        if let Some(slot) = self.calls.get_mut(&call) {
            slot.legs.insert(id);
        }
        Some(id)
    }

    /// What we say of ourselves to the peer behind that flow, before anything is agreed.
    fn local_side(&mut self, flow: Flow, port: u16) -> sdp::Local {
        sdp::Local {
            address: self.addresses.media(flow.remote.ip()),
            port,
            session_id: self.random.next_u64() >> 2,
            version: 1,
            codecs: self.codecs(),
            dtmf: true,
            direction: sdp::Direction::SendRecv,
            ptime_ms: PTIME_MS,
            security: sdp::Security::Off,
            keys: Vec::new(),
        }
    }

    /// From where a leg's audio may come: a peer outside the local networks may be behind a NAT that we can't see.
    /// A trunk by address announces its media honestly, but from hosts of its own.
    fn latch_guard(&self, flow: Flow) -> Guard {
        if self.trunks.of_source(&flow).is_some() { Guard::SameHost } else { Guard::Learn }
    }

    /// The configured codecs that are built.
    fn codecs(&self) -> Vec<sdp::Codec> {
        let built = self.config.media.codecs.iter().filter_map(|codec| match codec {
            config::Codec::Pcma => Some(sdp::Codec::Pcma),
            config::Codec::Pcmu => Some(sdp::Codec::Pcmu),
            config::Codec::Opus | config::Codec::G722 => None,
        });
        built.collect()
    }

    /// Makes our SDP for a caller's leg if there is none yet: the answer to his offer, in the codec of `like` where
    /// he has it, or our own offer when he made none. False when nothing fits.
    pub(crate) fn settle_answer(&mut self, id: LegId, like: Option<LegId>) -> bool {
        let wish = like
            .and_then(|other| self.legs.get(&other))
            .and_then(|other| other.agreed.as_ref())
            .map(|agreed| agreed.codec.clone());
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        if leg.body.is_some() {
            return true;
        }
        let Some(remote) = &leg.remote else {
            // RFC 3264 section 4 and RFC 3261 section 13.2.1: the first offer is ours, in the 2xx.
            leg.body = Some(sdp::offer(&leg.local));
            return true;
        };
        match sdp::answer(remote, &leg.local, wish.as_ref()) {
            Ok((body, agreed)) => {
                leg.body = Some(body);
                leg.agree(agreed);
                self.describe(id);
                true
            }
            Err(refusal) => {
                tracing::info!(call = %leg.call, %refusal, "the caller's media can't be answered");
                false
            }
        }
    }

    /// Reads the peer's answer to our offer; false when it does not fit.
    pub(crate) fn settle_remote_answer(&mut self, id: LegId, message: &Message) -> bool {
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        let body = message.body_slice();
        // RFC 3261 section 13.2.1: a 2xx may come without a body when a reliable provisional had it; we offer no
        // reliable ones, but phones repeat the 183's answer or leave it out.
        if body.is_empty() {
            return leg.agreed.is_some();
        }
        let agreed = sdp::read(body).ok().and_then(|remote| {
            let agreed = sdp::agree(&leg.local, &remote).ok();
            leg.remote = Some(remote);
            agreed
        });
        match agreed {
            Some(agreed) => {
                if leg.agreed.as_ref() != Some(&agreed) {
                    leg.agree(agreed);
                    self.describe(id);
                }
                true
            }
            None => {
                tracing::info!(call = %leg.call, "the phone's answer has no codec of ours");
                false
            }
        }
    }

    /// The leg is answered: from now on the party must be heard.
    pub(crate) fn watch_media(&mut self, id: LegId) {
        let Some(leg) = self.legs.get(&id) else { return };
        let command =
            MediaCommand::Watch { leg: leg.media(), no_media_timeout: self.config.media.no_media_timeout };
        self.out.push(Output::Media { worker: leg.worker, command });
    }

    /// Tells the worker what was agreed for the leg.
    pub(crate) fn describe(&mut self, id: LegId) {
        self.tell_keys(id);
        let Some(leg) = self.legs.get(&id) else { return };
        let Some(agreed) = &leg.agreed else { return };
        let codec = match agreed.codec {
            sdp::Codec::Pcma => Codec::Pcma,
            sdp::Codec::Pcmu | sdp::Codec::Other(_) => Codec::Pcmu,
        };
        let format = |payload, dtmf| Format { codec, payload, dtmf, ptime_ms: agreed.ptime_ms };
        let command = MediaCommand::Describe {
            leg: leg.media(),
            remote: agreed.remote,
            rtcp: agreed.rtcp,
            rtcp_mux: agreed.rtcp_mux,
            send: format(agreed.send_payload, agreed.dtmf_send),
            receive: format(agreed.receive_payload, agreed.dtmf_receive),
            sends: agreed.direction.sends(),
            receives: agreed.direction.receives(),
        };
        self.out.push(Output::Media { worker: leg.worker, command });
    }

    /// Word from a worker.
    pub(crate) fn media_event(&mut self, now: Now, event: MediaEvent) {
        match event {
            MediaEvent::Ports { worker, ports } => self.ports.add(worker, ports),
            MediaEvent::NoMedia { leg } => {
                let id = LegId(leg.0);
                let Some(leg) = self.legs.get(&id) else { return };
                let call = leg.call;
                if self.is_transferor(call, id) {
                    // Many phones fall silent as soon as they have asked for a transfer.
                    return;
                }
                self.note(now, call, "no audio comes any more".to_owned());
                let is_guest = self.calls.get(&call).is_some_and(|slot| slot.call.is_guest(id));
                let guest_goes = call::Input::PutOut(id);
                self.tell(call, if is_guest { guest_goes } else { call::Input::HangUp(Cause::MediaTimeout) });
            }
            MediaEvent::Closed { leg, stats } => self.media_closed(leg, &stats),
            MediaEvent::Latched { leg, .. } => {
                tracing::debug!(leg = leg.0, "the source of the audio is known");
                self.tell_ringing(LegId(leg.0));
            }
            MediaEvent::PromptDone { leg, number } => {
                let id = LegId(leg.0);
                if let Some(call) = self.legs.get(&id).map(|leg| leg.call) {
                    self.tell(call, call::Input::Said { leg: id, number });
                }
            }
            MediaEvent::Digit { leg, digit, by } => {
                let way = match by {
                    KeyWay::Event => Way::Event,
                    KeyWay::Info => Way::Info,
                };
                self.key_pressed(now, LegId(leg.0), digit, way);
            }
            // Nothing is announced in a room yet.
            MediaEvent::Announced { .. } => {}
        }
    }

    /// The first audio of a party that is not answered yet: it takes the place of our ringing tone.
    fn tell_ringing(&mut self, id: LegId) {
        if let Some(Leg { phase: Phase::Outgoing { cancelled: None, .. }, .. }) = self.legs.get(&id) {
            self.tell_leg(id, LegEvent::Speaks);
        }
    }

    fn media_closed(&mut self, key: LegKey, stats: &LegStats) {
        let id = LegId(key.0);
        let open = self.legs.get_mut(&id).is_some_and(|leg| std::mem::take(&mut leg.media_open));
        if open {
            // The worker closed it by itself: a fault of its own.
            if let Some(call) = self.legs.get(&id).map(|leg| leg.call) {
                self.tell(call, call::Input::HangUp(Cause::Fault));
            }
        }
        // Somebody was answered, heard us and was never heard: one-way audio, whoever is to blame.
        if let Some(side) = self.closing.remove(&id)
            && stats.packets_in == 0
            && stats.packets_out > 0
        {
            self.metrics.call_without_media(side);
        }
        let lost = u64::try_from(stats.lost_in).unwrap_or(0);
        self.metrics.rtp_packets(stats.packets_in, lost);
        self.metrics.srtp_dropped(stats.unauthenticated_dropped, stats.replayed_dropped);
        if stats.packets_in > 0 {
            self.metrics.rtp_jitter(stats.jitter_in);
        }
    }
}
