//! The version of `o=`: it rises by one with each body of a dialog that says something new.
//!
//! RFC 3264 section 8; a peer that sees the same version may skip the body.

/// Gives `body`, freshly made by us, the version that must follow `previous`, our last body in the dialog: the same
/// when nothing else differs, else one more.
pub fn renew(previous: &[u8], body: Vec<u8>) -> Vec<u8> {
    let (Some(old), Some(new)) = (Parts::of(previous), Parts::of(&body)) else {
        return body;
    };
    if (old.before, old.id, old.after) == (new.before, new.id, new.after) {
        return previous.to_vec();
    }
    let version = old.version.wrapping_add(1).to_string();
    [new.before, new.id, version.as_bytes(), new.after].concat()
}

/// A body cut at the version of its `o=` line.
struct Parts<'a> {
    before: &'a [u8],
    id: &'a [u8],
    version: u64,
    after: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(body: &'a [u8]) -> Option<Self> {
        const MARK: &[u8] = b"\no=- ";
        let start = body.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
        let (before, rest) = body.split_at_checked(start)?;
        let id_len = rest.iter().position(|byte| *byte == b' ')? + 1;
        let (id, rest) = rest.split_at_checked(id_len)?;
        let version_len = rest.iter().position(|byte| *byte == b' ')?;
        let (version, after) = rest.split_at_checked(version_len)?;
        let version = std::str::from_utf8(version).ok()?.parse().ok()?;
        Some(Self { before, id, version, after })
    }
}
