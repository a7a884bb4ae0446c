//! Feeds any bytes to the strict reader of dialog-info: what it takes is written by us and read back the same.
//!
//! `cargo +nightly fuzz run dialog_info sip-tests/golden`
#![no_main]

use libfuzzer_sys::fuzz_target;
use strowger::subscription::dialog_info::Dialect;
use strowger::subscription::dialog_info_reader::read;

fuzz_target!(|data: &[u8]| {
    let Ok(document) = read(data) else { return };
    for dialect in [Dialect::Standard, Dialect::Spa] {
        let sheet = document.info.clone().write(dialect, 680);
        let again = read(&sheet.bytes(document.version)).expect("what we write can be read");
        assert_eq!(again.version, document.version);
        assert!(again.is_full && !again.info.dialogs.is_empty());
    }
});
