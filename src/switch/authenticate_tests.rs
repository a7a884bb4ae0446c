//! That a name which does not exist costs the same work and gets the same words as one that does: counted in hashes, not
//! measured by a clock.

use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use crate::config;
use crate::ids::Random;
use crate::metrics::Metrics;
use crate::sip::digest::Algorithm;
use crate::sip::digest::Challenge;
use crate::sip::digest::Login;
use crate::sip::digest::hashes_made;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::store::Restored;
use crate::switch::addresses::Addresses;
use crate::switch::core::Core;
use crate::switch::core::Input;
use crate::switch::core::Output;
use bytes::Bytes;
use std::sync::Arc;

const CONFIGURATION: &str = r#"
[sip]
domain = "example.com"
udp = ["10.0.0.1:5060"]
[[phone]]
number = "1001"
secret = "right"
[[phone]]
number = "1002"
secret = { ha1_md5 = "0123456789abcdef0123456789abcdef", ha1_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
[[phone]]
number = "1003"
secret = "right"
allow_from = ["192.0.2.0/24"]
[[phone]]
number = "1004"
contact = "sip:1004@192.0.2.9"
"#;

struct Bench {
    core: Core,
    random: Random,
    sent: u32,
}

impl Bench {
    fn new() -> Self {
        let config = Arc::new(config::parse("t", CONFIGURATION, &|_| None).expect("it is right").config);
        let bound = vec![(Transport::Udp, "10.0.0.1:5060".parse().unwrap())];
        let addresses = Addresses::new(Arc::clone(&config), bound, "10.0.0.1".parse().unwrap());
        let now = Self::now();
        let core = Core::new(config, addresses, Restored::default(), Random::seeded(1), Metrics::new(), now);
        Self { core, random: Random::seeded(2), sent: 0 }
    }

    fn now() -> Now {
        Now { instant: Instant::from_micros(1), wall: Wall::parse("2026-11-24T09:00:00Z").unwrap() }
    }

    /// A REGISTER, and the answer to it.
    fn register(&mut self, user: &str, authorization: Option<&[u8]>) -> Message {
        self.sent += 1;
        let n = self.sent;
        let mut text = format!(
            "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1;rport;branch=z9hG4bK{n:04}\r\n\
             From: <sip:{user}@example.com>;tag=1\r\nTo: <sip:{user}@example.com>\r\nCall-ID: 1\r\n\
             CSeq: {n:04} REGISTER\r\nContact: <sip:{user}@10.1.0.1>\r\nUser-Agent: Test\r\n"
        );
        if let Some(value) = authorization {
            text.push_str(&format!("Authorization: {}\r\n", String::from_utf8_lossy(value)));
        }
        text.push_str("\r\n");
        let flow = Flow {
            transport: Transport::Udp,
            local: "10.0.0.1:5060".parse().unwrap(),
            remote: "10.1.0.1:5060".parse().unwrap(),
            connection: 0,
        };
        let mut out = Vec::new();
        self.core.handle(Self::now(), Input::Received { flow, bytes: Bytes::from(text) }, &mut out);
        let sent = out.into_iter().find_map(|output| match output {
            Output::Send { bytes, .. } => Some(bytes),
            Output::Media { .. }
            | Output::Recorder(..)
            | Output::Fact(_)
            | Output::Binding(_)
            | Output::Phone(_)
            | Output::Resolve(_)
            | Output::Notice(_)
            | Output::PeerName { .. } => None,
        });
        Message::parse(sent.expect("an answer")).expect("a message")
    }

    fn answered(&mut self, user: &str, algorithm: Algorithm, password: &str) -> (Message, u64) {
        let challenged = self.register(user, None);
        let challenges: Vec<_> =
            challenged.headers(Name::WwwAuthenticate).filter_map(Challenge::parse).collect();
        let challenge = challenges.iter().find(|one| one.algorithm == algorithm).expect("offered");
        let login = Login::with_password(user, password);
        let value = login.answer(challenge, Method::Register, b"sip:example.com", 1, &mut self.random);
        let value = value.expect("an answer");
        let before = hashes_made();
        let answer = self.register(user, Some(&value));
        (answer, hashes_made() - before)
    }
}

/// A message with everything drawn at random made alike.
fn shape(message: &Message) -> String {
    let text = String::from_utf8_lossy(message.as_bytes()).into_owned();
    let lines = text.lines().map(|line| {
        let name = line.split(':').next().unwrap_or_default();
        format!("{name} {}", line.len())
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn unknown_users_cost_the_same_work_and_get_the_same_words() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let mut bench = Bench::new();
        let (known, hashes) = bench.answered("1001", algorithm, "wrong");
        assert_eq!(known.status(), Some(401));
        assert_eq!(hashes, 3, "HA1, HA2 and the response");
        for user in ["6666", "1002", "1003", "1004"] {
            let (other, others) = bench.answered(user, algorithm, "wrong");
            assert_eq!(others, hashes, "{user}");
            assert_eq!(shape(&other), shape(&known), "{user}");
        }
        let (right, hashes) = bench.answered("1001", algorithm, "right");
        assert_eq!((right.status(), hashes), (Some(200), 3));
        let (elsewhere, _) = bench.answered("1003", algorithm, "right");
        assert_eq!(elsewhere.status(), Some(401), "the right password from where the phone may not be");
    }
}

#[test]
fn a_block_says_the_same_of_names_that_exist_and_of_others() {
    let mut bench = Bench::new();
    let statuses = |bench: &mut Bench, user: &str| -> Vec<u16> {
        (0..7).map(|_| bench.answered(user, Algorithm::Md5, "wrong").0.status().unwrap_or(0)).collect()
    };
    let known = statuses(&mut bench, "1001");
    assert_eq!(known, [401, 401, 401, 401, 401, 503, 503]);
    assert_eq!(statuses(&mut bench, "6666"), known);
    let (blocked, hashes) = bench.answered("1001", Algorithm::Md5, "right");
    assert_eq!((blocked.status(), hashes), (Some(503), 0), "not looked at");
    assert!(blocked.header(Name::RetryAfter).is_some());
    assert_eq!(bench.answered("1002", Algorithm::Md5, "wrong").0.status(), Some(401), "its neighbour");
}
