//! The demo from the first line to the verdict: starts the switch and the play, shows them, ends both, judges.

use crate::app;
use crate::app::Running;
use crate::clock::Clock;
use crate::clock::Wall;
use crate::clock::Zone;
use crate::demo::Options;
use crate::demo::cast;
use crate::demo::configuration::Secrets;
use crate::demo::configuration::WRAP_UP_SECONDS;
use crate::demo::configuration::configuration;
use crate::demo::ledger::Ledger;
use crate::demo::play::Play;
use crate::demo::play::Wings;
use crate::demo::scenery::Scenery;
use crate::demo::screen;
use crate::demo::screen::Screen;
use crate::demo::verdict::SwitchCounts;
use crate::demo::verdict::Verdict;
use crate::ids::Random;
use crate::sim::drive::Drive;
use crate::sim::drive::Sockets;
use crate::sim::hearing::Ears;
use crate::sim::party::Codec;
use crate::sim::party::PartySettings;
use crate::store::CdrPage;
use crate::switch::action::Answer;
use crate::switch::action::Question;
use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::time::Interval;

const DRAW_EVERY: Duration = Duration::from_millis(500);
/// How long the last records may take after the last call: the agent's wrap-up is in them.
const RECORDS_WAIT: Duration = Duration::from_secs(WRAP_UP_SECONDS + 6);
/// How often ports are chosen before their loss is a fault.
const STARTS_MAX: u32 = 4;
/// Records read at once, the most that the store gives.
const PAGE: u32 = 10_000;
/// Audio sockets of the callers, who share one SIP address, and of one agent.
const CALLER_RTP: usize = 4;
const AGENT_RTP: usize = 1;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub(in crate::demo) enum Fault {
    /// Sockets, files, threads.
    #[error("the system refused a basic service: {0}")]
    System(#[from] io::Error),
    /// Our own configuration is at fault.
    #[error("the demo's own configuration is refused; please report it:\n{0}")]
    Configuration(String),
    /// The switch did not start.
    #[error(transparent)]
    Start(#[from] app::StartError),
    /// The play ended by a fault of this program.
    #[error("the simulation ended by a fault of this program; please report it")]
    Play,
}

type Actors = JoinHandle<io::Result<Ledger>>;

/// Runs the demo; true when all checks held.
pub(in crate::demo) fn run(options: &Options) -> Result<bool, Fault> {
    let mut scenery = Scenery::set(options)?;
    let seed = options.seed.unwrap_or_else(|| scenery.seed());
    let secrets = Secrets::draw(&mut scenery, cast::agents(options.callers));
    let callers = Sockets::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), CALLER_RTP)?;
    let clock = Clock::machine();
    let began = clock.now().wall;
    let running = start(&mut scenery, options, &secrets, callers.sip_address()?, &clock)?;
    print!("{}", screen::welcome(&scenery, &secrets, options.callers, seed));
    let wings = Arc::new(Wings::default());
    let play = Play::new(seed, options.callers, secrets.agents.clone(), options.mute, Arc::clone(&wings));
    let actors = enter(&scenery, &clock, seed, callers, secrets.agents.len(), play)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let seconds = options.seconds.map(Duration::from_secs);
    let guests = runtime.block_on(watch(&running, &clock, &wings, &actors, seconds))?;
    let ledger = actors.join().map_err(|_| Fault::Play)??;
    let mut switch = runtime.block_on(count(&running, &clock, &ledger, began));
    switch.guests = guests;
    let verdict = Verdict::of(&ledger, &switch);
    running.stop(Duration::from_secs(2));
    print!("\n{}", verdict.text());
    Ok(verdict.is_well())
}

/// Starts the switch; on other ports when another program took the free ones in between.
fn start(
    scenery: &mut Scenery,
    options: &Options,
    secrets: &Secrets,
    callers: SocketAddr,
    clock: &Clock,
) -> Result<Running, Fault> {
    for _ in 1..STARTS_MAX {
        let config = configuration(scenery, secrets, callers).map_err(Fault::Configuration)?;
        match app::start(config, clock) {
            Err(app::StartError::Net(_)) => scenery.choose_ports(options),
            started => return Ok(started?),
        }
    }
    let config = configuration(scenery, secrets, callers).map_err(Fault::Configuration)?;
    Ok(app::start(config, clock)?)
}

