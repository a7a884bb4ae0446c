//! SUBSCRIBE and NOTIFY (RFC 6665): who may watch what, answers, and the notifications on their way.
//!
//! The life of one subscription is `subscription::machine`'s, what it shows is `lamps`'.

use crate::clock::Now;
use crate::ids::PhoneNumber;
use crate::sip::dialog;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::Order;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::MediaType;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::ResponseWriter;
use crate::subscription::Event;
use crate::subscription::Input;
use crate::subscription::Output;
use crate::subscription::Reason;
use crate::subscription::Sheet;
use crate::subscription::Standing;
use crate::subscription::Subscription;
use crate::subscription::dialog_info::Dialect;
use crate::subscription::package::ALLOW_EVENTS;
use crate::switch::core::Core;
use crate::switch::lamps::Dark;
use crate::switch::lamps::Lamp;
use crate::switch::requests::ALLOW;
use crate::switch::subscriptions::Look;
use crate::switch::subscriptions::Watch;
use crate::switch::subscriptions::WatchId;
use crate::switch::write;
use std::sync::Arc;
use std::time::Duration;

/// RFC 4235 section 3.4 and RFC 3856 section 6.4: an hour, where the subscriber does not say how long.
const EXPIRES_DEFAULT_SECONDS: u32 = 3600;
/// When a phone may ask again that has more subscriptions than it may have: until then some may have ended.
const RETRY_PHONE_SECONDS: u64 = 600;
/// The same where the switch has all that it may have.
const RETRY_ALL_SECONDS: u64 = 60;
/// After the switch goes: from so many seconds on phones subscribe anew, spread over as many more.
const RETURN_SECONDS: u64 = 10;

impl Core {
    /// SUBSCRIBE outside of a dialog.
    pub(crate) fn subscribe(&mut self, now: Now, tx: ServerTx, message: &Message, flow: Flow) {
        let Some(phone) = self.authenticate(now, tx, message) else { return };
        let Some(event) = self.event_of(now, tx, message) else { return };
        let Some(expires) = self.expires_of(now, tx, message) else { return };
        let user = watched_user(message);
        let lamp = match self.lamp_of(event.package, &phone, &user) {
            Ok(lamp) => lamp,
            Err(Dark::Unknown) => return self.reply(now, tx, message, 404, "Not Found"),
            Err(Dark::Forbidden) => return self.reply(now, tx, message, 403, "Forbidden"),
        };
        let Ok(mut dialog) = Dialog::uas(message, &self.endpoint.tag(), flow) else {
            return self.reply(now, tx, message, 400, "Missing Or Bad Contact");
        };
        dialog.confirm();
        let look = Look {
            package: event.package,
            lamp,
            entity: format!("sip:{}@{}", write::dialled(&user), self.config.sip.domain),
            dialect: Dialect::of(message.header(Name::UserAgent).unwrap_or_default()),
            compact: !flow.transport.is_reliable(),
        };
        if !self.has_room(now, tx, message, &phone, &look, &dialog) {
            return;
        }
        self.accept(now, tx, message, &dialog, expires);
        self.begin(now, Begun { phone, event, look, dialog, expires });
    }

    /// The event's package, when it is served and its documents are taken.
    fn event_of(&mut self, now: Now, tx: ServerTx, message: &Message) -> Option<Event> {
        let Some(event) = message.header(Name::Event).and_then(Event::parse) else {
            // RFC 6665 section 4.2.1.1 and 7.2: the answer names the packages that are served.
            self.reply_with(now, tx, message, 489, "Bad Event", |response| {
                response.header(Name::AllowEvents, ALLOW_EVENTS.as_bytes());
            });
            return None;
        };
        let (kind, subtype) = event.package.content_type();
        let covers = |range: MediaType<'_>| range.covers(kind.as_bytes(), subtype.as_bytes());
        // RFC 4235 section 3.5, RFC 3842 section 3.4: without Accept the package's own type is meant.
        if message.has(Name::Accept) && !message.accept().any(covers) {
            self.reply_with(now, tx, message, 406, "Not Acceptable", |response| {
                response.header_fmt(Name::Accept, format_args!("{kind}/{subtype}"));
            });
            return None;
        }
        Some(event)
    }

