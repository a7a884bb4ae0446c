//! What a relayed packet costs: one media worker, many bridges, real sockets on loopback.
//!
//! On a machine that does other things, run it under `chrt -f 1` and look at the ratio to the bare hop, which is measured
//! at the same time: by the generator, while the worker works. Both are medians over short slices.
//! `cargo bench --bench relay -- [legs] [seconds] [relay|transcode|music|rooms] [recorded] [socket-per-port|one-socket]`
//! (1000 4 relay, and one socket where the process may; `rooms` are of three, and 3,000 legs are a thousand of them). A generator on the main
//! thread gives every leg 50 packets a second and takes what comes back; the worker thread's exact run time is read
//! from `/proc/self/task/<tid>/schedstat`. Sending on loopback runs the receiver's half of the kernel's path too, so
//! the worker pays for one whole hop of every packet, as it would with a network card. `recorded` records every bridge into a
//! folder of the system's for temporary files; the recorder's thread counts too then.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use strowger::clock::Clock;
use strowger::clock::Instant;
use strowger::codec::g711::ulaw_encode;
use strowger::codec::tone::Sine;
use strowger::ids::CallUid;
use strowger::ids::Random;
use strowger::ids::RecordingUid;
use strowger::media::Codec;
use strowger::media::Command;
use strowger::media::Event;
use strowger::media::Format;
use strowger::media::Guard;
use strowger::media::HeardBy;
use strowger::media::LegKey;
use strowger::media::Media;
use strowger::media::RoomKey;
use strowger::media::Settings;
use strowger::media::Sockets;
use strowger::media::Sounds;
use strowger::media::Source;
use strowger::media::tap::NoTaps;
use strowger::media::tap::TapKey;
use strowger::media::tap::TapSink;
use strowger::metrics::Metrics;
use strowger::recording;
use strowger::recording::Begin;
use strowger::recording::Folder;
use strowger::recording::Kind;
use strowger::recording::Order;
use strowger::recording::Recorder;
use strowger::rtp::packet::HEADER_LENGTH;
use strowger::rtp::packet::Outgoing;

const WARM_UP: Duration = Duration::from_millis(1500);
const PACKET_MS: u64 = 20;
/// What one figure is taken over.
const SLICE: Duration = Duration::from_millis(250);
/// Bare hops in one measurement, and how long they take at most where nothing disturbs.
const HOPS: u32 = 16;
const HOPS_TIME: Duration = Duration::from_micros(250);

#[derive(Copy, Clone, PartialEq)]
enum Work {
    Relay,
    Transcode,
    Music,
    Rooms,
}

