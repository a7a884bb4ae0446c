//! What a simulated phone can do beyond RFC 3261: session timers (RFC 4028), reliable provisional responses (RFC 3262) and
//! UPDATE (RFC 3311). All off unless a test switches them on.

use super::network::Packet;
use super::phone::{Phone, Purpose};
use std::net::IpAddr;
use std::time::Duration;
use strowger::clock::Instant;
use strowger::sdp::{Direction, Security};
use strowger::sip::dialog::Dialog;
use strowger::sip::endpoint::ServerTx;
use strowger::sip::msg::write::{RequestWriter, ResponseWriter};
use strowger::sip::msg::{Message, Method, Name};
use strowger::sip::reliable::{Acknowledged, Due, RAck, Reliable, demanded};
use strowger::sip::session_timer::{Said, Side};
use strowger::sip::transaction::timer::Timing;

/// What a phone can do.
#[derive(Clone, Debug, Default)]
pub struct Skills {
    /// `Allow` names UPDATE.
    pub update: bool,
    /// The session interval that it asks for, or grants.
    pub timer: Option<u32>,
    /// Who refreshes, as the phone wants it: `uac` or `uas`.
    pub refresher: Option<&'static str>,
    /// As caller it requires 100rel, as called it sends provisional responses reliably.
    pub reliable: bool,
    /// It sends no PRACK, against its word.
    pub no_prack: bool,
    /// The least interval: a shorter one is refused with 422.
    pub least: u32,
    /// The `Reason` of its BYE or CANCEL.
    pub reason: Option<&'static str>,
    /// The address that its SDP names, which nobody can reach.
    pub private_address: Option<IpAddr>,
    /// Whether it encrypts its audio.
    pub security: Security,
}

/// What a call has seen of it.
#[derive(Debug, Default)]
pub struct Extended {
    /// The granted interval.
    pub seconds: Option<u32>,
    /// Whether the phone refreshes.
    pub refreshes: bool,
    pub refresh_at: Option<Instant>,
    pub expires_at: Option<Instant>,
    /// The refreshes that came from the switch: when, and the method.
    pub refreshed: Vec<(Instant, String)>,
    /// The statuses of our own UPDATEs.
    pub updates: Vec<u16>,
    /// The statuses of our PRACKs.
    pub pracks: Vec<u16>,
    /// The PRACKs that came.
    pub pracked: Vec<RAck>,
    /// The reliable provisional responses that came: status, RSeq, with SDP.
    pub reliable_seen: Vec<(u16, u32, bool)>,
    /// An offer of ours in an UPDATE is not answered yet.
    pub(super) update_pending: bool,
    pub(super) reliable: Option<Reliable>,
    pub(super) body_sent: Option<Vec<u8>>,
}

impl Phone {
    /// What an INVITE of ours says of extensions.
    pub(super) fn write_skills(&self, request: &mut RequestWriter) {
        self.write_allow_to_request(request);
        if let Some(seconds) = self.skills.timer {
            request.header(Name::Supported, b"timer");
            match self.skills.refresher {
                Some(side) => {
                    request.header_fmt(Name::SessionExpires, format_args!("{seconds};refresher={side}"));
                }
                None => {
                    request.header_fmt(Name::SessionExpires, format_args!("{seconds}"));
                }
            }
        }
    }

    pub(super) fn write_require(&self, request: &mut RequestWriter) {
        if self.skills.reliable {
            request.header(Name::Require, b"100rel");
        }
    }

    fn write_allow_to_request(&self, request: &mut RequestWriter) {
        if self.skills.update {
            request.header(Name::Allow, b"INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE");
        }
    }

