//! A party's voice and ears: one UDP socket that speaks a tone to everyone it knows and keeps what it hears from each.
//!
//! SIPp does the signalling and names this socket in its SDP. It speaks G.711 A-law, 20 ms a packet.

use crate::real::wait;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use strowger::codec::g711;
use strowger::codec::tone::Sine;

const FRAME: Duration = Duration::from_millis(20);
const FRAME_SAMPLES: u32 = 160;
const PAYLOAD_PCMA: u8 = 8;
const RTP_HEADER: usize = 12;

/// One direction each way with one peer.
struct Stream {
    sine: Sine,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    heard: Vec<i16>,
}

type Streams = BTreeMap<SocketAddr, Stream>;

/// The party.
pub struct Party {
    pub port: u16,
    pub tone_hz: u32,
    streams: Arc<Mutex<Streams>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Party {
    /// A party whose voice is a tone of that frequency.
    pub fn speaking(tone_hz: u32) -> Self {
        Self::on("127.0.0.1", tone_hz)
    }

    /// The same at another address of loopback.
    pub fn on(host: &str, tone_hz: u32) -> Self {
        let socket = UdpSocket::bind((host, 0)).expect("loopback has a free port");
        socket.set_read_timeout(Some(Duration::from_millis(5))).expect("5 ms is a timeout");
        let port = socket.local_addr().expect("it is bound").port();
        let streams = Arc::new(Mutex::new(Streams::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (theirs, told) = (Arc::clone(&streams), Arc::clone(&stop));
        let thread = std::thread::spawn(move || run(&socket, tone_hz, &theirs, &told));
        Self { port, tone_hz, streams, stop, thread: Some(thread) }
    }

    /// Begins to speak to that address. Who sends something here is spoken to anyhow.
    pub fn speak_to(&self, port: u16) {
        let peer = SocketAddr::from(([127, 0, 0, 1], port));
        let tone_hz = self.tone_hz;
        self.streams().entry(peer).or_insert_with(|| Stream::new(tone_hz, peer));
    }

    /// What was heard from the port of the switch.
    pub fn heard(&self, port: u16) -> Vec<i16> {
        let peer = SocketAddr::from(([127, 0, 0, 1], port));
        self.streams().get(&peer).map(|stream| stream.heard.clone()).unwrap_or_default()
    }

    /// What was heard, by the peer's port.
    pub fn all_heard(&self) -> BTreeMap<u16, Vec<i16>> {
        self.streams().iter().map(|(peer, stream)| (peer.port(), stream.heard.clone())).collect()
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Stream {
    fn new(tone_hz: u32, peer: SocketAddr) -> Self {
        let sine = Sine::new(tone_hz, 8000, 8000);
        Self {
            sine,
            sequence: 1,
            timestamp: 0,
            ssrc: 0x5000_0000 + u32::from(peer.port()),
            heard: Vec::new(),
        }
    }

    fn next_packet(&mut self) -> Vec<u8> {
        let mut packet = vec![0x80, PAYLOAD_PCMA];
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&self.timestamp.to_be_bytes());
        packet.extend_from_slice(&self.ssrc.to_be_bytes());
        packet.extend((0..FRAME_SAMPLES).map(|_| g711::alaw_encode(self.sine.next_sample())));
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES);
        packet
    }
}

fn run(socket: &UdpSocket, tone_hz: u32, streams: &Mutex<Streams>, stop: &AtomicBool) {
    let mut due = wait::now();
    let mut packet = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, peer)) = socket.recv_from(&mut packet) {
            let mut streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
            let stream = streams.entry(peer).or_insert_with(|| Stream::new(tone_hz, peer));
            if let Some(payload) = audio(&packet[..length]) {
                stream.heard.extend(payload.iter().map(|byte| g711::alaw_decode(*byte)));
            }
        }
        if wait::now() >= due {
            due += FRAME;
            for (peer, stream) in streams.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
                let _ = socket.send_to(&stream.next_packet(), peer);
            }
        }
    }
}

/// The A-law payload of an RTP packet without extras.
fn audio(packet: &[u8]) -> Option<&[u8]> {
    let kind = packet.get(1)? & 0x7F;
    (packet[0] >> 6 == 2 && kind == PAYLOAD_PCMA).then(|| packet.get(RTP_HEADER..))?
}