    /// For how long: what is asked for, or less. `None` when that was refused.
    fn expires_of(&mut self, now: Now, tx: ServerTx, message: &Message) -> Option<Duration> {
        let rules = &self.config.sip.subscriptions;
        let (least, most) = (rules.min, rules.max);
        let asked = message.expires().ok().flatten().unwrap_or(EXPIRES_DEFAULT_SECONDS);
        let asked = Duration::from_secs(asked.into());
        // RFC 6665 section 4.2.1.1: only what is above zero and below an hour may be called too brief.
        if !asked.is_zero() && asked < least.min(Duration::from_secs(3600)) {
            self.reply_with(now, tx, message, 423, "Interval Too Brief", |response| {
                response.header_fmt(Name::MinExpires, format_args!("{}", least.as_secs()));
            });
            return None;
        }
        Some(asked.min(most))
    }

    /// Whether a phone may have another subscription. A phone that rebooted without a word may have filled its share
    /// with what it has forgotten: such a one gives way.
    fn has_room(
        &mut self,
        now: Now,
        tx: ServerTx,
        message: &Message,
        phone: &PhoneNumber,
        look: &Look,
        dialog: &Dialog,
    ) -> bool {
        let rules = &self.config.sip.subscriptions;
        let phone_full = self.subscriptions.of_phone(phone) >= rules.per_phone_max;
        let all_full = self.subscriptions.len() >= rules.all_max;
        if !phone_full && !all_full {
            return true;
        }
        if let Some(forgotten) = self.subscriptions.forgotten(phone, look, dialog) {
            self.subscriptions.remove(forgotten);
            return true;
        }
        let (status, reason, wait) = if all_full {
            (503, "Service Unavailable", RETRY_ALL_SECONDS)
        } else {
            (500, "Too Many Subscriptions", RETRY_PHONE_SECONDS)
        };
        let seconds = wait + self.random.below(wait);
        self.reply_with(now, tx, message, status, reason, |response| {
            response.header_fmt(Name::RetryAfter, format_args!("{seconds}"));
        });
        false
    }

    /// The 200 to a SUBSCRIBE.
    fn accept(&mut self, now: Now, tx: ServerTx, message: &Message, dialog: &Dialog, expires: Duration) {
        let flow = dialog.flow();
        let contact = write::contact_of(self.addresses.signalling(&flow), flow);
        let mut response = ResponseWriter::to(message, 200, "OK");
        response.to_tag(dialog.id().local_tag()).with_record_route();
        response
            .header(Name::Server, self.config.sip.user_agent.as_bytes())
            .header(Name::Contact, contact.as_bytes())
            .header(Name::Allow, ALLOW.as_bytes())
            .header(Name::AllowEvents, ALLOW_EVENTS.as_bytes())
            .header_fmt(Name::Expires, format_args!("{}", expires.as_secs()));
        let bytes = response.finish();
        self.count_response_out(Method::Subscribe, 200);
        self.endpoint.respond(now.instant, tx, bytes, &mut self.effects);
    }

    fn begin(&mut self, now: Now, begun: Begun) {
        let Begun { phone, event, look, dialog, expires } = begun;
        if let Lamp::Phone(number) = &look.lamp {
            let number = number.clone();
            self.note_calls_of(&number);
        }
        let newest = Arc::new(self.sheet(now, &look));
        let mut outputs = Vec::new();
        let machine = Subscription::begin(now.instant, expires, &mut outputs);
        let id = self.subscriptions.next_id();
        self.subscriptions.insert(id, Watch::new(machine, dialog, phone, event, look, newest));
        self.carry_watch(now, id, &outputs);
    }

