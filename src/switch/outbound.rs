//! What a REGISTER may ask beyond RFC 3261, and what follows from it: flows (RFC 5626), GRUU (RFC 5627), Path (RFC
//! 3327), and whom a request to a GRUU means.
//!
//! The bindings are `registrar`'s.

use crate::clock::Now;
use crate::ids::PhoneNumber;
use crate::registrar::Binding;
use crate::registrar::Contacts;
use crate::registrar::Granted;
use crate::registrar::RegisterRequest;
use crate::sip::endpoint::Flow;
use crate::sip::gruu;
use crate::sip::gruu::Asked;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::NameAddr;
use crate::sip::msg::write::ResponseWriter;
use crate::switch::core::Core;
use crate::switch::write;

/// What a REGISTER may require.
const REGISTER_TAGS: [&str; 3] = ["path", "outbound", "gruu"];

/// Phones send keep-alives at least as often (RFC 5626 section 4.4): on a connection to be sure of it, on UDP so that a
/// NAT does not forget them.
const FLOW_TIMER_CONNECTION_SECONDS: u32 = 120;
const FLOW_TIMER_UDP_SECONDS: u32 = 25;

/// The extensions of one REGISTER.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    path: bool,
    outbound: bool,
    gruu: bool,
}

/// Why a REGISTER is refused for its extensions.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) reason: &'static str,
    /// A line for it.
    pub(crate) line: Option<(Name, &'static [u8])>,
}

