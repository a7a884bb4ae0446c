//! The strict validation of a message, with the answer that the RFC wants.
//!
//! Apart from [`Message::parse`], which accepts all that can be answered. What a transaction user decides is not here:
//! 405, 415, 420, 481, 501.

use crate::sip::msg::fault::Defect;
use crate::sip::msg::length::ContentLength;
use crate::sip::msg::limits;
use crate::sip::msg::message::Message;
use crate::sip::msg::method::Method;
use crate::sip::msg::name::Name;
use crate::sip::msg::uri::Scheme;

impl Message {
    /// Whether everything that an endpoint relies on is well-formed; else the first thing that is not. Runs on every
    /// request before a transaction is made, and on responses, which are then dropped.
    pub fn check(&self) -> Result<(), Defect> {
        self.check_start_line()?;
        self.check_lines()?;
        self.check_identity()?;
        // Of a response the rest is read when it is needed: to drop it for a header that nobody asks for would hang
        // the call.
        if self.is_request() {
            self.check_values()?;
        }
        self.check_body()?;
        self.check_scheme()
    }

    fn check_start_line(&self) -> Result<(), Defect> {
        if !self.is_request() {
            return Ok(());
        }
        let version = self.version();
        // RFC 3261 section 21.5.6: 505. A version is `SIP/digits.digits`; anything else is no version at all.
        if !version.eq_ignore_ascii_case(b"SIP/2.0") {
            let number = version
                .get(4..)
                .filter(|_| version.get(..4).is_some_and(|p| p.eq_ignore_ascii_case(b"SIP/")));
            let is_version = number
                .is_some_and(|n| n.contains(&b'.') && n.iter().all(|b| b.is_ascii_digit() || *b == b'.'));
            return Err(match is_version {
                true => Defect::whole(505, "Version Not Supported"),
                false => Defect::whole(400, "Malformed Request Line"),
            });
        }
        // RFC 4475 sections 3.1.2.8 to 3.1.2.10: exactly one space between the three parts, none behind.
        if self.oddities().loose_start_line {
            return Err(Defect::whole(400, "Malformed Request Line"));
        }
        let uri = self.request_uri()?;
        // RFC 3261 section 19.1.1: a Request-URI has no headers; RFC 4475 section 3.1.2.11.
        if !uri.headers.is_empty() {
            return Err(Defect::whole(400, "Headers In Request-URI"));
        }
        Ok(())
    }

    fn check_lines(&self) -> Result<(), Defect> {
        let odd = self.oddities();
        if odd.too_many {
            return Err(Defect::whole(400, "Too Many Header Fields"));
        }
        if odd.too_long {
            return Err(Defect::whole(400, "Header Field Too Long"));
        }
        if odd.no_empty_line {
            return Err(Defect::whole(400, "Missing Empty Line"));
        }
        if odd.bare_line_end || has_bare_return(self.head()) {
            return Err(Defect::whole(400, "Malformed Line End"));
        }
        if odd.malformed_line {
            return Err(Defect::whole(400, "Malformed Header Field"));
        }
        // RFC 3261 section 7.3.1, RFC 4475 section 3.3.8: a header that is no list may be there once.
        if !self.repeats_any() {
            return Ok(());
        }
        match Name::ALL.iter().find(|name| name.is_single() && self.repeats(**name)) {
            Some(name) => Err(Defect::bad(*name, "Repeated Header Field")),
            None => Ok(()),
        }
    }

    /// RFC 3261 section 8.1.1: what every message must have. Max-Forwards is not asked for: RFC 2543 had none, and
    /// section 16.6 lets a receiver add it.
    fn check_identity(&self) -> Result<(), Defect> {
        self.via()?;
        for (name, address) in [(Name::From, self.from()?), (Name::To, self.to()?)] {
            if !address.params.are_well_formed() {
                return Err(Defect::bad(name, "Malformed Address"));
            }
            // RFC 3261 section 10.2: the address of record of a REGISTER is a SIP or SIPS URI; RFC 4475 3.3.4.
            let is_aor = name == Name::To && self.is_request() && self.method() == Method::Register;
            if is_aor && matches!(address.uri.scheme, Scheme::Other(_)) {
                return Err(Defect::bad(name, "Address Of Record Is No SIP URI"));
            }
        }
        self.call_id()?;
        let cseq = self.cseq()?;
        // RFC 3261 section 8.1.1.5: the method of CSeq must be the request's; RFC 4475 sections 3.1.2.17, 3.1.2.18.
        if cseq.method != self.method() {
            return Err(Defect::bad(Name::CSeq, "CSeq Method Mismatch"));
        }
        Ok(())
    }

    fn check_values(&self) -> Result<(), Defect> {
        for name in [Name::Via, Name::Contact, Name::Route, Name::RecordRoute, Name::Path] {
            if self.has(name) && self.values(name).nth(limits::VALUES_MAX).is_some() {
                return Err(Defect::bad(name, "Too Many Values"));
            }
        }
        self.max_forwards()?;
        self.expires()?;
        let mut contacts = 0;
        let mut has_star = false;
        for contact in self.contacts() {
            contacts += 1;
            match contact?.address() {
                Some(at) if !at.params.are_well_formed() => {
                    return Err(Defect::bad(Name::Contact, "Malformed Contact"));
                }
                Some(_) => {}
                None => has_star = true,
            }
        }
        // RFC 3261 section 10.2.2: `*` stands alone, and in REGISTER only.
        if has_star && (contacts > 1 || self.method() != Method::Register) {
            return Err(Defect::bad(Name::Contact, "Malformed Contact"));
        }
        for name in [Name::Route, Name::RecordRoute, Name::ReferTo, Name::Path] {
            if self.has(name) {
                self.addresses(name).try_for_each(|address| address.map(drop))?;
            }
        }
        Ok(())
    }

    fn check_body(&self) -> Result<(), Defect> {
        self.content_length()?;
        if self.is_request() && !self.body_slice().is_empty() {
            self.content_type()?;
        }
        // RFC 3261 section 18.3: a datagram that is shorter than its Content-Length gets a 400.
        match self.said_length() {
            ContentLength::Is(len)
                if usize::try_from(len).is_ok_and(|len| len == self.body_slice().len()) =>
            {
                Ok(())
            }
            ContentLength::Is(_) => Err(Defect::bad(Name::ContentLength, "Body Shorter Than Content-Length")),
            ContentLength::Absent | ContentLength::Bad => Ok(()),
        }
    }

    /// Last, for a malformed request is a 400 whatever its scheme.
    fn check_scheme(&self) -> Result<(), Defect> {
        // RFC 3261 section 8.2.2.1: 416 for a scheme that is not understood.
        if self.is_request() && matches!(self.request_uri()?.scheme, Scheme::Other(_)) {
            return Err(Defect::whole(416, "Unsupported URI Scheme"));
        }
        Ok(())
    }
}

/// Whether a CR stands without its LF. Some elements read it as a line's end: a way to smuggle headers.
fn has_bare_return(head: &[u8]) -> bool {
    let next = head.get(1..).unwrap_or_default();
    let bare = |byte: u8, next: u8| u8::from(byte == b'\r') & u8::from(next != b'\n');
    // Without a way out in the middle, so that it is done for many bytes at once.
    let found = head.iter().zip(next).fold(0, |found, (byte, next)| found | bare(*byte, *next));
    found != 0 || head.last() == Some(&b'\r')
}
