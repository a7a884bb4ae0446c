//! One REGISTER applied to the bindings of one address of record: all of it or nothing. RFC 3261 section 10.3.
//!
//! A pure function from bindings to bindings; `table` keeps them.

use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use crate::registrar::binding::Binding;
use crate::registrar::binding::ChangeKind;
use crate::registrar::binding::Reason;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;

/// How long and how many.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Shorter registrations are refused with 423.
    pub expires_seconds_min: u32,
    /// Longer ones are shortened; also the length when the phone names none.
    pub expires_seconds_max: u32,
    /// The most contacts of an address of record.
    pub contacts_per_aor_max: usize,
    /// The most contacts in all.
    pub bindings_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            expires_seconds_min: 60,
            expires_seconds_max: 3600,
            contacts_per_aor_max: 10,
            bindings_max: 100_000,
        }
    }
}

/// The most text that one contact may leave in the table, in bytes: with [`Limits::bindings_max`] it bounds memory.
pub const TEXT_LEN_MAX: usize = 4096;

/// A REGISTER as far as bindings depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterRequest<F> {
    /// What it binds.
    pub contacts: Contacts,
    /// Its Call-ID.
    pub call_id: String,
    /// Its CSeq number.
    pub cseq: u32,
    /// The `Expires` header, in seconds.
    pub expires_seconds: Option<u32>,
    /// The way back to the phone.
    pub flow: F,
    /// Where it came from.
    pub received_from: SocketAddr,
    /// Its `Path`.
    pub path: Vec<String>,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
}

/// The Contact headers of a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contacts {
    /// `Contact: *`: all of them, to be removed.
    Star,
    /// These; none asks for the present bindings.
    List(Vec<NewContact>),
}

/// One Contact of a REGISTER.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewContact {
    /// The URI as it was sent.
    pub uri: String,
    /// The URI in the form that is compared; see [`Binding::key`].
    pub key: String,
    /// The `expires` parameter, in seconds; 0 removes.
    pub expires_seconds: Option<u32>,
    /// The `q` parameter in thousandths.
    pub q: Option<u16>,
    /// The `+sip.instance` parameter.
    pub instance: Option<String>,
    /// The `reg-id` parameter.
    pub reg_id: Option<u32>,
}

/// A contact for the 200 OK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The URI as it was sent.
    pub uri: String,
    /// Seconds left.
    pub expires_seconds: u32,
    /// Preference in thousandths.
    pub q: u16,
    /// `+sip.instance`.
    pub instance: Option<String>,
    /// `reg-id`.
    pub reg_id: Option<u32>,
    /// The registrar's number of the binding.
    pub id: u64,
    /// The Call-ID of its registration.
    pub call_id: String,
}

/// What a REGISTER did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterDone<C> {
    /// All present bindings of the address of record, for the 200 OK.
    pub bindings: Vec<Granted>,
    /// What changed.
    pub changes: Vec<C>,
}

/// Why a REGISTER changed nothing.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Error)]
pub enum RegisterRefusal {
    /// 423 Interval Too Brief, with `Min-Expires`.
    #[error("registrations last {seconds_min} seconds or more")]
    TooBrief {
        /// The least that is granted.
        seconds_min: u32,
    },
    /// 500: a later REGISTER of the same Call-ID was here before.
    #[error("the CSeq is not higher than that of the last REGISTER")]
    OutOfOrder,
    /// 400: `Contact: *` without `Expires: 0`.
    #[error("`Contact: *` needs `Expires: 0`")]
    StarMisused,
    /// 400: over [`TEXT_LEN_MAX`] for one contact.
    #[error("the contact is too long")]
    TooLong,
    /// 403: over [`Limits::contacts_per_aor_max`].
    #[error("too many contacts for the address of record")]
    TooManyContacts,
    /// 503: over [`Limits::bindings_max`].
    #[error("the registrar is full")]
    Full,
}

