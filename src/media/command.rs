//! What the switch tells a media worker, and what a worker tells the switch.
//!
//! Plain values over bounded channels: no sockets, no state. A command that makes no sense (an unknown leg, a port
//! of another worker) is counted and otherwise ignored.

use crate::media::tap::TapKey;
use crate::rtp::latch::Guard;
use crate::srtp::KeyPair;
use std::net::SocketAddr;
use std::time::Duration;

/// A leg's name, given by the switch and unique in the process.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LegKey(pub u64);

/// A room's name, given by the switch and unique in the process. All legs of a room live in one worker.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoomKey(pub u64);

/// Who hears a party of a room: a row of its gain matrix.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HeardBy {
    /// Everybody else in the room.
    All,
    /// These legs alone; nobody where it is empty.
    Only(Vec<LegKey>),
}

impl HeardBy {
    /// Whether that leg's party hears him.
    pub fn includes(&self, leg: LegKey) -> bool {
        match self {
            Self::All => true,
            Self::Only(legs) => legs.contains(&leg),
        }
    }
}

/// The codecs that a worker relays, converts and plays.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Codec {
    /// G.711 u-law, static payload type 0.
    Pcmu,
    /// G.711 A-law, static payload type 8.
    Pcma,
}

/// One direction of a leg's stream, as the offer and answer settled it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Format {
    /// The codec.
    pub codec: Codec,
    /// Its payload type.
    pub payload: u8,
    /// The payload type of telephone events (RFC 4733), if agreed.
    pub dtmf: Option<u8>,
    /// Milliseconds of audio in a packet that we make; 1 to 200, anything else is 20.
    pub ptime_ms: u8,
}

/// What a leg hears.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nothing: no packets but a rare one that keeps the way open.
    Silence,
    /// Another leg of the same worker. Several legs may hear one.
    Leg(LegKey),
    /// Hold music, at the point where the class plays now. An unknown class is `default`.
    Music {
        /// The class: a folder of `sounds/music`.
        class: String,
    },
    /// Prompts one after the other, once; then [`Event::PromptDone`]. An unknown name is left out and counted.
    Prompts {
        /// Names as in `sounds/<language>/`, without ending: `digits/1`.
        files: Vec<String>,
        /// What follows.
        then: Then,
        /// Comes back in [`Event::PromptDone`], so that the end of what was replaced is known for what it is.
        number: u32,
    },
    /// A call progress tone.
    Tone(Tone),
    /// The others of a room, mixed, and they hear the leg's party. The room is opened by its first leg and closed by its
    /// last; a leg is out of it as soon as it is told to hear something else.
    Room {
        /// Which.
        room: RoomKey,
        /// Who hears him.
        heard_by: HeardBy,
    },
}

/// What a leg hears after prompts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Then {
    /// Nothing.
    Silence,
    /// Music of a class.
    Music(String),
}

/// Call progress tones, in the cadence of the configured country.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Tone {
    /// It rings.
    Ringback,
    /// Busy.
    Busy,
    /// No circuit.
    Congestion,
}

/// How a party's key came.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum KeyWay {
    /// As a telephone event (RFC 4733).
    Event,
    /// By INFO.
    Info,
}

