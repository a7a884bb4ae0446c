//! Making a core: from the configuration and what the log remembers.

use crate::acd;
use crate::acd::Acd;
use crate::clock::Now;
use crate::config;
use crate::config::Config;
use crate::config::InitialStatus;
use crate::dialplan::Dialplan;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::ids::Random;
use crate::metrics::Metrics;
use crate::record::QueueFold;
use crate::record::QueueStatus;
use crate::registrar;
use crate::registrar::Registrar;
use crate::sip::digest::Algorithm;
use crate::sip::digest::Realm;
use crate::sip::digest::Replays;
use crate::sip::endpoint::Endpoint;
use crate::sip::endpoint::EndpointSettings;
use crate::sip::gruu::Gruu;
use crate::store::Restored;
use crate::switch::addresses::Addresses;
use crate::switch::board::Board;
use crate::switch::conferences::Conferences;
use crate::switch::core::Core;
use crate::switch::counting;
use crate::switch::counting::Seen;
use crate::switch::door;
use crate::switch::fork::LateAnswers;
use crate::switch::forwarding::UserSettings;
use crate::switch::guard::Guard;
use crate::switch::limiter::Limiter;
use crate::switch::phone_workers::PhoneWorkers;
use crate::switch::port_stock::PortStock;
use crate::switch::recorder::Recorder;
use crate::switch::replaces::EndedDialogs;
use crate::switch::subscriptions::Subscriptions;
use crate::switch::toll::Toll;
use crate::switch::trunks::Trunks;
use crate::switch::write;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

impl Core {
    /// A core for this configuration, with what survives a restart: agents' states, registrations, today's figures.
    pub fn new(
        config: Arc<Config>,
        addresses: Addresses,
        restored: Restored,
        mut random: Random,
        metrics: Metrics,
        now: Now,
    ) -> Self {
        let mut registrar = Registrar::new(registrar_limits(&config));
        let kept = restored.bindings.iter().filter_map(write::restored).collect();
        registrar.restore(now, kept);
        let settings = acd_settings(&config, &restored);
        let agents = config.agents.iter().filter_map(|agent| Some((agent.phone.clone()?, agent.id.clone())));
        let endpoint = EndpointSettings {
            server: Some(config.sip.user_agent.clone()),
            maddr_peers: door::maddr_peers(&config),
            ..EndpointSettings::default()
        };
        let mut core = Self {
            dialplan: Dialplan::from(&*config),
            addresses,
            realm: Realm::new(&config.sip.domain, key(&mut random), &ALGORITHMS, NONCE_LIFETIME),
            endpoint: Endpoint::new(endpoint, random.fork()),
            registrar,
            subscriptions: Subscriptions::default(),
            gruu: Gruu::new(key(&mut random)),
            device: None,
            limiter: Limiter::default(),
            guard: Guard::new(&config.security),
            replays: Replays::new(NONCE_LIFETIME, NONCES_MAX),
            decoy: random.next_u128().to_ne_bytes(),
            asking: None,
            toll: Toll::new(config.security.clone()),
            recorder: Recorder::new(config.trace),
            trunks: Trunks::new(&config, now.instant, &mut random),
            acd: Acd::new(settings, random.fork()),
            folds: folds(&config, &restored, now),
            calls: BTreeMap::new(),
            call_timers: BTreeSet::new(),
            leg_timers: BTreeSet::new(),
            recordings: BTreeMap::new(),
            recording_timers: BTreeSet::new(),
            legs: HashMap::new(),
            dialogs: HashMap::new(),
            invites: HashMap::new(),
            late_answers: LateAnswers::default(),
            reachable: BTreeMap::new(),
            own_calls: BTreeMap::new(),
            phone_workers: PhoneWorkers::default(),
            ended_dialogs: EndedDialogs::default(),
            agents_by_phone: agents.collect(),
            user_settings: UserSettings::restored(&restored.phone_settings),
            group_turns: BTreeMap::new(),
            board: Board::new(now.wall),
            ports: PortStock::default(),
            conferences: Conferences::default(),
            closing: HashMap::new(),
            random,
            queue_counters: counting::queue_counters(&metrics, &config.queues),
            seen: Seen::default(),
            metrics,
            next_leg: 0,
            next_tap: 0,
            draining: false,
            media_busy: false,
            effects: Vec::new(),
            work: VecDeque::new(),
            out: Vec::new(),
            current: None,
            config,
        };
        let phones: Vec<PhoneNumber> = core.agents_by_phone.keys().cloned().collect();
        for phone in phones {
            core.reachability(now, &phone);
        }
        // What the distributor says at its start is carried out with the first input.
        core
    }
}

