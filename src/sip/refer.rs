//! The headers of transfers: Refer-To (RFC 3515), Replaces (RFC 3891), Referred-By (RFC 3892), Refer-Sub (RFC 4488).
//!
//! Reading and writing only: whom a dialog belongs to and who may ask is the switch's to know.

use crate::sip::dialog::DialogId;
use crate::sip::msg::Defect;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::NameAddr;
use crate::sip::msg::Params;
use crate::sip::msg::Uri;
use crate::sip::msg::escape;

/// Which dialog an INVITE replaces (RFC 3891 section 6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    call_id: Vec<u8>,
    to_tag: Vec<u8>,
    from_tag: Vec<u8>,
    /// Only while the dialog is early.
    pub early_only: bool,
}

impl Replaces {
    /// Reads the header's value.
    ///
    /// # Errors
    /// 400: RFC 3891 section 6.1 demands the Call-ID and both tags, each once.
    pub fn parse(value: &[u8]) -> Result<Self, Defect> {
        Self::read(value).ok_or(Defect::bad(Name::Replaces, "Malformed Replaces"))
    }

    fn read(value: &[u8]) -> Option<Self> {
        let end = memchr::memchr(b';', value)?;
        let (call_id, params) = value.split_at_checked(end)?;
        let call_id = call_id.trim_ascii();
        let params = Params::new(params);
        let plain = |text: &[u8]| !text.is_empty() && text.iter().all(|byte| (b'!'..=b'~').contains(byte));
        let once = |name: &[u8]| {
            let mut found = params.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            let (_, value) = found.next()?;
            let value = value.filter(|value| plain(value))?;
            found.next().is_none().then(|| value.to_vec())
        };
        let replaces = Self {
            call_id: call_id.to_vec(),
            to_tag: once(b"to-tag")?,
            from_tag: once(b"from-tag")?,
            early_only: params.has(b"early-only"),
        };
        plain(call_id).then_some(replaces)
    }

    /// The Replaces of an INVITE; `None` without one.
    ///
    /// # Errors
    /// 400: it can't be read, or there is more than one (RFC 3891 section 3).
    pub fn of(message: &Message) -> Result<Option<Self>, Defect> {
        if message.repeats(Name::Replaces) {
            return Err(Defect::bad(Name::Replaces, "More Than One Replaces"));
        }
        message.header(Name::Replaces).map(Self::parse).transpose()
    }

    /// The dialog as its user agent that gets the header knows it. RFC 3891 section 3: "the to-tag parameter [is]
    /// compared to the local tag of the UA, the from-tag to the remote tag". A tag of `0` is also that of a peer of
    /// RFC 2543, who has none: see [`Replaces::old_dialog`].
    pub fn dialog(&self) -> DialogId {
        DialogId::new(&self.call_id, &self.to_tag, &self.from_tag)
    }

    /// RFC 3891 section 3: "tags of '0' match dialogs that have no tag".
    pub fn old_dialog(&self) -> Option<DialogId> {
        let tag = |text: &'_ [u8]| if text == b"0" { Vec::new() } else { text.to_vec() };
        let (to, from) = (tag(&self.to_tag), tag(&self.from_tag));
        (to.is_empty() || from.is_empty()).then(|| DialogId::new(&self.call_id, &to, &from))
    }
}

/// To whom a REFER wants somebody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferTo {
    /// The user part of the URI, or the number of a `tel:` one, escapes resolved.
    pub user: Vec<u8>,
    /// The dialog to be replaced there: an attended transfer.
    pub replaces: Option<Replaces>,
}

impl ReferTo {
    /// The Refer-To of a REFER.
    ///
    /// # Errors
    /// 400: RFC 3515 section 2.4.1 demands exactly one that can be read. 416: it is no SIP or tel URI. 501: it asks for
    /// another method than INVITE.
    pub fn of(message: &Message) -> Result<Self, Defect> {
        if message.repeats(Name::ReferTo) {
            return Err(Defect::bad(Name::ReferTo, "More Than One Refer-To"));
        }
        let value = message.header(Name::ReferTo).ok_or(Defect::bad(Name::ReferTo, "Missing Refer-To"))?;
        Self::parse(value)
    }

    /// Reads the header's value. Some phones leave the angle brackets out although the URI has headers.
    ///
    /// # Errors
    /// As [`ReferTo::of`].
    pub fn parse(value: &[u8]) -> Result<Self, Defect> {
        let address = NameAddr::parse(value, Name::ReferTo)?;
        let uri = address.uri;
        let is_tel = matches!(uri.scheme, crate::sip::msg::Scheme::Tel);
        if !uri.is_sip() && !is_tel {
            return Err(Defect { status: 416, ..Defect::bad(Name::ReferTo, "Unsupported URI Scheme") });
        }
        if uri.param(b"method").flatten().is_some_and(|method| Method::parse(method) != Method::Invite) {
            return Err(Defect { status: 501, ..Defect::bad(Name::ReferTo, "Only INVITE Can Be Asked For") });
        }
        Ok(Self { user: uri.user_decoded().into_owned(), replaces: replaces_in(&uri)? })
    }
}