    /// Grants a timer in the 2xx to this request.
    pub(super) fn write_session(
        &mut self,
        now: Instant,
        index: usize,
        request: &Message,
        response: &mut ResponseWriter<'_>,
    ) {
        if self.skills.update {
            response.header(Name::Allow, b"INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE");
        }
        let said = Said::of(request);
        let (Some(ours), Some(asked)) = (self.skills.timer, said.seconds) else { return };
        let seconds = asked.min(ours).max(said.seconds_min.unwrap_or(90));
        let side = said.refresher.map(Side::as_str).or(self.skills.refresher).unwrap_or("uas");
        response.header(Name::Require, b"timer");
        response.header_fmt(Name::SessionExpires, format_args!("{seconds};refresher={side}"));
        self.session(now, index, seconds, side == "uas");
    }

    fn session(&mut self, now: Instant, index: usize, seconds: u32, refreshes: bool) {
        let whole = Duration::from_secs(u64::from(seconds));
        let extended = &mut self.calls[index].extended;
        extended.seconds = Some(seconds);
        extended.refreshes = refreshes;
        extended.refresh_at = refreshes.then_some(now + whole / 2);
        extended.expires_at = Some(now + whole);
    }

    /// A 2xx to a request of ours.
    pub(super) fn session_granted(&mut self, now: Instant, index: usize, response: &Message) {
        let said = Said::of(response);
        if let Some(seconds) = said.seconds {
            self.session(now, index, seconds, said.refresher == Some(Side::Uac));
        } else {
            let extended = &mut self.calls[index].extended;
            (extended.seconds, extended.refresh_at, extended.expires_at) = (None, None, None);
        }
    }

    /// Refuses a session that is too short for the phone; true when it did.
    pub(super) fn refuses_session(&mut self, now: Instant, tx: ServerTx, request: &Message) -> bool {
        let too_short = Said::of(request).seconds.is_some_and(|seconds| seconds < self.skills.least);
        if too_short {
            let tag = self.endpoint.tag();
            let bytes = ResponseWriter::to(request, 422, "Session Interval Too Small")
                .to_tag(tag.as_bytes())
                .header_fmt(Name::MinSe, format_args!("{}", self.skills.least))
                .finish();
            self.endpoint.respond(now, tx, bytes, &mut self.effects);
        }
        too_short
    }

    pub(super) fn extended_timeout(&mut self, now: Instant, index: usize) {
        if self.calls[index].extended.refresh_at.is_some_and(|at| at <= now) {
            self.calls[index].extended.refresh_at = None;
            self.refresh(now, index);
        }
        if self.calls[index].extended.expires_at.is_some_and(|at| at <= now) {
            panic!("{}: the session ran out and nobody has refreshed it", self.number);
        }
        let Some(reliable) = &mut self.calls[index].extended.reliable else { return };
        if let Due::Resend(bytes) = reliable.timeout(now)
            && let Some(tx) = self.calls[index].server
        {
            self.endpoint.respond(now, tx, bytes, &mut self.effects);
            self.work(now);
        }
    }

    fn refresh(&mut self, now: Instant, index: usize) {
        let seconds = self.calls[index].extended.seconds.unwrap_or(1800);
        if self.skills.update {
            self.update(now, index, None, Some(seconds));
        } else {
            self.reinvite(now, index, Some(Direction::SendRecv));
        }
    }

    /// An UPDATE, with an offer of this direction, or without.
    pub fn update(&mut self, now: Instant, index: usize, direction: Option<Direction>, session: Option<u32>) {
        self.calls[index].extended.update_pending |= direction.is_some();
        let body = direction.map(|direction| {
            self.calls[index].local.version += 1;
            self.calls[index].local.direction = direction;
            self.offer(index)
        });
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        self.in_dialog(now, index, Method::Update, Purpose::Update(index), |request| {
            request.header(Name::Contact, contact.as_bytes());
            if let Some(seconds) = session {
                request.header(Name::Supported, b"timer");
                request.header_fmt(Name::SessionExpires, format_args!("{seconds};refresher=uac"));
            }
            if let Some(body) = body {
                request.body(b"application/sdp", &body);
            }
        });
    }

