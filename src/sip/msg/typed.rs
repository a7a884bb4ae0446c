//! The headers of a message as typed views, read on demand and not kept.

use crate::sip::msg::fault::Defect;
use crate::sip::msg::length::ContentLength;
use crate::sip::msg::lex;
use crate::sip::msg::limits;
use crate::sip::msg::message::Message;
use crate::sip::msg::method::Method;
use crate::sip::msg::name::Name;
use crate::sip::msg::name_addr;
use crate::sip::msg::name_addr::Contact;
use crate::sip::msg::name_addr::NameAddr;
use crate::sip::msg::params::Params;
use crate::sip::msg::uri::Uri;
use crate::sip::msg::via::Via;

/// The value of CSeq.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The sequence number, below 2^31.
    pub number: u32,
    /// The method.
    pub method: Method<'a>,
}

impl<'a> CSeq<'a> {
    /// Reads the value.
    pub fn parse(text: &'a [u8]) -> Result<Self, Defect> {
        let malformed = Defect::bad(Name::CSeq, "Malformed CSeq");
        let space = text.iter().position(|b| lex::is_space(*b)).ok_or(malformed)?;
        let (number, method) = text.split_at_checked(space).ok_or(malformed)?;
        let method = lex::trim(method);
        // RFC 3261 section 8.1.1.5: the number must be less than 2**31.
        let number = lex::number(number, limits::CSEQ_END - 1).and_then(|n| u32::try_from(n).ok());
        match number {
            Some(number) if lex::is_token(method) => Ok(Self { number, method: Method::parse(method) }),
            Some(_) | None => Err(malformed),
        }
    }
}

/// The value of Content-Type, or one of Accept.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// Such as `application`; `*` in Accept.
    pub kind: &'a [u8],
    /// Such as `sdp`; `*` in Accept.
    pub subtype: &'a [u8],
    /// Such as `boundary`.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// Reads one value; `None` when it is none.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let (range, params) = text.split_at_checked(lex::find(text, b';').unwrap_or(text.len()))?;
        let (kind, subtype) = lex::cut(range, b'/')?;
        let (kind, subtype) = (lex::trim(kind), lex::trim(subtype));
        let known = lex::is_token(kind) && lex::is_token(subtype);
        known.then_some(Self { kind, subtype, params: Params::new(params) })
    }

    /// Whether it is that type, in any case.
    pub fn is(&self, kind: &[u8], subtype: &[u8]) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// Whether that type lies within this range of an Accept header.
    pub fn covers(&self, kind: &[u8], subtype: &[u8]) -> bool {
        let kind_fits = self.kind == b"*" || self.kind.eq_ignore_ascii_case(kind);
        kind_fits && (self.subtype == b"*" || self.subtype.eq_ignore_ascii_case(subtype))
    }
}

