//! What is written into SIP messages and read out of them at this level: numbers, names, contacts, the INVITE.
//!
//! Leaves only: no state, no decision.

use crate::clock::Instant;
use crate::clock::Now;
use crate::config::PhoneSecret;
use crate::ids::Random;
use crate::registrar::Binding;
use crate::registrar::Change;
use crate::registrar::ChangeKind;
use crate::registrar::Contacts;
use crate::registrar::Granted;
use crate::registrar::NewContact;
use crate::registrar::RegisterRequest;
use crate::sip::digest::Algorithm;
use crate::sip::digest::Ha1;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::sip::msg::Contact;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::NameAddr;
use crate::sip::msg::Uri;
use crate::sip::msg::write::RequestWriter;
use crate::store;
use crate::store::BindingChange;
use crate::switch::leg::Target;
use crate::switch::requests::ALLOW;
use crate::switch::requests::SUPPORTED;
use crate::switch::session_timer;
use crate::switch::trunk_invite::Special;
use bytes::Bytes;
use std::net::SocketAddr;

/// The first INVITE of an outgoing leg.
pub(crate) struct Invite<'a> {
    pub(crate) target: &'a Target,
    pub(crate) special: &'a Special,
    /// The Route, next hop first.
    pub(crate) path: &'a [String],
    pub(crate) domain: &'a str,
    pub(crate) user_agent: &'a str,
    /// Our address as the peer can reach it.
    pub(crate) contact: SocketAddr,
    pub(crate) branch: &'a str,
    pub(crate) tag: &'a str,
    pub(crate) call_id: &'a str,
    pub(crate) body: &'a [u8],
    /// Further headers.
    pub(crate) more: &'a [(Name, String)],
    /// Who transferred the call, as the URI of Referred-By.
    pub(crate) referred_by: Option<&'a str>,
    /// Hops that it may still take (RFC 3261 section 8.1.1.6).
    pub(crate) hops: u8,
    /// How often the two ends are to show that they live (RFC 4028).
    pub(crate) session: session_timer::Asked,
}

/// Writes it.
pub(crate) fn invite(invite: &Invite<'_>) -> Bytes {
    let Invite { target, domain, contact, .. } = invite;
    let (request_uri, to) = addressed(&target.uri);
    let mut request = RequestWriter::new(Method::Invite, request_uri.as_bytes());
    request
        .via(target.flow.transport.into(), contact.to_string().as_bytes(), invite.branch.as_bytes(), true)
        .header_fmt(Name::MaxForwards, format_args!("{}", invite.hops));
    for hop in invite.path {
        // RFC 3327 section 5.3: the Path becomes the preloaded Route.
        request.header(Name::Route, hop.as_bytes());
    }
    let number = user(&target.shown.number);
    let from = match (&invite.special.from, &target.shown.name) {
        (Some(from), _) => format!("{from};tag={}", invite.tag),
        (None, Some(name)) => format!("{} <sip:{number}@{domain}>;tag={}", quoted(name), invite.tag),
        (None, None) => format!("<sip:{number}@{domain}>;tag={}", invite.tag),
    };
    request
        .header(Name::From, from.as_bytes())
        .header_fmt(Name::To, format_args!("<{to}>"))
        .header(Name::CallId, invite.call_id.as_bytes())
        .cseq(1, Method::Invite)
        .header(Name::Contact, contact_for(*contact, target.flow, is_sips(&target.uri)).as_bytes())
        .header(Name::Allow, ALLOW.as_bytes())
        .header(Name::Supported, SUPPORTED.as_bytes())
        .header(Name::UserAgent, invite.user_agent.as_bytes());
    for line in &invite.special.lines {
        request.raw_line(line.as_bytes());
    }
    if let Some(who) = invite.referred_by {
        // RFC 3892 section 2.1.
        request.header_fmt(Name::ReferredBy, format_args!("<{who}>"));
    }
    session_timer::write_asked(&mut request, invite.session);
    for (name, value) in invite.more {
        request.header(*name, value.as_bytes());
    }
    request.body(b"application/sdp", invite.body).finish()
}

