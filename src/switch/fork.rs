//! Several answers to one INVITE: from forks behind a proxy, after a CANCEL, after everything was forgotten.
//!
//! RFC 3261 section 13.2.2.4: every 2xx is acknowledged, and those that nobody wants are hung up, whenever they come. A
//! leg that is gone is not needed for it: the From tag of our INVITEs shows that a 2xx is to us, and the 2xx itself has
//! all that an ACK and a BYE need.

use crate::call::LegId;
use crate::clock::Now;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::DialogId;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::Flow;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Purpose;
use bytes::Bytes;
use std::collections::VecDeque;

/// How many late answers are remembered: as many may be on their way at once, each for 32 seconds.
const REMEMBERED_MAX: usize = 1024;
/// Early dialogs beside the first that a leg remembers.
const FORKS_MAX: usize = 8;

/// Answers that were hung up already, with their ACKs: an answer that comes again gets its ACK again, and no second BYE.
#[derive(Debug, Default)]
pub(crate) struct LateAnswers(VecDeque<(DialogId, Bytes)>);

impl LateAnswers {
    fn ack_of(&self, dialog: &DialogId) -> Option<Bytes> {
        self.0.iter().find(|(known, _)| known == dialog).map(|(_, ack)| ack.clone())
    }

    fn remember(&mut self, dialog: DialogId, ack: Bytes) {
        if self.0.len() >= REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back((dialog, ack));
    }
}

impl Core {
    /// A 2xx for a leg that is gone: acknowledged and hung up. `tx` is its transaction, if that still lives.
    pub(crate) fn late_answer(&mut self, now: Now, tx: Option<ClientTx>, message: &Message, flow: Flow) {
        let Ok(dialog) = Dialog::of_answer(message, flow) else { return };
        if let Some(ack) = self.late_answers.ack_of(dialog.id()) {
            self.endpoint.send(flow, ack, &mut self.effects);
            return;
        }
        tracing::info!("an answer came for a call that is over: it is hung up");
        let id = dialog.id().clone();
        let ack = self.hang_up_answer(now, tx, dialog, message, flow, Purpose::Farewell(LegId(0)));
        self.late_answers.remember(id, ack);
    }

    /// A second 2xx while the leg lives: another phone behind a proxy has answered as well.
    pub(crate) fn refuse_fork(&mut self, now: Now, tx: ClientTx, id: LegId, message: &Message) {
        let Some(Leg { target: Some(target), dialog_id, .. }) = self.legs.get(&id) else { return };
        let flow = target.flow;
        let ours = dialog_id.clone();
        let Some(dialog) = self.dialog_made(id, message).filter(|dialog| ours.as_ref() != Some(dialog.id()))
        else {
            return;
        };
        let dialog = self.fork_with(id, dialog, message);
        self.hang_up_answer(now, Some(tx), dialog, message, flow, Purpose::Farewell(id));
    }

    /// ACK and BYE; gives back the ACK.
    fn hang_up_answer(
        &mut self,
        now: Now,
        tx: Option<ClientTx>,
        mut dialog: Dialog,
        answer: &Message,
        flow: Flow,
        purpose: Purpose,
    ) -> Bytes {
        let sent_by = self.addresses.signalling(&flow).to_string();
        let cseq = answer.cseq().map_or(1, |cseq| cseq.number);
        let ack = dialog.ack_for(cseq, sent_by.as_bytes(), &self.endpoint.branch()).finish();
        match tx {
            Some(tx) => self.endpoint.ack(now.instant, tx, ack.clone(), flow, &mut self.effects),
            None => self.endpoint.send(flow, ack.clone(), &mut self.effects),
        }
        self.count_request_out(Method::Ack, flow.transport);
        let mut bye = dialog.request(Method::Bye, sent_by.as_bytes(), &self.endpoint.branch());
        bye.header(Name::UserAgent, self.config.sip.user_agent.as_bytes());
        let bye = bye.finish();
        self.endpoint.request(now.instant, flow, bye, purpose.pack(), &mut self.effects);
        self.count_request_out(Method::Bye, flow.transport);
        ack
    }

    /// The early dialog of the same fork, with the CSeq numbers that were used in it, else this fresh one.
    pub(crate) fn fork_with(&mut self, id: LegId, fresh: Dialog, response: &Message) -> Dialog {
        let Some(leg) = self.legs.get_mut(&id) else { return fresh };
        let Some(place) = leg.forks.iter().position(|fork| fork.id() == fresh.id()) else { return fresh };
        let mut early = leg.forks.swap_remove(place);
        // What made `fresh` can be read.
        let _ = early.receive_response(response);
        early
    }

    /// Sends a PRACK in the early dialog that this response belongs to, be it the leg's or another fork's.
    pub(crate) fn send_prack(&mut self, now: Now, id: LegId, rack: &str, dialog: Dialog, response: &Message) {
        if self.legs.get(&id).is_some_and(|leg| leg.dialog_id.as_ref() == Some(dialog.id())) {
            self.send_in_dialog(now, id, Method::Prack, Purpose::Farewell(id), |request| {
                request.header(Name::RAck, rack.as_bytes());
            });
            return;
        }
        let mut dialog = self.fork_with(id, dialog, response);
        let branch = self.endpoint.branch();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let flow = leg.flow;
        let sent_by = self.addresses.signalling(&flow).to_string();
        let mut request = dialog.request(Method::Prack, sent_by.as_bytes(), &branch);
        request.header(Name::UserAgent, self.config.sip.user_agent.as_bytes());
        let bytes = request.header(Name::RAck, rack.as_bytes()).finish();
        if leg.forks.len() < FORKS_MAX {
            leg.forks.push(dialog);
        }
        let user = Purpose::Farewell(id).pack();
        self.endpoint.request(now.instant, flow, bytes, user, &mut self.effects);
        self.count_request_out(Method::Prack, flow.transport);
    }
}