    pub(super) fn update_response(&mut self, now: Instant, index: usize, status: u16, message: &Message) {
        if status < 200 {
            return;
        }
        self.calls[index].extended.updates.push(status);
        self.calls[index].extended.update_pending = false;
        if status < 300 {
            if !message.body_slice().is_empty() {
                self.agree(index, message);
            }
            if self.calls[index].extended.seconds.is_some() {
                self.session_granted(now, index, message);
            }
        }
    }

    /// An UPDATE came.
    pub(super) fn updated(&mut self, now: Instant, tx: ServerTx, index: usize, message: &Message) {
        if !self.skills.update {
            return self.respond(now, tx, message, 405);
        }
        let body = if message.body_slice().is_empty() { None } else { self.answer_body(index, message) };
        if !message.body_slice().is_empty() && body.is_none() {
            return self.respond(now, tx, message, 488);
        }
        self.note_refresh(now, index, message);
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        let mut response = ResponseWriter::to(message, 200, "OK");
        response.header(Name::Contact, contact.as_bytes());
        self.write_session(now, index, message, &mut response);
        if let Some(body) = &body {
            response.body(b"application/sdp", body);
        }
        let bytes = response.finish();
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
    }

    pub(super) fn note_refresh(&mut self, now: Instant, index: usize, message: &Message) {
        if message.has(Name::SessionExpires) {
            let method = String::from_utf8_lossy(message.method().as_bytes()).into_owned();
            self.calls[index].extended.refreshed.push((now, method));
        }
    }

    // --- provisional responses ---

    /// A provisional response to a ringing call, with SDP or without.
    pub fn provisional(&mut self, now: Instant, index: usize, status: u16, with_sdp: bool) {
        let (Some(tx), Some(invite)) = (self.calls[index].server, self.calls[index].invite.clone()) else {
            return;
        };
        let body = with_sdp.then(|| match self.calls[index].extended.body_sent.clone() {
            Some(body) => body,
            None => self.answer_body(index, &invite).expect("the switch's offer can be answered"),
        });
        self.calls[index].extended.body_sent.clone_from(&body);
        let tag = self.calls[index].tag.clone();
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        let mut response = ResponseWriter::to(&invite, status, "So");
        response.to_tag(tag.as_bytes()).with_record_route();
        response.header(Name::Contact, contact.as_bytes());
        let rseq = self.skills.reliable.then(|| {
            let cseq = invite.cseq().expect("an INVITE has a CSeq").number;
            let fresh = || Reliable::new(cseq, 100, Timing::default());
            self.calls[index].extended.reliable.get_or_insert_with(fresh).number().expect("few responses")
        });
        if let Some(rseq) = rseq {
            response.header(Name::Require, b"100rel").header_fmt(Name::RSeq, format_args!("{rseq}"));
        }
        if let Some(body) = &body {
            response.body(b"application/sdp", body);
            // An early dialog: the phone can be sent requests, and send some.
            self.calls[index].speak_at.get_or_insert(now);
        }
        let flow = self.flow(self.server);
        self.calls[index].dialog.get_or_insert_with(|| {
            Dialog::uas(&invite, &tag, flow).expect("the switch's INVITE makes a dialog")
        });
        let mut bytes = Some(response.finish());
        if let (Some(rseq), Some(reliable)) = (rseq, &mut self.calls[index].extended.reliable) {
            bytes = reliable.send(now, rseq, bytes.expect("just written"), body.is_some());
        }
        if let Some(bytes) = bytes {
            self.endpoint.respond(now, tx, bytes, &mut self.effects);
        }
        self.work(now);
    }

    /// A reliable 183 without SDP, as another phone behind a forking proxy would send it.
    pub fn provisional_as(&mut self, index: usize, tag: &str, rseq: u32) {
        let call = &mut self.calls[index];
        let Some(invite) = call.invite.clone() else { return };
        if !call.forks.iter().any(|known| known == tag) {
            call.forks.push(tag.to_owned());
        }
        let bytes = ResponseWriter::to(&invite, 183, "Session Progress")
            .to_tag(tag.as_bytes())
            .header_fmt(Name::Contact, format_args!("<sip:{tag}@{}>", self.sip))
            .header(Name::Require, b"100rel")
            .header_fmt(Name::RSeq, format_args!("{rseq}"))
            .finish();
        self.out.push(Packet { from: self.sip, to: self.server, bytes });
    }