impl RegisterRefusal {
    /// The status code of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::TooBrief { .. } => 423,
            Self::OutOfOrder => 500,
            Self::StarMisused | Self::TooLong => 400,
            Self::TooManyContacts => 403,
            Self::Full => 503,
        }
    }
}

/// The bindings as they will be, and how they came to be so.
pub(in crate::registrar) struct Plan<F> {
    pub(in crate::registrar) bindings: Vec<Binding<F>>,
    pub(in crate::registrar) changes: Vec<(ChangeKind, Binding<F>)>,
}

impl<F: Copy + PartialEq> Plan<F> {
    /// Applies `request` to `bindings`. `next_id` is where the ids of new bindings come from.
    pub(in crate::registrar) fn make(
        now: Now,
        limits: &Limits,
        bindings: Vec<Binding<F>>,
        request: &RegisterRequest<F>,
        next_id: &mut u64,
    ) -> Result<Self, RegisterRefusal> {
        let mut plan = Self { bindings, changes: Vec::new() };
        plan.remove(Reason::Expired, |binding| !binding.is_live(now.instant));
        match &request.contacts {
            Contacts::Star => plan.remove_all(request)?,
            Contacts::List(contacts) => plan.apply(now, limits, contacts, request, next_id)?,
        }
        Ok(plan)
    }

    fn remove_all(&mut self, request: &RegisterRequest<F>) -> Result<(), RegisterRefusal> {
        // RFC 3261 section 10.3 step 6: an asterisk comes with an expiration of zero or is a 400.
        if request.expires_seconds != Some(0) {
            return Err(RegisterRefusal::StarMisused);
        }
        if self.bindings.iter().any(|binding| is_late(binding, request)) {
            return Err(RegisterRefusal::OutOfOrder);
        }
        self.remove(Reason::Unregistered, |_| true);
        Ok(())
    }

    fn apply(
        &mut self,
        now: Now,
        limits: &Limits,
        contacts: &[NewContact],
        request: &RegisterRequest<F>,
        next_id: &mut u64,
    ) -> Result<(), RegisterRefusal> {
        // RFC 3261 section 10.3 step 7: every contact is checked before the first is touched.
        let mut granted = Vec::with_capacity(contacts.len());
        for contact in contacts {
            let mut same = self.bindings.iter().filter(|binding| is_binding_of(binding, contact));
            if same.any(|binding| is_late(binding, request)) {
                return Err(RegisterRefusal::OutOfOrder);
            }
            if text_len(contact, request) > TEXT_LEN_MAX {
                return Err(RegisterRefusal::TooLong);
            }
            granted.push((contact, granted_seconds(limits, contact, request)?));
        }
        for (contact, seconds) in &granted {
            if *seconds == 0 {
                self.remove(Reason::Unregistered, |binding| is_binding_of(binding, contact));
                continue;
            }
            // Contacts that the same request names stay: a phone may register two ways to itself.
            let kept = |binding: &Binding<F>| {
                granted.iter().any(|(other, seconds)| *seconds > 0 && other.key == binding.key)
            };
            self.remove(Reason::Replaced, |binding| !kept(binding) && is_replaced(binding, contact, request));
            self.bind(now, contact, *seconds, request, next_id);
        }
        let grows = self.changes.iter().any(|(kind, _)| *kind == ChangeKind::Added);
        if grows && self.bindings.len() > limits.contacts_per_aor_max {
            return Err(RegisterRefusal::TooManyContacts);
        }
        Ok(())
    }

    fn bind(
        &mut self,
        now: Now,
        contact: &NewContact,
        seconds: u32,
        request: &RegisterRequest<F>,
        next_id: &mut u64,
    ) {
        let old = self.bindings.iter().position(|binding| is_binding_of(binding, contact));
        let (kind, id) = match old {
            Some(at) => (ChangeKind::Refreshed, self.bindings.remove(at).id),
            None => {
                *next_id += 1;
                (ChangeKind::Added, *next_id)
            }
        };
        let (expires_at, expires_wall) = after(now, seconds);
        let binding = Binding {
            uri: contact.uri.clone(),
            key: contact.key.clone(),
            flow: request.flow,
            received_from: request.received_from,
            expires_at,
            expires_wall,
            refreshed_at: now,
            q: contact.q.unwrap_or(1000).min(1000),
            call_id: request.call_id.clone(),
            cseq: request.cseq,
            instance: contact.instance.clone(),
            reg_id: contact.reg_id,
            path: request.path.clone(),
            user_agent: request.user_agent.clone(),
            unreachable: false,
            id,
        };
        self.changes.push((kind, binding.clone()));
        self.bindings.push(binding);
    }

