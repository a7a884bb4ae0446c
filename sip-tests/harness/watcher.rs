//! How a simulated phone watches: SUBSCRIBE in all its forms, and what NOTIFY tells it, checked as it comes.

use super::phone::{DOMAIN, Phone, Purpose};
use super::world::{PhoneId, World};
use std::time::Duration;
use strowger::clock::Instant;
use strowger::sip::dialog::{Dialog, Order};
use strowger::sip::endpoint::{ServerTx, Transport};
use strowger::sip::msg::write::{RequestWriter, ResponseWriter};
use strowger::sip::msg::{Message, Method, Name};
use strowger::subscription::dialog_info::{DialogState, State};
use strowger::subscription::dialog_info_reader as reader;

/// A subscription as the phone has it.
pub struct Watching {
    pub event: String,
    pub to: String,
    /// Other header lines of each SUBSCRIBE.
    pub lines: Vec<String>,
    /// The final statuses of its SUBSCRIBEs, the challenge apart.
    pub statuses: Vec<u16>,
    /// The last final answer.
    pub answer: Option<Message>,
    /// The NOTIFYs, and when.
    pub notifies: Vec<(Instant, Message)>,
    /// What NOTIFYs are answered with.
    pub says: u16,
    /// The last NOTIFY told the end.
    pub over: bool,
    call_id: String,
    tag: String,
    expires: u32,
    cseq: u32,
    challenged: bool,
    dialog: Option<Dialog>,
}

impl Watching {
    /// The bodies of the NOTIFYs.
    pub fn bodies(&self) -> Vec<String> {
        let text = |message: &Message| String::from_utf8_lossy(message.body_slice()).into_owned();
        self.notifies.iter().map(|(_, message)| text(message)).collect()
    }

    /// The dialogs of the last NOTIFY.
    pub fn dialogs(&self) -> Vec<DialogState> {
        let Some((_, message)) = self.notifies.last() else { return Vec::new() };
        reader::read(message.body_slice()).expect("the switch's dialog-info can be read").info.dialogs
    }

    /// The state of the first dialog, which is what a lamp shows.
    pub fn lamp(&self) -> Option<State> {
        self.dialogs().first().map(|dialog| dialog.state)
    }

    /// The last `Subscription-State`.
    pub fn standing(&self) -> String {
        let value = self.notifies.last().and_then(|(_, message)| message.header(Name::SubscriptionState));
        String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
    }
}

impl Phone {
    /// Subscribes; the index of the subscription.
    pub fn subscribe(&mut self, now: Instant, to: &str, event: &str, expires: u32, lines: &[&str]) -> usize {
        let index = self.watching.len();
        self.watching.push(Watching {
            event: event.to_owned(),
            to: if to.starts_with("sip:") { to.to_owned() } else { format!("sip:{to}@{DOMAIN}") },
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            statuses: Vec::new(),
            answer: None,
            notifies: Vec::new(),
            says: 200,
            over: false,
            call_id: format!("sub{:016x}@{}", self.random.next_u64(), self.sip.ip()),
            tag: self.endpoint.tag(),
            expires,
            cseq: 0,
            challenged: false,
            dialog: None,
        });
        self.send_subscribe(now, index, None);
        index
    }

    /// Refreshes a subscription, or ends it with 0.
    pub fn resubscribe(&mut self, now: Instant, index: usize, expires: u32) {
        self.watching[index].expires = expires;
        self.watching[index].challenged = false;
        self.send_subscribe(now, index, None);
    }

    pub(super) fn send_subscribe(&mut self, now: Instant, index: usize, authorization: Option<Vec<u8>>) {
        let branch = self.endpoint.branch();
        let sent_by = self.sip.to_string();
        let watching = &mut self.watching[index];
        let mut request = match &mut watching.dialog {
            Some(dialog) => dialog.request(Method::Subscribe, sent_by.as_bytes(), &branch),
            None => {
                watching.cseq += 1;
                let mut request = RequestWriter::new(Method::Subscribe, watching.to.as_bytes());
                request
                    .via(Transport::Udp.into(), sent_by.as_bytes(), branch.as_bytes(), true)
                    .header(Name::MaxForwards, b"70")
                    .header_fmt(
                        Name::From,
                        format_args!("<sip:{}@{DOMAIN}>;tag={}", self.number, watching.tag),
                    )
                    .header_fmt(Name::To, format_args!("<{}>", watching.to))
                    .header(Name::CallId, watching.call_id.as_bytes())
                    .cseq(watching.cseq, Method::Subscribe);
                request
            }
        };
        request
            .header_fmt(Name::Contact, format_args!("<sip:{}@{}>", self.number, self.sip))
            .header(Name::Event, watching.event.as_bytes())
            .header_fmt(Name::Expires, format_args!("{}", watching.expires));
        for line in &watching.lines {
            request.raw_line(line.as_bytes());
        }
        if let Some(value) = authorization {
            request.header(Name::Authorization, &value);
        }
        let bytes = request.finish();
        let flow = self.flow(self.server);
        self.endpoint.request(now, flow, bytes, Purpose::Subscribe(index).pack(), &mut self.effects);
        self.work(now);
    }

