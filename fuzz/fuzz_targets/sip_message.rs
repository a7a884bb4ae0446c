//! Feeds any bytes to the SIP parser, the strict check, the typed views, the writers and the stream framer.
//!
//! `cargo +nightly fuzz run sip_message sip-tests/torture/rfc4475`
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use strowger::sip::digest::Challenge;
use strowger::sip::digest::Credentials;
use strowger::sip::msg::Edits;
use strowger::sip::msg::Message;
use strowger::sip::msg::Name;
use strowger::sip::msg::frame::Frame;
use strowger::sip::msg::frame::Framer;
use strowger::sip::msg::write;
use strowger::sip::msg::write::ResponseWriter;
use strowger::sip::refer;
use strowger::sip::refer::ReferTo;
use strowger::sip::refer::Replaces;

fuzz_target!(|data: &[u8]| {
    if let Ok(message) = Message::parse(Bytes::copy_from_slice(data)) {
        read(&message);
        answer(&message);
    }
    if let Ok(replaces) = Replaces::parse(data) {
        let _ = (replaces.dialog(), replaces.old_dialog());
    }
    let _ = ReferTo::parse(data);
    let whole = frames(data, data.len().max(1));
    assert_eq!(whole, frames(data, 1), "a split changes the frames");
});

fn read(message: &Message) {
    let _ = (message.check(), message.via(), message.from(), message.to(), message.cseq(), message.call_id());
    let _ = (message.max_forwards(), message.expires(), message.content_type(), message.content_length());
    if let Ok(uri) = message.request_uri() {
        assert!(uri.matches(&uri), "a URI is not itself");
        let _ = (uri.user_decoded(), uri.transport(), uri.maddr(), uri.is_loose_router());
    }
    for name in Name::ALL {
        for address in message.addresses(*name).flatten() {
            let _ = (address.display_text(), address.tag(), address.expires(), address.q_thousandths());
        }
    }
    for value in message.headers(Name::Authorization) {
        let _ = Credentials::parse(value);
        let _ = Challenge::parse(value);
    }
    let _ = (ReferTo::of(message), Replaces::of(message), refer::referred_by(message));
    let _ = refer::wants_no_subscription(message);
    let _ = (message.vias().count(), message.contacts().count(), message.accept().count(), message.require().count());
}

fn answer(message: &Message) {
    let bytes = ResponseWriter::to(message, 400, "Bad Request").to_tag(b"t").finish();
    let answer = Message::parse(bytes).expect("an answer is a message");
    assert!(answer.body_slice().is_empty(), "an answer without a body has one");
    let edited = Message::parse(Edits::new().apply(message)).expect("an edited message is a message");
    assert_eq!(edited.body_slice(), message.body_slice(), "an edit changes the body");
    let _ = (write::cancel(message), write::ack_non_2xx(message, &answer));
}

fn frames(stream: &[u8], size: usize) -> Vec<Bytes> {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    for piece in stream.chunks(size) {
        framer.push(piece);
        while let Ok(Some(frame)) = framer.pop() {
            found.push(match frame {
                Frame::Message(message) => message.as_bytes().clone(),
                Frame::Ping => Bytes::new(),
            });
        }
    }
    found
}
