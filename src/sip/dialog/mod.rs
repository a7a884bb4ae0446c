//! Dialogs: RFC 3261 section 12, sans-IO.
//!
//! A [`Dialog`] knows who the two ends are, by which way they reach each other and which sequence numbers are next.
//! Not a transaction and not a call: the call's leg owns one, makes its requests with it and shows it the requests
//! that came. Whose turn it is to offer is its owner's to know.

pub mod id;
pub mod route_set;

#[cfg(test)]
mod tests;

pub use id::DialogId;
pub use route_set::RouteSet;

use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::sip::msg::Defect;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::Scheme;
use crate::sip::msg::write::RequestWriter;

/// RFC 3261 section 8.1.1.6: the recommended start value.
const MAX_FORWARDS: &[u8] = b"70";

/// How far a dialog is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Made by a provisional response.
    Early,
    /// Made or confirmed by a 2xx.
    Confirmed,
}

/// One dialog from our side.
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    state: State,
    /// From of our requests, To of our responses: with our tag.
    local: Box<[u8]>,
    /// To of our requests, with the peer's tag.
    remote: Box<[u8]>,
    remote_target: Box<[u8]>,
    routes: RouteSet,
    local_cseq: u32,
    /// `None` until the peer sends a request.
    remote_cseq: Option<u32>,
    secure: bool,
    flow: Flow,
}

/// What to do with a request inside the dialog.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Take it.
    Next,
    /// Refuse: 500 Server Internal Error. A later request has come before it.
    TooLate,
}

impl Dialog {
    /// The dialog that our response makes, with `local_tag` as its To tag (RFC 3261 section 12.1.1). It is early:
    /// [`Dialog::confirm`] it with the 2xx. `flow` is where the request came from.
    ///
    /// # Errors
    /// The defect to refuse the request with: it has no usable Contact, or a Record-Route that cannot be read.
    pub fn uas(request: &Message, local_tag: &str, flow: Flow) -> Result<Self, Defect> {
        let (from, to) = (request.from()?, request.to()?);
        let remote_tag = from.tag().unwrap_or_default();
        let target = contact(request)?.ok_or(Defect::bad(Name::Contact, "Missing Contact"))?;
        let local = match to.tag() {
            Some(_) => to.raw.to_vec(),
            None => [to.raw, b";tag=", local_tag.as_bytes()].concat(),
        };
        Ok(Self {
            id: DialogId::new(request.call_id()?, to.tag().unwrap_or(local_tag.as_bytes()), remote_tag),
            state: State::Early,
            local: local.into_boxed_slice(),
            remote: Box::from(from.raw),
            remote_target: Box::from(target),
            routes: RouteSet::uas(request)?,
            // RFC 3261 section 12.1.1: "The local sequence number MUST be empty"; our first request has number 1.
            local_cseq: 0,
            remote_cseq: Some(request.cseq()?.number),
            secure: is_secure(request, flow),
            flow,
        })
    }

    /// The dialog that a response to our request makes (RFC 3261 section 12.1.2): early by a 101-199, confirmed by a
    /// 2xx. `flow` is where the request went.
    ///
    /// # Errors
    /// What the response lacks: a provisional one without To tag makes no dialog.
    pub fn uac(request: &Message, response: &Message, flow: Flow) -> Result<Self, Defect> {
        let (from, to) = (request.from()?, response.to()?);
        let state = match response.status() {
            Some(200..300) => State::Confirmed,
            Some(101..200) if to.tag().is_some() => State::Early,
            Some(_) | None => return Err(Defect::bad(Name::To, "No Dialog")),
        };
        // A provisional response of an old phone may come without Contact; until the 2xx brings one, the target is
        // what was called.
        let target = contact(response)?.unwrap_or(request.request_uri_raw());
        Ok(Self {
            id: id::of_response(response).ok_or(Defect::bad(Name::From, "No Dialog"))?,
            state,
            local: Box::from(from.raw),
            remote: Box::from(to.raw),
            remote_target: Box::from(target),
            routes: RouteSet::uac(response)?,
            local_cseq: request.cseq()?.number,
            remote_cseq: None,
            secure: is_secure(request, flow),
            flow,
        })
    }

    /// The dialog that a 2xx to an INVITE of ours makes, known from the 2xx alone: what was sent is forgotten. `flow` is
    /// where the response came from.
    ///
    /// # Errors
    /// The 2xx has no Contact to send anything to, no To tag, or a Record-Route that cannot be read.
    pub fn of_answer(response: &Message, flow: Flow) -> Result<Self, Defect> {
        let (from, to) = (response.from()?, response.to()?);
        let target = contact(response)?.ok_or(Defect::bad(Name::Contact, "Missing Contact"))?;
        if to.tag().is_none() {
            return Err(Defect::bad(Name::To, "No Dialog"));
        }
        Ok(Self {
            id: id::of_response(response).ok_or(Defect::bad(Name::From, "No Dialog"))?,
            state: State::Confirmed,
            local: Box::from(from.raw),
            remote: Box::from(to.raw),
            remote_target: Box::from(target),
            routes: RouteSet::uac(response)?,
            local_cseq: response.cseq()?.number,
            remote_cseq: None,
            secure: false,
            flow,
        })
    }