/// Seats callers and agents, and lets them begin on a thread of their own.
fn enter(
    scenery: &Scenery,
    clock: &Clock,
    seed: u64,
    callers: Sockets,
    agents: usize,
    mut play: Play,
) -> io::Result<Actors> {
    let settings = |calls_max| PartySettings {
        sip: scenery.sip,
        rtp: Vec::new(),
        server: scenery.sip,
        domain: scenery.sip.ip().to_string(),
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        ears: Ears::Full,
        tones_hz: cast::tones_hz().collect(),
        calls_max,
        call_longest: Duration::from_secs(600),
    };
    let mut drive = Drive::new(clock.clone(), Random::seeded(seed));
    drive.seat(settings(1000), callers)?;
    for _ in 0..agents {
        let sockets = Sockets::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), AGENT_RTP)?;
        drive.seat(settings(1), sockets)?;
    }
    std::thread::Builder::new().name("actors".into()).spawn(move || {
        drive.run(&mut play)?;
        play.ledger.close();
        Ok(play.ledger)
    })
}

/// Shows the table until the play is over; true when one of the newcomer's phones was seen.
async fn watch(
    running: &Running,
    clock: &Clock,
    wings: &Wings,
    actors: &Actors,
    seconds: Option<Duration>,
) -> io::Result<bool> {
    let mut screen = Screen::new();
    let mut guests = false;
    let mut ticks: Interval = tokio::time::interval(DRAW_EVERY);
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut end = seconds.map(|seconds| clock.instant() + seconds);
    while !actors.is_finished() {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = interrupt.recv() => wings.stop(),
            _ = terminate.recv() => wings.stop(),
        }
        let now = clock.instant();
        if end.is_some_and(|end| end <= now) {
            end = None;
            wings.stop();
        }
        guests |= has_guests(running).await;
        let queue = running.handle.ask(Question::Queue(cast::QUEUE.into())).await;
        let agents = running.handle.ask(Question::Agents).await;
        if let (Ok(Answer::Queue(queue)), Ok(Answer::Agents(agents))) = (queue, agents) {
            screen.show(now, &queue, &agents, wings.counts());
        }
    }
    Ok(guests)
}

async fn has_guests(running: &Running) -> bool {
    let Ok(Answer::Registrations(all)) = running.handle.ask(Question::Registrations).await else {
        return false;
    };
    all.iter().any(|registration| cast::GUESTS.iter().any(|(number, ..)| *number == registration.number))
}

/// The switch's counts, once its last records are written or should be.
async fn count(running: &Running, clock: &Clock, ledger: &Ledger, began: Wall) -> SwitchCounts {
    let give_up = clock.instant() + RECORDS_WAIT;
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    loop {
        ticks.tick().await;
        let mut counts = SwitchCounts { records: records(running).await, ..SwitchCounts::default() };
        if let Ok(Answer::Calls(calls)) = running.handle.ask(Question::Calls).await {
            counts.calls_live = calls.len() as u64;
        }
        if let Ok(Answer::Queue(queue)) = running.handle.ask(Question::Queue(cast::QUEUE.into())).await {
            let today = queue.today;
            counts.entered = today.entered;
            counts.handled = today.handled;
            counts.abandoned = today.abandoned;
            counts.others =
                today.pending + today.evicted_customer + today.evicted_system + today.evicted_user;
            counts.waiting = u64::from(queue.waiting);
            counts.unbalanced = queue.unbalanced;
        }
        counts.midnight = Zone::utc().day(began) != Zone::utc().day(clock.now().wall);
        let is_settled = counts.records >= ledger.placed - ledger.refused && counts.calls_live == 0;
        if is_settled || clock.instant() >= give_up {
            return counts;
        }
    }
}

/// The records of simulated callers' calls.
async fn records(running: &Running) -> u64 {
    let mut found = 0;
    let mut before = None;
    loop {
        let page = CdrPage { before, limit: PAGE, ..CdrPage::default() };
        let Ok(cdrs) = running.reader.cdrs(page).await else { return found };
        found += cdrs.iter().filter(|cdr| cdr.from.starts_with(cast::CALLER_PREFIX)).count() as u64;
        match cdrs.last() {
            Some(last) if cdrs.len() as u64 >= u64::from(PAGE) => before = Some(last.call),
            Some(_) | None => return found,
        }
    }
}