    pub(super) fn subscribe_response(&mut self, now: Instant, index: usize, status: u16, message: &Message) {
        if status < 200 {
            return;
        }
        if status == 401 && !self.watching[index].challenged {
            self.watching[index].challenged = true;
            let to = self.watching[index].to.clone();
            let value = self.login(message, Method::Subscribe, &to);
            return self.send_subscribe(now, index, value);
        }
        let flow = self.flow(self.server);
        let watching = &mut self.watching[index];
        watching.statuses.push(status);
        watching.answer = Some(message.clone());
        if (200..300).contains(&status) && watching.dialog.is_none() {
            watching.dialog = Some(accepted(watching, message, flow));
        }
    }

    /// A NOTIFY, when it is of one of ours. It may overtake the 2xx.
    pub(super) fn notified(&mut self, now: Instant, tx: ServerTx, message: &Message) -> bool {
        let call_id = message.call_id().unwrap_or_default();
        let Some(index) = self.watching.iter().position(|one| one.call_id.as_bytes() == call_id) else {
            return false;
        };
        let flow = self.flow(self.server);
        let watching = &mut self.watching[index];
        if watching.over {
            self.respond(now, tx, message, 481);
            return true;
        }
        if let Some(dialog) = &mut watching.dialog {
            assert_eq!(dialog.receive_request(message, flow), Ok(Order::Next), "a NOTIFY overtook another");
        }
        let package = watching.event.split(';').next().unwrap_or_default();
        let event = message.header(Name::Event).unwrap_or_default();
        assert!(event.starts_with(package.as_bytes()), "a NOTIFY of another event");
        if package == "dialog" {
            self.check_document(index, message);
        }
        let watching = &mut self.watching[index];
        let standing = message.header(Name::SubscriptionState).expect("a NOTIFY has a Subscription-State");
        if watching.says == 200 {
            watching.over = standing.starts_with(b"terminated");
            watching.notifies.push((now, message.clone()));
        }
        let bytes = ResponseWriter::to(message, watching.says, "So").finish();
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
        true
    }

    /// RFC 4235: the version rises by one with each NOTIFY; INTEROP: the full state, with a dialog in it.
    fn check_document(&self, index: usize, message: &Message) {
        let document = reader::read(message.body_slice()).expect("the switch's dialog-info can be read");
        assert!(document.is_full && !document.info.dialogs.is_empty(), "a full state with a dialog node");
        let version = |message: &Message| reader::read(message.body_slice()).map(|read| read.version);
        if let Some((_, before)) = self.watching[index].notifies.last() {
            let before = version(before).expect("it was read when it came");
            assert!(document.version > before, "version {} after {before}", document.version);
        }
    }
}

fn accepted(watching: &Watching, message: &Message, flow: strowger::sip::endpoint::Flow) -> Dialog {
    let text = format!(
        "SUBSCRIBE {} SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKx\r\nFrom: <sip:x@{DOMAIN}>;tag={}\r\n\
         To: <{}>\r\nCall-ID: {}\r\nCSeq: {} SUBSCRIBE\r\n\r\n",
        watching.to, watching.tag, watching.to, watching.call_id, watching.cseq
    );
    let request = Message::parse(text.into()).expect("our own request");
    Dialog::uac(&request, message, flow).expect("the switch's 200 makes a dialog")
}

/// A subscription of a phone of the world.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Lamp {
    pub phone: PhoneId,
    pub index: usize,
}

impl World {
    /// Has a phone watch something, whatever comes of it.
    pub fn ask_to_watch(
        &mut self,
        phone: PhoneId,
        to: &str,
        event: &str,
        expires: u32,
        lines: &[&str],
    ) -> Lamp {
        let index = self.with_phone(phone, |phone, now| phone.subscribe(now, to, event, expires, lines));
        let lamp = Lamp { phone, index };
        self.expect("an answer to SUBSCRIBE", Duration::from_secs(5), |world| {
            !world.watching(lamp).statuses.is_empty()
        });
        lamp
    }

    /// Has a phone watch something for an hour, and waits for the first NOTIFY.
    pub fn watch(&mut self, phone: PhoneId, to: &str, event: &str) -> Lamp {
        let lamp = self.ask_to_watch(phone, to, event, 3600, &[]);
        self.check(self.watching(lamp).statuses == [200], "it may be watched");
        self.expect("the first NOTIFY", Duration::from_secs(1), |world| {
            !world.watching(lamp).notifies.is_empty()
        });
        lamp
    }

    pub fn watching(&self, lamp: Lamp) -> &Watching {
        &self.phones[lamp.phone.0].watching[lamp.index]
    }

    pub fn watching_mut(&mut self, lamp: Lamp) -> &mut Watching {
        &mut self.phones[lamp.phone.0].watching[lamp.index]
    }

    /// Sends a refresh, or the end.
    pub fn rewatch(&mut self, lamp: Lamp, expires: u32) {
        self.with_phone(lamp.phone, |phone, now| phone.resubscribe(now, lamp.index, expires));
    }

    /// Ends a subscription, and waits for its last NOTIFY.
    pub fn unwatch(&mut self, lamp: Lamp) {
        self.rewatch(lamp, 0);
        self.expect("the last NOTIFY", Duration::from_secs(2), |world| world.watching(lamp).over);
        let standing = self.watching(lamp).standing();
        self.check(standing == "terminated;reason=timeout", &standing);
    }

    /// Waits until the lamp shows that.
    pub fn shows(&mut self, lamp: Lamp, state: State) {
        self.expect(&format!("the lamp shows {state:?}"), Duration::from_secs(1), |world| {
            world.watching(lamp).lamp() == Some(state)
        });
    }
}
