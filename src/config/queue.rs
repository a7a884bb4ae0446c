//! `[[queue]]`: a queue.

use crate::clock::Zone;
use crate::config::context::Noun;
use crate::config::hours::OpenHours;
use crate::config::phone::number;
use crate::config::reader::Reader;
use crate::config::sip::header_text;
use crate::config::target::Target;
use crate::config::words::words;
use crate::ids::QueueId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

words! {
    /// Which ready agent is rung.
    Strategy {
        /// The one who has been idle longest.
        "longest-idle" => LongestIdle,
        /// All at once.
        "ring-all" => RingAll,
        /// The one after the last one rung.
        "round-robin" => RoundRobin,
        /// By position, always from the first.
        "linear" => Linear,
        /// Any.
        "random" => Random,
        /// Any, those with less penalty more often.
        "weighted-random" => WeightedRandom,
        /// The one with the fewest calls today.
        "fewest-calls" => FewestCalls,
        /// The one who talked least today.
        "least-talk-time" => LeastTalkTime,
    }
}

words! {
    /// Which calls are recorded.
    RecordingMode {
        /// All.
        "always" => Always,
        /// Those for which somebody asks.
        "on_demand" => OnDemand,
        /// None.
        "never" => Never,
    }
}

words! {
    /// Why a caller goes elsewhere.
    OverflowReason {
        /// `max_wait_seconds` passed.
        "timeout" => Timeout,
        /// The queue was at `max_length`.
        "full" => Full,
        /// Nobody was logged in.
        "empty" => Empty,
        /// Outside the opening hours.
        "closed" => Closed,
    }
}

/// `[[queue]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Its id.
    pub id: QueueId,
    /// Its name.
    pub name: String,
    /// Dial it to enter.
    pub number: Option<String>,
    /// Which ready agent is rung.
    pub strategy: Strategy,
    /// How long an agent's phone rings.
    pub ring_timeout: Duration,
    /// The agent's time after a call; zero: none.
    pub wrap_up: Duration,
    /// The longest wait; `None`: no limit.
    pub max_wait: Option<Duration>,
    /// The most that wait.
    pub max_length: u32,
    /// The target of the service level.
    pub service_level: Duration,
    /// The class of music that callers hear.
    pub music: String,
    /// Which calls are recorded.
    pub recording: Recording,
    /// The caller is told of the recording before he talks.
    pub record_notice: bool,
    /// Higher is served first.
    pub priority: i32,
    /// Effective priority = priority + waited / this; `None`: no aging.
    pub priority_aging: Option<Duration>,
    /// May a caller enter when nobody is logged in?
    pub join_when_empty: bool,
    /// Must callers leave when the last agent does?
    pub leave_when_empty: bool,
    /// When it is open; `None`: always.
    pub open_hours: Option<OpenHours>,
    /// The country whose public holidays count.
    pub holidays: Option<String>,
    /// The zone of "today" and of the opening hours.
    pub time_zone: TimeZone,
    /// The least an agent must have, 0 to 100.
    pub skills: BTreeMap<String, u8>,
    /// Lets callers ask to be rung back.
    pub callback: Option<Callback>,
    /// Where callers go instead; each reason at most once.
    pub overflow: Vec<Overflow>,
    /// What callers are told.
    pub announce: Option<Announce>,
}

/// A time zone and its name.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeZone {
    /// As in the IANA database: `Europe/Paris`.
    pub name: String,
    /// The zone.
    pub zone: Zone,
}

impl TimeZone {
    pub(crate) fn read(reader: &mut Reader<'_, '_>, name: &str) -> Self {
        let zone = reader.parsed(name, |text| match Zone::named(text) {
            Some(zone) => Ok(Self { name: text.to_string(), zone }),
            None => Err(format!("there is no time zone `{}`", text.escape_debug())),
        });
        zone.unwrap_or_else(|| Self { name: "UTC".to_string(), zone: Zone::utc() })
    }
}

/// Which calls are recorded.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Which.
    pub mode: RecordingMode,
    /// Whether the agent may end a recording.
    pub agent_may_stop: bool,
    /// A pause ends by itself after so long; `None`: never.
    pub pause_max: Option<Duration>,
}

impl Recording {
    /// Nothing is recorded.
    pub const NEVER: Self = Self { mode: RecordingMode::Never, agent_may_stop: false, pause_max: None };

    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let mode = reader.word("mode").unwrap_or(RecordingMode::Never);
        let pause_max = reader.seconds_or_none("pause_max_seconds");
        Some(Self { mode, agent_may_stop: reader.flag("agent_may_stop"), pause_max })
    }
}

