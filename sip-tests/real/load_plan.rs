//! `config/load.toml` as it is: its addresses are fixed, so one test at a time has them, here and on the machine.

use crate::real::CALLER_HZ;
use crate::real::FAR_HZ;
use crate::real::folder::Folder;
use crate::real::party::Party;
use crate::real::ports::Range;
use crate::real::sipp::Plan;
use crate::real::sipp::Sipp;
use crate::real::sound;
use crate::real::switch;
use crate::real::switch::Place;
use crate::real::switch::Switch;
use crate::real::wait;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::time::Duration;

const CALLERS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2)), 5071);
const FAR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 3)), 5070);
/// Calls of each kind.
const CALLS: u32 = 12;
/// Phones that register.
const PHONES: u32 = 15;
/// How long others may have the ports.
const TURN_MAX: Duration = Duration::from_secs(90);
/// The key of `load.toml`.
const KEY: &str = "load-key-for-tests";

/// Whoever runs this test holds this socket: another run on this machine waits for it.
const TURN: &str = "127.0.0.4:5070";

fn start() -> (Switch, UdpSocket) {
    let turn =
        wait::until_within(TURN_MAX, "another run of this test is over", || UdpSocket::bind(TURN).ok());
    let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let place = Place { sip: local(45_060), http: local(48_080), rtp: Range { first: 10_000, last: 29_999 } };
    wait::until_within(TURN_MAX, "the fixed ports of load.toml are free", || {
        let udp = [place.sip, CALLERS, FAR].iter().all(|address| UdpSocket::bind(address).is_ok());
        (udp && TcpListener::bind(place.http).is_ok()).then_some(())
    });
    let folder = Folder::new("load");
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/load.toml");
    std::fs::copy(file, folder.file("strowger.toml")).expect("load.toml is in the repository");
    std::os::unix::fs::symlink(switch::sounds(), folder.file("sounds")).expect("a link can be made");
    let mut switch = Switch::start_in(folder, place, &[]);
    switch.use_key(KEY);
    (switch, turn)
}

fn callers(switch: &Switch, to: &str, voice: &Party, hold_ms: u32) -> Sipp {
    let words = [
        ("from", "+33140000001".to_string()),
        ("to", to.to_string()),
        ("rtp_ip", "127.0.0.1".to_string()),
        ("rtp_port", voice.port.to_string()),
        ("hold_ms", hold_ms.to_string()),
    ];
    Sipp::start(&Plan {
        remote: Some(switch.sip),
        calls: CALLS,
        rate: 10,
        ..Plan::new("timed_caller", CALLERS, &words)
    })
}

fn answering(voice: &Party) -> Sipp {
    let words = [("rtp_ip", "127.0.0.1".to_string()), ("rtp_port", voice.port.to_string())];
    Sipp::start(&Plan { calls: CALLS, ..Plan::new("callee", FAR, &words) })
}

/// Every one of the legs that SIPp logged has heard that, some time in its call.
fn each_heard(voice: &Party, sipp: &Sipp, what: impl Fn(&[i16]) -> bool) {
    let calls = sipp.calls();
    assert_eq!(calls.len(), CALLS as usize);
    let mut ports: Vec<_> = calls.iter().map(|call| call.port).collect();
    ports.sort_unstable();
    ports.dedup();
    for port in ports {
        let heard = voice.heard(port);
        assert!(what(&heard), "port {port}: {}", sound::describe(&heard, &[CALLER_HZ, FAR_HZ]));
    }
}

/// The ports are learned from the log as it grows, so that every party speaks from its answer on.
fn speak_as_they_come(voice: &Party, sipp: &Sipp) {
    wait::until_true("all calls are answered", || {
        let calls = sipp.calls();
        calls.iter().for_each(|call| voice.speak_to(call.port));
        calls.len() == CALLS as usize
    });
}

#[test]
fn the_load_plan_carries_its_kinds_of_calls_and_counts_them_as_the_callers_do() {
    let (switch, _turn) = start();
    let total = u64::from(CALLS);
    // u0001 and so on register with digest.
    let login = |n| format!("u{n:04};[authentication username=u{n:04} password=secret];");
    let phones: Vec<_> = (1..=PHONES).map(login).collect();
    let plan = Plan::new("register", CALLERS, &[]);
    let plan = Plan { remote: Some(switch.sip), calls: PHONES, fields: &phones, ..plan };
    Sipp::start(&plan).finish_well(u64::from(PHONES));
    assert_eq!(switch.api.metric("strowger_registrations{transport=\"udp\"}") as u32, PHONES);

    // 1N to the far side, 5N to the queue with fifty agents at fixed addresses.
    for number in ["11", "51"] {
        let (near, far) = (Party::speaking(CALLER_HZ), Party::speaking(FAR_HZ));
        let (mut answering_side, mut calling) = (answering(&far), callers(&switch, number, &near, 4000));
        speak_as_they_come(&near, &calling);
        speak_as_they_come(&far, &answering_side);
        calling.finish_well(total);
        answering_side.finish_well(total);
        each_heard(&near, &calling, |heard| sound::windows_of(heard, FAR_HZ) >= 3);
        each_heard(&far, &answering_side, |heard| sound::windows_of(heard, CALLER_HZ) >= 3);
        switch.calls_end();
    }
    switch.today_is("agents", &[("entered", total), ("handled", total), ("abandoned", 0)]);

    // 4N: a queue nobody serves, and 6N: music alone.
    for to in ["41", "61"] {
        let near = Party::speaking(CALLER_HZ);
        let mut calling = callers(&switch, to, &near, 2000);
        speak_as_they_come(&near, &calling);
        calling.finish_well(total);
        each_heard(&near, &calling, |heard| sound::has_other_than(heard, &[CALLER_HZ, FAR_HZ]));
        switch.calls_end();
    }
    switch.today_is("waiting", &[("entered", total), ("abandoned", total), ("handled", 0)]);
    let answered = switch.api.metric("strowger_calls_total{direction=\"inbound\",outcome=\"answered\"}");
    let abandoned = switch.api.metric("strowger_calls_total{direction=\"inbound\",outcome=\"abandoned\"}");
    assert_eq!((answered as u64, abandoned as u64), (3 * total, total));
    switch.stop();
}
