//! One run: opens the sockets, drives the script, takes the figures before and after, makes the report.

use crate::clock::Clock;
use crate::clock::Instant;
use crate::ids::Random;
use crate::load::options::Fault;
use crate::load::options::Options;
use crate::load::options::seconds;
use crate::load::process::Process;
use crate::load::registrations::Registrations;
use crate::load::report::Figure;
use crate::load::report::Report;
use crate::load::traffic::CALLERS;
use crate::load::traffic::Calls;
use crate::load::traffic::FAR;
use crate::load::traffic::Phase;
use crate::sim::drive::Drive;
use crate::sim::drive::Sockets;
use crate::sim::hearing::Ears;
use crate::sim::histogram::Histogram;
use crate::sim::party::PartySettings;
use crate::sim::party::Traffic;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Audio sockets of each side: calls share them, and each has its own buffer in the kernel.
const RTP_SOCKETS: usize = 16;
/// A generator that runs for so much of the time on its one thread is itself the limit.
const GENERATOR_BUSY: f64 = 0.85;
/// Frames that this process sent later than that make its jitter and delay figures doubtful.
const LATENESS_P99_MAX: Duration = Duration::from_millis(5);

/// The figures of one moment.
struct Snapshot {
    at: Instant,
    server: Option<Duration>,
    own: Duration,
    traffic: Traffic,
}

/// What lies between two moments.
struct Span {
    time: Duration,
    server: Option<Duration>,
    own: Duration,
    received: u64,
}

impl Snapshot {
    fn take(clock: &Clock, options: &Options, drive: &Drive) -> Self {
        let mut traffic = Traffic::default();
        for party in [CALLERS, FAR].into_iter().filter_map(|seat| drive.party(seat)) {
            let one = party.traffic();
            traffic.sent += one.sent;
            traffic.received += one.received;
            traffic.stray += one.stray;
            traffic.skipped += one.skipped;
            traffic.lateness.merge(&one.lateness);
            traffic.delay.merge(&one.delay);
        }
        Self {
            at: clock.instant(),
            server: options.pid.and_then(|id| Process::with_id(id).run_time()),
            own: Process::own().run_time().unwrap_or_default(),
            traffic,
        }
    }

    fn until(&self, later: &Self) -> Span {
        Span {
            time: later.at.since(self.at),
            server: self.server.zip(later.server).map(|(from, to)| to.saturating_sub(from)),
            own: later.own.saturating_sub(self.own),
            received: later.traffic.received.saturating_sub(self.traffic.received),
        }
    }
}

/// Runs to the end. Takes as long as the options say, and at most a minute more.
pub(in crate::load) fn run(options: &Options, clock: &Clock) -> Result<Report, Fault> {
    options.check()?;
    let target = options.target()?;
    let mut drive = Drive::new(clock.clone(), Random::seeded(clock.now().wall.as_micros().unsigned_abs()));
    seat(&mut drive, options, target, options.from)?;
    if let Some(far) = options.far {
        seat(&mut drive, options, target, far)?;
    }
    match options.register {
        Some(accounts) => register(&mut drive, options, clock, accounts),
        None => call(&mut drive, options, clock),
    }
}

fn seat(drive: &mut Drive, options: &Options, target: SocketAddr, address: SocketAddr) -> Result<(), Fault> {
    let sockets = Sockets::bind(address, RTP_SOCKETS).map_err(|source| Fault::Bind { address, source })?;
    let all = [options.seconds, options.talk_seconds, options.patience_seconds];
    let ramp = options.calls() as f64 / options.rate;
    let settings = PartySettings {
        sip: address,
        rtp: Vec::new(),
        server: target,
        domain: options.domain.clone().unwrap_or_else(|| target.ip().to_string()),
        codecs: vec![crate::sim::party::Codec::Pcmu, crate::sim::party::Codec::Pcma],
        ears: Ears::Counting,
        tones_hz: Arc::from([]),
        calls_max: usize::MAX,
        call_longest: seconds(all.iter().sum::<f64>() + ramp) + Duration::from_secs(120),
    };
    drive.seat(settings, sockets)?;
    Ok(())
}

fn register(drive: &mut Drive, options: &Options, clock: &Clock, accounts: u64) -> Result<Report, Fault> {
    let mut script = Registrations::new(options, accounts);
    let before = Snapshot::take(clock, options, drive);
    drive.run(&mut script)?;
    let span = before.until(&Snapshot::take(clock, options, drive));
    let mut report = Report::default();
    let registered = script.took.count();
    let failed: u64 = script.failed_by_code.values().sum();
    report.count("registrations_asked", accounts);
    report.count("registrations_done", registered);
    report.add("failed_by_code", Figure::Codes(script.failed_by_code.clone()));
    report.count("unfinished", script.unfinished());
    let time = script.begun().zip(script.last).map(|(begun, last)| last.since(begun).as_secs_f64());
    report.number("rate_wanted_per_second", Some(options.rate));
    report.number("rate_reached_per_second", time.map(|time| registered as f64 / time));
    report.times("registration", &script.took);
    let per = |time: Duration| time.as_secs_f64() * 1e6 / registered.max(1) as f64;
    report.number("server_cpu_us_per_registration", span.server.map(per));
    machine(&mut report, options, &span);
    if failed + script.unfinished() > 0 {
        report.fault(format!("{} of {accounts} registrations failed", failed + script.unfinished()));
    }
    Ok(report)
}

