//! What is written into SIP messages and read out of them at this level: numbers, names, contacts, the INVITE.
//!
//! Leaves only: no state, no decision.

use crate::config::PhoneSecret;
use crate::ids::Random;
use crate::registrar::Binding;
use crate::registrar::Change;
use crate::registrar::NewContact;
use crate::registrar::NewContacts;
use crate::registrar::RegisterRequest;
use crate::sip::digest::Credentials;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::Flow;
use crate::sip::msg::Contact;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::RequestWriter;
use crate::store;
use crate::switch::leg::Shown;
use crate::switch::leg::Target;
use crate::switch::requests::ALLOW;
use bytes::Bytes;
use std::net::SocketAddr;

/// The first INVITE of an outgoing leg.
pub(crate) struct Invite<'a> {
    pub(crate) target: &'a Target,
    pub(crate) domain: &'a str,
    pub(crate) user_agent: &'a str,
    /// Our address as the peer can reach it.
    pub(crate) contact: SocketAddr,
    pub(crate) branch: &'a str,
    pub(crate) tag: &'a str,
    pub(crate) call_id: &'a str,
    pub(crate) body: &'a [u8],
}

/// Hops that a call of ours may take (RFC 3261 section 8.1.1.6).
const MAX_FORWARDS: &[u8] = b"70";

/// Writes it.
pub(crate) fn invite(invite: &Invite<'_>) -> Bytes {
    let Invite { target, domain, contact, .. } = invite;
    let mut request = RequestWriter::new(Method::Invite, target.uri.as_bytes());
    request
        .via(target.flow.transport.in_via(), contact.to_string().as_bytes(), invite.branch.as_bytes(), true)
        .header(Name::MaxForwards, MAX_FORWARDS);
    let number = user(&target.shown.number);
    let from = match &target.shown.name {
        Some(name) => format!("{} <sip:{number}@{domain}>;tag={}", quoted(name), invite.tag),
        None => format!("<sip:{number}@{domain}>;tag={}", invite.tag),
    };
    request
        .header(Name::From, from.as_bytes())
        .header_fmt(Name::To, format_args!("<{}>", without_params(&target.uri)))
        .header(Name::CallId, invite.call_id.as_bytes())
        .cseq(1, Method::Invite)
        .header(Name::Contact, contact_of(*contact, target.flow).as_bytes())
        .header(Name::Allow, ALLOW.as_bytes())
        .header(Name::UserAgent, invite.user_agent.as_bytes())
        .body(b"application/sdp", invite.body)
        .finish()
}

/// Our Contact on a flow.
pub(crate) fn contact_of(address: SocketAddr, flow: Flow) -> String {
    if flow.transport.is_reliable() {
        let transport = flow.transport.as_str().to_ascii_lowercase();
        format!("<sip:strowger@{address};transport={transport}>")
    } else {
        format!("<sip:strowger@{address}>")
    }
}

/// A new Call-ID. 96 random bits: unique, and nobody guesses it.
pub(crate) fn call_id(random: &mut Random, domain: &str) -> String {
    format!("{:016x}{:08x}@{domain}", random.next_u64(), random.next_u64() >> 32)
}

/// The URI without its parameters and headers, for To.
fn without_params(uri: &str) -> &str {
    uri.split([';', '?']).next().unwrap_or(uri)
}

/// A display name in quotes; RFC 3261 section 25.1 `quoted-string`. Control characters are left out.
fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    text.push('"');
    for letter in name.chars().filter(|letter| !letter.is_control()) {
        if matches!(letter, '"' | '\\') {
            text.push('\\');
        }
        text.push(letter);
    }
    text.push('"');
    text
}

/// A number as the user part of a URI: what may not stand there is escaped (RFC 3261 section 25.1 `user`).
fn user(number: &str) -> String {
    let mut text = String::with_capacity(number.len());
    for byte in number.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    if text.is_empty() { "anonymous".to_owned() } else { text }
}

