//! `a=crypto` lines and sealed packets: nothing breaks the readers, a line that is read is written as it was meant, and what is
//! opened is shorter than what came.

use strowger::sdp::Crypto;
use strowger::srtp::MasterKey;
use strowger::srtp::Receiver;
use strowger::srtp::Sender;
use strowger::srtp::Suite;

/// RFC 3711 appendix B.3, with which the corpus is sealed.
const KEY: [u8; 30] = [
    0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39, 0x0e,
    0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6,
];

pub fn run(data: &[u8]) {
    if let Some(crypto) = Crypto::read(&String::from_utf8_lossy(data)) {
        assert_eq!(Crypto::read(&crypto.to_string()).as_ref(), Some(&crypto), "what we write is read");
        assert!(!format!("{crypto:?}").contains("inline"), "a key is shown");
    }
    for suite in Suite::ALL {
        let bytes: Vec<u8> = KEY.iter().cycle().take(suite.key_len() + suite.salt_len()).copied().collect();
        let key = MasterKey::from_bytes(suite, &bytes).expect("it has the suite's length");
        let (mut sender, mut receiver, mut out) = (Sender::new(&key), Receiver::new(&key), Vec::new());
        if receiver.open_rtp(data, &mut out).is_ok() {
            assert!(out.len() < data.len(), "a tag was taken off");
            assert!(receiver.open_rtp(data, &mut out).is_err(), "the same packet twice");
        }
        if receiver.open_control(data, &mut out).is_ok() {
            assert!(out.len() < data.len(), "a tag was taken off");
        }
        let mut sealed = data.to_vec();
        if sender.seal_rtp(&mut sealed, 0) {
            let mut fresh = Receiver::new(&key);
            assert_eq!(fresh.open_rtp(&sealed, &mut out), Ok(()), "what we seal is opened");
            assert_eq!(out, data, "and is what it was");
        }
    }
}
