//! Any bytes as a URI: every part of it, and that it is equal to itself.

use strowger::sip::msg::Uri;

pub fn run(data: &[u8]) {
    let Ok(uri) = Uri::parse(data) else { return };
    assert!(uri.matches(&uri), "a URI is not itself");
    let _ = (uri.user_decoded(), uri.transport(), uri.maddr(), uri.is_loose_router(), uri.is_sip());
    let _ = (uri.host.ip(), uri.host.to_string(), uri.port);
    assert!(uri.params.iter().count() <= data.len());
}
