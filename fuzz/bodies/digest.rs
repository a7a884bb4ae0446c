//! Any bytes as credentials and as a challenge, on both sides: nothing that is made up is right.

use std::time::Duration;
use strowger::clock::Wall;
use strowger::ids::Random;
use strowger::sip::digest::Algorithm;
use strowger::sip::digest::Challenge;
use strowger::sip::digest::Credentials;
use strowger::sip::digest::Ha1;
use strowger::sip::digest::Login;
use strowger::sip::digest::Realm;
use strowger::sip::digest::Replays;
use strowger::sip::digest::Verdict;
use strowger::sip::msg::Method;

pub fn run(data: &[u8]) {
    let now = Wall::from_micros(1_700_000_000_000_000);
    if let Some(credentials) = Credentials::parse(data) {
        let realm = Realm::new("example.com", [7; 32], &Algorithm::STRONGEST_FIRST, Duration::from_secs(300));
        let ha1 = credentials
            .algorithm()
            .map(|algorithm| Ha1::of_password(algorithm, b"1001", b"example.com", b"pw"));
        let verdict = realm.verify_from(b"client", &credentials, ha1.as_ref(), Method::Register, now);
        assert_ne!(verdict, Verdict::Ok, "a nonce was made up");
        let mut replays = Replays::new(Duration::from_secs(300), 4);
        replays.accept(now, &credentials);
        assert!(!replays.accept(now, &credentials), "the same use twice");
        assert!(replays.len() <= 4);
    }
    if let Some(challenge) = Challenge::parse(data) {
        let login = Login::with_password("1001", "pw");
        let answer =
            login.answer(&challenge, Method::Register, b"sip:example.com", 1, &mut Random::seeded(1));
        if let Some(answer) = answer {
            assert!(Credentials::parse(&answer).is_some(), "our own answer can't be read");
        }
    }
}
