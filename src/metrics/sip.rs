//! Counting SIP messages. Every method here is on the hot path of the wire: one array index, one atomic addition.

use crate::metrics::Metrics;
use crate::metrics::families::Cells;
use crate::metrics::families::Families;
use crate::metrics::families::Words;
use crate::metrics::families::plain_counter;
use crate::metrics::labels::AUTH_REASONS;
use crate::metrics::labels::CODE_CLASSES;
use crate::metrics::labels::CODES;
use crate::metrics::labels::DROP_REASONS;
use crate::metrics::labels::Method;
use crate::metrics::labels::NOTIFY_REASONS;
use crate::metrics::labels::PARSE_REASONS;
use crate::metrics::labels::Transport;
use crate::metrics::labels::Way;
use crate::metrics::labels::code_index;
use crate::metrics::labels::known;
use crate::metrics::names;
use prometheus::{IntCounter, IntCounterVec};

pub(crate) struct SipFamilies {
    requests: Cells,
    responses: Cells,
    retransmissions: IntCounter,
    parse_errors: IntCounterVec,
    auth_failures: Words,
    dropped: Words,
    notify_failures: Words,
}

/// Labels of the known codes: `CODES` as text, in the same order.
const CODE_WORDS: [[u8; 3]; CODES.len()] = {
    let mut words = [[0; 3]; CODES.len()];
    let mut index = 0;
    while index < CODES.len() {
        let code = CODES[index];
        words[index] = [b'0' + (code / 100) as u8, b'0' + (code / 10 % 10) as u8, b'0' + (code % 10) as u8];
        index += 1;
    }
    words
};

fn code_word(index: usize) -> &'static str {
    match CODE_WORDS.get(index) {
        Some(digits) => std::str::from_utf8(digits).unwrap_or("other"),
        None => CODE_CLASSES.get(index.saturating_sub(CODES.len())).copied().unwrap_or("other"),
    }
}

impl SipFamilies {
    pub(crate) fn new(families: &mut Families) -> Self {
        let (ways, methods) = (Way::ALL.len(), Method::ALL.len());
        let requests = families.counter(&names::SIP_REQUESTS);
        let responses = families.counter(&names::SIP_RESPONSES);
        let codes = CODES.len() + CODE_CLASSES.len();
        Self {
            requests: Cells::new(requests, ways * methods * Transport::ALL.len()),
            responses: Cells::new(responses, ways * methods * codes),
            retransmissions: plain_counter(&families.counter(&names::SIP_RETRANSMISSIONS)),
            parse_errors: families.counter(&names::SIP_PARSE_ERRORS),
            auth_failures: Words::new(&families.counter(&names::SIP_AUTH_FAILURES), AUTH_REASONS),
            dropped: Words::new(&families.counter(&names::SIP_DROPPED), DROP_REASONS),
            notify_failures: Words::new(&families.counter(&names::NOTIFY_FAILURES), NOTIFY_REASONS),
        }
    }
}

impl Metrics {
    /// A request was received or sent (not a retransmission of it).
    pub fn sip_request(&self, way: Way, method: Method, transport: Transport) {
        let index =
            (way.index() * Method::ALL.len() + method.index()) * Transport::ALL.len() + transport.index();
        self.0.sip.requests.add(index, || [way.as_str(), method.as_str(), transport.as_str()], 1);
    }

    /// A response was received or sent (not a retransmission of it). Codes that no RFC defines count under their
    /// class (`4xx`), so that a peer cannot make the set of series grow.
    pub fn sip_response(&self, way: Way, method: Method, code: u16) {
        let codes = CODES.len() + CODE_CLASSES.len();
        let at = code_index(code);
        let index = (way.index() * Method::ALL.len() + method.index()) * codes + at;
        self.0.sip.responses.add(index, || [way.as_str(), method.as_str(), code_word(at)], 1);
    }

    /// A message was repeated because no answer came.
    pub fn sip_retransmission(&self) {
        self.0.sip.retransmissions.inc();
    }

    /// A message could not be read. `reason` is a word of the parser (`content_length`, …).
    pub fn sip_parse_error(&self, transport: Transport, reason: &str) {
        let labels = [transport.as_str(), known(PARSE_REASONS, reason)];
        self.0.sip.parse_errors.with_label_values(&labels).inc();
    }

    /// Credentials were refused. `reason` is a word such as `unknown_user` or `wrong_response`.
    pub fn sip_auth_failure(&self, reason: &str) {
        self.0.sip.auth_failures.count(reason);
    }

    /// A NOTIFY failed. `reason` is `refused`, `timeout` or `unreachable`.
    pub fn notify_failure(&self, reason: &str) {
        self.0.sip.notify_failures.count(reason);
    }

    /// A message was put away without an answer. `reason` is a word such as `rate_limit`.
    pub fn sip_dropped(&self, reason: &str) {
        self.0.sip.dropped.count(reason);
    }
}
