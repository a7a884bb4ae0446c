//! The built switch over real loopback sockets, with peers that are not ours: SIPp, baresip, Linphone, sipsak and
//! Kamailio from Debian.
//!
//! Every call is judged by three things: **audio both ways** (each party speaks its own tone, a Goertzel filter says who
//! hears whom), **the hang-up cascade** (every leg ends) and **conservation** (entered = waiting + outcomes, as many as the
//! callers counted themselves). Nothing is known of the switch's inside: SIP, RTP, HTTP, exit statuses.
//!
//! Each test has its own switch on ports of its own; waits are for conditions, with generous ceilings.

mod baresip;
mod folder;
mod http;
mod kamailio;
mod linphone;
mod party;
mod ports;
mod sipp;
mod sound;
mod switch;
mod talk;
mod wait;

mod agents;
mod api;
mod carrier_proxy;
mod demo;
mod encrypted;
mod hostile;
mod lifetime;
mod load_plan;
mod phones;
mod queue_calls;
mod recorded;
mod refusals;
mod secure;
mod secure_trunk;
mod softphones;
mod traced;
mod watchers;

use crate::real::baresip::Account;
use crate::real::party::Party;
use crate::real::sipp::Plan;
use crate::real::sipp::Sipp;
use crate::real::switch::Switch;
use std::net::SocketAddr;

/// The voices. None is a harmonic of another, nor of the music.
const ALICE_HZ: u32 = 425;
const BRUNO_HZ: u32 = 697;
const CALLER_HZ: u32 = 1130;
const FAR_HZ: u32 = 1610;

const ALICE: Account<'static> = Account { number: "1001", password: "pw1", tone_hz: ALICE_HZ, answers: true };
const BRUNO: Account<'static> = Account { number: "1002", password: "pw2", tone_hz: BRUNO_HZ, answers: true };

/// A small call centre: two phones with agents, the queue 600, and a trunk at those addresses whose callers may dial the
/// queue and Alice; `9…` goes out to it.
fn centre(trunk: &[SocketAddr]) -> String {
    let hosts: Vec<_> = trunk.iter().map(|host| format!("\"{host}\"")).collect();
    format!(
        r#"
[[phone]]
number = "1001"
secret = "pw1"
display_name = "Alice"

[[phone]]
number = "1002"
secret = "pw2"

[[agent]]
id = "alice"
name = "Alice Martin"
phone = "1001"
queues = ["support"]
initial_status = "ready"

[[agent]]
id = "bruno"
phone = "1002"
queues = ["support"]

[[pause_reason]]
id = "repas"
code = "1"

[[queue]]
id = "support"
name = "Support"
number = "600"
wrap_up_seconds = 0

[[trunk]]
id = "carrier"
kind = "ip"
hosts = [{hosts}]
max_calls = 1000
options_seconds = 0

[[inbound]]
trunk = "carrier"
number = "600"
to = "queue:support"

[[inbound]]
trunk = "carrier"
number = "1001"
to = "phone:1001"

[[route]]
pattern = "9."
trunk = ["carrier"]
"#,
        hosts = hosts.join(", "),
    )
}

/// A free address for a SIPp.
fn sipp_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], ports::free()))
}

/// The words of a scenario with a voice.
fn words(from: &str, to: &str, party: &Party) -> Vec<(&'static str, String)> {
    vec![
        ("from", from.to_string()),
        ("to", to.to_string()),
        ("rtp_ip", "127.0.0.1".to_string()),
        ("rtp_port", party.port.to_string()),
    ]
}

/// Calls from a trunk's address.
fn trunk_callers(switch: &Switch, local: SocketAddr, to: &str, party: &Party, calls: u32) -> Sipp {
    trunk_callers_by(switch.sip, local, to, party, calls)
}

/// The same by way of a proxy, or of the switch itself.
fn trunk_callers_by(next: SocketAddr, local: SocketAddr, to: &str, party: &Party, calls: u32) -> Sipp {
    let words = words("+33140000001", to, party);
    Sipp::start(&Plan { remote: Some(next), calls, ..Plan::new("caller", local, &words) })
}

/// Waits until the party hears that tone from the switch's port, and nothing else.
fn hears(party: &Party, port: u16, tone_hz: u32) {
    let heard = || {
        let samples = party.heard(port);
        sound::ends_with(&samples, tone_hz).then_some(())
    };
    let all = [ALICE_HZ, BRUNO_HZ, CALLER_HZ, FAR_HZ];
    let what = format!("{} Hz is heard from port {port}", tone_hz);
    wait::until_or(&what, heard, || sound::describe(&party.heard(port), &all));
}
