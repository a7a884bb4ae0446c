//! A menu's key that leads outside: to the number that the key names, paid for by the phone that calls. A caller from
//! outside goes where the key names the number and nowhere else.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::sound::prompt;
use crate::harness::world::{CONFIGURATION, Line, PhoneId, World};
use std::time::Duration;
use strowger::sip::msg::{Message, Method};
use strowger::store::Restored;

const MORE: &str = r#"
[security]
country_code = "33"
[[trunk]]
id = "far"
hosts = ["192.0.2.81:5060"]
options_seconds = 0
[[inbound]]
trunk = "carrier"
number = "7XXXX"
to = "menu:way-out"
[[inbound]]
trunk = "carrier"
number = "8XXX"
to = "group:lonely"
[[menu]]
id = "way-out"
number = "630"
prompt = "welcome"
keys = { 1 = "trunk:far/+33145670000", 2 = "trunk:far", 3 = "trunk:far/112" }
timeout_seconds = 3
repeats = 0
timeout = "trunk:far"
[[group]]
id = "lonely"
number = "613"
members = ["2004"]
ring_seconds = 5
no_answer = "trunk:far/+33145670001"
[emergency]
country = "FR"
"#;

struct Scene {
    world: World,
    alice: PhoneId,
    carrier: PhoneId,
    far: PhoneId,
}

fn scene(limits: &str, quality: Quality, seed: u64) -> Scene {
    let text = CONFIGURATION
        .replace("number = \"2001\"\n", &format!("number = \"2001\"\n{limits}\n"))
        .replace("12 = \"2002\"", "12 = \"2002\", 13 = \"0123456789\"");
    let mut world = World::with(&format!("{text}\n{MORE}"), quality, seed, Restored::default(), 60);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    let far = world.carrier_at("192.0.2.81:5060");
    Scene { world, alice, carrier, far }
}

impl Scene {
    fn press(&mut self, line: Line, key: char) {
        self.world.with_phone(line.phone, |phone, _| phone.press(line.call, key));
        self.world.run(Duration::from_millis(200));
    }

    /// The caller's key leads to the far trunk: they talk, and the far side ends it.
    fn talks(&mut self, calling: Line, number: &str) {
        let called = self.world.rings(self.far);
        self.is_asked_for(number);
        self.world.answer(called);
        self.world.talk(calling, called);
        self.world.hang_up(called);
        self.world.over(calling);
    }

    fn is_asked_for(&self, number: &str) {
        let invites = self.world.invites(self.far);
        let uri = |invite: &Message| String::from_utf8_lossy(invite.request_uri_raw()).into_owned();
        let asked = invites.last().map(|invite| uri(invite)).unwrap_or_default();
        self.world.check(asked.starts_with(&format!("sip:{number}@")), &format!("asked for {asked}"));
    }

    /// The caller is told that he may not, and hung up; the far trunk hears nothing of it.
    fn refused(&mut self, calling: Line) {
        let before = self.world.invites(self.far).len();
        self.world.hears(calling, prompt("ss-noservice"));
        let why = self.world.over_within(calling, Duration::from_secs(10));
        self.world.check(matches!(why, Why::ByPeer(_)), &format!("{why:?}"));
        let requests = &self.world.phones[self.far.0].carrier.requests;
        let invites = requests.iter().filter(|request| request.method() == Method::Invite).count();
        self.world.check(invites == before, "nothing has gone outside");
    }

    fn refusals(&self, reason: &str) -> f64 {
        self.world.metric(&format!("strowger_toll_refused_total{{reason=\"{reason}\"}}"))
    }
}

#[test]
fn a_key_leads_to_the_number_that_it_names() {
    for quality in [Quality::CLEAN, Quality::lossy(5)] {
        for from_outside in [false, true] {
            let mut scene = scene("", quality, 1);
            let (from, number) = if from_outside { (scene.carrier, "70000") } else { (scene.alice, "630") };
            let calling = scene.world.dial(from, number);
            scene.world.up(calling);
            scene.world.hears(calling, prompt("welcome"));
            scene.press(calling, '1');
            scene.talks(calling, "+33145670000");
            scene.world.check(scene.refusals("from_outside") == 0.0, "nothing was refused");
            scene.world.finish();
        }
    }
}

