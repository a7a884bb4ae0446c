//! Both sides of digest authentication against each other, and the ways to fail.

use crate::clock::Wall;
use crate::ids::Random;
use crate::sip::digest::Algorithm;
use crate::sip::digest::Challenge;
use crate::sip::digest::Credentials;
use crate::sip::digest::Ha1;
use crate::sip::digest::Login;
use crate::sip::digest::Realm;
use crate::sip::digest::Verdict;
use crate::sip::msg::Method;
use std::time::Duration;

const URI: &[u8] = b"sip:example.com";
const LIFETIME: Duration = Duration::from_secs(300);

fn realm(key: u8) -> Realm {
    Realm::new("call \"centre\"", [key; 32], &Algorithm::STRONGEST_FIRST, LIFETIME)
}

fn at(seconds: i64) -> Wall {
    Wall::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

fn ha1(algorithm: Algorithm, realm: &Realm) -> Ha1 {
    Ha1::of_password(algorithm, b"alice", realm.name().as_bytes(), b"secret")
}

/// Lets a phone with `password` answer the challenge for `algorithm` that was made at second 0.
fn answer(realm: &Realm, algorithm: Algorithm, password: &str) -> Vec<u8> {
    let mut random = Random::seeded(1);
    let lines = realm.challenges(at(0), false, &mut random);
    let parsed: Vec<_> =
        lines.iter().map(|line| Challenge::parse(line).expect("our own challenge")).collect();
    let challenge = parsed.iter().find(|c| c.algorithm == algorithm).expect("offered");
    let login = Login::with_password("alice", password);
    login.answer(challenge, Method::Register, URI, 1, &mut random).expect("a password answers any algorithm")
}

fn verdict(realm: &Realm, line: &[u8], second: i64) -> Verdict {
    let credentials = Credentials::parse(line).expect("the scheme is Digest");
    let stored = credentials.algorithm().map(|algorithm| ha1(algorithm, realm));
    realm.verify(&credentials, stored.as_ref(), Method::Register, at(second))
}

#[test]
fn a_phone_with_the_password_gets_in_until_its_nonce_is_stale() {
    let realm = realm(7);
    for algorithm in Algorithm::STRONGEST_FIRST {
        let line = answer(&realm, algorithm, "secret");
        let credentials = Credentials::parse(&line).unwrap();
        assert_eq!((&*credentials.user, &*credentials.uri), (&b"alice"[..], URI));
        assert_eq!((credentials.algorithm(), credentials.nonce_count()), (Some(algorithm), Some(1)));
        assert_eq!(verdict(&realm, &line, 0), Verdict::Ok);
        assert_eq!(verdict(&realm, &line, 300), Verdict::Ok);
        assert_eq!(verdict(&realm, &line, 301), Verdict::Stale);
        assert_eq!(verdict(&realm, &line, -4), Verdict::Ok);
        assert_eq!(verdict(&realm, &line, -60), Verdict::Stale);
    }
}

#[test]
fn challenges_are_strongest_first_with_one_nonce() {
    let lines = realm(7).challenges(at(0), true, &mut Random::seeded(2));
    let parsed: Vec<_> = lines.iter().map(|line| Challenge::parse(line).unwrap()).collect();
    let algorithms: Vec<_> = parsed.iter().map(|c| c.algorithm).collect();
    assert_eq!(algorithms, Algorithm::STRONGEST_FIRST);
    assert!(parsed.iter().all(|c| c.is_stale && c.has_qop_auth && c.nonce == parsed[0].nonce));
    assert_eq!(&*parsed[0].realm, b"call \"centre\"");
    let weak = Realm::new("r", [0; 32], &[Algorithm::Md5], LIFETIME);
    assert_eq!(weak.challenges(at(0), false, &mut Random::seeded(2)).len(), 1);
}

#[test]
fn a_nonce_of_another_key_or_realm_is_stale() {
    let line = answer(&realm(7), Algorithm::Sha256, "secret");
    assert_eq!(verdict(&realm(8), &line, 0), Verdict::Stale);
    let text = String::from_utf8(line).unwrap();
    let credentials = Credentials::parse(text.as_bytes()).unwrap();
    let nonce = String::from_utf8_lossy(&credentials.nonce).to_string();
    assert_eq!(nonce.len(), 64);
    let moved = format!("{:016x}{}", at(9_000).as_micros(), &nonce[16..]);
    assert_eq!(verdict(&realm(7), text.replace(&nonce, &moved).as_bytes(), 9_000), Verdict::Unproven);
}

#[test]
fn wrong_secrets_methods_and_users_are_wrong() {
    let realm = realm(7);
    assert_eq!(verdict(&realm, &answer(&realm, Algorithm::Md5, "guess"), 0), Verdict::Wrong);
    let line = answer(&realm, Algorithm::Md5, "secret");
    let credentials = Credentials::parse(&line).unwrap();
    let stored = ha1(Algorithm::Md5, &realm);
    let judge = |ha1, method| realm.verify(&credentials, ha1, method, at(0));
    assert_eq!(judge(Some(&stored), Method::Register), Verdict::Ok);
    assert_eq!(judge(Some(&stored), Method::Invite), Verdict::Wrong);
    assert_eq!(judge(None, Method::Register), Verdict::Wrong);
    let other = ha1(Algorithm::Sha256, &realm);
    assert_eq!(judge(Some(&other), Method::Register), Verdict::Wrong);
}

#[test]
fn what_was_not_offered_is_not_ours() {
    let strong = Realm::new("r", [1; 32], &[Algorithm::Sha256], LIFETIME);
    let weak = Realm::new("r", [1; 32], &[Algorithm::Md5], LIFETIME);
    let line = answer(&weak, Algorithm::Md5, "secret");
    assert_eq!(verdict(&strong, &line, 0), Verdict::NotOurs);
    assert_eq!(verdict(&realm(1), &line, 0), Verdict::NotOurs);
    assert!(Credentials::parse(b"NoOneKnowsThisScheme opaque-data=here").is_none());
    assert!(Challenge::parse(b"Digest realm=\"r\", nonce=\"n\", algorithm=MD6").is_none());
    assert!(Challenge::parse(b"Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"").is_none());
}

#[test]
fn malformed_credentials_are_said_to_be() {
    let realm = realm(7);
    let text = String::from_utf8(answer(&realm, Algorithm::Md5, "secret")).unwrap();
    let check = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        assert_eq!(verdict(&realm, text.replace(from, to).as_bytes(), 0), Verdict::Malformed, "{from} {to}");
    };
    check("nc=00000001", "nc=1");
    check("nc=00000001", "x=1");
    check("nc=00000001", "nc=0000000é");
    check("qop=auth", "qop=auth-int");
    check("cnonce=", "conce=");
    check("username=\"alice\"", "username=\"\"");
    check("response=\"", "response=\"0");
    check("uri=", "iru=");
}

#[test]
fn the_old_form_without_qop_is_understood() {
    let realm = realm(7);
    let mut random = Random::seeded(3);
    let line = realm.challenges(at(0), false, &mut random).pop().unwrap();
    let text =
        String::from_utf8(line).unwrap().replace(", algorithm=MD5, qop=\"auth\"", ", opaque=\"a\\\"b\"");
    let challenge = Challenge::parse(text.as_bytes()).unwrap();
    assert!(!challenge.has_qop_auth);
    let login = Login::with_hashes("alice", vec![ha1(Algorithm::Md5, &realm)]);
    let line = login.answer(&challenge, Method::Register, URI, 1, &mut random).unwrap();
    let text = String::from_utf8(line).unwrap();
    assert!(text.contains("opaque=\"a\\\"b\"") && !text.contains("cnonce"), "{text}");
    assert_eq!(verdict(&realm, text.as_bytes(), 0), Verdict::Ok);
    let strong = Challenge { algorithm: Algorithm::Sha256, ..challenge };
    assert!(login.answer(&strong, Method::Register, URI, 1, &mut random).is_none());
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?} {:?}", realm(7), Login::with_password("alice", "hunter2"));
    assert!(!shown.contains("hunter2") && !shown.contains("7, 7"), "{shown}");
}
