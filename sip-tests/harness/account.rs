//! How a simulated phone registers.

use super::phone::{DOMAIN, Phone, Purpose, USER_AGENT};
use strowger::clock::Instant;
use strowger::sip::digest::{Challenge, Login};
use strowger::sip::endpoint::Transport;
use strowger::sip::msg::write::RequestWriter;
use strowger::sip::msg::{Message, Method, Name};

impl Phone {
    /// Registers for so long; 0 ends it.
    pub fn register(&mut self, now: Instant, expires: u32) {
        if self.account.call_id.is_empty() {
            self.account.call_id = format!("reg{:016x}@{}", self.random.next_u64(), self.sip.ip());
        }
        self.account.expires = expires;
        self.account.challenged = false;
        self.account.status = None;
        let replay = self.account.replay.take();
        self.send_register(now, replay);
    }

    /// As after a reboot: another Call-ID, CSeq from 1.
    pub fn forget_registration(&mut self) {
        self.account.call_id.clear();
        self.account.cseq = 0;
    }

    pub(super) fn send_register(&mut self, now: Instant, authorization: Option<Vec<u8>>) {
        let branch = self.endpoint.branch();
        let tag = self.endpoint.tag();
        self.account.cseq += 1;
        let account = &mut self.account;
        let mut request = RequestWriter::new(Method::Register, format!("sip:{DOMAIN}").as_bytes());
        request
            .via(Transport::Udp.into(), self.sip.to_string().as_bytes(), branch.as_bytes(), true)
            .header(Name::MaxForwards, b"70")
            .header_fmt(Name::From, format_args!("<sip:{}@{DOMAIN}>;tag={tag}", self.number))
            .header_fmt(Name::To, format_args!("<sip:{}@{DOMAIN}>", self.number))
            .header(Name::CallId, account.call_id.as_bytes())
            .cseq(account.cseq, Method::Register)
            .header_fmt(Name::Expires, format_args!("{}", account.expires))
            .header(Name::UserAgent, USER_AGENT);
        if account.star {
            request.header(Name::Contact, b"*");
        } else {
            request.header_fmt(Name::Contact, format_args!("<sip:{}@{}>", self.number, self.sip));
        }
        if let Some(value) = authorization {
            request.header(Name::Authorization, &value);
            account.authorization = Some(value);
        }
        let bytes = request.finish();
        let flow = self.flow(self.server);
        self.endpoint.request(now, flow, bytes, Purpose::Register.pack(), &mut self.effects);
        self.work(now);
    }

    pub(super) fn login(&mut self, response: &Message, method: Method<'_>, uri: &str) -> Option<Vec<u8>> {
        let challenge = Challenge::topmost(response, Name::WwwAuthenticate)?;
        Login::with_password(&self.number, &self.account.password).answer(
            &challenge,
            method,
            uri.as_bytes(),
            1,
            &mut self.random,
        )
    }

    pub(super) fn register_response(&mut self, now: Instant, status: u16, message: &Message) {
        if status == 401 && !self.account.challenged {
            self.account.challenged = true;
            let value = self.login(message, Method::Register, &format!("sip:{DOMAIN}"));
            self.send_register(now, value);
            return;
        }
        self.account.status = Some(status);
        self.account.answer = Some(message.clone());
    }
}
