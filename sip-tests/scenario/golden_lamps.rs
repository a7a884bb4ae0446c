//! What each maker's phones are told, byte for byte: `sip-tests/golden`. `UPDATE_GOLDEN=1` writes the files anew.
//!
//! The makers' `User-Agent` and `Accept` are those of their manuals and of traces that users published. What a run draws at
//! random (call ids, tags) is replaced by its name.

use crate::harness::network::Quality;
use crate::harness::watcher::Lamp;
use crate::harness::world::World;
use std::path::Path;
use std::time::Duration;
use strowger::sdp::Direction;
use strowger::subscription::dialog_info::State;
use strowger::subscription::dialog_info_reader as reader;

/// Maker, `User-Agent`, `Accept`; an empty one is not sent.
const LAMPS: [(&str, &str, &str); 6] = [
    ("yealink", "Yealink SIP-T46G 28.82.0.20", "application/dialog-info+xml"),
    ("snom", "snom370/8.7.5.35", "application/dialog-info+xml"),
    ("grandstream", "Grandstream GXP2100 1.0.8.6", "application/dialog-info+xml"),
    ("poly", "PolycomVVX-VVX_410-UA/5.9.0.9373", "application/dialog-info+xml"),
    ("cisco-spa", "Cisco/SPA504G-7.6.2c", "application/dialog-info+xml"),
    ("any", "", ""),
];

fn lines(user_agent: &str, accept: &str) -> Vec<String> {
    let line = |name: &str, value: &str| (!value.is_empty()).then(|| format!("{name}: {value}"));
    line("User-Agent", user_agent).into_iter().chain(line("Accept", accept)).collect()
}

fn watch(world: &mut World, to: &str, event: &str, user_agent: &str, accept: &str) -> Lamp {
    let phone = crate::harness::world::PhoneId(2);
    let lines = lines(user_agent, accept);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let lamp = world.ask_to_watch(phone, to, event, 3600, &lines);
    world.check(world.watching(lamp).statuses == [200], "it may be watched");
    lamp
}

/// The last body with names for what is drawn at random.
fn body(world: &World, lamp: Lamp) -> String {
    let mut text = world.watching(lamp).bodies().last().cloned().unwrap_or_default();
    let Ok(document) = reader::read(text.as_bytes()) else { return text };
    text = text.replace(&format!("version=\"{}\" state", document.version), "version=\"VERSION\" state");
    for dialog in document.info.dialogs {
        let Some(ids) = dialog.ids else { continue };
        for (value, name) in
            [(ids.call_id, "CALL-ID"), (ids.local_tag, "LOCAL-TAG"), (ids.remote_tag, "REMOTE-TAG")]
        {
            text = text.replace(&format!("\"{value}\""), &format!("\"{name}\""));
        }
        text = text.replace(&format!("<dialog id=\"{}\"", dialog.id), "<dialog id=\"ID\"");
    }
    text
}

fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sip-tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == text,
        "{name} differs: see it, then UPDATE_GOLDEN=1\n--- golden\n{golden}\n--- now\n{text}"
    );
}

#[test]
fn every_maker_is_told_what_its_phones_understand() {
    let mut world = World::new(Quality::CLEAN, 1);
    let (alice, bob) = (world.add_phone("1001"), world.add_phone("2002"));
    world.add_phone("2003");
    let lamps: Vec<_> = LAMPS
        .iter()
        .map(|(maker, agent, accept)| {
            let called = watch(&mut world, "2002", "dialog", agent, accept);
            let caller = watch(&mut world, "1001", "dialog", agent, accept);
            (*maker, called, caller)
        })
        .collect();
    let queue = watch(&mut world, "600", "dialog", LAMPS[0].1, LAMPS[0].2);
    let linphone = watch(&mut world, "2002", "presence", "Linphone/5.1.2", "application/pidf+xml");
    let messages =
        watch(&mut world, "2003", "message-summary", LAMPS[0].1, "application/simple-message-summary");
    let check = |world: &mut World, state: &str| {
        world.run(Duration::from_secs(1));
        for (maker, called, caller) in &lamps {
            compare(&format!("{maker}.called.{state}.xml"), &body(world, *called));
            compare(&format!("{maker}.caller.{state}.xml"), &body(world, *caller));
        }
        compare(&format!("linphone.presence.{state}.xml"), &body(world, linphone));
    };
    check(&mut world, "idle");
    compare("yealink.queue.idle.xml", &body(&world, queue));
    compare("yealink.messages.txt", &body(&world, messages));
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    check(&mut world, "rings");
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    check(&mut world, "talks");
    world.reinvite(called, Some(Direction::SendOnly));
    check(&mut world, "holds");
    world.reinvite(called, Some(Direction::SendRecv));
    world.talk_and_end(called, calling);
    check(&mut world, "idle");
    let calling = world.dial(alice, "600");
    world.up(calling);
    world.shows(queue, State::Early);
    compare("yealink.queue.waits.xml", &body(&world, queue));
    world.hang_up(calling);
    world.over(calling);
    world.register(bob, 0);
    world.run(Duration::from_secs(1));
    compare("linphone.presence.gone.xml", &body(&world, linphone));
    let all = lamps.iter().flat_map(|(_, called, caller)| [*called, *caller]);
    for lamp in all.chain([queue, linphone, messages]) {
        world.unwatch(lamp);
    }
    world.finish();
}
