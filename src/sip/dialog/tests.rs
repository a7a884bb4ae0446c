//! Dialogs from both ends.

use super::*;
use crate::sip::msg::Uri;
use crate::sip::msg::write::ResponseWriter;

fn way(transport: Transport) -> Flow {
    let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
    Flow { transport, local, remote, connection: 0 }
}

fn invite(more: &str) -> Message {
    let text = format!(
        "INVITE sips:bob@b SIP/2.0\r\nVia: SIP/2.0/TLS a;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n{more}\
         From: \"Alice\" <sip:alice@a>;tag=aa\r\nTo: Bob <sip:bob@b>\r\nCall-ID: 1@a\r\nCSeq: 7 INVITE\r\n\
         Contact: \"A\" <sip:alice@192.0.2.1:5070>;expires=5\r\n\r\n"
    );
    Message::parse(text.into()).unwrap()
}

fn answer(request: &Message, code: u16, contact: &str, tag: &str) -> Message {
    let mut writer = ResponseWriter::to(request, code, "Said");
    writer.to_tag(tag.as_bytes()).with_record_route().header(Name::Contact, contact.as_bytes());
    Message::parse(writer.finish()).unwrap()
}

const ROUTES: &str = "Record-Route: <sip:p2;lr>\r\nRecord-Route: <sip:p1;lr>\r\n";

#[test]
fn both_ends_make_the_same_dialog() {
    let request = invite(ROUTES);
    let mut bob = Dialog::uas(&request, "bb", way(Transport::Tls)).unwrap();
    let ok = answer(&request, 200, "<sip:bob@192.0.2.2>", "bb");
    let mut alice = Dialog::uac(&request, &ok, way(Transport::Tls)).unwrap();
    assert_eq!((alice.state(), bob.state()), (State::Confirmed, State::Early));
    bob.confirm();
    assert_eq!(bob.state(), State::Confirmed);
    assert!(alice.is_secure() && bob.is_secure());
    assert!(!Dialog::uas(&request, "bb", way(Transport::Udp)).unwrap().is_secure());

    let bye = Message::parse(alice.request(Method::Bye, b"192.0.2.1:5061", "z9hG4bK2").finish()).unwrap();
    assert_eq!(bye.check(), Ok(()));
    assert_eq!(bye.request_uri_raw(), b"sip:bob@192.0.2.2");
    assert_eq!(bye.via().unwrap().raw, b"SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK2");
    assert_eq!(bye.header(Name::From), Some(&b"\"Alice\" <sip:alice@a>;tag=aa"[..]));
    assert_eq!(bye.header(Name::To), Some(&b"Bob <sip:bob@b>;tag=bb"[..]));
    assert_eq!(bye.header(Name::CSeq), Some(&b"8 BYE"[..]));
    assert_eq!(
        bye.routes().map(|route| route.unwrap().raw).collect::<Vec<_>>(),
        [b"<sip:p1;lr>", b"<sip:p2;lr>"]
    );
    assert_eq!(id::of_request(&bye).as_ref(), Some(bob.id()));
    assert_eq!(bob.receive_request(&bye, way(Transport::Tls)), Ok(Order::Next));

    let back = Message::parse(bob.request(Method::Info, b"192.0.2.2", "z9hG4bK3").finish()).unwrap();
    assert_eq!(back.request_uri_raw(), b"sip:alice@192.0.2.1:5070");
    assert_eq!(back.header(Name::From), Some(&b"Bob <sip:bob@b>;tag=bb"[..]));
    assert_eq!(back.header(Name::CSeq), Some(&b"1 INFO"[..]));
    assert_eq!(bob.next_hop(), b"sip:p2;lr");
    assert_eq!(id::of_request(&back).as_ref(), Some(alice.id()));

    let ack = Message::parse(alice.ack_for(7, b"192.0.2.1", "z9hG4bK4").finish()).unwrap();
    assert_eq!((ack.header(Name::CSeq), alice.local_cseq()), (Some(&b"7 ACK"[..]), 8));
}

#[test]
fn an_early_dialog_is_replaced_by_the_2xx() {
    let request = invite(ROUTES);
    let ringing = answer(&request, 180, "<sip:bob@early>", "bb");
    let mut alice = Dialog::uac(&request, &ringing, way(Transport::Udp)).unwrap();
    assert_eq!((alice.state(), alice.remote_target()), (State::Early, &b"sip:bob@early"[..]));
    let ok = Message::parse(
        ResponseWriter::to(&request, 200, "OK")
            .to_tag(b"bb")
            .header(Name::Contact, b"<sip:bob@late>")
            .finish(),
    );
    alice.receive_response(&ok.unwrap()).unwrap();
    assert_eq!((alice.state(), alice.remote_target()), (State::Confirmed, &b"sip:bob@late"[..]));
    assert!(alice.routes().is_empty());
    // Afterwards only the target moves.
    alice.receive_response(&answer(&request, 200, "<sip:bob@later>", "bb")).unwrap();
    assert!(alice.routes().is_empty());
    assert_eq!(Uri::parse(alice.remote_target()).unwrap().host.to_string(), "later");
}

#[test]
fn what_makes_no_dialog() {
    let request = invite("");
    let flow = way(Transport::Udp);
    for (code, tag) in [(100, ""), (100, "bb"), (180, ""), (486, "bb")] {
        let mut writer = ResponseWriter::to(&request, code, "Said");
        if !tag.is_empty() {
            writer.to_tag(tag.as_bytes());
        }
        let response = Message::parse(writer.finish()).unwrap();
        assert!(Dialog::uac(&request, &response, flow).is_err(), "{code} {tag}");
    }
    let text = String::from_utf8(request.as_bytes().to_vec()).unwrap();
    let bare = Message::parse(text.replace("Contact:", "X:").into()).unwrap();
    assert_eq!(
        Dialog::uas(&bare, "bb", flow).map(|_| ()),
        Err(Defect::bad(Name::Contact, "Missing Contact"))
    );
    // A phone of RFC 2543 that gives no tag has one all the same: the empty one.
    let old = Message::parse(text.replace(";tag=aa", "").into()).unwrap();
    assert_eq!(Dialog::uas(&old, "bb", flow).unwrap().id().remote_tag(), b"");
}

#[test]
fn requests_out_of_order_are_refused() {
    let mut bob = Dialog::uas(&invite(""), "bb", way(Transport::Udp)).unwrap();
    let moved = Flow { remote: "192.0.2.99:1234".parse().unwrap(), ..way(Transport::Udp) };
    let mut check = |method: &str, cseq: u32, order: Order| {
        let text = format!("{method} sip:bob@b SIP/2.0\r\nCSeq: {cseq} {method}\r\n\r\n");
        let request = Message::parse(text.into()).unwrap();
        assert_eq!(bob.receive_request(&request, moved), Ok(order), "{cseq} {method}");
    };
    check("ACK", 7, Order::Next);
    check("INFO", 12, Order::Next);
    check("INFO", 12, Order::Next);
    check("BYE", 11, Order::TooLate);
    check("CANCEL", 7, Order::Next);
    check("ACK", 7, Order::Next);
    check("BYE", 13, Order::Next);
    assert_eq!((bob.remote_cseq(), bob.flow()), (Some(13), moved));
}
