//! Intercom: the called phone is told to answer by itself, in its make's way; never by a call from outside.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::world::{CONFIGURATION, Line, World};
use strowger::sip::msg::Name;
use strowger::store::Restored;

fn header(world: &World, line: Line, name: Name) -> Option<String> {
    let invite = world.call(line).invite.as_ref()?;
    invite.header(name).map(|value| String::from_utf8_lossy(value).into_owned())
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "*802002");
    let called = world.rings(bob);
    assert_eq!(header(&world, called, Name::CallInfo).as_deref(), Some("<sip:example.com>;answer-after=0"));
    let alert = header(&world, called, Name::AlertInfo).unwrap_or_default();
    world.check(alert.contains("info=alert-autoanswer"), &alert);
    world.answer(called);
    world.up(calling);
    world.talk_and_end(calling, called);
    // An ordinary call has no such header, not even when the caller sends them.
    for from_outside in [false, true] {
        let caller = if from_outside { world.add_carrier() } else { alice };
        world.phone(caller).more_headers = vec![
            (Name::CallInfo, "<sip:x>;answer-after=0"),
            (Name::AlertInfo, "<http://x>;info=alert-autoanswer"),
        ];
        let calling = world.dial(caller, if from_outside { "+33140002002" } else { "2002" });
        let called = world.rings(bob);
        world.check(header(&world, called, Name::CallInfo).is_none(), "no Call-Info");
        world.check(header(&world, called, Name::AlertInfo).is_none(), "no Alert-Info");
        world.answer(called);
        world.up(calling);
        world.talk_and_end(called, calling);
    }
    let carrier = world.add_at("+33199999999", "192.0.2.78:5060");
    let line = world.dial(carrier, "*802002");
    let why = world.over(line);
    world.check(why != Why::HungUp, "a stranger's code is nothing");
    world
}

over_networks!();

#[test]
fn makes_and_permissions() {
    let text = format!(
        "{CONFIGURATION}\n[[phone]]\nnumber = \"3001\"\nsecret = \"pw\"\nprofile = \"poly\"\n\
         [[phone]]\nnumber = \"3002\"\nsecret = \"pw\"\naccepts_intercom = false\nmay_intercom = false\n"
    );
    let mut world = World::with(&text, Quality::CLEAN, 1, Restored::default(), 60);
    let [poly, quiet, bob] = ["3001", "3002", "2002"].map(|number| world.add_phone(number));
    let calling = world.dial(bob, "*803001");
    let called = world.rings(poly);
    assert_eq!(header(&world, called, Name::AlertInfo).as_deref(), Some("Auto Answer"));
    assert_eq!(header(&world, called, Name::CallInfo), None);
    world.hang_up(calling);
    world.over(called);
    let calling = world.dial(bob, "*803002");
    let called = world.rings(quiet);
    assert_eq!(header(&world, called, Name::AlertInfo), None, "it rings as for any call");
    world.hang_up(calling);
    world.over(called);
    let line = world.dial(quiet, "*802002");
    assert_eq!(world.over(line), Why::Refused(403));
    let line = world.dial(bob, "*809999");
    assert_eq!(world.over(line), Why::Refused(404));
    world.finish();
}