/// RFC 8760: SHA-256 is offered before MD5, which old phones need.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];
/// How long a phone may use a nonce before it is told a new one.
const NONCE_LIFETIME: Duration = Duration::from_secs(300);

/// Nonces in use that are remembered: 10,000 new ones a second live for 13 s then, some 7 MB.
const NONCES_MAX: usize = 131_072;

fn key(random: &mut Random) -> [u8; 32] {
    let mut key = [0; 32];
    for part in key.chunks_exact_mut(8) {
        part.copy_from_slice(&random.next_u64().to_ne_bytes());
    }
    key
}

fn registrar_limits(config: &Config) -> registrar::Limits {
    let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    registrar::Limits {
        expires_seconds_min: seconds(config.sip.registration_min),
        expires_seconds_max: seconds(config.sip.registration_max),
        ..registrar::Limits::default()
    }
}

fn acd_settings(config: &Config, restored: &Restored) -> acd::Settings {
    let queues = config.queues.iter().map(queue_settings).collect();
    let agents = config.agents.iter().filter_map(|agent| agent_settings(agent, restored)).collect();
    acd::Settings::new(queues, agents, acd::RetrySettings::default())
        .expect("the configuration's ids and references were checked when it was loaded")
}

fn queue_settings(queue: &config::Queue) -> acd::QueueSettings {
    acd::QueueSettings {
        id: queue.id.clone(),
        name: queue.name.clone(),
        // The other strategies were warned about when the configuration was loaded.
        strategy: acd::Strategy::LongestIdle,
        ring_timeout: queue.ring_timeout,
        wrap_up: queue.wrap_up,
        max_wait: queue.max_wait,
        max_length: queue.max_length,
        service_level: queue.service_level,
        priority: queue.priority,
        priority_aging: queue.priority_aging,
        join_when_empty: queue.join_when_empty,
        leave_when_empty: queue.leave_when_empty,
        zone: queue.time_zone.zone.clone(),
    }
}

/// An agent without a phone can't be rung: he is left out until he has one.
fn agent_settings(agent: &config::Agent, restored: &Restored) -> Option<acd::AgentSettings> {
    let first = match agent.initial_status {
        InitialStatus::Ready => QueueStatus::Ready,
        InitialStatus::LoggedOut => QueueStatus::LoggedOut,
    };
    let kept: BTreeMap<&QueueId, &QueueStatus> = restored
        .agent_queue_states
        .iter()
        .filter(|(id, _, _)| *id == agent.id)
        .map(|(_, queue, status)| (queue, status))
        .collect();
    let initial = agent.queues.iter().map(|membership| {
        let status = kept.get(&membership.queue).map_or(&first, |status| *status);
        (membership.queue.clone(), status.clone())
    });
    let assigned = agent.queues.iter().map(|membership| acd::Assignment {
        level: membership.level.into(),
        position: membership.position.unwrap_or(1),
        penalty: membership.penalty,
        ..acd::Assignment::to(membership.queue.as_str())
    });
    Some(acd::AgentSettings {
        id: agent.id.clone(),
        name: agent.name.clone(),
        phone: agent.phone.clone()?,
        queues: assigned.collect(),
        initial: initial.collect(),
    })
}

fn folds(config: &Config, restored: &Restored, now: Now) -> BTreeMap<QueueId, QueueFold> {
    let mut folds: BTreeMap<QueueId, QueueFold> = config
        .queues
        .iter()
        .map(|queue| (queue.id.clone(), QueueFold::new(queue.time_zone.zone.clone(), queue.service_level)))
        .collect();
    for event in &restored.queue_events_today {
        if let Some(fold) = folds.get_mut(&event.queue) {
            fold.add(event);
        }
    }
    for fold in folds.values_mut() {
        fold.roll(now.wall);
    }
    folds
}
