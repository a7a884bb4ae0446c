//! Registration and authentication: REGISTER by RFC 3261 section 10.3, digest for phones' requests.

use crate::clock::Now;
use crate::ids::PhoneNumber;
use crate::registrar::Change;
use crate::registrar::RegisterRefusal;
use crate::registrar::RegisterRequest;
use crate::sip::digest::Verdict;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::write;

impl Core {
    /// The phone that the request's credentials prove, or `None` after a challenge or refusal was sent.
    pub(crate) fn authenticate(
        &mut self,
        now: Now,
        tx: ServerTx,
        message: &Message,
        flow: Flow,
    ) -> Option<PhoneNumber> {
        let claimed = self.authenticator.username(message).unwrap_or_default();
        let phone = self.config.phone(&claimed);
        // An unknown user is checked against a secret that nobody has, so that the answer and its time say nothing.
        let credentials = phone.as_ref().map_or_else(write::nobodys_secret, |phone| write::credentials(&phone.secret));
        let verdict = self.authenticator.verify(now.instant, message, &credentials);
        match verdict {
            Verdict::Ok if phone.is_some() => return Some(PhoneNumber::new(&claimed)),
            Verdict::Missing => self.challenge(now, tx, message, flow, false),
            Verdict::Stale => self.challenge(now, tx, message, flow, true),
            Verdict::Ok | Verdict::Wrong | Verdict::NotOurs => {
                self.metrics.sip_auth_failure("wrong");
                self.challenge(now, tx, message, flow, false);
            }
            Verdict::Malformed => {
                self.metrics.sip_auth_failure("malformed");
                self.reply(now, tx, message, 400, "Bad Authorization");
            }
        }
        None
    }

    /// RFC 3261 section 22.2: 401 with a challenge for each algorithm, the strongest first (RFC 8760 section 2.4).
    fn challenge(&mut self, now: Now, tx: ServerTx, message: &Message, flow: Flow, stale: bool) {
        let lines = self.authenticator.challenges(now.instant, stale, &mut self.random);
        let mut response = self.response_to(message, &flow, 401, "Unauthorized");
        for line in lines {
            response = response.header("WWW-Authenticate", &line);
        }
        self.send_response(now, tx, response.finish());
    }

    /// REGISTER.
    pub(crate) fn register(&mut self, now: Now, tx: ServerTx, message: &Message, flow: Flow) {
        // RFC 3261 section 10.3 step 5: the address of record is the To URI's, and must be one of ours.
        let Some(aor) = write::address_of_record(message) else {
            return self.reply(now, tx, message, 400, "To Is Not A SIP Address");
        };
        let Some(request) = write::register_request(message, flow) else {
            return self.reply(now, tx, message, 400, "Bad Contact");
        };
        let Some(phone) = self.authenticate(now, tx, message, flow) else { return };
        // Step 4: a phone registers itself only.
        if phone.as_str() != aor {
            self.metrics.sip_auth_failure("other_user");
            return self.reply(now, tx, message, 403, "Forbidden");
        }
        self.bind(now, tx, message, flow, &phone, request);
    }

    fn bind(
        &mut self,
        now: Now,
        tx: ServerTx,
        message: &Message,
        flow: Flow,
        phone: &PhoneNumber,
        request: RegisterRequest<Flow>,
    ) {
        match self.registrar.register(now, phone.as_str(), request) {
            Ok(done) => {
                let mut response = self.response_to(message, &flow, 200, "OK");
                for contact in &done.contacts {
                    response = response.header("Contact", &write::contact_line(contact));
                }
                self.send_response(now, tx, response.finish());
                self.binding_changes(now, done.changes);
                self.reachability(now, phone);
            }
            Err(RegisterRefusal::TooBrief { min_seconds }) => {
                // RFC 3261 section 10.3 step 7.
                let response = self
                    .response_to(message, &flow, 423, "Interval Too Brief")
                    .header("Min-Expires", &min_seconds.to_string());
                self.send_response(now, tx, response.finish());
            }
            Err(RegisterRefusal::OutOfOrder) => self.reply(now, tx, message, 500, "CSeq Out Of Order"),
            Err(RegisterRefusal::StarMisused) => self.reply(now, tx, message, 400, "Bad Use Of Contact *"),
            Err(RegisterRefusal::Full) => self.reply(now, tx, message, 403, "Too Many Contacts"),
        }
    }

    /// Bindings whose time has come.
    pub(crate) fn expire_bindings(&mut self, now: Now) {
        let changes = self.registrar.expire(now);
        let phones: Vec<PhoneNumber> = changes.iter().map(|change| PhoneNumber::new(change.aor())).collect();
        self.binding_changes(now, changes);
        for phone in phones {
            self.reachability(now, &phone);
        }
    }

    /// Stores and tells what changed.
    pub(crate) fn binding_changes(&mut self, now: Now, changes: Vec<Change<Flow>>) {
        for change in changes {
            self.board.registration_changed(now, &change);
            self.out.push(Output::Binding(write::stored(&change)));
        }
    }
}