fn call(drive: &mut Drive, options: &Options, clock: &Clock) -> Result<Report, Fault> {
    let mut script = Calls::new(options);
    let before = Snapshot::take(clock, options, drive);
    drive.run(&mut script)?;
    let mut held = None;
    if options.hold.is_some() {
        let up = Snapshot::take(clock, options, drive);
        script.next_phase(clock.instant());
        drive.run(&mut script)?;
        held = Some(up.until(&Snapshot::take(clock, options, drive)));
        script.next_phase(clock.instant());
        drive.run(&mut script)?;
    }
    let after = Snapshot::take(clock, options, drive);
    debug_assert!(!matches!(script.phase(), Phase::Holding(_)), "a hold is followed by its end");
    let span = before.until(&after);
    let mut report = Report::default();
    calls(&mut report, options, &script);
    audio(&mut report, options, &script, &after.traffic, drive.unsent());
    let per_call = |time: Duration| time.as_secs_f64() * 1e6 / script.tally.placed.max(1) as f64;
    match &held {
        Some(held) => {
            let per_packet = |time: Duration| time.as_secs_f64() * 1e6 / held.received as f64;
            report.number("held_seconds", Some(held.time.as_secs_f64()));
            report.count("held_packets_received", held.received);
            report.number("server_cpu_us_per_packet", held.server.map(per_packet));
            machine(&mut report, options, held);
        }
        None => {
            report.number("server_cpu_us_per_call", span.server.map(per_call));
            machine(&mut report, options, &span);
        }
    }
    judge(&mut report, options, &script, &after.traffic);
    Ok(report)
}

fn calls(report: &mut Report, options: &Options, script: &Calls<'_>) {
    let tally = &script.tally;
    report.count("calls_placed", tally.placed);
    report.count("calls_answered", tally.answered);
    report.count("calls_well", tally.well);
    report.add("failed_by_code", Figure::Codes(tally.failed_by_code.clone()));
    report.count("calls_dropped", tally.dropped);
    report.count("calls_unfinished", script.unfinished());
    if options.far.is_some() {
        report.count("far_calls", tally.far_calls);
        report.count("far_calls_failed", tally.far_failed);
    }
    if options.agents {
        report.count("calls_unserved", tally.unserved);
        report.count("agents_rung_while_busy", tally.agents_busy_rung);
    }
    let time = script.begun().zip(tally.last_placed).map(|(begun, last)| last.since(begun).as_secs_f64());
    report.number("rate_wanted_per_second", Some(options.rate));
    let between = tally.placed.saturating_sub(1) as f64;
    report.number("rate_reached_per_second", time.filter(|time| *time > 0.0).map(|time| between / time));
    report.times("set_up", &tally.set_up);
    report.times("invite_to_far_invite", &tally.to_far);
    report.times("join_to_agent_ring", &tally.join_to_ring);
}

fn audio(report: &mut Report, options: &Options, script: &Calls<'_>, traffic: &Traffic, unsent: u64) {
    let tally = &script.tally;
    report.count("rtp_sent", traffic.sent);
    report.count("rtp_received", traffic.received);
    report.count("rtp_lost", tally.lost);
    report.count("rtp_late", tally.late);
    report.count("rtp_duplicates", tally.duplicates);
    report.count("rtp_malformed", tally.malformed);
    report.count("rtp_of_no_call", traffic.stray);
    report.count("calls_silent", tally.silent);
    report.times("rtp_delay", &traffic.delay);
    report.times("rtp_jitter_by_call", &tally.jitter);
    report.times("rtp_longest_gap_by_call", &tally.gap);
    report.count("generator_unsent", unsent);
    report.count("generator_frames_skipped", traffic.skipped);
    report.times("generator_lateness", &traffic.lateness);
    if options.far.is_none() && traffic.received == 0 && traffic.sent > 0 {
        report.remark("nothing was heard from the server".into());
    }
}

/// CPU and memory of both sides.
fn machine(report: &mut Report, options: &Options, span: &Span) {
    let seconds = span.time.as_secs_f64();
    let share = |time: Duration| 100.0 * time.as_secs_f64() / seconds;
    report.number("measured_seconds", Some(seconds));
    report.number("server_cpu_percent_of_a_core", span.server.map(share));
    if let Some(id) = options.pid {
        let peak = Process::with_id(id).memory_peak_bytes();
        report.number("server_memory_peak_mb", peak.map(|bytes| bytes as f64 / 1e6));
        if span.server.is_none() {
            report.fault(format!("process {id} is not there (any more)"));
        }
    }
    report.number("generator_cpu_percent_of_a_core", Some(share(span.own)));
    if span.own.as_secs_f64() > GENERATOR_BUSY * seconds {
        report.remark("the generator itself was the limit: its thread had no time left".into());
    }
}

fn judge(report: &mut Report, options: &Options, script: &Calls<'_>, traffic: &Traffic) {
    let tally = &script.tally;
    let late: &Histogram = &traffic.lateness;
    if late.percentile(99.0).is_some_and(|p99| p99 > LATENESS_P99_MAX) {
        report.remark("the generator sent late: its jitter and delay are in the figures".into());
    }
    let bad = tally.placed - tally.well;
    if bad > 0 {
        report.fault(format!("{bad} of {} calls did not go as they should", tally.placed));
    }
    if tally.silent > 0 {
        report.fault(format!("{} call sides heard nothing", tally.silent));
    }
    if tally.agents_busy_rung > 0 {
        report.fault(format!("{} agents were rung while they talked", tally.agents_busy_rung));
    }
    if tally.far_failed > tally.agents_busy_rung && !options.agents {
        report.fault(format!("{} calls failed on the far side", tally.far_failed));
    }
    if script.unfinished() > 0 {
        report.fault(format!("{} calls did not end in time", script.unfinished()));
    }
}
