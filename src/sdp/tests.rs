//! Offer/answer against the shapes that real phones, carriers and browsers send.

use super::*;
use proptest::prelude::*;
use std::net::IpAddr;
use std::net::SocketAddr;

mod security;

fn local() -> Local {
    Local {
        address: "192.0.2.10".parse().unwrap(),
        port: 20_000,
        session_id: 4711,
        version: 1,
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        dtmf: true,
        direction: Direction::SendRecv,
        ptime_ms: 20,
        security: Security::Off,
        keys: Vec::new(),
    }
}

/// A small offer with these lines after the `t=` line.
fn offer_of(media: &str) -> Remote {
    read(
        format!("v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n{media}")
            .as_bytes(),
    )
    .unwrap()
}

fn answered(media: &str) -> (String, Agreed) {
    let (body, agreed) = answer(&offer_of(media), &local(), None).unwrap();
    (String::from_utf8(body).unwrap(), agreed)
}

fn refused(media: &str) -> Refusal {
    answer(&offer_of(media), &local(), None).unwrap_err()
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

const YEALINK: &str = "v=0\r\no=- 20023 20023 IN IP4 192.168.1.23\r\ns=SDP data\r\nc=IN IP4 192.168.1.23\r\nt=0 0\r\n\
    m=audio 11782 RTP/AVP 106 9 8 0 18 101\r\na=rtpmap:106 opus/48000/2\r\na=rtpmap:9 G722/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

#[test]
fn yealink() {
    let remote = read(YEALINK.as_bytes()).unwrap();
    let (body, agreed) = answer(&remote, &local(), None).unwrap();
    assert_eq!(
        agreed,
        Agreed {
            remote: Some(addr("192.168.1.23:11782")),
            rtcp: Some(addr("192.168.1.23:11783")),
            rtcp_mux: false,
            codec: Codec::Pcma,
            send_payload: 8,
            receive_payload: 8,
            receive_also: vec![],
            dtmf_send: Some(101),
            dtmf_receive: Some(101),
            ptime_ms: 20,
            direction: Direction::SendRecv,
            held: false,
            srtp: None,
        }
    );
    assert_eq!(
        String::from_utf8(body).unwrap(),
        "v=0\r\no=- 4711 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
         m=audio 20000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
    );
}

#[test]
fn the_other_legs_codec_comes_first_if_both_know_it() {
    let remote = read(YEALINK.as_bytes()).unwrap();
    let codec = |prefer| answer(&remote, &local(), prefer).unwrap().1.codec;
    assert_eq!(codec(Some(&Codec::Pcmu)), Codec::Pcmu);
    let g729 = Codec::named("G729", 8000, 1);
    assert_eq!(codec(Some(&g729)), Codec::Pcma, "we do not know it");
    let both = Local { codecs: vec![Codec::Pcmu, g729.clone()], ..local() };
    assert_eq!(answer(&remote, &both, Some(&g729)).unwrap().1.send_payload, 18);
}

#[test]
fn asterisk_with_its_own_rtcp_port() {
    let (_, agreed) = answered(
        "m=audio 14230 RTP/AVP 0 8 3 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:3 GSM/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=maxptime:150\r\n\
         a=rtcp:14999 IN IP4 198.51.100.8\r\na=sendrecv\r\n",
    );
    assert_eq!(agreed.codec, Codec::Pcmu, "the offerer's order");
    assert_eq!(agreed.rtcp, Some(addr("198.51.100.8:14999")));
    let (_, agreed) = answered("m=audio 14230 RTP/AVP 0\r\na=rtcp:15000\r\n");
    assert_eq!(agreed.rtcp, Some(addr("198.51.100.7:15000")));
}

#[test]
fn linphone_with_avpf_xr_and_ice() {
    let (body, agreed) = answered(
        "a=ice-pwd:abc\r\na=ice-ufrag:def\r\na=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r\n\
         m=audio 7078 RTP/AVPF 96 97 98 0 8 99 100\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n\
         a=rtpmap:97 speex/16000\r\na=fmtp:97 vbr=on\r\na=rtpmap:98 speex/8000\r\na=fmtp:98 vbr=on\r\n\
         a=rtpmap:99 telephone-event/48000\r\na=rtpmap:100 telephone-event/8000\r\na=rtcp-fb:* trr-int 1000\r\n\
         a=candidate:1 1 UDP 2130706303 198.51.100.7 7078 typ host\r\na=rtcp-mux\r\n",
    );
    assert!(body.contains("m=audio 20000 RTP/AVPF 0 100\r\n"), "{body}");
    assert!(body.contains("a=rtcp-mux\r\n"));
    assert_eq!((agreed.dtmf_send, agreed.rtcp_mux, agreed.rtcp), (Some(100), true, agreed.remote));
    let audio =
        offer_of("m=audio 7078 RTP/AVP 0\r\na=candidate:1 1 UDP 1 1.2.3.4 7078 typ host\r\n").audio.unwrap();
    assert!(audio.ice && !audio.dtls && audio.crypto.is_empty());
}

#[test]
fn baresip_with_attributes_before_and_its_own_ptime() {
    let (_, agreed) = answered(
        "a=tool:baresip 1.0.0\r\nm=audio 21234 RTP/AVP 0 8 101\r\nb=AS:125\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtcp:21235\r\n\
         a=sendrecv\r\na=label:1\r\na=rtcp-rsize\r\na=ssrc:2377416 cname:sip:a@example.com\r\na=ptime:40\r\n",
    );
    assert_eq!((agreed.ptime_ms, agreed.send_payload), (40, 0));
}

#[test]
fn chrome_is_refused_clearly() {
    let chrome = "a=group:BUNDLE 0\r\na=msid-semantic: WMS\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n\
        c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:x\r\na=ice-pwd:y\r\n\
        a=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n\
        a=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n";
    assert_eq!(refused(chrome), Refusal::SecureOnly);
    assert_eq!(Refusal::SecureOnly.warning_code(), 302);
    let audio = offer_of(chrome).audio.unwrap();
    assert!(audio.ice && audio.dtls && audio.rtcp_mux);
    assert_eq!(audio.profile, Profile::Dtls);
}

#[test]
fn an_offer_of_secure_and_plain_audio_is_answered_plain() {
    let (body, agreed) = answered(
        "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n\
         m=audio 4002 RTP/AVP 8 0\r\nm=video 5000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n",
    );
    assert_eq!(agreed.remote, Some(addr("198.51.100.7:4002")));
    assert!(
        body.contains("m=audio 0 RTP/SAVP 0\r\nm=audio 20000 RTP/AVP 8\r\n")
            && body.ends_with("m=video 0 RTP/AVP 99\r\n"),
        "as many lines as the offer, in its order: {body}"
    );
}

#[test]
fn fax_is_refused_and_a_dead_image_line_is_kept() {
    assert_eq!(refused("m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\n"), Refusal::NoAudio);
    assert_eq!(refused("m=audio 0 RTP/AVP 0\r\nm=image 4000 udptl t38\r\n"), Refusal::NoAudio);
    let (body, _) = answered("m=audio 4000 RTP/AVP 8\r\nm=image 0 udptl t38\r\n");
    assert!(body.ends_with("m=image 0 udptl t38\r\n"), "{body}");
    let (body, _) = answered("m=audio 4000 RTP/AVP 8\r\nm=video 0 RTP/AVP\r\n");
    assert!(body.ends_with("m=video 0 RTP/AVP 0\r\n"), "{body}");
}

#[test]
fn one_of_several_audio_lines_is_taken() {
    let (body, agreed) =
        answered("m=audio 0 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\nm=audio 4004 RTP/AVP 8\r\n");
    assert_eq!(agreed.remote, Some(addr("198.51.100.7:4002")));
    assert!(body.contains("m=audio 0 RTP/AVP 0\r\nm=audio 20000 RTP/AVP 8"), "{body}");
    assert!(body.ends_with("m=audio 0 RTP/AVP 8\r\n"), "{body}");
}

#[test]
fn names_count_and_not_numbers() {
    // No map at all: static numbers.
    assert_eq!(answered("m=audio 4000 RTP/AVP 18 8 0\r\n").1.codec, Codec::Pcma);
    // A map overrules the static number, and a dynamic number may be PCMU.
    let (body, agreed) =
        answered("m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:0 L16/8000\r\na=rtpmap:97 pcmu/8000/1\r\n");
    assert_eq!((agreed.codec, agreed.send_payload, agreed.receive_payload), (Codec::Pcmu, 97, 97));
    assert!(body.contains("a=rtpmap:97 PCMU/8000\r\n"), "{body}");
    // Another clock is another codec.
    assert_eq!(refused("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/16000\r\n"), Refusal::NoCommonCodec);
    // A dynamic number without a map says nothing.
    assert_eq!(refused("m=audio 4000 RTP/AVP 96 13\r\n"), Refusal::NoCommonCodec);
}

#[test]
fn digits_take_the_codecs_clock() {
    let events = "a=rtpmap:98 telephone-event/48000\r\na=rtpmap:99 TELEPHONE-EVENT/8000\r\n";
    let (_, agreed) = answered(&format!("m=audio 4000 RTP/AVP 0 98 99\r\n{events}"));
    assert_eq!(agreed.dtmf_send, Some(99));
    assert_eq!(answered("m=audio 4000 RTP/AVP 0\r\n").1.dtmf_send, None);
    let without = Local { dtmf: false, ..local() };
    let (body, agreed) = answer(&read(YEALINK.as_bytes()).unwrap(), &without, None).unwrap();
    assert_eq!(agreed.dtmf_receive, None);
    assert!(!String::from_utf8(body).unwrap().contains("telephone-event"));
}

#[test]
fn odd_spellings_are_read() {
    let odd = "\r\nv=0\no=no origin worth the name\ni=\u{fffd}\nc=IN  IP4   198.51.100.7 \nt=0 0 \nfoo\n\n\
        m=audio  4000  rtp/avp  8   0 \na=rtpmap:8  pcma/8000 \na=RTPMAP: 0 PCMU\na=PTIME: 30.0\na=SendOnly \n";
    let audio = read(odd.as_bytes()).unwrap().audio.unwrap();
    assert_eq!(audio.formats, [(8, Codec::Pcma), (0, Codec::Pcmu)]);
    assert_eq!(
        (audio.ptime_ms, audio.direction, audio.profile),
        (Some(30), Direction::SendOnly, Profile::Plain)
    );
    // Bare carriage returns, and a session name that is not UTF-8.
    let bytes = b"v=0\rs=caf\xe9\rc=IN IP4 198.51.100.7\rm=audio 4000 RTP/AVP 8\r";
    assert_eq!(read(bytes).unwrap().audio.unwrap().rtp, addr("198.51.100.7:4000"));
}

#[test]
fn the_streams_own_address_counts_first() {
    let (_, agreed) = answered("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 203.0.113.5/127\r\n");
    assert_eq!(agreed.remote, Some(addr("203.0.113.5:4000")));
}

#[test]
fn ip_version_6() {
    let six = Local { address: "2001:db8::1".parse().unwrap(), ..local() };
    let remote = read(b"v=0\r\nc=IN IP6 2001:db8::7\r\nm=audio 4000 RTP/AVP 8\r\n").unwrap();
    let (body, agreed) = answer(&remote, &six, None).unwrap();
    assert_eq!(agreed.remote, Some(addr("[2001:db8::7]:4000")));
    assert!(String::from_utf8(body).unwrap().contains("c=IN IP6 2001:db8::1\r\n"));
    assert_eq!(answer(&remote, &local(), None), Err(Refusal::AddressFamily));
}

#[test]
fn hold_in_all_its_forms() {
    let check = |lines: &str, direction, held, address: bool| {
        let (body, agreed) = answered(&format!("m=audio 4000 RTP/AVP 8\r\n{lines}"));
        assert_eq!((agreed.direction, agreed.held), (direction, held), "{lines}");
        assert_eq!(agreed.remote.is_some(), address, "{lines}");
        assert!(body.contains(&format!("a={}\r\n", direction.attribute())), "{body}");
    };
    check("", Direction::SendRecv, false, true);
    check("a=sendonly\r\n", Direction::RecvOnly, true, true);
    check("a=recvonly\r\n", Direction::SendOnly, false, true);
    check("a=inactive\r\n", Direction::Inactive, true, true);
    check("c=IN IP4 0.0.0.0\r\n", Direction::RecvOnly, true, false);
    check("c=IN IP4 0.0.0.0\r\na=recvonly\r\n", Direction::Inactive, true, false);
    // The session's direction holds for a stream that has none, and only for such.
    assert!(answered("a=sendonly\r\nm=audio 4000 RTP/AVP 8\r\n").1.held);
    assert!(!answered("a=sendonly\r\nm=audio 4000 RTP/AVP 8\r\na=sendrecv\r\n").1.held);
}

#[test]
fn our_own_hold_is_not_theirs() {
    let reply = |line: &str| offer_of(&format!("m=audio 4000 RTP/AVP 8\r\na={line}\r\n"));
    let ours = |direction| Local { direction, ..local() };
    let agreed = agree(&ours(Direction::SendOnly), &reply("recvonly")).unwrap();
    assert_eq!((agreed.direction, agreed.held), (Direction::SendOnly, false));
    let agreed = agree(&ours(Direction::Inactive), &reply("inactive")).unwrap();
    assert_eq!((agreed.direction, agreed.held), (Direction::Inactive, false));
    let agreed = agree(&ours(Direction::SendRecv), &reply("sendonly")).unwrap();
    assert_eq!((agreed.direction, agreed.held), (Direction::RecvOnly, true));
}

#[test]
fn an_answer_with_other_numbers_is_followed() {
    let opus = Codec::named("opus", 48_000, 2);
    let ours = Local { codecs: vec![opus.clone(), Codec::Pcmu, Codec::Pcma], ..local() };
    let body = String::from_utf8(offer(&ours)).unwrap();
    assert!(body.contains("m=audio 20000 RTP/AVP 96 0 8 97 101\r\na=rtpmap:96 opus/48000/2\r\n"), "{body}");
    assert!(body.contains("a=rtpmap:97 telephone-event/48000\r\na=fmtp:97 0-16\r\n"), "{body}");
    let theirs = offer_of(
        "m=audio 4000 RTP/AVP 107 8 110\r\na=rtpmap:107 OPUS/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n",
    );
    let agreed = agree(&ours, &theirs).unwrap();
    assert_eq!((agreed.codec, agreed.send_payload, agreed.receive_payload), (opus, 107, 96));
    assert_eq!((agreed.dtmf_send, agreed.dtmf_receive), (Some(110), Some(97)));
    assert_eq!(agreed.receive_also, [(8, Codec::Pcma)]);
}

#[test]
fn an_answer_that_refuses_our_stream() {
    assert_eq!(agree(&local(), &offer_of("m=audio 0 RTP/AVP 8\r\n")), Err(Refusal::NoAudio));
    let gsm = offer_of("m=audio 4000 RTP/AVP 3\r\n");
    assert_eq!(agree(&local(), &gsm), Err(Refusal::NoCommonCodec));
    let nowhere = read(b"v=0\r\nm=audio 0 RTP/AVP 8\r\n").unwrap();
    assert_eq!(agree(&local(), &nowhere), Err(Refusal::NoAudio), "a refused stream needs no address");
}

#[test]
fn packet_lengths_that_make_no_sense_are_ours() {
    let with = |line: &str| answered(&format!("m=audio 4000 RTP/AVP 8\r\n{line}\r\n")).1.ptime_ms;
    assert_eq!(
        ["a=ptime:30", "a=ptime:0", "a=ptime:25", "a=ptime:200", "a=ptime:", "a=ptime:9999"].map(with),
        [30, 20, 20, 20, 20, 20]
    );
    assert_eq!(with("a=maxptime:10"), 10);
}

#[test]
fn faults_are_named() {
    let fault = |body: &str| read(body.as_bytes()).unwrap_err();
    assert!(matches!(fault(""), SdpFault::Malformed(_)));
    assert!(matches!(fault("o=- 1 1 IN IP4 1.2.3.4\r\n"), SdpFault::Malformed(_)));
    assert!(matches!(fault("v=0\r\nm=audio 70000 RTP/AVP 0\r\n"), SdpFault::Malformed(_)));
    assert!(matches!(fault("v=0\r\nm=audio\r\n"), SdpFault::Malformed(_)));
    assert_eq!(fault("v=0\r\nm=audio 4000 RTP/AVP 0\r\n"), SdpFault::NoAddress);
    assert_eq!(fault("v=0\r\nc=IN IP4 pbx.example.com\r\nm=audio 4000 RTP/AVP 0\r\n"), SdpFault::Address);
    assert_eq!(fault("v=0\r\nc=IN IP4 224.2.1.1/127\r\nm=audio 4000 RTP/AVP 0\r\n"), SdpFault::Address);
    assert_eq!(fault(&"m".repeat(BODY_LEN_MAX + 1)), SdpFault::TooLong(BODY_LEN_MAX + 1));
    let medias = "m=video 0 RTP/AVP 99\r\n".repeat(MEDIA_MAX + 1);
    assert_eq!(fault(&format!("v=0\r\n{medias}")), SdpFault::TooManyMedia);
    let formats = " 96".repeat(FORMATS_MAX + 1);
    assert_eq!(fault(&format!("v=0\r\nm=audio 4000 RTP/AVP{formats}\r\n")), SdpFault::TooManyFormats);
}

#[test]
fn the_version_rises_only_with_a_change() {
    let first = offer(&local());
    assert_eq!(renew(&first, offer(&local())), first);
    let held = Local { direction: Direction::SendOnly, ..local() };
    let second = renew(&first, offer(&held));
    assert!(String::from_utf8_lossy(&second).contains("o=- 4711 2 IN IP4 192.0.2.10\r\n"));
    assert_eq!(renew(&second, offer(&held)), second);
    let third = renew(&second, offer(&local()));
    assert!(String::from_utf8_lossy(&third).contains("o=- 4711 3 IN"));
    assert_eq!(renew(b"garbage", first.clone()), first);
}

fn any_local() -> impl Strategy<Value = Local> {
    let all = vec![
        Codec::Pcmu,
        Codec::Pcma,
        Codec::named("g722", 8000, 1),
        Codec::named("opus", 48_000, 2),
        Codec::named("iLBC", 8000, 1),
    ];
    let codecs = proptest::sample::subsequence(all, 1..=5).prop_shuffle();
    let directions =
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive].to_vec();
    (codecs, any::<bool>(), proptest::sample::select(directions), any::<bool>(), 1u8..100, 1u16..30_000)
        .prop_map(|(codecs, dtmf, direction, six, host, port)| {
            let address = if six {
                IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(host)])
            } else {
                IpAddr::from([192, 0, 2, host])
            };
            Local { address, port: port * 2, codecs, dtmf, direction, ..local() }
        })
}