/// From the switch to a worker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// A leg begins on a port from [`Event::Ports`]. It hears silence and sends nothing until it is described.
    Open {
        /// Its name.
        leg: LegKey,
        /// The even port.
        port: u16,
        /// See [`Command::Watch`].
        no_media_timeout: Option<Duration>,
        /// From where it may be spoken to.
        guard: Guard,
    },
    /// The result of an offer and answer, the first and each later one. A changed address unlatches.
    Describe {
        /// Whose.
        leg: LegKey,
        /// Where the peer wants RTP; `None` when unknown yet or port 0.
        remote: Option<SocketAddr>,
        /// Where it wants RTCP; `None` for the next port.
        rtcp: Option<SocketAddr>,
        /// RTCP travels on the RTP port (RFC 5761).
        rtcp_mux: bool,
        /// What we send.
        send: Format,
        /// What we receive; numbers may differ.
        receive: Format,
        /// We may send (not `a=recvonly` or `inactive` of ours).
        sends: bool,
        /// The peer may send.
        receives: bool,
    },
    /// The leg's audio is encrypted from now on, or plain again. Stands before the [`Command::Describe`] of the same offer
    /// and answer, so that nothing plain is taken or sent in between. The same keys again change nothing.
    Secure {
        /// Whose.
        leg: LegKey,
        /// The keys of both directions; `None` is plain.
        keys: Option<Box<KeyPair>>,
    },
    /// What a leg hears from now on. A bridge is two of these.
    Hear {
        /// Who hears.
        leg: LegKey,
        /// What.
        source: Source,
    },
    /// Plays prompts to all in a room, who are turned down meanwhile; then [`Event::Announced`]. It takes the place of
    /// what is being played.
    Announce {
        /// Where.
        room: RoomKey,
        /// Names as in [`Source::Prompts`].
        files: Vec<String>,
        /// Comes back in the event.
        number: u32,
    },
    /// Sets a leg's no-media timeout and starts it: [`Event::NoMedia`] once when nothing came for so long since the
    /// last packet, description or this command. `None` or zero is off. It stands still before the first
    /// description and while the peer may not send. A leg whose peer has no duty to send yet (early media) is opened
    /// without one and watched from the answer on.
    Watch {
        /// Whose.
        leg: LegKey,
        /// How long.
        no_media_timeout: Option<Duration>,
    },
    /// Sends a key press as a telephone event (RFC 4733), 100 ms long, where the peer takes any. Meanwhile the leg's audio
    /// pauses; further keys wait their turn.
    Press {
        /// To whom.
        leg: LegKey,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        key: char,
    },
    /// The leg's party has told by INFO that it has pressed a key. [`Event::Digit`] follows, unless the same press has come
    /// as a telephone event; one that comes later is not passed on.
    Told {
        /// Whose party.
        leg: LegKey,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        key: char,
    },
    /// What the leg's party says and hears is handed to the recorder from now on, under that key, or not any more.
    Tap {
        /// Which.
        leg: LegKey,
        /// The recording's key.
        key: Option<TapKey>,
    },
    /// The leg ends. Whoever heard it hears silence. Its port comes back by [`Event::Ports`], later.
    Close {
        /// Which.
        leg: LegKey,
    },
    /// Asks for all announced ports that no `Open` has taken yet, for a switch that lost an event.
    Restock,
}

/// From a worker to the switch.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// Ports that are bound and ready for [`Command::Open`] at this worker. The switch takes from nowhere else,
    /// the oldest first.
    Ports {
        /// The worker, from 0.
        worker: usize,
        /// Even ports; RTCP is on the next one.
        ports: Vec<u16>,
    },
    /// A leg's source was learnt, or moved.
    Latched {
        /// Whose.
        leg: LegKey,
        /// Where it is.
        from: SocketAddr,
    },
    /// Nothing came for the timeout. Again only after packets came.
    NoMedia {
        /// From whom.
        leg: LegKey,
    },
    /// The last prompt was sent.
    PromptDone {
        /// To whom.
        leg: LegKey,
        /// The number of these prompts.
        number: u32,
    },
    /// What was played to a room has ended.
    Announced {
        /// Where.
        room: RoomKey,
        /// The number of the announcement.
        number: u32,
    },
    /// A key was pressed: once for each press, whichever of the two ways comes first.
    Digit {
        /// By whom.
        leg: LegKey,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
        /// How it came first.
        by: KeyWay,
    },
    /// A leg has ended: after [`Command::Close`], or because handling it failed, or its `Open` was refused.
    Closed {
        /// Which.
        leg: LegKey,
        /// Its figures.
        stats: LegStats,
    },
}

/// The figures of one leg over its life. *In* is from the peer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LegStats {
    /// RTP packets accepted from the source.
    pub packets_in: u64,
    /// RTP packets sent.
    pub packets_out: u64,
    /// Payload bytes accepted.
    pub bytes_in: u64,
    /// Payload bytes sent.
    pub bytes_out: u64,
    /// Packets that should have come and did not; doubles count against.
    pub lost_in: i64,
    /// Packets that the peer says it lost.
    pub lost_out: Option<i32>,
    /// Interarrival jitter at the end.
    pub jitter_in: Duration,
    /// The peer's own jitter figure.
    pub jitter_out: Option<Duration>,
    /// The last round trip that RTCP showed.
    pub round_trip: Option<Duration>,
    /// Packets dropped because they were not the source's.
    pub strangers_dropped: u64,
    /// Packets dropped because their payload type was not agreed.
    pub unknown_dropped: u64,
    /// Packets dropped because they were no RTP, or no RTCP.
    pub malformed_dropped: u64,
    /// Packets dropped because they were not sealed with the peer's key.
    pub unauthenticated_dropped: u64,
    /// Packets dropped because they had come before, sealed with the peer's key.
    pub replayed_dropped: u64,
    /// From the opening to the first accepted packet.
    pub first_packet_in_after: Option<Duration>,
    /// From the opening to the first sent packet.
    pub first_packet_out_after: Option<Duration>,
}
