//! Requests outside of a dialog: OPTIONS, what must hold before a request is looked at, and the answers to what we
//! don't do.

use crate::clock::Now;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::subscription::package::ALLOW_EVENTS;
use crate::switch::core::Core;
use crate::switch::outbound;
use crate::switch::refer;
use crate::switch::write;

/// What we understand, for `Allow`.
pub(crate) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, REFER, SUBSCRIBE";

/// The extensions that may be required of us, for `Supported`: RFC 3891, RFC 4488.
pub(crate) const SUPPORTED: &str = "replaces, norefersub";

impl Core {
    /// A request that opens a transaction. The endpoint has checked its form.
    pub(crate) fn request(&mut self, now: Now, tx: ServerTx, message: &Message, flow: Flow) {
        self.count_request_in(message, flow.transport);
        if write::has_to_tag(message) && message.method() == Method::Subscribe && !refer::is_of_refer(message)
        {
            self.subscribe_in_dialog(now, tx, message, flow);
            return;
        }
        if write::has_to_tag(message) {
            self.request_in_dialog(now, tx, message, flow);
            return;
        }
        match message.method() {
            Method::Register if self.may_proceed(now, tx, message) => self.register(now, tx, message, flow),
            Method::Options if self.may_proceed(now, tx, message) => self.options(now, tx, message),
            Method::Invite if self.may_proceed(now, tx, message) => self.invite(now, tx, message, flow),
            Method::Subscribe if self.may_proceed(now, tx, message) => self.subscribe(now, tx, message, flow),
            // Refused and answered already; an ACK is never answered.
            Method::Register | Method::Options | Method::Invite | Method::Subscribe | Method::Ack => {}
            // A BYE or CANCEL of nothing.
            Method::Bye | Method::Cancel => {
                self.reply(now, tx, message, 481, "Call/Transaction Does Not Exist");
            }
            Method::Refer => self.refer_of_nothing(now, tx, message),
            Method::Prack
            | Method::Notify
            | Method::Publish
            | Method::Info
            | Method::Message
            | Method::Update
            | Method::Other(_) => self.not_allowed(now, tx, message),
        }
    }

    /// RFC 3261 section 8.2.2: the Request-URI's scheme, required extensions, the body's type and what the caller
    /// accepts. False when the request was refused.
    fn may_proceed(&mut self, now: Now, tx: ServerTx, message: &Message) -> bool {
        if !message.request_uri().is_ok_and(|uri| uri.is_sip()) {
            // RFC 3261 section 8.2.2.1.
            self.reply(now, tx, message, 416, "Unsupported URI Scheme");
            return false;
        }
        if !self.knows_extensions(now, tx, message) {
            return false;
        }
        if message.method() != Method::Invite {
            return true;
        }
        if !message.body_slice().is_empty() && !write::is_sdp(message) {
            // RFC 3261 section 8.2.3.
            self.reply_with(now, tx, message, 415, "Unsupported Media Type", |response| {
                response.header(Name::Accept, b"application/sdp").header(Name::AcceptEncoding, b"identity");
            });
            return false;
        }
        if !write::accepts_sdp(message) {
            // RFC 4475 section 3.3.15: the caller would not understand our answer.
            self.reply_with(now, tx, message, 406, "Not Acceptable", |response| {
                response.header(Name::Warning, b"399 strowger \"only application/sdp can be sent\"");
            });
            return false;
        }
        true
    }

    /// RFC 3261 section 8.2.2.3: what the request requires. False when it was refused with 420.
    pub(crate) fn knows_extensions(&mut self, now: Now, tx: ServerTx, message: &Message) -> bool {
        if !message.has(Name::Require) {
            return true;
        }
        let of_method = outbound::option_tags(message.method()).iter().copied();
        let known: Vec<&str> = SUPPORTED.split(", ").chain(of_method).collect();
        match self.endpoint.unsupported(message, &known) {
            Some(refusal) => {
                self.endpoint.respond(now.instant, tx, refusal, &mut self.effects);
                false
            }
            None => true,
        }
    }

    /// RFC 3261 section 11.2.
    pub(crate) fn options(&mut self, now: Now, tx: ServerTx, message: &Message) {
        let (status, reason) = if self.draining { (503, "Service Unavailable") } else { (200, "OK") };
        self.reply_with(now, tx, message, status, reason, |response| {
            response
                .header(Name::Allow, ALLOW.as_bytes())
                .header(Name::Supported, SUPPORTED.as_bytes())
                .header(Name::AllowEvents, ALLOW_EVENTS.as_bytes())
                .header(Name::Accept, b"application/sdp")
                .header(Name::AcceptEncoding, b"identity")
                .header(Name::AcceptLanguage, b"fr, en");
        });
    }

    /// RFC 3261 section 8.2.1: 405 for a method that is known and not done here, 501 for the unknown.
    pub(crate) fn not_allowed(&mut self, now: Now, tx: ServerTx, message: &Message) {
        let allowed: Vec<&str> = ALLOW.split(", ").collect();
        if let Some(refusal) = self.endpoint.not_allowed(message, &allowed) {
            self.endpoint.respond(now.instant, tx, refusal, &mut self.effects);
        }
    }
}