impl Work {
    fn named(named: impl Fn(&str) -> bool) -> Self {
        match (named("transcode"), named("music"), named("rooms")) {
            (true, ..) => Self::Transcode,
            (_, true, _) => Self::Music,
            (.., true) => Self::Rooms,
            _ => Self::Relay,
        }
    }
}

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let legs = numbers.first().map_or(1000, |legs| (*legs as usize).next_multiple_of(6));
    let seconds = numbers.get(1).copied().unwrap_or(4);
    let named = |name: &str| std::env::args().any(|argument| argument == name);
    let work = Work::named(named);
    let folder = named("recorded")
        .then(|| std::env::temp_dir().join(format!("strowger-bench-recordings-{}", std::process::id())));
    let sockets = match (named("socket-per-port"), named("one-socket")) {
        (true, _) => Sockets::Each,
        (_, true) => Sockets::Shared,
        _ => Sockets::Auto,
    };
    let mut bench = Bench::start(legs, work, sockets, folder.as_ref());
    bench.run(WARM_UP);
    let before = (threads_time(), bench.received, bench.media.counters());
    bench.delays.clear();
    bench.hops.clear();
    let began = bench.clock.instant();
    let mut slices = Vec::new();
    for _ in 0..seconds * 4 {
        let before = (threads_time(), bench.received);
        bench.run(SLICE);
        let packets = (bench.received - before.1).max(1);
        slices.push(threads_time().saturating_sub(before.0).as_nanos() as u64 / packets);
    }
    let cpu = threads_time().saturating_sub(before.0);
    let wall = bench.clock.instant().since(began);
    let received = bench.received - before.1;
    let load = bench.media.load(0);
    bench.delays.sort_unstable();
    let delay = |share: f64| {
        let index = (bench.delays.len() as f64 * share) as usize;
        bench.delays.get(index.min(bench.delays.len().saturating_sub(1))).copied().unwrap_or(0) as f64
            / 1000.0
    };
    println!(
        "{:?} sockets, legs {legs}, {received} packets out in {:.2} s ({:.0}/s), sent {}",
        bench.media.sockets(),
        wall.as_secs_f64(),
        received as f64 / wall.as_secs_f64(),
        bench.sent
    );
    let each = median(&mut slices) as f64 / 1000.0;
    let bare = median(&mut bench.hops) as f64 / f64::from(HOPS);
    let mean = cpu.as_secs_f64() * 1e6 / received.max(1) as f64;
    println!(
        "CPU {each:.2} us per packet (mean {mean:.2}), {:.1} % of a core; a bare hop (send and receive) costs {bare:.2} us \
         here, {:.2} times of it",
        cpu.as_secs_f64() / wall.as_secs_f64() * 100.0,
        each / bare
    );
    println!(
        "delay through the relay and the generator: p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms",
        delay(0.5),
        delay(0.99),
        delay(1.0)
    );
    println!(
        "the worker's own figures: busy {:.1} %, tick late p99 {:?}, {:?}",
        load.busy_fraction * 100.0,
        load.tick_late_p99,
        bench.media.counters()
    );
    if let Some(folder) = folder {
        tell_recorded(bench, &folder);
    }
}

/// What recording has cost and brought.
fn tell_recorded(bench: Bench, folder: &Path) {
    let recorder = run_time("recorder").as_secs_f64() * 1e6 / bench.received.max(1) as f64;
    println!("of which the recorder {recorder:.2} us per packet (since the start)");
    drop(bench);
    println!("{} MB were recorded", folder_bytes(folder) / 1_000_000);
    let _ = fs::remove_dir_all(folder);
}

/// What the worker and the recorder have run.
fn threads_time() -> Duration {
    run_time("media-0") + run_time("recorder")
}

fn folder_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

struct Bench {
    media: Media,
    /// Ends after the worker, whose last packets it takes.
    recorder: Option<Recorder>,
    clock: Clock,
    phones: Vec<UdpSocket>,
    /// Connected sockets and their peers, of which nobody else knows.
    bare: Vec<(UdpSocket, UdpSocket)>,
    next_bare: usize,
    work: Work,
    /// A frame of a voice.
    voice: [u8; 160],
    sequence: u16,
    slot: u64,
    began: Option<Instant>,
    received: u64,
    sent: u64,
    /// Microseconds that [`HOPS`] bare hops took.
    hops: Vec<u64>,
    /// Microseconds from the generator's send to its receive.
    delays: Vec<u64>,
}

