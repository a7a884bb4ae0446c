//! Encrypted streams in offers and answers (RFC 4568).

use super::*;
use crate::ids::Random;
use crate::srtp::MasterKey;
use crate::srtp::Suite;

fn secure(security: Security) -> Local {
    let mut random = Random::seeded(9);
    let keys = Suite::ALL.map(|suite| MasterKey::draw(suite, &mut random)).to_vec();
    Local { security, keys, ..local() }
}

const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

/// The media lines of a desk phone that must encrypt.
fn phone() -> String {
    format!(
        "m=audio 4000 RTP/SAVP 8 0\r\na=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:{KEY}\r\n\
         a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31\r\na=crypto:5 AES_CM_128_HMAC_SHA1_32 inline:{KEY}\r\n"
    )
}

fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap()
}

#[test]
fn the_first_line_that_both_know_is_answered_under_its_tag() {
    let ours = secure(Security::Accepted);
    let (body, agreed) = answer(&offer_of(&phone()), &ours, None).unwrap();
    let body = text(body);
    let keys = agreed.srtp.unwrap();
    assert_eq!((keys.ours.suite(), &keys.ours), (Suite::AesCm80, &ours.keys[0]));
    assert_eq!(
        Crypto { tag: 4, key: keys.theirs }.to_string(),
        format!("4 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")
    );
    let line = Crypto { tag: 4, key: keys.ours }.to_string();
    assert!(body.contains("m=audio 20000 RTP/SAVP 8\r\n"), "{body}");
    assert_eq!(body.matches("a=crypto:").count(), 1);
    assert!(body.contains(&format!("a=crypto:{line}\r\n")), "{body}");
    // A later offer that only repeats itself is answered with the same key.
    let (again, _) = answer(&offer_of(&phone()), &ours, None).unwrap();
    assert_eq!(text(again), body);
}

#[test]
fn both_sides_have_the_same_keys_crosswise() {
    let mut random = Random::seeded(10);
    for suite in Suite::ALL {
        let ours = secure(Security::Offered);
        let theirs = Local { keys: vec![MasterKey::draw(suite, &mut random)], ..secure(Security::Accepted) };
        let body = offer(&ours);
        assert!(text(body.clone()).contains("m=audio 20000 RTP/SAVP 8 0 101\r\n"));
        assert_eq!(text(body.clone()).matches("a=crypto:").count(), 4);
        let (body, answerer) = answer(&read(&body).unwrap(), &theirs, None).unwrap();
        let offerer = agree(&ours, &read(&body).unwrap()).unwrap();
        let (one, other) = (offerer.srtp.unwrap(), answerer.srtp.unwrap());
        assert_eq!((&one.ours, &one.theirs), (&other.theirs, &other.ours));
        assert_eq!(one.ours.suite(), suite);
    }
}

#[test]
fn of_secure_and_plain_lines_the_secure_one_is_taken_where_it_may_be() {
    let both = format!("{}m=audio 4002 RTP/AVP 8\r\n", phone());
    let turned = format!("m=audio 4002 RTP/AVP 8\r\n{}", phone());
    for media in [both, turned] {
        let remote = offer_of(&media);
        for security in [Security::Accepted, Security::Offered, Security::Required] {
            let (body, agreed) = answer(&remote, &secure(security), None).unwrap();
            assert!(agreed.srtp.is_some());
            assert_eq!(agreed.remote.unwrap().port(), 4000);
            let body = text(body);
            assert!(
                body.contains("m=audio 20000 RTP/SAVP 8\r\n") && body.contains("m=audio 0 RTP/AVP 8\r\n"),
                "{body}"
            );
        }
        let (_, agreed) = answer(&remote, &local(), None).unwrap();
        assert_eq!((agreed.srtp, agreed.remote.unwrap().port()), (None, 4002));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |media: &str, security| answer(&offer_of(media), &secure(security), None).unwrap_err();
    assert_eq!(refused(&phone(), Security::Off), Refusal::SecureOnly);
    assert_eq!(refused("m=audio 4000 RTP/AVP 8\r\n", Security::Required), Refusal::PlainOnly);
    let strange = format!("m=audio 4000 RTP/SAVP 8\r\na=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}\r\n");
    for media in ["m=audio 4000 RTP/SAVP 8\r\n", strange.as_str()] {
        assert_eq!(refused(media, Security::Accepted), Refusal::NoCommonSuite);
        assert_eq!(acceptable(&offer_of(media), &secure(Security::Accepted)), Err(Refusal::NoCommonSuite));
    }
    assert_eq!(
        acceptable(&offer_of(&phone()), &Local { keys: vec![], ..secure(Security::Accepted) }),
        Ok(())
    );
    // RFC 4568 section 4: without the secure profile the attribute says nothing.
    let odd = format!("m=audio 4000 RTP/AVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n");
    assert_eq!(answer(&offer_of(&odd), &secure(Security::Accepted), None).unwrap().1.srtp, None);
}

#[test]
fn answers_to_our_offers() {
    let reply = |media: &str, security| agree(&secure(security), &offer_of(media));
    let plain = "m=audio 4000 RTP/AVP 8\r\n";
    assert!(reply(&phone(), Security::Offered).unwrap().srtp.is_some());
    // Some answer a secure offer in the plain profile. Who may take plain audio takes it.
    assert_eq!(reply(plain, Security::Offered).unwrap().srtp, None);
    assert_eq!(reply(plain, Security::Required), Err(Refusal::PlainOnly));
    // To a plain offer there is no secure answer: the peer has no key of ours.
    assert_eq!(reply(&phone(), Security::Accepted), Err(Refusal::SecureOnly));
}

#[test]
fn keys_are_not_shown() {
    let ours = secure(Security::Offered);
    let remote = offer_of(&phone());
    let agreed = answer(&remote, &ours, None).unwrap().1;
    let shown = format!("{ours:?} {remote:?} {agreed:?}");
    assert!(shown.contains("MasterKey(AES_CM_128_HMAC_SHA1_80)"));
    for key in ours.keys.iter().chain([&remote.audio.unwrap().crypto[0].key]) {
        let line = Crypto { tag: 1, key: key.clone() }.to_string();
        let inline = line.split(':').nth(1).unwrap();
        assert!(!shown.contains(inline), "{shown}");
        assert!(!shown.contains(&format!("{:?}", &key.bytes()[..4]).replace(['[', ']'], "")), "{shown}");
    }
}
