//! Any bytes as a session description.

use strowger::sdp;

pub fn run(data: &[u8]) {
    if let Ok(remote) = sdp::read(data) {
        let formats = remote.audio.as_ref().map_or(0, |audio| audio.formats.len());
        assert!(formats <= data.len(), "more formats than bytes");
    }
}
