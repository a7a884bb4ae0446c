//! Keys that parties press: from telephone events (RFC 4733) and INFO requests to the call, and on to the other party.
//!
//! Between two parties with telephone events the media engine passes them on by itself; here is what it can't. That a press
//! which comes by both ways is one is the engine's to see, too: it has them in the order in which they came.

use crate::call;
use crate::call::LegId;
use crate::call::Way;
use crate::clock::Now;
use crate::media::command::Command as MediaCommand;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::leg::Purpose;

/// The length of a press that we pass on, in milliseconds.
const PRESS_MS: u32 = 160;

impl Core {
    /// A party has pressed a key, by one of the two ways or by both.
    pub(crate) fn key_pressed(&mut self, now: Now, id: LegId, key: char, way: Way) {
        if let Some(call) = self.legs.get(&id).map(|leg| leg.call) {
            self.tell(call, call::Input::Key { leg: id, key, way });
            self.key_of_code(now, id, key);
        }
    }

    /// INFO in a dialog (RFC 2976, RFC 6086 section 8.1's legacy use): keys in the two forms that phones send.
    pub(crate) fn info_received(&mut self, now: Now, tx: ServerTx, id: LegId, message: &Message) {
        match key_of(message) {
            Some(key) => {
                self.reply(now, tx, message, 200, "OK");
                if let Some(leg) = self.legs.get(&id) {
                    let command = MediaCommand::Told { leg: leg.media(), key };
                    self.out.push(Output::Media { worker: leg.worker, command });
                }
            }
            // An INFO without a body asks whether the dialog lives.
            None if message.body_slice().is_empty() => self.reply(now, tx, message, 200, "OK"),
            None => self.reply_with(now, tx, message, 415, "Unsupported Media Type", |response| {
                response.header(Name::Accept, b"application/dtmf-relay, application/dtmf");
            }),
        }
    }

    /// Passes a key on to a party, as he can take it: as a telephone event, else as INFO where he allows it.
    pub(crate) fn pass_key(&mut self, now: Now, id: LegId, key: char, way: Way) {
        let Some(leg) = self.legs.get(&id) else { return };
        let takes_events = leg.agreed.as_ref().is_some_and(|agreed| agreed.dtmf_send.is_some());
        match (takes_events, way) {
            // The media engine has passed it on.
            (true, Way::Event) => {}
            (true, Way::Info) => {
                let command = MediaCommand::Press { leg: leg.media(), key };
                self.out.push(Output::Media { worker: leg.worker, command });
            }
            (false, _) if leg.takes_info => {
                let body = format!("Signal={key}\r\nDuration={PRESS_MS}\r\n");
                self.send_in_dialog(now, id, Method::Info, Purpose::Farewell(id), |request| {
                    request.body(b"application/dtmf-relay", body.as_bytes());
                });
            }
            (false, _) => {}
        }
    }

    /// Notes from a request or response of the peer whether he takes INFO (RFC 3261 section 20.5).
    pub(crate) fn note_allow(&mut self, id: LegId, message: &Message) {
        let allows = |name: &[u8]| name.trim_ascii().eq_ignore_ascii_case(b"INFO");
        if message.has(Name::Allow)
            && let Some(leg) = self.legs.get_mut(&id)
        {
            leg.takes_info = message.values(Name::Allow).any(allows);
        }
    }
}

/// The key of an INFO: `application/dtmf-relay` has `Signal=5`, `application/dtmf` the key alone.
fn key_of(message: &Message) -> Option<char> {
    let kind = message.content_type().ok()??;
    let body = String::from_utf8_lossy(message.body_slice());
    let text = if kind.is(b"application", b"dtmf-relay") {
        let line = body.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("Signal").then_some(value)
        })?;
        line.trim().to_owned()
    } else if kind.is(b"application", b"dtmf") {
        body.trim().to_owned()
    } else {
        return None;
    };
    key_named(&text)
}

/// A key by its letter, or by its event's number, as some phones write `10` for the star.
fn key_named(text: &str) -> Option<char> {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(key), None) => match key {
            '0'..='9' | '*' | '#' | 'A'..='D' => Some(key),
            'a'..='d' => Some(key.to_ascii_uppercase()),
            _ => None,
        },
        _ => match text {
            "10" => Some('*'),
            "11" => Some('#'),
            "12" => Some('A'),
            "13" => Some('B'),
            "14" => Some('C'),
            "15" => Some('D'),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(kind: &str, body: &str) -> Option<char> {
        let text = format!(
            "INFO sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        key_of(&Message::parse(text.into()).unwrap())
    }

    #[test]
    fn both_forms_of_a_key_are_read() {
        assert_eq!(info("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), Some('5'));
        assert_eq!(info("application/dtmf-relay", "Signal= *\nDuration= 100"), Some('*'));
        assert_eq!(info("Application/DTMF-Relay", "signal=11\r\n"), Some('#'));
        assert_eq!(info("application/dtmf", "7"), Some('7'));
        assert_eq!(info("application/dtmf", "b\r\n"), Some('B'));
        for (kind, body) in [
            ("application/dtmf", ""),
            ("application/dtmf", "77"),
            ("application/dtmf-relay", "Duration=160"),
            ("application/dtmf-relay", "Signal=16"),
            ("text/plain", "5"),
        ] {
            assert_eq!(info(kind, body), None, "{kind} {body}");
        }
    }
}