    /// SUBSCRIBE with a To-tag: a refresh, or the end.
    pub(crate) fn subscribe_in_dialog(&mut self, now: Now, tx: ServerTx, message: &Message, flow: Flow) {
        let found = dialog::id::of_request(message).and_then(|id| self.subscriptions.of_dialog(&id));
        let Some(id) = found.filter(|id| self.is_live_watch(*id)) else {
            // RFC 6665 section 4.2.1.1: a subscription that is not known, or over, can't be refreshed.
            self.reply(now, tx, message, 481, "Subscription Does Not Exist");
            return;
        };
        if !self.is_its_phone(now, tx, message, id, flow) {
            return;
        }
        let Some(event) = self.event_of(now, tx, message) else { return };
        let Some(watch) = self.subscriptions.get_mut(id) else { return };
        if watch.event != event {
            self.reply(now, tx, message, 481, "Subscription Does Not Exist");
            return;
        }
        let before = watch.dialog.flow();
        if watch.dialog.receive_request(message, flow) != Ok(Order::Next) {
            // RFC 3261 section 12.2.2: a lower CSeq is out of order and answered with 500.
            self.reply(now, tx, message, 500, "Out of Order");
            return;
        }
        self.subscriptions.note_flow(id, Some(before), flow);
        let Some(expires) = self.expires_of(now, tx, message) else { return };
        let Some(watch) = self.subscriptions.get_mut(id) else { return };
        // RFC 6665 section 4.2.1.2: a refresh is a target refresh.
        if watch.dialog.refresh(message).is_err() {
            self.reply(now, tx, message, 400, "Bad Contact");
            return;
        }
        watch.look.compact = !flow.transport.is_reliable();
        let dialog = watch.dialog.clone();
        let look = watch.look.clone();
        self.accept(now, tx, message, &dialog, expires);
        let newest = Arc::new(self.sheet(now, &look));
        if let Some(watch) = self.subscriptions.get_mut(id) {
            watch.newest = newest;
        }
        let input = if expires.is_zero() { Input::Unsubscribed } else { Input::Refreshed(expires) };
        self.watch_input(now, id, input);
    }

    fn is_live_watch(&self, id: WatchId) -> bool {
        self.subscriptions.get(id).is_some_and(|watch| watch.machine.is_live())
    }

    /// Who knows the dialog's tags over the same flow is the phone. From elsewhere he has to show that he is: with a
    /// refresh NOTIFYs follow him.
    fn is_its_phone(&mut self, now: Now, tx: ServerTx, message: &Message, id: WatchId, flow: Flow) -> bool {
        let Some(watch) = self.subscriptions.get(id) else { return false };
        if watch.dialog.flow() == flow {
            return true;
        }
        let owner = watch.phone.clone();
        let Some(phone) = self.authenticate(now, tx, message) else { return false };
        if phone != owner {
            self.metrics.sip_auth_failure("wrong_user");
            self.reply(now, tx, message, 403, "Forbidden");
        }
        phone == owner
    }

    /// One input of a subscription, with what it causes.
    fn watch_input(&mut self, now: Now, id: WatchId, input: Input) {
        let Some(watch) = self.subscriptions.get_mut(id) else { return };
        let mut outputs = Vec::new();
        watch.machine.handle(now.instant, input, &mut outputs);
        self.carry_watch(now, id, &outputs);
    }