/// The number dialled: the Request-URI's user, unescaped.
pub(crate) fn called_number(message: &Message) -> String {
    message.request_uri().map(|uri| text(&uri.user_decoded())).unwrap_or_default()
}

/// The caller as a carrier shows him: P-Asserted-Identity, else Remote-Party-ID, else From (INTEROP).
pub(crate) fn caller_shown(message: &Message) -> Shown {
    let asserted = message.addresses(Name::PAssertedIdentity).flatten().next();
    let party = || message.addresses(Name::RemotePartyId).flatten().next();
    let Some(address) = asserted.or_else(party).or_else(|| message.from().ok()) else { return Shown::default() };
    let name = text(&address.display_text());
    Shown { number: text(&address.uri.user_decoded()), name: (!name.is_empty()).then_some(name) }
}

/// Bytes of a peer as text for people: invalid UTF-8 and control characters are replaced, and the length is bounded.
pub(crate) fn text(bytes: &[u8]) -> String {
    /// Longer names and numbers are nobody's.
    const SHOWN_MAX: usize = 128;
    let clean = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    String::from_utf8_lossy(bytes).chars().take(SHOWN_MAX).map(clean).collect()
}

/// Whether the request is meant for a dialog.
pub(crate) fn has_to_tag(message: &Message) -> bool {
    message.to().is_ok_and(|to| to.tag().is_some())
}

/// The To-tag.
pub(crate) fn to_tag(message: &Message) -> String {
    message.to().ok().and_then(|to| to.tag()).map(text).unwrap_or_default()
}

/// Option tags in one line.
pub(crate) fn joined<'a>(tags: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    tags.collect::<Vec<_>>().join(&b", "[..])
}

/// Whether the body is SDP. RFC 3261 section 20.15: a body must have a type, but some phones forget it.
pub(crate) fn is_sdp(message: &Message) -> bool {
    match message.content_type() {
        Ok(Some(kind)) => kind.is(b"application", b"sdp"),
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Whether the sender of an INVITE takes SDP (RFC 3261 section 20.1: without Accept it does).
pub(crate) fn accepts_sdp(message: &Message) -> bool {
    let mut accepted = message.accept().peekable();
    accepted.peek().is_none() || accepted.any(|kind| kind.covers(b"application", b"sdp"))
}

/// The address of record of a REGISTER: the To's user, when To is a SIP address.
pub(crate) fn address_of_record(message: &Message) -> Option<String> {
    let to = message.to().ok()?;
    if !to.uri.is_sip() {
        return None;
    }
    String::from_utf8(to.uri.user_decoded().into_owned()).ok()
}

/// What a REGISTER asks; `None` when a Contact can't be read or is no SIP address.
pub(crate) fn register_request(message: &Message, flow: Flow) -> Option<RegisterRequest<Flow>> {
    let mut contacts = Vec::new();
    let mut star = false;
    for contact in message.contacts() {
        match contact.ok()? {
            Contact::Star => star = true,
            Contact::At(address) => {
                if !address.uri.is_sip() {
                    return None;
                }
                contacts.push(NewContact {
                    uri: String::from_utf8(address.uri.raw.to_vec()).ok()?,
                    expires_seconds: address.expires(),
                    q: address.q_thousandths(),
                    instance: address.params.value(b"+sip.instance").map(text),
                });
            }
        }
    }
    let contacts = if star && contacts.is_empty() {
        NewContacts::Star
    } else if star {
        return None;
    } else {
        NewContacts::Each(contacts)
    };
    Some(RegisterRequest {
        contacts,
        call_id: text(message.call_id().ok()?),
        cseq: message.cseq().ok()?.number,
        expires_seconds: message.expires().ok().flatten(),
        flow,
        path: message.values(Name::Path).map(text).collect(),
        user_agent: message.header(Name::UserAgent).map(text),
    })
}

/// A Contact of the answer to a REGISTER (RFC 3261 section 10.3 step 8).
pub(crate) fn contact_line(binding: &Binding<Flow>, remaining_seconds: u64) -> String {
    format!("<{}>;expires={remaining_seconds}", binding.uri)
}