/// Our Contact on a flow.
pub(crate) fn contact_of(address: SocketAddr, flow: Flow) -> String {
    contact_for(address, flow, false)
}

/// The same; with `sips:` where the dialog is secure (RFC 3261 sections 8.1.1.8 and 12.1.1).
pub(crate) fn contact_for(address: SocketAddr, flow: Flow, secure: bool) -> String {
    let scheme = if secure { "sips" } else { "sip" };
    match flow.transport {
        Transport::Udp => format!("<{scheme}:strowger@{address}>"),
        // RFC 5630 section 3.1.3: `transport=tls` says nothing beside `sips:`.
        Transport::Tls if secure => format!("<{scheme}:strowger@{address}>"),
        // RFC 7118 section 5.2.4: one word for both, in URIs.
        Transport::Ws | Transport::Wss => format!("<{scheme}:strowger@{address};transport=ws>"),
        Transport::Tcp | Transport::Tls => {
            format!("<{scheme}:strowger@{address};transport={}>", flow.transport.word())
        }
    }
}

fn is_sips(uri: &str) -> bool {
    uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sips:"))
}

/// A new Call-ID. 96 random bits: unique, and nobody guesses it.
pub(crate) fn call_id(random: &mut Random, domain: &str) -> String {
    format!("{:016x}{:08x}@{domain}", random.next_u64(), random.next_u64() >> 32)
}

/// A contact as Request-URI and as To: without its headers, which RFC 3261 section 19.1.5 forbids there (RFC 4475
/// section 3.3.14: an escaped Route must lead nobody), and for To without its parameters too.
fn addressed<'a>(contact: &'a str) -> (&'a str, &'a str) {
    let Ok(uri) = Uri::parse(contact.as_bytes()) else { return (contact, contact) };
    let cut = |text: &'a str, len: usize| text.get(..text.len().saturating_sub(len)).unwrap_or(text);
    // The length of the headers is without their question mark, that of the parameters with their semicolon.
    let request_uri = if uri.headers.is_empty() { contact } else { cut(contact, uri.headers.len() + 1) };
    (request_uri, cut(request_uri, uri.params.raw().len()))
}

