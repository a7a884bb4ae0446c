//! Any bytes as the value of each typed header: Via, addresses, numbers, media types.

use bytes::Bytes;
use strowger::sip::msg::Message;
use strowger::sip::msg::Name;
use strowger::sip::msg::Via;

pub fn run(data: &[u8]) {
    if let Ok(via) = Via::parse(data) {
        let _ = (via.has_unique_branch(), via.host.ip(), via.port, via.received, via.maddr);
    }
    let line: Vec<u8> =
        data.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect();
    for name in Name::ALL {
        let mut text = b"OPTIONS sip:h SIP/2.0\r\n".to_vec();
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(&line);
        text.extend_from_slice(b"\r\n\r\n");
        let Ok(message) = Message::parse(Bytes::from(text)) else { continue };
        let _ =
            (message.check(), message.via(), message.from(), message.to(), message.cseq(), message.call_id());
        let _ = (message.max_forwards(), message.expires(), message.content_type(), message.content_length());
        let values = message.values(*name).count();
        assert!(values <= line.len() + 1, "more values than bytes");
        for address in message.addresses(*name).flatten() {
            let _ = (address.display_text(), address.tag(), address.expires(), address.q_thousandths());
        }
    }
}
