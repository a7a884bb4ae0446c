//! A switch behind a router: peers outside are told its outside address, those in its own networks the inside one, in every
//! message and SDP; and they hear each other.

use crate::harness::network::{Packet, Quality, Router};
use crate::harness::world::{CONFIGURATION, PhoneId, World};
use std::cell::RefCell;
use std::rc::Rc;
use strowger::sip::msg::{Message, Name};
use strowger::store::Restored;

const OUTSIDE: &str = "203.0.113.1";
const INSIDE: &str = "10.0.0.1";

/// What the switch has said, by the side of the listener.
#[derive(Default)]
struct Said {
    outside: Vec<String>,
    inside: Vec<String>,
}

struct Scene {
    world: World,
    desk: PhoneId,
    mobile: PhoneId,
    carrier: PhoneId,
    said: Rc<RefCell<Said>>,
}

fn scene(quality: Quality) -> Scene {
    let sip = format!("[sip]\nadvertised = \"{OUTSIDE}\"\nlocal_networks = [\"10.0.0.0/8\"]\n");
    let text = CONFIGURATION.replacen("[sip]\n", &sip, 1);
    let mut world = World::with(&text, quality, 1, Restored::default(), 60);
    let said = Rc::<RefCell<Said>>::default();
    let kept = Rc::clone(&said);
    world.network.router = Some(Router {
        outside: OUTSIDE.parse().expect("an address"),
        switch: INSIDE.parse().expect("an address"),
    });
    world.network.filter = Some(Box::new(move |packet: &Packet| {
        let text = || String::from_utf8_lossy(&packet.bytes).into_owned();
        if packet.from.port() == 5060 && packet.from.ip().to_string() == OUTSIDE {
            kept.borrow_mut().outside.push(text());
        } else if packet.from.port() == 5060 && packet.from.ip().to_string() == INSIDE {
            kept.borrow_mut().inside.push(text());
        }
        false
    }));
    let desk = world.add_phone("2001");
    let mobile = world.add_at("2002", "198.51.100.20:5060");
    world.phone(mobile).server = format!("{OUTSIDE}:5060").parse().expect("an address");
    assert_eq!(world.register(mobile, 3600), 200);
    let carrier = world.add_carrier();
    world.phone(carrier).server = format!("{OUTSIDE}:5060").parse().expect("an address");
    Scene { world, desk, mobile, carrier, said }
}

fn names(invite: &Message, address: &str) {
    let field = |name| String::from_utf8_lossy(invite.header(name).unwrap_or_default()).into_owned();
    for (what, text) in [
        ("Via", field(Name::Via)),
        ("Contact", field(Name::Contact)),
        ("SDP", String::from_utf8_lossy(invite.body_slice()).into_owned()),
    ] {
        assert!(text.contains(address), "{what}: {text}");
    }
}

fn scenario(quality: Quality) {
    let Scene { mut world, desk, mobile, carrier, said } = scene(quality);
    for (from, number, to, is_outside) in [
        (desk, "2002", mobile, true),
        (mobile, "2001", desk, false),
        (desk, "0123456789", carrier, true),
        (mobile, "0123456789", carrier, true),
        (carrier, "+33140002001", desk, false),
        (carrier, "+33140002002", mobile, true),
    ] {
        let (calling, called) = world.connect_by(from, number, to);
        world.talk(calling, called);
        let invite = world.call(called).invite.clone().expect("an INVITE");
        names(&invite, if is_outside { OUTSIDE } else { INSIDE });
        world.hang_up(calling);
        world.over(called);
    }
    world.finish();
    let said = said.borrow();
    // Four calls with a leg outside, four with one inside.
    assert!(
        said.outside.len() > 20 && said.inside.len() > 12,
        "{} {}",
        said.outside.len(),
        said.inside.len()
    );
    for text in &said.outside {
        assert!(!text.contains(INSIDE), "told outside:\n{text}");
    }
    for text in &said.inside {
        assert!(!text.contains(OUTSIDE), "told inside:\n{text}");
    }
}

#[test]
fn each_side_is_told_the_address_that_it_can_reach() {
    scenario(Quality::CLEAN);
}

#[test]
fn over_a_bad_network() {
    scenario(Quality::lossy(3));
}
