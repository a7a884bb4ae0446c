//! What a party over a `Wire` says and reads in a call: SDP with a voice's port, answers, the switch's port.

use strowger::sip::msg::Message;
use strowger::sip::msg::Name;
use strowger::sip::msg::write::ResponseWriter;

/// An offer or answer of A-law for that port of loopback.
pub fn description(port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n\
         a=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
    )
}

/// The 200 to an INVITE, with that Contact.
pub fn answer(invite: &Message, contact: &str, port: u16) -> Vec<u8> {
    let mut response = ResponseWriter::to(invite, 200, "OK");
    response.to_tag(b"far").with_record_route();
    response.header(Name::Contact, contact.as_bytes());
    response.body(b"application/sdp", description(port).as_bytes()).finish().to_vec()
}

/// Where the switch wants to hear.
pub fn media_port(message: &Message) -> u16 {
    let body = String::from_utf8_lossy(message.body_slice()).into_owned();
    let line = body.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("an audio line");
    line.split(' ').next().and_then(|port| port.parse().ok()).expect("a port")
}