/// Lets callers ask to be rung back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The key that asks for it.
    pub key: char,
    /// How often the customer is dialled.
    pub attempts: u32,
    /// Dial the customer before the agent.
    pub customer_first: bool,
}

/// Where callers go instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// On what.
    pub when: BTreeSet<OverflowReason>,
    /// Where to.
    pub to: Target,
}

/// What callers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce {
    /// The sound played once on entering.
    pub welcome: Option<String>,
    /// Say the position.
    pub position: bool,
    /// Say the estimated wait.
    pub wait: bool,
    /// How often.
    pub every: Duration,
}

impl Queue {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let id = reader.id("id", Noun::Queue);
        let name = reader.parsed("name", header_text);
        let number = number(reader, "number");
        if let Some(number) = &number {
            let owner = format!("queue `{}`", id.as_deref().unwrap_or_default());
            reader.cx.take_number(number, owner);
        }
        let queue = Self {
            id: QueueId::new(id.as_deref().unwrap_or_default()),
            name: name.or_else(|| id.clone()).unwrap_or_default(),
            number: number.map(|number| number.text),
            strategy: reader.word("strategy").unwrap_or(Strategy::LongestIdle),
            ring_timeout: reader.seconds("ring_timeout_seconds"),
            wrap_up: reader.seconds("wrap_up_seconds"),
            max_wait: reader.seconds_or_none("max_wait_seconds"),
            max_length: reader.number("max_length").unwrap_or(0),
            service_level: reader.seconds("service_level_seconds"),
            music: reader.parsed("music", sound).unwrap_or_default(),
            recording: reader.table("recording", Recording::read).unwrap_or(Recording::NEVER),
            record_notice: reader.flag("record_notice"),
            priority: reader.number("priority").unwrap_or(0),
            priority_aging: reader.seconds_or_none("priority_aging_seconds"),
            join_when_empty: reader.flag("join_when_empty"),
            leave_when_empty: reader.flag("leave_when_empty"),
            open_hours: reader.parsed("open_hours", OpenHours::parse),
            holidays: reader.parsed("holidays", country),
            time_zone: TimeZone::read(reader, "time_zone"),
            skills: reader.numbers("skills"),
            callback: reader.table("callback", Callback::read),
            overflow: overflows(reader),
            announce: reader.table("announce", Announce::read),
        };
        id.map(|_| queue)
    }
}

impl Callback {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let key = reader.parsed("key", |text| match text.as_bytes() {
            [key @ (b'0'..=b'9' | b'*' | b'#')] => Ok(char::from(*key)),
            _ => Err(format!("`{}` is not a key of a phone: 0 to 9, * or #", text.escape_debug())),
        });
        let attempts = reader.number("attempts").unwrap_or(1);
        Some(Self { key: key.unwrap_or('1'), attempts, customer_first: reader.flag("customer_first") })
    }
}

impl Announce {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        Some(Self {
            welcome: reader.parsed("welcome", sound),
            position: reader.flag("position"),
            wait: reader.flag("wait"),
            every: reader.seconds("every_seconds"),
        })
    }
}

fn overflows(reader: &mut Reader<'_, '_>) -> Vec<Overflow> {
    let at = reader.place_of("overflow");
    let overflows = reader.tables("overflow", |table| {
        let when: Vec<OverflowReason> = table.words("when");
        let to = table.target("to", None);
        Some(Overflow { when: when.into_iter().collect(), to: to? })
    });
    let mut seen = BTreeSet::new();
    for reason in overflows.iter().flat_map(|overflow| &overflow.when) {
        if !seen.insert(*reason) {
            reader.cx.fault(&at, format!("`overflow` has two places for `{}`", reason.as_str()));
        }
    }
    overflows
}

/// The name of a sound or of a class of music: a path below the folder of sounds that cannot leave it.
pub(crate) fn sound(text: &str) -> Result<String, String> {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.'))
    };
    if text.len() > 128 || !text.split('/').all(part) {
        return Err(format!("`{}` is not the name of a sound such as queue-youarenext", text.escape_debug()));
    }
    Ok(text.to_string())
}

fn country(text: &str) -> Result<String, String> {
    if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(text.to_string());
    }
    Err(format!("`{}` is not a country such as FR", text.escape_debug()))
}