    /// Hangs up in an early dialog, which a called phone must not.
    pub fn bye_early(&mut self, now: Instant, index: usize) {
        self.in_dialog(now, index, Method::Bye, Purpose::Bye(index), |_| {});
    }

    /// A PRACK came.
    pub(super) fn prack_came(&mut self, now: Instant, tx: ServerTx, index: usize, message: &Message) {
        let rack = RAck::of(message).expect("the switch's PRACK has a RAck");
        let known =
            self.calls[index].extended.reliable.as_mut().map(|reliable| reliable.acknowledge(now, rack));
        match known {
            Some(Acknowledged::Now(next)) => {
                self.calls[index].extended.pracked.push(rack);
                self.respond(now, tx, message, 200);
                if let (Some(bytes), Some(tx)) = (next, self.calls[index].server) {
                    self.endpoint.respond(now, tx, bytes, &mut self.effects);
                }
            }
            Some(Acknowledged::Before) => self.respond(now, tx, message, 200),
            Some(Acknowledged::Unknown) | None => panic!("{}: a PRACK of nothing", self.number),
        }
    }

    /// Whether the 2xx needs no SDP any more.
    pub(super) fn answered_reliably(&self, index: usize) -> bool {
        self.calls[index].extended.reliable.as_ref().is_some_and(|reliable| reliable.sdp_acknowledged())
    }

    /// A provisional response to our INVITE: acknowledged if it demands that. False when it came before.
    pub(super) fn prack_demanded(&mut self, now: Instant, index: usize, message: &Message) -> bool {
        let Some(rseq) = demanded(message) else { return true };
        if self.calls[index].extended.reliable_seen.iter().any(|(_, seen, _)| *seen == rseq) {
            return false;
        }
        let has_sdp = !message.body_slice().is_empty();
        let status = message.status().unwrap_or(0);
        if let Some((_, last, _)) = self.calls[index].extended.reliable_seen.last() {
            assert_eq!(rseq, last + 1, "RFC 3262 section 3: the numbers go up by one");
        }
        self.calls[index].extended.reliable_seen.push((status, rseq, has_sdp));
        if self.skills.no_prack {
            return true;
        }
        let flow = self.flow(self.server);
        let request = self.calls[index].request.clone().expect("we have sent an INVITE");
        self.calls[index].dialog.get_or_insert_with(|| {
            Dialog::uac(&request, message, flow).expect("a reliable response makes a dialog")
        });
        let offered = self.calls[index].offerless && has_sdp;
        let answer = if offered { self.answer_body(index, message) } else { None };
        if offered {
            self.calls[index].offerless = false;
        }
        let cseq = message.cseq().expect("a response has a CSeq").number;
        self.in_dialog(now, index, Method::Prack, Purpose::Prack(index), |prack| {
            prack.header_fmt(Name::RAck, format_args!("{rseq} {cseq} INVITE"));
            if let Some(answer) = &answer {
                prack.body(b"application/sdp", answer);
            }
        });
        !offered
    }

    /// The dialog of our INVITE's 2xx: the early one goes on.
    pub(super) fn confirmed_dialog(&mut self, index: usize, message: &Message) -> Option<Dialog> {
        let flow = self.flow(self.server);
        let request = self.calls[index].request.clone()?;
        let fresh = Dialog::uac(&request, message, flow).expect("the switch's 200 makes a dialog");
        let mut early = self.calls[index].dialog.take().filter(|early| early.id() == fresh.id());
        if let Some(early) = &mut early {
            early.receive_response(message).expect("the switch's 200 can be read");
        }
        early.or(Some(fresh))
    }
}
