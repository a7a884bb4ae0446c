//! Encrypted audio (SRTP with keys in SDP) with other makers' phones: on both legs, and on one alone.

use crate::real::ALICE;
use crate::real::ALICE_HZ;
use crate::real::BRUNO;
use crate::real::BRUNO_HZ;
use crate::real::baresip::Baresip;
use crate::real::centre;
use crate::real::linphone::Linphone;
use crate::real::sipp_address;
use crate::real::switch::Switch;

/// What baresip prints when its packets are sealed.
const SEALED: &str = "SRTP is Enabled";

/// The centre, with this said of Bruno's phone.
fn switch(bruno: &str) -> Switch {
    let secret = "secret = \"pw2\"\n";
    Switch::start(&centre(&[sipp_address()]).replace(secret, &format!("{secret}srtp = \"{bruno}\"\n")))
}

fn ends(switch: Switch, calls: usize) {
    switch.calls_end();
    // Not one of their audio, and none twice. baresip sends the first and the last of its RTCP packets plain.
    let dropped = switch.api.metric("strowger_srtp_unauthenticated_packets_total");
    assert!(dropped <= 6.0, "{dropped}");
    assert!(switch.api.metric("strowger_srtp_replayed_packets_total") == 0.0);
    assert!(switch.cdrs(calls).iter().all(|cdr| cdr["outcome"] == "answered"));
    switch.stop();
}

/// The two talk; the n-th call.
fn talk(alice: &Baresip, bruno: &Baresip, n: usize) {
    alice.wait_for("CALL_ESTABLISHED", n);
    bruno.wait_for("CALL_ESTABLISHED", n);
    alice.hears(BRUNO_HZ);
    bruno.hears(ALICE_HZ);
}

#[test]
fn both_legs_are_encrypted() {
    let switch = switch("required");
    // The one offers `RTP/SAVPF`, the other is offered `RTP/SAVP`.
    let mut alice = Baresip::encrypting(&switch, &ALICE, "srtp-mandf");
    let bruno = Baresip::encrypting(&switch, &BRUNO, "srtp-mand");
    alice.dial("1002");
    talk(&alice, &bruno, 1);
    assert!(alice.output().contains(SEALED) && bruno.output().contains(SEALED));
    alice.hang_up();
    bruno.wait_for("CALL_CLOSED", 1);
    ends(switch, 1);
}

#[test]
fn one_leg_is_encrypted_whoever_calls() {
    let switch = switch("required");
    let mut alice = Baresip::registered(&switch, &ALICE);
    let mut bruno = Baresip::encrypting(&switch, &BRUNO, "srtp-mand");
    alice.dial("1002");
    talk(&alice, &bruno, 1);
    alice.hang_up();
    bruno.wait_for("CALL_CLOSED", 1);
    switch.calls_end();
    bruno.dial("1001");
    talk(&alice, &bruno, 2);
    assert!(bruno.output().matches(SEALED).count() >= 2, "{}", bruno.output());
    assert!(!alice.output().contains(SEALED));
    bruno.hang_up();
    alice.wait_for("CALL_CLOSED", 2);
    ends(switch, 2);
}

/// Keys in the plain profile mean nothing (RFC 4568 section 4): a phone that would like to encrypt and need not is
/// answered plain, and talks.
#[test]
fn a_phone_that_offers_keys_in_the_plain_profile_talks_plainly() {
    let switch = switch("optional");
    let mut alice = Baresip::encrypting(&switch, &ALICE, "srtp");
    let bruno = Baresip::registered(&switch, &BRUNO);
    alice.dial("1002");
    talk(&alice, &bruno, 1);
    assert!(!alice.output().contains(SEALED));
    alice.hang_up();
    bruno.wait_for("CALL_CLOSED", 1);
    ends(switch, 1);
}

#[test]
fn linphone_encrypts_to_baresip_and_to_a_plain_phone() {
    let switch = switch("required");
    let srtp = "media_encryption=srtp\nmedia_encryption_mandatory=1\n";
    let mut alice = Linphone::registered_with(&switch, &ALICE, srtp);
    let mut bruno = Baresip::encrypting(&switch, &BRUNO, "srtp-mand");
    alice.dial(&switch, "1002");
    bruno.wait_for("CALL_ESTABLISHED", 1);
    alice.hears(BRUNO_HZ);
    bruno.hears(ALICE_HZ);
    bruno.hang_up();
    switch.calls_end();
    drop(bruno);
    ends(switch, 1);
}