    /// As UAS: we send the 2xx.
    pub fn confirm(&mut self) {
        self.state = State::Confirmed;
    }

    /// As UAC: a further response to the INVITE that made the dialog. RFC 3261 section 13.2.2.4: the 2xx brings the
    /// route set and the target anew.
    ///
    /// # Errors
    /// A Contact or Record-Route that cannot be read; the dialog stays as it was.
    pub fn receive_response(&mut self, response: &Message) -> Result<(), Defect> {
        if self.state == State::Early {
            let routes = RouteSet::uac(response)?;
            self.refresh(response)?;
            self.routes = routes;
            if matches!(response.status(), Some(200..300)) {
                self.state = State::Confirmed;
            }
            return Ok(());
        }
        self.refresh(response)
    }

    /// Takes the target from a target refresh: the peer's re-INVITE, or its 2xx to ours (RFC 3261 section 12.2). The
    /// route set stays.
    ///
    /// # Errors
    /// A Contact that cannot be read; the dialog stays as it was.
    pub fn refresh(&mut self, message: &Message) -> Result<(), Defect> {
        if let Some(target) = contact(message)?
            && target != &*self.remote_target
        {
            self.remote_target = Box::from(target);
        }
        Ok(())
    }

    /// A request from the peer inside the dialog. RFC 3261 section 12.2.2: one whose CSeq is lower than that of the
    /// latest is out of order; gaps are none. ACK and CANCEL have the number of their INVITE and are always in order.
    ///
    /// # Errors
    /// A CSeq that cannot be read.
    pub fn receive_request(&mut self, request: &Message, flow: Flow) -> Result<Order, Defect> {
        let number = request.cseq()?.number;
        if !matches!(request.method(), Method::Ack | Method::Cancel) {
            if self.remote_cseq.is_some_and(|latest| number < latest) {
                return Ok(Order::TooLate);
            }
            self.remote_cseq = Some(number);
        }
        // A phone behind a NAT, or with a new connection, is from now on where its latest request came from.
        self.flow = flow;
        Ok(Order::Next)
    }

    /// Starts the next request: Request-URI, Via, Route, Max-Forwards, From, To, Call-ID and CSeq are written. Not for
    /// ACK and CANCEL. `sent_by` is our host and port, `branch` is from the endpoint.
    pub fn request(&mut self, method: Method<'_>, sent_by: &[u8], branch: &str) -> RequestWriter {
        // RFC 3261 section 8.1.1.5: below 2^31, which no call reaches.
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.draft(method, self.local_cseq, sent_by, branch)
    }

    /// Starts the ACK to the 2xx of the INVITE with this CSeq number (RFC 3261 section 13.2.2.4).
    pub fn ack_for(&self, cseq: u32, sent_by: &[u8], branch: &str) -> RequestWriter {
        self.draft(Method::Ack, cseq, sent_by, branch)
    }

    fn draft(&self, method: Method<'_>, cseq: u32, sent_by: &[u8], branch: &str) -> RequestWriter {
        let path = self.routes.path(&self.remote_target);
        let mut writer = RequestWriter::new(method, &path.request_uri);
        let transport = self.flow.transport;
        writer.via(transport.into(), sent_by, branch.as_bytes(), transport == Transport::Udp);
        for route in &path.routes {
            writer.header(Name::Route, route);
        }
        writer.header(Name::MaxForwards, MAX_FORWARDS);
        writer.header(Name::From, &self.local).header(Name::To, &self.remote);
        writer.header(Name::CallId, self.id.call_id()).cseq(cseq, method);
        writer
    }

    /// The key in the owner's map.
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// How far it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// Our end as From has it: display name, URI and tag.
    pub fn local(&self) -> &[u8] {
        &self.local
    }

    /// The peer's end as To has it: display name, URI and tag.
    pub fn remote(&self) -> &[u8] {
        &self.remote
    }

    /// The peer's Contact URI.
    pub fn remote_target(&self) -> &[u8] {
        &self.remote_target
    }

    /// The proxies in between.
    pub fn routes(&self) -> &RouteSet {
        &self.routes
    }

    /// The URI whose address the next request goes to, where the flow is not used.
    pub fn next_hop(&self) -> &[u8] {
        self.routes.next_hop(&self.remote_target)
    }

    /// CSeq number of our latest request; 0 before the first.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// CSeq number of the peer's latest request.
    pub fn remote_cseq(&self) -> Option<u32> {
        self.remote_cseq
    }

    /// True when the dialog was made over TLS with a `sips:` URI.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The way by which the peer was last reached.
    pub fn flow(&self) -> Flow {
        self.flow
    }
}

/// The URI of the only Contact, or of the first.
fn contact(message: &Message) -> Result<Option<&[u8]>, Defect> {
    let Some(contact) = message.contacts().next() else { return Ok(None) };
    let uri = contact?.address().map(|address| address.uri);
    Ok(uri.filter(|uri| uri.is_sip()).map(|uri| uri.raw))
}

/// RFC 3261 section 12.1.1: "If the request was sent over TLS, and the Request-URI contained a SIPS URI".
fn is_secure(request: &Message, flow: Flow) -> bool {
    let is_sips = request.request_uri().is_ok_and(|uri| uri.scheme == Scheme::Sips);
    is_sips && matches!(flow.transport, Transport::Tls | Transport::Wss)
}
