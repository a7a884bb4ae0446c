//! The values that labels may take, as closed enums and lists, so that no peer can make the set of series grow.
//!
//! Owned by `metrics`; callers turn their own words into these.

macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$case_doc])* $case,)* }

        impl $name {
            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$case),*];

            /// The label's text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $text,)* }
            }

            pub(crate) const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

label! {
    /// Which way a message went.
    Way {
        /// Received.
        In = "in",
        /// Sent.
        Out = "out",
    }
}
label! {
    /// How a SIP message travelled.
    Transport {
        /// UDP.
        Udp = "udp",
        /// TCP.
        Tcp = "tcp",
        /// TLS over TCP.
        Tls = "tls",
        /// WebSocket.
        Ws = "ws",
        /// WebSocket over TLS.
        Wss = "wss",
    }
}
label! {
    /// A request's method, as far as we know it.
    Method {
        /// RFC 3261.
        Invite = "INVITE",
        /// RFC 3261.
        Ack = "ACK",
        /// RFC 3261.
        Bye = "BYE",
        /// RFC 3261.
        Cancel = "CANCEL",
        /// RFC 3261.
        Options = "OPTIONS",
        /// RFC 3261.
        Register = "REGISTER",
        /// RFC 3262.
        Prack = "PRACK",
        /// RFC 3311.
        Update = "UPDATE",
        /// RFC 3515.
        Refer = "REFER",
        /// RFC 6665.
        Subscribe = "SUBSCRIBE",
        /// RFC 6665.
        Notify = "NOTIFY",
        /// RFC 6086.
        Info = "INFO",
        /// RFC 3428.
        Message = "MESSAGE",
        /// RFC 3903.
        Publish = "PUBLISH",
        /// Anything else: a peer may invent methods.
        Other = "other",
    }
}
label! {
    /// Which way a call goes.
    CallDirection {
        /// From a trunk.
        Inbound = "inbound",
        /// To a trunk.
        Outbound = "outbound",
        /// Between phones and queues.
        Internal = "internal",
    }
}
label! {
    /// How a call ended.
    CallOutcome {
        /// Somebody talked with the caller.
        Answered = "answered",
        /// The caller hung up in a queue.
        Abandoned = "abandoned",
        /// Busy.
        Busy = "busy",
        /// Not answered in time.
        NoAnswer = "no_answer",
        /// The caller hung up before the answer.
        Cancelled = "cancelled",
        /// Refused.
        Rejected = "rejected",
        /// It could not be done.
        Failed = "failed",
    }
}
label! {
    /// How an entry left a queue.
    LeftOutcome {
        /// An agent talked with the customer.
        Handled = "handled",
        /// The caller hung up while waiting.
        Abandoned = "abandoned",
        /// The caller asked to be called back.
        Pending = "pending",
        /// The caller left by a key.
        EvictedCustomer = "evicted_customer",
        /// The switch put the caller out.
        EvictedSystem = "evicted_system",
        /// A person removed or moved the entry.
        EvictedUser = "evicted_user",
    }
}
label! {
    /// How an offer to an agent ended.
    OfferEnd {
        /// The agent answered and got the caller.
        Accepted = "accepted",
        /// The agent refused.
        Rejected = "rejected",
        /// The agent's phone was busy.
        Busy = "busy",
        /// The ring timeout passed.
        Timeout = "timeout",
        /// No phone could be reached.
        Unreachable = "unreachable",
        /// The caller left first.
        Cancelled = "cancelled",
        /// The switch took it back.
        Rescinded = "rescinded",
    }
}
label! {
    /// The side of a call that sent no audio.
    Side {
        /// Who called.
        Caller = "caller",
        /// Who was called.
        Callee = "callee",
    }
}
label! {
    /// What became of a recording.
    RecordingResult {
        /// Complete on disk.
        Stored = "stored",
        /// Incomplete or lost.
        Failed = "failed",
    }
}

impl Method {
    /// The label for a method's name as it stands in a message; case matters in SIP.
    pub fn of(name: &str) -> Self {
        Self::ALL.iter().copied().find(|known| known.as_str() == name).unwrap_or(Self::Other)
    }
}

/// Response codes with a label of their own; others are counted under their class.
pub(crate) const CODES: &[u16] = &[
    100, 180, 181, 182, 183, 199, 200, 202, 204, 300, 301, 302, 305, 380, 400, 401, 402, 403, 404, 405, 406,
    407, 408, 410, 412, 413, 414, 415, 416, 417, 420, 421, 422, 423, 424, 425, 428, 429, 430, 433, 436, 437,
    438, 439, 440, 469, 470, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494, 500, 501, 502,
    503, 504, 505, 513, 555, 580, 600, 603, 604, 606, 607, 608,
];

/// The classes of response codes, after the known codes.
pub(crate) const CODE_CLASSES: &[&str] = &["other", "1xx", "2xx", "3xx", "4xx", "5xx", "6xx"];

/// The place of a code's label: among the known codes, then among the classes.
pub(crate) fn code_index(code: u16) -> usize {
    match CODES.binary_search(&code) {
        Ok(known) => known,
        Err(_) => {
            let class = usize::from(code / 100);
            CODES.len() + if (1..=6).contains(&class) { class } else { 0 }
        }
    }
}

/// Why a message could not be read; what is not listed counts as `other`.
pub(crate) const PARSE_REASONS: &[&str] = &[
    "start_line",
    "status_line",
    "header",
    "missing_header",
    "via",
    "cseq",
    "uri",
    "content_length",
    "version",
    "keep_alive",
    "too_long",
    "too_many_headers",
    "framing",
];
/// Why credentials were refused.
pub(crate) const AUTH_REASONS: &[&str] = &[
    "unknown_user",
    "wrong_response",
    "stale_nonce",
    "bad_nonce",
    "replayed",
    "algorithm",
    "malformed",
    "wrong_user",
    "blocked",
];
/// Why a message was put away.
pub(crate) const DROP_REASONS: &[&str] = &[
    "rate_limit",
    "queue_full",
    "no_transaction",
    "unmatched_response",
    "not_for_us",
    "too_many_connections",
    "handshake",
    "malformed",
    "denied",
    "user_agent",
];
/// What was blocked after wrong passwords.
pub(crate) const BLOCK_REASONS: &[&str] = &["account_from_source", "source", "account"];
/// Why a phone's call was refused.
pub(crate) const TOLL_REASONS: &[&str] =
    &["permission", "prefix", "hours", "max_calls", "calls_per_hour", "minutes_per_hour", "from_outside"];
/// Why a NOTIFY failed.
pub(crate) const NOTIFY_REASONS: &[&str] = &["refused", "timeout", "unreachable"];
/// Why an agent's state was repaired.
pub(crate) const REPAIR_REASONS: &[&str] =
    &["busy_without_call", "offer_without_entry", "wrap_up_without_timer"];
/// Why a trunk's next target was tried.
pub(crate) const FAILOVER_REASONS: &[&str] =
    &["timeout", "server_error", "request_timeout", "transport", "limit", "refused"];
/// Which rule kept a contact from being dialled.
pub(crate) const CAMPAIGN_RULES: &[&str] = &["do_not_call", "hours", "attempts", "abandonment", "capacity"];
/// Operations of the store.
pub(crate) const DB_OPS: &[&str] =
    &["append", "snapshot", "read", "cdrs", "migrate", "prune", "health", "backup", "load"];

/// A word of the list, or `other`.
pub(crate) fn known(list: &[&'static str], word: &str) -> &'static str {
    list.iter().copied().find(|known| *known == word).unwrap_or("other")
}