/// The number that he has dialled, help, and the silence that leads to either: not for a caller from outside.
#[test]
fn a_caller_from_outside_sends_no_number_of_his_own_outside() {
    for (count, key) in [(1.0, Some('2')), (1.0, Some('3')), (1.0, None)] {
        let mut scene = scene("", Quality::CLEAN, 1);
        let calling = scene.world.dial(scene.carrier, "79999");
        scene.world.up(calling);
        match key {
            Some(key) => scene.press(calling, key),
            None => scene.world.run(Duration::from_millis(4100)),
        }
        scene.refused(calling);
        assert_eq!(scene.refusals("from_outside"), count, "{key:?}");
        let line = scene.world.metric("strowger_emergency_calls_total");
        scene.world.check(line == 0.0, "nobody has called for help");
        scene.world.finish();
    }
}

#[test]
fn a_phone_pays_for_where_a_key_leads() {
    let mut scene = scene("calls_per_hour = 1", Quality::CLEAN, 1);
    let calling = scene.world.dial(scene.alice, "630");
    scene.world.up(calling);
    scene.press(calling, '2');
    scene.talks(calling, "630");
    let calling = scene.world.dial(scene.alice, "630");
    scene.world.up(calling);
    scene.press(calling, '1');
    scene.refused(calling);
    assert_eq!(scene.refusals("calls_per_hour"), 1.0);
    // A call for help is nobody's expense.
    let calling = scene.world.dial(scene.alice, "630");
    scene.world.up(calling);
    scene.press(calling, '3');
    let called = scene.world.rings(scene.far);
    scene.is_asked_for("112");
    scene.world.answer(called);
    scene.world.talk(calling, called);
    scene.world.hang_up(calling);
    scene.world.over(called);
    scene.world.finish();
}

#[test]
fn a_phone_without_the_permission_is_refused_behind_a_key_and_behind_a_short_number() {
    let mut scene = scene("permissions = [\"internal\"]", Quality::CLEAN, 1);
    let calling = scene.world.dial(scene.alice, "630");
    scene.world.up(calling);
    scene.press(calling, '1');
    scene.refused(calling);
    let calling = scene.world.dial(scene.alice, "*013");
    let why = scene.world.over(calling);
    scene.world.check(why == Why::Refused(403), &format!("{why:?}"));
    assert_eq!(scene.refusals("permission"), 2.0);
    // The one with it.
    let bob = scene.world.add_phone("2002");
    let calling = scene.world.dial(bob, "*013");
    let called = scene.world.rings(scene.carrier);
    scene.world.answer(called);
    scene.world.up(calling);
    scene.world.talk(calling, called);
    scene.world.hang_up(calling);
    scene.world.over(called);
    scene.world.finish();
}

/// What becomes of a group's calls is the configuration's word as well: a phone pays for it, a caller from outside is led.
#[test]
fn a_groups_end_outside_is_charged_to_the_phone_that_calls() {
    let mut scene = scene("permissions = [\"internal\"]", Quality::CLEAN, 1);
    let calling = scene.world.dial(scene.alice, "613");
    let why = scene.world.over_within(calling, Duration::from_secs(10));
    scene.world.check(matches!(why, Why::Refused(_)), &format!("{why:?}"));
    assert_eq!(scene.refusals("permission"), 1.0);
    let calling = scene.world.dial(scene.carrier, "8000");
    let called = scene.world.rings_within(scene.far, Duration::from_secs(10));
    scene.is_asked_for("+33145670001");
    scene.world.answer(called);
    scene.world.up(calling);
    scene.world.talk(calling, called);
    scene.world.hang_up(called);
    scene.world.over(calling);
    scene.world.finish();
}
