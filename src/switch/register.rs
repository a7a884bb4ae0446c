//! Registration and authentication: REGISTER by RFC 3261 section 10.3, digest for phones' requests.

use crate::clock::Now;
use crate::ids::PhoneNumber;
use crate::registrar::Change;
use crate::registrar::ChangeKind;
use crate::registrar::RegisterRefusal;
use crate::registrar::RegisterRequest;
use crate::sip::digest::Credentials;
use crate::sip::digest::Reader;
use crate::sip::digest::Verdict;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::outbound::Extensions;
use crate::switch::subscriptions::Matter;
use crate::switch::views;
use crate::switch::write;

impl Core {
    /// The phone that the request's credentials prove, or `None` after a challenge or refusal was sent.
    pub(crate) fn authenticate(&mut self, now: Now, tx: ServerTx, message: &Message) -> Option<PhoneNumber> {
        let Some(said) = Credentials::find(message, Name::Authorization, self.realm.name().as_bytes()) else {
            self.challenge(now, tx, message, false);
            return None;
        };
        let claimed = write::text(&said.user);
        let phone = self.config.phone(&claimed);
        let ha1 = phone.as_ref().zip(said.algorithm()).and_then(|(phone, algorithm)| {
            write::ha1(&phone.secret, algorithm, &said.user, self.realm.name().as_bytes())
        });
        match self.realm.verify(&said, ha1.as_ref(), message.method(), now.wall) {
            Verdict::Ok => return phone.map(|phone| phone.number),
            Verdict::Stale => {
                self.metrics.sip_auth_failure("stale_nonce");
                self.challenge(now, tx, message, true);
            }
            Verdict::Wrong | Verdict::NotOurs => {
                self.metrics.sip_auth_failure("wrong_response");
                self.challenge(now, tx, message, false);
            }
            Verdict::Malformed => {
                self.metrics.sip_auth_failure("malformed");
                self.reply(now, tx, message, 400, "Bad Authorization");
            }
        }
        None
    }

    /// RFC 3261 section 22.2: 401 with a challenge for each algorithm, the strongest first (RFC 8760 section 2.4) but for
    /// clients that would not find one they know.
    pub(crate) fn challenge(&mut self, now: Now, tx: ServerTx, message: &Message, stale: bool) {
        let lines = self.realm.challenges(now.wall, stale, &mut self.random);
        let lines = Reader::of(message.header(Name::UserAgent)).choose(lines);
        self.reply_with(now, tx, message, 401, "Unauthorized", |response| {
            for line in &lines {
                response.header(Name::WwwAuthenticate, line);
            }
        });
    }

    /// REGISTER.
    pub(crate) fn register(&mut self, now: Now, tx: ServerTx, message: &Message, flow: Flow) {
        // RFC 3261 section 10.3 step 5: the address of record is the To URI's, and must be one of ours.
        let Some(aor) = write::address_of_record(message) else {
            return self.reply(now, tx, message, 400, "To Is Not A SIP Address");
        };
        let Some(mut request) = write::register_request(message, flow) else {
            return self.reply(now, tx, message, 400, "Bad Contact");
        };
        let Some(phone) = self.authenticate(now, tx, message) else { return };
        // Step 4: a phone registers itself only.
        if phone.as_str() != aor {
            self.metrics.sip_auth_failure("wrong_user");
            return self.reply(now, tx, message, 403, "Forbidden");
        }
        match Extensions::of(message, &mut request) {
            Ok(extensions) => self.bind(now, tx, message, &phone, &request, extensions),
            Err(refusal) => {
                self.reply_with(now, tx, message, refusal.status, refusal.reason, |response| {
                    if let Some((name, value)) = refusal.line {
                        response.header(name, value);
                    }
                });
            }
        }
    }

    fn bind(
        &mut self,
        now: Now,
        tx: ServerTx,
        message: &Message,
        phone: &PhoneNumber,
        request: &RegisterRequest<Flow>,
        extensions: Extensions,
    ) {
        match self.registrar.register(now, phone.as_str(), request) {
            Ok(done) => {
                let lines: Vec<String> = done
                    .bindings
                    .iter()
                    .map(|granted| self.contact_granted(phone.as_str(), granted, extensions))
                    .collect();
                self.reply_with(now, tx, message, 200, "OK", |response| {
                    for line in &lines {
                        response.header(Name::Contact, line.as_bytes());
                    }
                    extensions.write(message, request.flow, response);
                });
                self.binding_changes(done.changes);
                self.follow_flow(phone, request.flow);
                self.reachability(now, phone);
            }
            Err(refusal) => {
                // RFC 3261 section 10.3 step 7: 423 says what would be long enough.
                let status = refusal.status();
                let least = match refusal {
                    RegisterRefusal::TooBrief { seconds_min } => Some(seconds_min),
                    RegisterRefusal::OutOfOrder
                    | RegisterRefusal::StarMisused
                    | RegisterRefusal::TooLong
                    | RegisterRefusal::TooManyContacts
                    | RegisterRefusal::Full => None,
                };
                self.reply_with(now, tx, message, status, write::phrase(status), |response| {
                    if let Some(seconds) = least {
                        response.header_fmt(Name::MinExpires, format_args!("{seconds}"));
                    }
                });
            }
        }
    }

    /// Bindings whose time has come.
    pub(crate) fn expire_bindings(&mut self, now: Now) {
        let changes = self.registrar.expire(now.instant);
        self.bindings_gone(now, changes);
    }

    /// Bindings that ended without a REGISTER: their agents may be unreachable now.
    pub(crate) fn bindings_gone(&mut self, now: Now, changes: Vec<Change<Flow>>) {
        let phones: Vec<PhoneNumber> = changes.iter().map(|change| PhoneNumber::new(&change.aor)).collect();
        self.binding_changes(changes);
        for phone in phones {
            self.reachability(now, &phone);
        }
    }

    /// Stores and tells what changed.
    pub(crate) fn binding_changes(&mut self, changes: Vec<Change<Flow>>) {
        for change in changes {
            let kind = match change.kind {
                ChangeKind::Added => "registration.added",
                ChangeKind::Refreshed => "registration.refreshed",
                ChangeKind::Reachable => "registration.reachable",
                ChangeKind::Unreachable => "registration.unreachable",
                ChangeKind::Removed(_) => "registration.removed",
            };
            if !self.subscriptions.is_empty() {
                self.subscriptions.mark(Matter::Phone(PhoneNumber::new(&change.aor)));
            }
            self.board.registrations.push((kind, views::registration(&change.aor, &change.binding)));
            self.out.push(Output::Binding(write::stored(&change)));
        }
    }
}