impl Bench {
    fn start(legs: usize, work: Work, sockets: Sockets, folder: Option<&PathBuf>) -> Self {
        let clock = Clock::machine();
        let (events_tx, events) = sync_channel(100_000);
        let settings = Settings {
            address: [127, 0, 0, 1].into(),
            sockets,
            ports: 10_000..=29_999,
            workers: 1,
            sounds: Sounds::from_samples(&[], &[("default", &vec![500; 80_000])]),
            automatic_level: false,
            busy_percent_max: 100,
            entropy: [3; 32],
        };
        let recorder = folder.map(|folder| {
            let settings = recording::Settings { free_bytes_min: 0, keep_days: None };
            let disk = Box::new(Folder::new(folder));
            Recorder::start(disk, settings, Metrics::new(), clock.clone(), drop).expect("a thread")
        });
        let taps: Arc<dyn TapSink> = match &recorder {
            Some(recorder) => Arc::new(recorder.door()),
            None => Arc::new(NoTaps),
        };
        let sink = move |event| drop(events_tx.try_send(event));
        let media = Media::start_tapped(settings, clock.clone(), taps, sink).expect("the ports are free");
        let mut bench = Self {
            media,
            recorder,
            clock,
            phones: Vec::new(),
            bare: bare(legs / 2),
            next_bare: 0,
            work,
            voice: voice(),
            sequence: 0,
            slot: 0,
            began: None,
            received: 0,
            sent: 0,
            hops: Vec::new(),
            delays: Vec::new(),
        };
        let mut ports = Vec::new();
        while bench.phones.len() < legs {
            if ports.is_empty() {
                ports = wait_ports(&events);
            }
            let port = ports.remove(0);
            bench.open(port);
        }
        for leg in 0..legs as u64 {
            let source = match work {
                Work::Music => Source::Music { class: "default".to_owned() },
                Work::Rooms => Source::Room { room: RoomKey(leg / 3), heard_by: HeardBy::All },
                Work::Relay | Work::Transcode => Source::Leg(LegKey(leg ^ 1)),
            };
            bench.command(Command::Hear { leg: LegKey(leg), source });
        }
        for leg in (0..legs as u64).step_by(2) {
            bench.record(leg);
        }
        bench
    }

    /// Records the bridge of that leg.
    fn record(&self, leg: u64) {
        let Some(recorder) = &self.recorder else { return };
        let key = TapKey(leg);
        let now = self.clock.now();
        let begin = Begin {
            key,
            id: RecordingUid::draw(now.wall, &mut Random::seeded(leg)),
            kind: Kind::Call,
            call: CallUid::from_u128(leg.into()),
            number: 1,
            left: String::new(),
            right: String::new(),
            queue: None,
            agent: None,
            mailbox: None,
            by: "bench".to_owned(),
            length_max: None,
        };
        recorder.door().order(now, Order::Begin(Box::new(begin))).expect("few orders");
        self.command(Command::Tap { leg: LegKey(leg), key: Some(key) });
    }

    /// What packets cost without any of us: sent on one connected socket and received on the other, round all the
    /// sockets, so that the machine's mood of the moment is known.
    fn bare_hops(&mut self, buffer: &mut [u8; 2048]) {
        let before = self.clock.instant();
        for _ in 0..HOPS {
            let (from, to) = &self.bare[self.next_bare];
            self.next_bare = (self.next_bare + 1) % self.bare.len();
            let sent = from.send(&buffer[..HEADER_LENGTH + 160]).and_then(|_| to.recv_from(buffer));
            assert!(sent.is_ok(), "loopback loses nothing");
        }
        self.hops.push(self.clock.instant().since(before).as_micros() as u64);
    }

    fn open(&mut self, port: u16) {
        let leg = LegKey(self.phones.len() as u64);
        let phone = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        phone.connect(("127.0.0.1", port)).expect("loopback");
        phone.set_nonblocking(true).expect("a socket");
        self.command(Command::Open { leg, port, no_media_timeout: None, guard: Guard::Learn });
        let codec = if self.work == Work::Transcode && leg.0 % 2 == 1 { Codec::Pcma } else { Codec::Pcmu };
        let format = Format { codec, payload: payload_type(codec), dtmf: Some(101), ptime_ms: 20 };
        self.command(Command::Describe {
            leg,
            remote: phone.local_addr().ok(),
            rtcp: None,
            rtcp_mux: false,
            send: format,
            receive: format,
            sends: true,
            receives: true,
        });
        self.phones.push(phone);
    }

    fn command(&self, command: Command) {
        while self.media.send(0, command.clone()).is_err() {
            std::thread::yield_now();
        }
    }

