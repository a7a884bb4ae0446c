//! Passwords, their hashes and the answers made with them never reach the log, the metrics, a notice or a trace that is
//! shown: calls, failures and blocks run with the log at its most talkative, then everything is searched.

use crate::harness::network::Quality;
use crate::harness::world::{CONFIGURATION, World};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use strowger::sip::digest::{Algorithm, Ha1};
use strowger::store::Restored;
use strowger::switch::action::{Answer, Question};
use strowger::trace;
use tracing_subscriber::fmt::MakeWriter;

const PASSWORD: &str = "correct-horse-battery";
const GUESS: &str = "wrong-horse-battery";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("one thread writes").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What must not be found: passwords, hashes of them, and every answer that a phone has given.
fn secrets(responses: &[String]) -> Vec<String> {
    let mut secrets = vec![PASSWORD.to_owned(), GUESS.to_owned()];
    for user in ["2001", "2002"] {
        for algorithm in Algorithm::STRONGEST_FIRST {
            let ha1 = Ha1::of_password(algorithm, user.as_bytes(), b"example.com", PASSWORD.as_bytes());
            secrets.push(ha1.as_hex().to_owned());
        }
    }
    secrets.extend(responses.iter().cloned());
    secrets
}

/// The `response` and `cnonce` of credentials.
fn parts(authorization: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(authorization).into_owned();
    let part = |name: &str| {
        let from = text.find(&format!("{name}=\""))? + name.len() + 2;
        Some(text[from..].split('"').next()?.to_owned())
    };
    ["response", "cnonce"].iter().filter_map(|name| part(name)).filter(|part| part.len() >= 8).collect()
}

fn run(responses: &Arc<Mutex<Vec<String>>>) -> Vec<(String, String)> {
    let text = CONFIGURATION.replace("secret = \"pw\"", &format!("secret = \"{PASSWORD}\""));
    let mut world = World::with(&text, Quality::CLEAN, 1, Restored::default(), 60);
    let heard = Arc::clone(responses);
    world.network.filter = Some(Box::new(move |packet| {
        let text = String::from_utf8_lossy(&packet.bytes).into_owned();
        let values = text.lines().filter_map(|line| line.strip_prefix("Authorization: "));
        let found = values.flat_map(|value| parts(value.as_bytes()));
        heard.lock().expect("one thread").extend(found);
        false
    }));
    let phones = ["2001", "2002"].map(|number| {
        let address = format!("10.1.0.{}:5060", &number[3..]);
        let phone = world.add_at(number, &address);
        world.phone(phone).account.password = PASSWORD.to_owned();
        assert_eq!(world.register(phone, 3600), 200);
        phone
    });
    let (calling, called) = world.connect_by(phones[0], "2002", phones[1]);
    world.talk_and_end(calling, called);
    let guesser = world.add_at("2001", "10.1.0.66:5060");
    world.phone(guesser).account.password = GUESS.to_owned();
    for _ in 0..8 {
        world.register(guesser, 3600);
    }
    let refused = world.dial(guesser, "600");
    world.over(refused);
    world.run(Duration::from_secs(5));
    let Answer::Trace(packets) = world.ask(Question::Trace(None)) else { panic!("no trace") };
    let shown: Vec<u8> = packets.iter().flat_map(|packet| trace::redacted(&packet.bytes)).collect();
    let raw: Vec<u8> = packets.iter().flat_map(|packet| packet.bytes.to_vec()).collect();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let everything = vec![
        ("raw".to_owned(), text(&raw)),
        ("trace".to_owned(), text(&shown)),
        ("ladder".to_owned(), trace::ladder(&packets)),
        ("pcap".to_owned(), text(&trace::pcap(&packets))),
        ("metrics".to_owned(), world.switch.metrics.render(None)),
        ("snapshot".to_owned(), format!("{:?}", world.ask(Question::Snapshot))),
        ("registrations".to_owned(), format!("{:?}", world.ask(Question::Registrations))),
        ("calls".to_owned(), format!("{:?} {:?}", world.ask(Question::Calls), world.facts)),
    ];
    world.finish();
    everything
}

#[test]
fn nothing_that_is_shown_opens_an_account() {
    let log = Log::default();
    let responses = Arc::new(Mutex::new(Vec::new()));
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    // With one subscriber alone, `tracing` asks the thread that comes by a line first whether anybody wants it: a thread of
    // another test, which has none, would silence that line for all. With two it asks them.
    let second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    let mut everything = tracing::subscriber::with_default(subscriber, || run(&responses));
    drop(second);
    let log = String::from_utf8_lossy(&log.0.lock().expect("it is over")).into_owned();
    assert!(log.contains("a call has begun") && log.contains("blocked"), "the log was written: {log}");
    everything.push(("log".to_owned(), log));
    let secrets = secrets(&responses.lock().expect("it is over"));
    assert!(secrets.len() > 20, "answers were heard");
    for (what, text) in &everything {
        let found: Vec<&String> = secrets.iter().filter(|secret| text.contains(secret.as_str())).collect();
        match what.as_str() {
            "raw" => assert!(!found.is_empty(), "the search finds what is there"),
            _ => assert!(found.is_empty(), "{what} shows {found:?}"),
        }
    }
}