    fn carry_watch(&mut self, now: Now, id: WatchId, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Notify { standing, version } => self.notify(now, id, *standing, *version),
                Output::Over => self.subscriptions.remove(id),
            }
        }
        self.subscriptions.arm(id);
    }

    fn notify(&mut self, now: Now, id: WatchId, standing: Standing, version: u32) {
        let branch = self.endpoint.branch();
        let Some(watch) = self.subscriptions.get_mut(id) else { return };
        let flow = watch.dialog.flow();
        let address = self.addresses.signalling(&flow);
        let (kind, subtype) = watch.event.package.content_type();
        let mut request = watch.dialog.request(Method::Notify, address.to_string().as_bytes(), &branch);
        request
            .header(Name::Contact, write::contact_of(address, flow).as_bytes())
            .header(Name::UserAgent, self.config.sip.user_agent.as_bytes())
            .header(Name::Event, watch.event.value().as_bytes())
            .header(Name::SubscriptionState, standing.value().as_bytes())
            .body(format!("{kind}/{subtype}").as_bytes(), &watch.newest.bytes(version));
        let bytes = request.finish();
        self.endpoint.request(now.instant, flow, bytes, id.pack(), &mut self.effects);
        self.count_request_out(Method::Notify, flow.transport);
    }

    /// The answer to a NOTIFY.
    pub(crate) fn notify_answered(&mut self, now: Now, id: WatchId, message: &Message) {
        let status = message.status().unwrap_or(0);
        if status >= 300 {
            self.metrics.notify_failure("refused");
        }
        let retry_after = message.header(Name::RetryAfter).and_then(seconds_of);
        self.watch_input(now, id, Input::Answered(status, retry_after));
    }

    /// A NOTIFY got no answer (408), or could not be sent (503).
    pub(crate) fn notify_failed(&mut self, now: Now, id: WatchId, status: u16) {
        self.metrics.notify_failure(if status == 408 { "timeout" } else { "unreachable" });
        self.watch_input(now, id, Input::Lost);
    }

    /// RFC 5626 section 5.3: a connection is gone, and nobody can be notified over it.
    pub(crate) fn watches_gone(&mut self, now: Now, flow: Flow) {
        for id in self.subscriptions.of_flow(flow) {
            self.watch_input(now, id, Input::Lost);
        }
    }

    /// Subscriptions whose time has come: to be told, or over.
    pub(crate) fn watches_due(&mut self, now: Now) {
        while let Some(id) = self.subscriptions.due(now.instant) {
            self.watch_input(now, id, Input::Timeout);
        }
    }

    /// Tells of what was marked since the last input, each subscription what it does not know yet.
    pub(crate) fn light_lamps(&mut self, now: Now) {
        self.current = None;
        let mut written: Vec<(Look, Arc<Sheet>)> = Vec::new();
        for id in self.subscriptions.take_marked() {
            let Some(watch) = self.subscriptions.get(id) else { continue };
            let known = written.iter().find(|(look, _)| *look == watch.look);
            let sheet = match known {
                Some((_, sheet)) => Arc::clone(sheet),
                None => {
                    let sheet = Arc::new(self.sheet(now, &watch.look));
                    written.push((watch.look.clone(), Arc::clone(&sheet)));
                    sheet
                }
            };
            if watch.newest == sheet {
                continue;
            }
            if let Some(watch) = self.subscriptions.get_mut(id) {
                watch.newest = sheet;
            }
            self.watch_input(now, id, Input::Changed);
        }
    }

    /// The switch goes: phones are told to subscribe anew after a while, not all at the same moment.
    pub(crate) fn dismiss_watches(&mut self, now: Now) {
        for id in self.subscriptions.ids() {
            let seconds = RETURN_SECONDS + self.random.below(RETURN_SECONDS);
            let reason = Reason::Probation(u32::try_from(seconds).unwrap_or(u32::MAX));
            self.watch_input(now, id, Input::End(reason));
        }
    }

    /// The packages that are served, and how many subscriptions each has.
    pub(crate) fn watches_by_event(&self) -> Vec<(&'static str, u64)> {
        self.subscriptions.counts()
    }
}

/// What a subscription begins with.
struct Begun {
    phone: PhoneNumber,
    event: Event,
    look: Look,
    dialog: Dialog,
    expires: Duration,
}

/// The user part that is to be watched: the Request-URI's. A Request-URI without one leads to the switch as such, and
/// To says whom it is about.
fn watched_user(message: &Message) -> String {
    let user = write::called_number(message);
    if user.is_empty() { write::address_of_record(message).unwrap_or_default() } else { user }
}

/// RFC 3261 section 20.33: seconds, and perhaps a comment or parameters.
fn seconds_of(value: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_is_read_up_to_its_comment() {
        assert_eq!(seconds_of(b"120"), Some(120));
        assert_eq!(seconds_of(b"5 (I'm in a meeting);duration=60"), Some(5));
        assert_eq!(seconds_of(b"soon"), None);
        assert_eq!(seconds_of(b"99999999999"), None);
    }
}