/// A display name in quotes; RFC 3261 section 25.1 `quoted-string`. Control characters are left out.
pub(crate) fn quoted(name: &str) -> String {
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
pub(crate) fn user(number: &str) -> String {
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

/// A dialled number for a Request-URI of ours: nothing of it may be read as a parameter, a header or another host.
pub(crate) fn dialled(number: &str) -> String {
    user(number).replace(';', "%3B").replace('?', "%3F")
}

/// The number dialled: the Request-URI's user, unescaped.
pub(crate) fn called_number(message: &Message) -> String {
    message.request_uri().map(|uri| text(&uri.user_decoded())).unwrap_or_default()
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
    message.to_tag().is_some()
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
    let mut list = Vec::new();
    let mut star = false;
    for contact in message.contacts() {
        match contact.ok()? {
            Contact::Star => star = true,
            Contact::At(address) => list.push(new_contact(&address)?),
        }
    }
    let contacts = match (star, list.is_empty()) {
        (false, _) => Contacts::List(list),
        (true, true) => Contacts::Star,
        // RFC 3261 section 10.3 step 6: an asterisk stands alone.
        (true, false) => return None,
    };
    Some(RegisterRequest {
        contacts,
        call_id: text(message.call_id().ok()?),
        cseq: message.cseq().ok()?.number,
        // RFC 3261 section 10.2.1.1: a malformed Expires is worth 3600 seconds.
        expires_seconds: message.expires().unwrap_or(Some(3600)),
        flow,
        received_from: flow.remote,
        path: message.values(Name::Path).map(text).collect(),
        user_agent: message.header(Name::UserAgent).map(text),
    })
}

fn new_contact(address: &NameAddr<'_>) -> Option<NewContact> {
    if !address.uri.is_sip() {
        return None;
    }
    let has_q = address.param(b"q").is_some();
    Some(NewContact {
        uri: String::from_utf8(address.uri.raw.to_vec()).ok()?,
        key: contact_key(address.uri.raw)?,
        expires_seconds: address.expires(),
        q: has_q.then(|| address.q_thousandths()),
        instance: address.params.value(b"+sip.instance").map(text),
        reg_id: address.params.value(b"reg-id").and_then(|id| std::str::from_utf8(id).ok()?.parse().ok()),
    })
}

/// A contact URI in the form under which two are the same (RFC 3261 section 19.1.4): scheme, user, host in lower case,
/// port, and the transport. Other parameters do not tell two phones apart in practice, and phones change them.
pub(crate) fn contact_key(uri: &[u8]) -> Option<String> {
    let uri = Uri::parse(uri).ok()?;
    let user = text(&uri.user_decoded());
    let (_, host) =
        uri.raw.split_at_checked(uri.raw.iter().position(|byte| *byte == b'@').map_or(0, |at| at + 1))?;
    let host = host.split(|byte| matches!(byte, b';' | b'?' | b'>')).next().unwrap_or_default();
    let transport = uri.transport().map_or(&b""[..], |transport| transport.as_bytes());
    Some(format!("{user}@{};{}", text(host).to_ascii_lowercase(), text(transport).to_ascii_lowercase()))
}

/// A Contact of the answer to a REGISTER (RFC 3261 section 10.3 step 8).
pub(crate) fn contact_line(granted: &Granted) -> String {
    let mut line = format!("<{}>;expires={}", granted.uri, granted.expires_seconds);
    if granted.q != 1000 {
        line.push_str(&format!(";q=0.{:03}", granted.q));
    }
    if let Some(instance) = &granted.instance {
        // RFC 5626 section 4.1: a quoted string; what is kept is its inside as it came.
        line.push_str(&format!(";+sip.instance=\"{instance}\""));
    }
    if let Some(id) = granted.reg_id {
        line.push_str(&format!(";reg-id={id}"));
    }
    line
}

/// The reason phrase of a refused registration.
pub(crate) const fn phrase(status: u16) -> &'static str {
    match status {
        423 => "Interval Too Brief",
        400 => "Bad Contact",
        403 => "Too Many Contacts",
        503 => "Service Unavailable",
        _ => "Out Of Order",
    }
}

/// A phone's password, where that is what is configured.
pub(crate) fn password(secret: &PhoneSecret) -> Option<&str> {
    match secret {
        PhoneSecret::Plain(password) => password.expose(),
        PhoneSecret::Ha1 { .. } | PhoneSecret::None => None,
    }
}

/// The configured HA1 of a phone for an algorithm; `None` when there is none.
pub(crate) fn stored_ha1(secret: &PhoneSecret, algorithm: Algorithm) -> Option<Ha1> {
    let PhoneSecret::Ha1 { md5, sha256 } = secret else { return None };
    let hash = match algorithm {
        Algorithm::Md5 => md5,
        Algorithm::Sha256 => sha256,
        Algorithm::Sha512_256 => return None,
    };
    Ha1::from_hex(algorithm, hash.as_ref()?.expose()?)
}

/// A change of a binding as it is stored.
pub(crate) fn stored(change: &Change<Flow>) -> BindingChange {
    let binding = &change.binding;
    match change.kind {
        ChangeKind::Added | ChangeKind::Refreshed | ChangeKind::Unreachable | ChangeKind::Reachable => {
            BindingChange::Set(store::Binding {
                aor: change.aor.to_string(),
                contact: binding.uri.clone(),
                flow: flow_text(&binding.flow),
                call_id: binding.call_id.clone(),
                cseq: binding.cseq,
                expires_at: binding.expires_wall,
                registered_at: binding.refreshed_at.wall,
                user_agent: binding.user_agent.clone(),
                path: (!binding.path.is_empty()).then(|| binding.path.join(", ")),
                instance: binding.instance.clone(),
                q: Some(f32::from(binding.q) / 1000.0),
            })
        }
        ChangeKind::Removed(_) => {
            BindingChange::Removed { aor: change.aor.to_string(), contact: binding.uri.clone() }
        }
    }
}

/// A stored binding as the registrar takes it back. Over a connection it is gone with the process (fault F01).
pub(crate) fn restored(kept: &store::Binding) -> Option<(String, Binding<Flow>)> {
    let flow = flow_read(&kept.flow).filter(|flow| flow.transport == Transport::Udp)?;
    let at = Now { instant: Instant::default(), wall: kept.registered_at };
    let binding = Binding {
        uri: kept.contact.clone(),
        key: contact_key(kept.contact.as_bytes())?,
        flow,
        received_from: flow.remote,
        expires_at: Instant::default(),
        expires_wall: kept.expires_at,
        refreshed_at: at,
        q: (kept.q.unwrap_or(1.0) * 1000.0).clamp(0.0, 1000.0) as u16,
        call_id: kept.call_id.clone(),
        cseq: kept.cseq,
        instance: kept.instance.clone(),
        reg_id: None,
        path: kept.path.iter().flat_map(|path| path.split(", ")).map(str::to_owned).collect(),
        user_agent: kept.user_agent.clone(),
        unreachable: false,
        id: 0,
    };
    Some((kept.aor.clone(), binding))
}

/// A flow as the store keeps it: `udp 127.0.0.1:5060 192.0.2.1:5060`.
pub(crate) fn flow_text(flow: &Flow) -> String {
    format!("{} {} {}", flow.transport.word(), flow.local, flow.remote)
}

fn flow_read(text: &str) -> Option<Flow> {
    let mut words = text.split(' ');
    let transport = match words.next()? {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        _ => return None,
    };
    Some(Flow {
        transport,
        local: words.next()?.parse().ok()?,
        remote: words.next()?.parse().ok()?,
        connection: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialled_number_stays_a_number() {
        assert_eq!(dialled("+33140000000"), "+33140000000");
        assert_eq!(dialled("*31#0140000000"), "*31%230140000000");
        assert_eq!(dialled("1>;tag=x"), "1%3E%3Btag=x");
        assert_eq!(dialled("1@evil.example?Route=x y"), "1%40evil.example%3FRoute=x%20y");
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quoted("Al\"ice\\ \r\nVia: x"), "\"Al\\\"ice\\\\ Via: x\"");
    }

    #[test]
    fn a_granted_contact_reads_back_as_it_came() {
        let sent =
            br#"<sip:1001@192.0.2.1:5060>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>""#;
        let asked = new_contact(&NameAddr::parse(sent, Name::Contact).unwrap()).unwrap();
        let line = contact_line(&Granted {
            uri: asked.uri.clone(),
            expires_seconds: 60,
            q: 1000,
            instance: asked.instance.clone(),
            reg_id: None,
            id: 1,
            call_id: String::new(),
        });
        assert_eq!(
            new_contact(&NameAddr::parse(line.as_bytes(), Name::Contact).unwrap()).unwrap().instance,
            asked.instance
        );
        assert!(
            line.contains(r#"+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>""#),
            "{line}"
        );
    }

    #[test]
    fn two_spellings_of_a_contact_are_one() {
        let key = |uri: &str| contact_key(uri.as_bytes());
        assert_eq!(key("sip:1001@Phone.Example:5060;ob"), key("sip:1001@phone.example:5060"));
        assert_eq!(key("sip:100%31@192.0.2.1"), key("sip:1001@192.0.2.1"));
        assert_ne!(key("sip:1001@192.0.2.1"), key("sip:1001@192.0.2.1:5062"));
        assert_ne!(key("sip:1001@192.0.2.1;transport=tcp"), key("sip:1001@192.0.2.1"));
        assert_eq!(key("not a uri"), None);
    }

    #[test]
    fn a_flow_reads_back() {
        let flow = Flow {
            transport: Transport::Udp,
            local: "127.0.0.1:5060".parse().unwrap(),
            remote: "[2001:db8::1]:5070".parse().unwrap(),
            connection: 0,
        };
        assert_eq!(flow_read(&flow_text(&flow)), Some(flow));
        assert_eq!(flow_read("carrier pigeon"), None);
    }
}
