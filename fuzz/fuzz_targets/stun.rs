//! STUN binding requests: no bytes break the reader, and no answer is longer than 96 bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strowger::sip::stun;

fuzz_target!(|data: &[u8]| {
    for source in ["192.0.2.1:5060", "[2001:db8::1]:5060"] {
        let answer = stun::answer(data, source.parse().expect("an address"));
        assert!(answer.is_none_or(|answer| answer.len() <= 96 && stun::is_stun(&answer)));
    }
});
