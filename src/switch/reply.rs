//! Writing responses: to any request, and to the INVITE of a caller's leg.

use crate::call::Cause;
use crate::call::LegId;
use crate::clock::Now;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::ResponseWriter;
use crate::switch::cause_map;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::requests::ALLOW;
use crate::switch::requests::SUPPORTED;
use crate::switch::write;

impl Core {
    /// A response without further headers.
    pub(crate) fn reply(&mut self, now: Now, tx: ServerTx, message: &Message, status: u16, reason: &str) {
        self.reply_with(now, tx, message, status, reason, |_| {});
    }

    /// A response; `fill` adds its headers.
    pub(crate) fn reply_with(
        &mut self,
        now: Now,
        tx: ServerTx,
        message: &Message,
        status: u16,
        reason: &str,
        fill: impl FnOnce(&mut ResponseWriter<'_>),
    ) {
        let tag = self.endpoint.tag();
        let mut response = ResponseWriter::to(message, status, reason);
        response.to_tag(tag.as_bytes());
        response.header(Name::Server, self.config.sip.user_agent.as_bytes());
        fill(&mut response);
        let bytes = response.finish();
        self.count_response_out(message.method(), status);
        self.endpoint.respond(now.instant, tx, bytes, &mut self.effects);
    }

    /// A response to the INVITE of a caller's leg; with its SDP where that is settled and the status carries one.
    pub(crate) fn respond_to_invite(
        &mut self,
        now: Now,
        id: LegId,
        status: u16,
        reason: &str,
        cause: Option<Cause>,
    ) {
        let Some(leg) = self.legs.get(&id) else { return };
        let Leg { phase: Phase::Incoming { tx, invite, .. }, dialog: Some(dialog), .. } = leg else { return };
        let mut response = ResponseWriter::to(invite, status, reason);
        if status > 100 {
            response.to_tag(dialog.id().local_tag());
        }
        let makes_dialog = (101..300).contains(&status);
        if makes_dialog {
            // RFC 3261 section 12.1.1: Record-Route is copied, and Contact says where requests of the dialog go.
            response.with_record_route();
        }
        response.header(Name::Server, self.config.sip.user_agent.as_bytes());
        if makes_dialog {
            let address = self.addresses.signalling(&leg.flow);
            let contact = write::contact_for(address, leg.flow, dialog.is_secure());
            response.header(Name::Contact, contact.as_bytes());
            response.header(Name::Allow, ALLOW.as_bytes());
            response.header(Name::Supported, SUPPORTED.as_bytes());
            if status != 180
                && let Some(body) = &leg.body
            {
                response.body(b"application/sdp", body);
            }
        }
        if status == 503 {
            response.header(Name::RetryAfter, b"5");
        }
        if let Some(text) = cause.and_then(cause_map::reason) {
            response.header(Name::Reason, text.as_bytes());
        }
        let (tx, bytes) = (*tx, response.finish());
        self.count_response_out(Method::Invite, status);
        self.endpoint.respond(now.instant, tx, bytes, &mut self.effects);
    }

    /// The 200 to a re-INVITE, with the leg's body.
    pub(crate) fn respond_to_reinvite(&mut self, now: Now, tx: ServerTx, id: LegId, message: &Message) {
        let Some(leg) = self.legs.get(&id) else { return };
        let contact = write::contact_of(self.addresses.signalling(&leg.flow), leg.flow);
        let body = leg.body.clone().unwrap_or_default();
        self.reply_with(now, tx, message, 200, "OK", |response| {
            response
                .header(Name::Contact, contact.as_bytes())
                .header(Name::Allow, ALLOW.as_bytes())
                .body(b"application/sdp", &body);
        });
    }
}