/// The option tags that a request with this method may require here.
pub(crate) fn option_tags(method: Method<'_>) -> &'static [&'static str] {
    if method == Method::Register { &REGISTER_TAGS } else { &[] }
}

impl Extensions {
    /// Which of them the REGISTER uses; takes out of `request` what does not count then.
    pub(crate) fn of(message: &Message, request: &mut RegisterRequest<Flow>) -> Result<Self, Refusal> {
        let asks = |tag: &[u8]| {
            message.supported().chain(message.require()).any(|one| one.eq_ignore_ascii_case(tag))
        };
        let mut extensions = Self { path: asks(b"path"), outbound: false, gruu: asks(b"gruu") };
        if !request.path.is_empty() && !extensions.path {
            // RFC 3327 section 5.3: a phone that knows nothing of Path would not know by which way it is called.
            let line = Some((Name::Unsupported, &b"path"[..]));
            return Err(Refusal { status: 420, reason: "Bad Extension", line });
        }
        let Contacts::List(contacts) = &mut request.contacts else { return Ok(extensions) };
        let flows = contacts.iter().filter(|one| one.reg_id.is_some() && one.instance.is_some());
        let kept = flows.filter(|one| one.expires_seconds.or(request.expires_seconds) != Some(0)).count();
        extensions.outbound =
            asks(b"outbound") && contacts.iter().any(|one| one.reg_id.is_some() && one.instance.is_some());
        if !extensions.outbound {
            // RFC 5626 section 6: without the option tag, or without an instance, `reg-id` is ignored.
            contacts.iter_mut().for_each(|contact| contact.reg_id = None);
            return Ok(extensions);
        }
        if kept > 1 {
            // RFC 5626 section 6: a flow is registered by a request of its own.
            return Err(Refusal { status: 400, reason: "One Contact With reg-id", line: None });
        }
        if message.vias().nth(1).is_some() && !first_hop_helps(message) {
            // RFC 5626 section 6: the first proxy did not put itself into the Path with `ob`, so that it keeps no flow.
            return Err(Refusal { status: 439, reason: "First Hop Lacks Outbound Support", line: None });
        }
        Ok(extensions)
    }

    /// The lines of the 200.
    pub(crate) fn write(self, message: &Message, flow: Flow, response: &mut ResponseWriter<'_>) {
        if self.path {
            // RFC 3327 section 5.3: "the registrar MUST copy the Path header field values".
            response.copy_all(message, Name::Path);
        }
        response.header(Name::Supported, b"path, outbound, gruu");
        if !self.outbound {
            return;
        }
        // RFC 5626 section 6: "the registrar includes a Require header field with the option-tag outbound".
        response.header(Name::Require, b"outbound");
        if message.vias().nth(1).is_none() {
            let seconds = if flow.transport.is_reliable() {
                FLOW_TIMER_CONNECTION_SECONDS
            } else {
                FLOW_TIMER_UDP_SECONDS
            };
            response.header_named(b"Flow-Timer", seconds.to_string().as_bytes());
        }
    }
}

/// RFC 5626 section 6: the Path that the first proxy added is the last one, and has `ob`.
fn first_hop_helps(message: &Message) -> bool {
    let last = message.values(Name::Path).last().and_then(|path| NameAddr::parse(path, Name::Path).ok());
    last.is_some_and(|path| path.uri.param(b"ob").is_some())
}

impl Core {
    /// A contact of the answer to a REGISTER, with its GRUUs when the phone understands them (RFC 5627 section 5.1).
    pub(crate) fn contact_granted(&mut self, aor: &str, granted: &Granted, extensions: Extensions) -> String {
        let mut line = write::contact_line(granted);
        let Some(instance) = granted.instance.as_deref().filter(|_| extensions.gruu) else { return line };
        let domain = &self.config.sip.domain;
        if let Some(public) = gruu::public(aor, domain, instance) {
            let temporary = self.gruu.temporary(domain, granted.id, &granted.call_id, &mut self.random);
            line.push_str(&format!(";pub-gruu=\"{public}\";temp-gruu=\"{temporary}\""));
        }
        line
    }

    /// The number that a request is for. A GRUU leads to one device of it, which is noted for whoever rings that number
    /// next; a temporary GRUU that is none of ours is a number that nobody has.
    pub(crate) fn called(&mut self, now: Now, message: &Message) -> String {
        self.device = None;
        let number = write::called_number(message);
        let asked = message.request_uri().ok().and_then(|uri| gruu::asked(&uri));
        match asked {
            None => number,
            Some(Asked::Device(device)) => {
                self.device = Some(device);
                number
            }
            Some(Asked::Temporary(sealed)) => {
                let id = self.gruu.binding(sealed);
                let found = self.registrar.binding(id, now.instant);
                let found = found.filter(|(_, binding)| self.gruu.is_for(sealed, id, &binding.call_id));
                let found = found.map(|(aor, binding)| (aor.to_owned(), binding.instance.clone()));
                let Some((aor, device)) = found else { return number };
                self.device = device;
                aor
            }
        }
    }

    /// A phone has registered over a connection: what its calls had over one that is gone goes on there (a browser that
    /// changed its network).
    pub(crate) fn follow_flow(&mut self, phone: &PhoneNumber, flow: Flow) {
        if !flow.transport.is_reliable() {
            return;
        }
        let contacts = self.registrar.all_of(phone.as_str()).filter(|contact| !contact.unreachable);
        let live: Vec<(String, Flow)> = contacts.map(|contact| (contact.key.clone(), contact.flow)).collect();
        for leg in self.legs.values_mut().filter(|leg| leg.phone.as_ref() == Some(phone)) {
            if live.iter().any(|(_, flow)| *flow == leg.flow) {
                continue;
            }
            let key = leg.dialog.as_ref().and_then(|dialog| write::contact_key(dialog.remote_target()));
            if let Some((_, flow)) = live.iter().find(|(contact, _)| Some(contact) == key.as_ref()) {
                leg.flow = *flow;
            }
        }
    }

    /// Whether a contact may be rung by the request under way: all, but where a GRUU names a device.
    pub(crate) fn is_asked_for(&self, contact: &Binding<Flow>) -> bool {
        self.device.as_deref().is_none_or(|named| {
            contact
                .instance
                .as_deref()
                .is_some_and(|instance| gruu::is_device(instance, named.trim_matches(['"', '<', '>'])))
        })
    }
}