proptest! {
    #[test]
    fn both_sides_agree(ours in any_local(), theirs in any_local()) {
        let remote = read(&offer(&ours)).expect("our own offer is readable");
        match answer(&remote, &theirs, theirs.codecs.first()) {
            Err(Refusal::NoCommonCodec) => {
                prop_assert!(!ours.codecs.iter().any(|codec| theirs.codecs.contains(codec)));
            }
            Err(other) => {
                prop_assert_eq!(other, Refusal::AddressFamily);
                prop_assert_ne!(ours.address.is_ipv4(), theirs.address.is_ipv4());
            }
            Ok((body, answerer)) => {
                let offerer = agree(&ours, &read(&body).expect("our own answer is readable"))
                    .expect("an answer that was made is taken");
                prop_assert_eq!(&offerer.codec, &answerer.codec);
                prop_assert_eq!(offerer.send_payload, answerer.receive_payload);
                prop_assert_eq!(offerer.receive_payload, answerer.send_payload);
                prop_assert_eq!(offerer.dtmf_send, answerer.dtmf_receive);
                prop_assert_eq!(offerer.dtmf_send.is_some(), ours.dtmf && theirs.dtmf);
                prop_assert_eq!(offerer.direction, answerer.direction.reversed());
                prop_assert_eq!(offerer.remote, Some(SocketAddr::new(theirs.address, theirs.port)));
                prop_assert_eq!(answerer.remote, Some(SocketAddr::new(ours.address, ours.port)));
            }
        }
    }

    #[test]
    fn nothing_that_a_peer_sends_panics(
        noise in prop::collection::vec(any::<u8>(), 0..300),
        lines in prop::collection::vec("[vcma]=[ -~]{0,30}", 0..12),
        edits in prop::collection::vec((0usize..600, any::<u8>()), 0..12),
    ) {
        let mut phone = YEALINK.as_bytes().to_vec();
        for (at, byte) in edits {
            if let Some(place) = phone.get_mut(at) {
                *place = byte;
            }
        }
        for body in [noise, format!("v=0\n{}", lines.join("\n")).into_bytes(), phone] {
            if let Ok(remote) = read(&body) {
                if let Ok((body, _)) = answer(&remote, &local(), None) {
                    let again = read(&body).expect("what we answer is readable");
                    prop_assert_eq!(again.lines.len(), remote.lines.len());
                }
                let _ = agree(&local(), &remote);
            }
        }
    }
}
