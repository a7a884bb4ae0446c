//! `srtp` of phones and trunks: whether their audio is encrypted.

use crate::config::schema::Default::Value;
use crate::config::schema::Key;
use crate::config::schema::Shape;
use crate::config::words::Word;
use crate::config::words::words;

words! {
    /// Whether audio is encrypted (SRTP).
    Srtp {
        /// Never.
        "off" => Off,
        /// Where the other side offers it; offered by us to phones that registered over TLS with `sips:`.
        "optional" => Optional,
        /// Always, over any transport.
        "required" => Required,
    }
}

/// The key of a phone or of a range of them.
pub(crate) const PHONE_SRTP: Key = Key {
    what: "Whether its audio is encrypted. `optional`: where it offers that, and where it registered over TLS with `sips:`. \
           `required`: always; over UDP and TCP the keys then travel unprotected.",
    ..TRUNK_SRTP
};

/// The key of a trunk.
pub(crate) const TRUNK_SRTP: Key = Key {
    name: "srtp",
    shape: Shape::Word(Srtp::NAMES),
    default: Value(r#""optional""#),
    what: "Whether its audio is encrypted. `optional`: where it offers that. `required`: always; over UDP and TCP the keys \
           then travel unprotected.",
};