    /// Every millisecond a twentieth of the phones sends one packet.
    fn run(&mut self, time: Duration) {
        let began = *self.began.get_or_insert_with(|| self.clock.instant());
        let end = self.slot + time.as_millis() as u64;
        let mut buffer = [0; 2048];
        while self.slot < end {
            let due = began + Duration::from_millis(self.slot);
            if self.clock.instant() + HOPS_TIME < due {
                self.bare_hops(&mut buffer);
            }
            while self.clock.instant() < due {
                std::hint::spin_loop();
            }
            let phase = self.slot % PACKET_MS;
            if phase == 0 {
                self.sequence = self.sequence.wrapping_add(1);
            }
            // Both ends of a bridge speak in the same millisecond; what they get is taken over the next three.
            for behind in 1..=3 {
                for index in self.of_phase((phase + PACKET_MS - behind) % PACKET_MS) {
                    self.receive(index, &mut buffer);
                }
            }
            for index in self.of_phase(phase) {
                self.receive(index, &mut buffer);
                if self.work != Work::Music {
                    self.speak(index, &mut buffer);
                }
            }
            self.slot += 1;
        }
    }

    fn of_phase(&self, phase: u64) -> impl Iterator<Item = usize> + use<> {
        let bridges = self.phones.len() / 2;
        (phase as usize..bridges).step_by(PACKET_MS as usize).flat_map(|bridge| [2 * bridge, 2 * bridge + 1])
    }

    fn speak(&mut self, index: usize, buffer: &mut [u8; 2048]) {
        let codec = if self.work == Work::Transcode && index % 2 == 1 { Codec::Pcma } else { Codec::Pcmu };
        let header = Outgoing {
            marker: false,
            payload_type: payload_type(codec),
            sequence: self.sequence,
            timestamp: u32::from(self.sequence) * 160,
            ssrc: index as u32,
        };
        buffer[..HEADER_LENGTH].copy_from_slice(&header.to_bytes());
        if self.work == Work::Rooms {
            // Voices, not silence: silence would not be mixed.
            buffer[HEADER_LENGTH..HEADER_LENGTH + 160].copy_from_slice(&self.voice);
        } else {
            let stamp = self.clock.instant().as_micros().to_be_bytes();
            buffer[HEADER_LENGTH..HEADER_LENGTH + 8].copy_from_slice(&stamp);
        }
        if self.phones[index].send(&buffer[..HEADER_LENGTH + 160]).is_ok() {
            self.sent += 1;
        }
    }

    fn receive(&mut self, index: usize, buffer: &mut [u8; 2048]) {
        while let Ok(length) = self.phones[index].recv(buffer) {
            self.received += 1;
            if self.work == Work::Relay && length >= HEADER_LENGTH + 8 {
                let mut stamp = [0; 8];
                stamp.copy_from_slice(&buffer[HEADER_LENGTH..HEADER_LENGTH + 8]);
                let now = self.clock.instant().as_micros();
                self.delays.push(now.saturating_sub(u64::from_be_bytes(stamp)));
            }
        }
    }
}

fn voice() -> [u8; 160] {
    let mut tone = Sine::new(300, 8000, 6000);
    std::array::from_fn(|_| ulaw_encode(tone.next_sample()))
}

const fn payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0,
        Codec::Pcma => 8,
    }
}

fn wait_ports(events: &Receiver<Event>) -> Vec<u16> {
    loop {
        if let Event::Ports { ports, .. } = events.recv_timeout(Duration::from_secs(10)).expect("ports come")
        {
            return ports;
        }
    }
}

/// The exact time that the thread of that name has run.
fn run_time(thread: &str) -> Duration {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    for task in tasks.flatten() {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if name.trim() == thread {
            return first_number(&fs::read_to_string(task.path().join("schedstat")).unwrap_or_default());
        }
    }
    Duration::ZERO
}

fn bare(count: usize) -> Vec<(UdpSocket, UdpSocket)> {
    let socket = || UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let pair = |_| {
        let (from, to) = (socket(), socket());
        from.connect(to.local_addr().expect("bound")).expect("loopback");
        (from, to)
    };
    (0..count.max(1)).map(pair).collect()
}

fn median(figures: &mut [u64]) -> u64 {
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or(0)
}

fn first_number(schedstat: &str) -> Duration {
    Duration::from_nanos(schedstat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}