impl Message {
    /// The Request-URI. RFC 3261 section 19.1.1: it may not be in `<>`, have white space or be missing; headers in
    /// it are found by [`Message::check`].
    pub fn request_uri(&self) -> Result<Uri<'_>, Defect> {
        Uri::parse(self.request_uri_raw())
            .map_err(|defect| Defect { reason: "Malformed Request-URI", ..defect })
    }

    fn first(&self, name: Name, missing: &'static str) -> Result<&[u8], Defect> {
        self.header(name).ok_or(Defect::bad(name, missing))
    }

    /// The topmost Via.
    pub fn via(&self) -> Result<Via<'_>, Defect> {
        let line = self.first(Name::Via, "Missing Via")?;
        Via::parse(lex::cut(line, b',').map_or(line, |(top, _)| top))
    }

    /// All Vias from the top.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, Defect>> {
        self.values(Name::Via).map(Via::parse)
    }

    /// The From header.
    pub fn from(&self) -> Result<NameAddr<'_>, Defect> {
        NameAddr::parse(self.first(Name::From, "Missing From")?, Name::From)
    }

    /// The To header.
    pub fn to(&self) -> Result<NameAddr<'_>, Defect> {
        NameAddr::parse(self.first(Name::To, "Missing To")?, Name::To)
    }

    /// The tag of From, without a look at the rest of it.
    pub fn from_tag(&self) -> Option<&[u8]> {
        name_addr::params(self.header(Name::From)?)?.value(b"tag")
    }

    /// The tag of To, without a look at the rest of it.
    pub fn to_tag(&self) -> Option<&[u8]> {
        name_addr::params(self.header(Name::To)?)?.value(b"tag")
    }

    /// The Call-ID header.
    pub fn call_id(&self) -> Result<&[u8], Defect> {
        let id = self.first(Name::CallId, "Missing Call-ID")?;
        if lex::is_call_id(id) { Ok(id) } else { Err(Defect::bad(Name::CallId, "Malformed Call-ID")) }
    }

    /// The CSeq header.
    pub fn cseq(&self) -> Result<CSeq<'_>, Defect> {
        CSeq::parse(self.first(Name::CSeq, "Missing CSeq")?)
    }

    /// All Contact values; a REGISTER may have none, several, or `*`.
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact<'_>, Defect>> {
        self.values(Name::Contact).map(Contact::parse)
    }

    /// The addresses of a header that is a list of them: Route, Record-Route, Path, P-Asserted-Identity, Diversion.
    pub fn addresses(&self, name: Name) -> impl Iterator<Item = Result<NameAddr<'_>, Defect>> {
        self.values(name).map(move |value| NameAddr::parse(value, name))
    }

    /// The Route headers, next hop first.
    pub fn routes(&self) -> impl Iterator<Item = Result<NameAddr<'_>, Defect>> {
        self.addresses(Name::Route)
    }

    /// The Record-Route headers, from the top.
    pub fn record_routes(&self) -> impl Iterator<Item = Result<NameAddr<'_>, Defect>> {
        self.addresses(Name::RecordRoute)
    }

    fn seconds(&self, name: Name, max: u64) -> Result<Option<u64>, Defect> {
        let Some(value) = self.header(name) else { return Ok(None) };
        let number = lex::number(value, max).ok_or(Defect::bad(name, "Number Out Of Range"))?;
        Ok(Some(number))
    }

    /// Max-Forwards, 0 to 255 (RFC 3261 section 20.22).
    pub fn max_forwards(&self) -> Result<Option<u8>, Defect> {
        Ok(self.seconds(Name::MaxForwards, 255)?.and_then(|n| u8::try_from(n).ok()))
    }

    /// Expires, in seconds, below 2^32 (RFC 3261 section 20.19).
    pub fn expires(&self) -> Result<Option<u32>, Defect> {
        Ok(self.seconds(Name::Expires, u64::from(u32::MAX))?.and_then(|n| u32::try_from(n).ok()))
    }

    /// Content-Length, when it is there and right.
    pub fn content_length(&self) -> Result<Option<u32>, Defect> {
        match self.said_length() {
            ContentLength::Absent => Ok(None),
            ContentLength::Is(len) => Ok(Some(len)),
            ContentLength::Bad => Err(Defect::bad(Name::ContentLength, "Malformed Content-Length")),
        }
    }

    /// Content-Type.
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, Defect> {
        let Some(value) = self.header(Name::ContentType) else { return Ok(None) };
        let media =
            MediaType::parse(value).ok_or(Defect::bad(Name::ContentType, "Malformed Content-Type"))?;
        Ok(Some(media))
    }

    /// The ranges that Accept names; malformed ones are left out. RFC 3261 section 20.1: without the header,
    /// `application/sdp` is meant; an empty one accepts nothing.
    pub fn accept(&self) -> impl Iterator<Item = MediaType<'_>> {
        self.values(Name::Accept).filter_map(MediaType::parse)
    }

    fn options(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.values(name).filter(|tag| !tag.is_empty())
    }

    /// The option tags of Require.
    pub fn require(&self) -> impl Iterator<Item = &[u8]> {
        self.options(Name::Require)
    }

    /// The option tags of Proxy-Require.
    pub fn proxy_require(&self) -> impl Iterator<Item = &[u8]> {
        self.options(Name::ProxyRequire)
    }

    /// The option tags of Supported.
    pub fn supported(&self) -> impl Iterator<Item = &[u8]> {
        self.options(Name::Supported)
    }
}