/// The Replaces among the headers of a URI: `?Replaces=id%40host%3Bto-tag%3Da%3Bfrom-tag%3Db`.
fn replaces_in(uri: &Uri<'_>) -> Result<Option<Replaces>, Defect> {
    let mut found = None;
    for header in uri.headers.split(|byte| *byte == b'&') {
        let mut parts = header.splitn(2, |byte| *byte == b'=');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        if !escape::decoded(name).eq_ignore_ascii_case(b"Replaces") {
            continue;
        }
        let replaces = Replaces::parse(&escape::decoded(value))?;
        if found.replace(replaces).is_some() {
            return Err(Defect::bad(Name::ReferTo, "More Than One Replaces"));
        }
    }
    Ok(found)
}

/// Who referred, as somebody else may be told: the URI of Referred-By (RFC 3892), when it is a SIP address.
pub fn referred_by(message: &Message) -> Option<String> {
    let address = NameAddr::parse(message.header(Name::ReferredBy)?, Name::ReferredBy).ok()?;
    address.uri.is_sip().then(|| String::from_utf8(address.uri.raw.to_vec()).ok()).flatten()
}

/// Whether the sender of a REFER wants no NOTIFY (RFC 4488 section 4).
pub fn wants_no_subscription(message: &Message) -> bool {
    let value = message.header_by_name(b"Refer-Sub").unwrap_or_default();
    let value = value.split(|byte| *byte == b';').next().unwrap_or_default();
    value.trim_ascii().eq_ignore_ascii_case(b"false")
}

/// The body of a NOTIFY about a transfer (RFC 3515 section 2.4.5): a status line as `message/sipfrag`.
pub fn sipfrag(status: u16, reason: &str) -> String {
    format!("SIP/2.0 {status} {reason}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refer(value: &str) -> Result<ReferTo, u16> {
        ReferTo::parse(value.as_bytes()).map_err(|defect| defect.status)
    }

    #[test]
    fn the_number_and_the_dialog_are_found() {
        let blind = refer("\"Bob\" <sip:+33%2A1@example.com;user=phone>").unwrap();
        assert_eq!((blind.user.as_slice(), &blind.replaces), (&b"+33*1"[..], &None));
        assert_eq!(refer("tel:+33123").unwrap().user, b"+33123");
        let text = "<sip:2003@10.0.0.1?Require=replaces&replaces=a%25b%40h%3Bto-tag%3Dtt%3bfrom-tag%3Dff%3Bearly-only>";
        let attended = refer(text).unwrap().replaces.unwrap();
        assert_eq!(attended.dialog(), DialogId::new(b"a%b@h", b"tt", b"ff"));
        assert!(attended.early_only);
        assert_eq!(attended.old_dialog(), None);
        let bare = refer("sip:2003@h?Replaces=a@h;to-tag=t;from-tag=f");
        // Without angle brackets what follows the semicolon belongs to the header: the Replaces has no tags left.
        assert_eq!(bare, Err(400));
    }

    #[test]
    fn what_is_no_transfer_is_refused() {
        let check = |value: &str, status: u16| assert_eq!(refer(value), Err(status), "{value}");
        check("", 400);
        check("<>", 400);
        check("<http://example.com>", 416);
        check("<sip:1@h;method=BYE>", 501);
        check("<sip:1@h?Replaces=a>", 400);
        check("<sip:1@h?Replaces=a%3Bto-tag%3Dt>", 400);
        check("<sip:1@h?Replaces=a%3Bto-tag%3Dt%3Bto-tag%3Du%3Bfrom-tag%3Df>", 400);
        check("<sip:1@h?Replaces=%0D%0A%3Bto-tag%3Dt%3Bfrom-tag%3Df>", 400);
        let twice = "Replaces=a%3Bto-tag%3Dt%3Bfrom-tag%3Df";
        check(&format!("<sip:1@h?{twice}&{twice}>"), 400);
        assert!(refer("<sip:1@h;method=invite>").is_err(), "methods have a case");
        assert!(refer("<sip:1@h;method=INVITE>").is_ok());
    }

    #[test]
    fn a_peer_without_tags_has_the_tag_0() {
        let replaces = Replaces::parse(b"a@h ; to-tag=t ;from-tag=0").unwrap();
        assert_eq!(replaces.old_dialog(), Some(DialogId::new(b"a@h", b"t", b"")));
        assert!(!replaces.early_only);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (Replaces::parse(&value), ReferTo::parse(&value));
        }

        #[test]
        fn what_is_escaped_reads_back(id in "[!-~&&[^;]]{1,20}", tag in "[a-zA-Z0-9.~*!]{1,12}") {
            let plain = format!("{id};to-tag={tag};from-tag=x");
            let escaped: String = plain.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let read = refer(&format!("<sip:1@h?a=b&Replaces={escaped}&c=d>")).unwrap().replaces.unwrap();
            prop_assert_eq!(read.dialog(), DialogId::new(id.as_bytes(), tag.as_bytes(), b"x"));
        }
    }
}
