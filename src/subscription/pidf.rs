//! `application/pidf+xml` (RFC 3863): whether somebody can be reached, with RFC 4480's word for being on the phone.

use crate::subscription::sheet::Sheet;
use crate::subscription::xml::Writer;

/// Whether a phone can be reached.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is not registered.
    Closed,
    /// It can be rung.
    Open,
    /// It can be reached, and is in a call.
    OnThePhone,
}

/// The document of who has that address.
pub fn write(entity: &str, presence: Presence) -> Sheet {
    let basic = if presence == Presence::Closed { "closed" } else { "open" };
    let mut writer = Writer::new();
    let root = [
        ("xmlns", "urn:ietf:params:xml:ns:pidf"),
        ("xmlns:dm", "urn:ietf:params:xml:ns:pidf:data-model"),
        ("xmlns:rpid", "urn:ietf:params:xml:ns:pidf:rpid"),
        ("entity", entity),
    ];
    writer.open("presence", &root).line();
    writer.open("tuple", &[("id", "phone")]);
    writer.open("status", &[]).leaf("basic", &[], basic).close();
    writer.leaf("contact", &[], entity);
    if presence == Presence::OnThePhone {
        writer.leaf("note", &[], "On the phone");
    }
    writer.close();
    if presence == Presence::OnThePhone {
        writer.open("dm:person", &[("id", "person")]).open("rpid:activities", &[]);
        writer.empty("rpid:on-the-phone", &[]);
    }
    Sheet::plain(writer.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_open_and_on_the_phone() {
        let text = |presence| {
            String::from_utf8(write("sip:1001@example.com", presence).bytes(0)).expect("it is text")
        };
        assert!(text(Presence::Closed).contains("<basic>closed</basic>"));
        assert!(!text(Presence::Open).contains("on-the-phone"));
        let busy = text(Presence::OnThePhone);
        assert!(busy.contains("<basic>open</basic>") && busy.contains("<note>On the phone</note>"));
        assert!(busy.ends_with("<rpid:on-the-phone/>\n</rpid:activities>\n</dm:person>\n</presence>\n"));
    }
}