    fn remove(&mut self, reason: Reason, is_gone: impl Fn(&Binding<F>) -> bool) {
        for binding in self.bindings.extract_if(.., |binding| is_gone(binding)) {
            self.changes.push((ChangeKind::Removed(reason), binding));
        }
    }
}

/// RFC 3261 section 10.3 step 7: within a Call-ID only a higher CSeq changes a binding.
fn is_late<F>(binding: &Binding<F>, request: &RegisterRequest<F>) -> bool {
    binding.call_id == request.call_id && request.cseq <= binding.cseq
}

/// RFC 3261 section 10.2.4: the same URI. RFC 5626 section 6: of a device's flows each is a binding of its own, known by
/// instance and reg-id whatever its URI.
fn is_binding_of<F>(binding: &Binding<F>, contact: &NewContact) -> bool {
    let old = binding.instance.as_ref().zip(binding.reg_id);
    let new = contact.instance.as_ref().zip(contact.reg_id);
    match (old, new) {
        (Some(old), Some(new)) => old == new,
        (Some(_), None) | (None, Some(_) | None) => binding.key == contact.key,
    }
}

/// Whether `contact` is the same device come back under another URI, so that `binding` is dead.
fn is_replaced<F: PartialEq>(
    binding: &Binding<F>,
    contact: &NewContact,
    request: &RegisterRequest<F>,
) -> bool {
    // RFC 5626 section 6: one binding for an instance and reg-id, whatever its URI.
    if is_binding_of(binding, contact) || binding.key == contact.key {
        return is_binding_of(binding, contact) && binding.key != contact.key;
    }
    // A new Call-ID says that the device has lost its memory (RFC 3261 section 10.2: it should use one for all).
    if binding.call_id == request.call_id {
        return false;
    }
    match (&binding.instance, &contact.instance) {
        // A device with several flows tells them apart by reg-id; without one, it has one contact.
        (Some(old), Some(new)) => old == new && (binding.reg_id.is_none() || contact.reg_id.is_none()),
        // Behind a proxy the flow is the proxy's, and tells nothing of the device.
        _ => binding.flow == request.flow && binding.path.is_empty() && request.path.is_empty(),
    }
}

fn granted_seconds<F>(
    limits: &Limits,
    contact: &NewContact,
    request: &RegisterRequest<F>,
) -> Result<u32, RegisterRefusal> {
    // RFC 3261 section 10.3 step 7: the parameter, else the header, else what we please.
    let asked = contact.expires_seconds.or(request.expires_seconds).unwrap_or(limits.expires_seconds_max);
    // RFC 3261 section 10.3 step 7: an hour is never too brief.
    if asked > 0 && asked < limits.expires_seconds_min && asked < 3600 {
        return Err(RegisterRefusal::TooBrief { seconds_min: limits.expires_seconds_min });
    }
    Ok(asked.min(limits.expires_seconds_max))
}

fn text_len<F>(contact: &NewContact, request: &RegisterRequest<F>) -> usize {
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    contact.uri.len()
        + contact.key.len()
        + optional(&contact.instance)
        + request.call_id.len()
        + optional(&request.user_agent)
        + request.path.iter().map(String::len).sum::<usize>()
}

fn after(now: Now, seconds: u32) -> (Instant, Wall) {
    let at = now.instant + Duration::from_secs(u64::from(seconds));
    let wall = now.wall.as_micros().saturating_add(i64::from(seconds) * 1_000_000);
    (at, Wall::from_micros(wall))
}
