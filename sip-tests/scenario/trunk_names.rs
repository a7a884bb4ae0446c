//! A trunk by name: SRV with weights, refreshed by its time to live, never waited for by a call.

use crate::harness::call::State;
use crate::harness::network::Quality;
use crate::harness::trunks::{FIRST, SECOND, THIRD};
use crate::harness::world::{PhoneId, World};
use std::time::Duration;

const TRUNKS: &str = r#"
[[trunk]]
id = "named"
transport = "udp"
hosts = ["carrier.example"]
options_seconds = 0
max_calls = 100
[[route]]
pattern = "8."
trunk = ["named"]
[[inbound]]
trunk = "named"
number = "5."
to = "phone:2001"
"#;

fn world(seed: u64) -> (World, PhoneId, [PhoneId; 3]) {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, seed);
    let servers = [
        (10, 75, 5060, "a.carrier.example."),
        (10, 25, 5060, "b.carrier.example."),
        (20, 0, 5060, "c.carrier.example."),
    ];
    world.names.srv("_sip._udp.carrier.example", &servers);
    world.names.address("a.carrier.example", &["192.0.2.81"]);
    world.names.address("b.carrier.example", &["192.0.2.82"]);
    world.names.address("c.carrier.example", &["192.0.2.83"]);
    let carriers = [FIRST, SECOND, THIRD].map(|address| world.carrier_at(address));
    let alice = world.add_phone("2001");
    world.run(Duration::from_secs(1));
    (world, alice, carriers)
}

#[test]
fn calls_are_shared_by_weight_and_the_backup_waits() {
    let (mut world, alice, carriers) = world(1);
    assert_eq!(world.trunk("named").targets.len(), 3);
    for carrier in carriers {
        world.phone(carrier).carrier.at_once = Some((486, None));
    }
    for _ in 0..200 {
        let calling = world.dial(alice, "81");
        world.over(calling);
        // Media ports rest for two seconds.
        world.run(Duration::from_millis(100));
    }
    let counts = carriers.map(|carrier| world.invites(carrier).len());
    world.check((120..180).contains(&counts[0]) && counts[2] == 0, &format!("{counts:?}"));
    // Both of the first priority refuse: the backup gets the call.
    for carrier in &carriers[..2] {
        world.phone(*carrier).carrier.at_once = Some((503, None));
    }
    world.phone(carriers[2]).carrier.at_once = None;
    let calling = world.dial(alice, "81");
    let called = world.rings(carriers[2]);
    let invite = world.call(called).invite.clone().expect("an INVITE");
    assert_eq!(invite.request_uri_raw(), b"sip:81@carrier.example", "the name stays in the Request-URI");
    world.answer(called);
    world.up(calling);
    world.talk_and_end(called, calling);
    // And what was resolved is where its calls may come from.
    let (calling, called) = world.connect_by(carriers[0], "51", alice);
    world.talk_and_end(calling, called);
    world.finish();
}

#[test]
fn it_is_asked_again_before_it_is_old_and_an_outage_of_the_dns_costs_no_call() {
    let (mut world, alice, carriers) = world(2);
    world.run(Duration::from_secs(65));
    let asked = world.names.asked.len();
    world.check(asked >= 8, &format!("asked again after its time to live: {asked}"));
    world.names.down = true;
    world.run(Duration::from_secs(600));
    let began = world.now;
    let calling = world.dial(alice, "81");
    world.expect("a carrier rings", Duration::from_millis(50), |world| {
        carriers.iter().any(|carrier| world.ringing(*carrier).is_some())
    });
    world.check(world.now.since(began) < Duration::from_millis(50), "no call waits for the DNS");
    let called = carriers.iter().find_map(|carrier| world.ringing(*carrier)).expect("one rings");
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    // The carrier moves: the next calls go there, the running one stays.
    world.names.down = false;
    world.names.srv("_sip._udp.carrier.example", &[(10, 0, 5060, "c.carrier.example.")]);
    world.run(Duration::from_secs(120));
    assert_eq!(world.trunk("named").targets.len(), 1);
    world.check(world.call(calling).state == State::Up, "the call stays");
    let second = world.dial(alice, "81");
    let moved = world.rings(carriers[2]);
    world.answer(moved);
    world.up(second);
    world.talk(second, moved);
    for (one, other) in [(second, moved), (calling, called)] {
        world.hang_up(one);
        world.over(other);
    }
    world.finish();
}

#[test]
fn a_name_that_does_not_exist_costs_the_caller_no_time() {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, 3);
    let alice = world.add_phone("2001");
    let calling = world.dial(alice, "81");
    world.over(calling);
    world.check(!world.trunk("named").up, "the trunk is down");
    let before = world.names.asked.len();
    world.run(Duration::from_secs(300));
    let asked = world.names.asked.len() - before;
    world.check((8..=30).contains(&asked), &format!("it is asked again, in peace: {asked}"));
}
