//! Gives parties sockets and time, and runs a script with them: one thread, no runtime.
//!
//! The loop drains the sockets, serves timers, carries out what follows, sends the audio that is due, and sleeps
//! until the next of all that. Not the judge of anything.

use crate::clock::Clock;
use crate::clock::Instant;
use crate::datagrams::BATCH;
use crate::datagrams::Inbox;
use crate::datagrams::send;
use crate::ids::Random;
use crate::sim::party::Datagrams;
use crate::sim::party::Input;
use crate::sim::party::Output;
use crate::sim::party::Party;
use crate::sim::party::PartySettings;
use crate::sim::script::Orders;
use crate::sim::script::Script;
use crate::sim::system::Watch;
use crate::sim::system::grow_buffer;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// 4 MB, so that a burst waits in the kernel rather than being lost.
const BUFFER_BYTES: i32 = 4 << 20;
/// The longest sleep, after which a script is asked whether it is over.
const SLEEP_MAX: Duration = Duration::from_millis(50);
/// Batches, or SIP messages, read from one socket before the others get their turn.
const READS_MAX: usize = 256;
/// From so many datagrams in a turn on, the next sleep is a rest.
const READ_FOR_REST: usize = 3;
/// How long the sockets are left alone then: what comes is seen so much later.
const REST: Duration = Duration::from_millis(1);
/// Longer ones are cut: RTP of 20 ms is far shorter.
const RTP_DATAGRAM_MAX: usize = 2048;
const SIP_DATAGRAM_MAX: usize = 65_535;

/// The sockets of a party, bound before it is made, so that it can be told its addresses.
#[derive(Debug)]
pub struct Sockets {
    sip: UdpSocket,
    rtp: Vec<UdpSocket>,
}

impl Sockets {
    /// Binds the SIP address (port 0 takes a free one) and `rtp` sockets for audio at the same IP address.
    ///
    /// # Errors
    /// The address is in use or not this machine's.
    pub fn bind(sip: SocketAddr, rtp: usize) -> io::Result<Self> {
        Ok(Self { sip: open(sip)?, rtp: (0..rtp).map(|_| open_even(sip.ip())).collect::<io::Result<_>>()? })
    }

    /// The SIP address.
    ///
    /// # Errors
    /// Never on a bound socket.
    pub fn sip_address(&self) -> io::Result<SocketAddr> {
        self.sip.local_addr()
    }

    /// The RTP addresses.
    ///
    /// # Errors
    /// Never on bound sockets.
    pub fn rtp_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.rtp.iter().map(UdpSocket::local_addr).collect()
    }
}

fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    grow_buffer(&socket, BUFFER_BYTES);
    Ok(socket)
}

/// RFC 3550 section 11: RTP uses even ports; some servers insist.
fn open_even(ip: IpAddr) -> io::Result<UdpSocket> {
    let mut odd = Vec::new();
    for _ in 0..64 {
        let socket = open(SocketAddr::new(ip, 0))?;
        if socket.local_addr()?.port().is_multiple_of(2) {
            return Ok(socket);
        }
        // Held until an even one is found, so that the kernel does not give it again.
        odd.push(socket);
    }
    odd.pop().ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))
}

#[derive(Debug)]
struct Seat {
    party: Party,
    sockets: Sockets,
    /// The place of the SIP socket in the watch; the RTP sockets follow.
    place: usize,
}

#[allow(clippy::disallowed_methods, reason = "the loop's own thread, for a millisecond at most")]
fn rest(time: Duration) {
    std::thread::sleep(time);
}

/// The thread's loop.
#[derive(Debug)]
pub struct Drive {
    clock: Clock,
    random: Random,
    seats: Vec<Seat>,
    watch: Watch,
    places: usize,
    inbox: Inbox,
    datagrams: Datagrams,
    sip_buffer: Vec<u8>,
    outputs: Vec<Output>,
    unsent: u64,
    /// Datagrams that the last turn has read.
    read: usize,
}

impl Drive {
    /// A loop without parties. `clock` must be the machine's.
    pub fn new(clock: Clock, random: Random) -> Self {
        Self {
            clock,
            random,
            seats: Vec::new(),
            watch: Watch::default(),
            places: 0,
            inbox: Inbox::new(RTP_DATAGRAM_MAX),
            datagrams: Datagrams::default(),
            sip_buffer: vec![0; SIP_DATAGRAM_MAX],
            outputs: Vec::new(),
            unsent: 0,
            read: 0,
        }
    }

    /// Seats a party; its number is that of those before it. The addresses in `settings` are set from the sockets.
    ///
    /// # Errors
    /// Never on bound sockets.
    pub fn seat(&mut self, mut settings: PartySettings, sockets: Sockets) -> io::Result<usize> {
        settings.sip = sockets.sip_address()?;
        settings.rtp = sockets.rtp_addresses()?;
        let place = self.places;
        self.watch.add(sockets.sip.as_raw_fd());
        for socket in &sockets.rtp {
            self.watch.add(socket.as_raw_fd());
        }
        self.places += 1 + sockets.rtp.len();
        self.seats.push(Seat { party: Party::new(settings, self.random.fork()), sockets, place });
        Ok(self.seats.len() - 1)
    }

    /// A party by its number.
    pub fn party(&self, number: usize) -> Option<&Party> {
        self.seats.get(number).map(|seat| &seat.party)
    }

    /// Datagrams that the kernel did not take.
    pub fn unsent(&self) -> u64 {
        self.unsent
    }

    /// Runs until the script is over.
    ///
    /// # Errors
    /// The system refused to wait for the sockets.
    pub fn run(&mut self, script: &mut impl Script) -> io::Result<()> {
        self.step_script(script);
        while !script.is_over() {
            let now = self.clock.instant();
            let next = self.poll_timeout(script).unwrap_or(now + SLEEP_MAX).min(now + SLEEP_MAX);
            self.sleep(next.since(now))?;
            self.read = 0;
            for number in 0..self.seats.len() {
                self.receive(number, script);
            }
            let now = self.clock.instant();
            for number in 0..self.seats.len() {
                let is_due = |seat: &Seat| seat.party.poll_timeout().is_some_and(|at| at <= now);
                if self.seats.get(number).is_some_and(is_due) {
                    self.input(now, number, Input::Timeout, script);
                }
            }
            self.step_script(script);
            self.speak();
        }
        Ok(())
    }

    /// Sleeps until something comes, or so long. Where much comes, it sleeps without an ear on its sockets: whoever wakes a
    /// process by sending to it pays for that, and a server under test would pay for us.
    fn sleep(&mut self, time: Duration) -> io::Result<()> {
        if self.read < READ_FOR_REST {
            return self.watch.wait(time);
        }
        rest(time.min(REST));
        self.watch.wait(Duration::ZERO)
    }

    fn poll_timeout(&self, script: &impl Script) -> Option<Instant> {
        let parties = self.seats.iter().flat_map(|seat| [seat.party.poll_timeout(), seat.party.poll_speak()]);
        parties.chain([script.poll_timeout()]).flatten().min()
    }

    fn step_script(&mut self, script: &mut impl Script) {
        let now = self.clock.instant();
        if script.poll_timeout().is_none_or(|at| at <= now) {
            let mut orders = Orders::new();
            script.timeout(now, &mut orders);
            self.obey(now, orders, script);
        }
    }

    fn obey(&mut self, now: Instant, orders: Orders, script: &mut impl Script) {
        for (number, order) in orders {
            self.input(now, number, Input::Order(order), script);
        }
    }

    /// One input to one party and all that follows from it.
    fn input(&mut self, now: Instant, number: usize, input: Input, script: &mut impl Script) {
        let mut inputs = VecDeque::from([(number, input)]);
        while let Some((number, input)) = inputs.pop_front() {
            let Some(seat) = self.seats.get_mut(number) else { continue };
            seat.party.handle(now, input, &mut self.outputs);
            let mut orders = Orders::new();
            for output in self.outputs.drain(..) {
                match output {
                    Output::Send { to, bytes } => {
                        // Lost here is lost on the way: the transaction sends it again.
                        self.unsent += u64::from(seat.sockets.sip.send_to(&bytes, to).is_err());
                    }
                    Output::Event(event) => script.event(now, number, event, &mut orders),
                }
            }
            inputs.extend(orders.into_iter().map(|(number, order)| (number, Input::Order(order))));
        }
    }

    fn receive(&mut self, number: usize, script: &mut impl Script) {
        let Some(place) = self.seats.get(number).map(|seat| seat.place) else { return };
        if self.watch.is_ready(place) {
            self.receive_sip(number, script);
        }
        let Some(seat) = self.seats.get_mut(number) else { return };
        for (at, socket) in seat.sockets.rtp.iter().enumerate() {
            if !self.watch.is_ready(place + 1 + at) {
                continue;
            }
            for _ in 0..READS_MAX {
                let count = self.inbox.fill(socket).unwrap_or(0);
                self.read += count;
                let more = count == BATCH;
                let now = self.clock.instant();
                for (from, bytes) in self.inbox.iter() {
                    seat.party.hear(now, at, from, bytes);
                }
                if !more {
                    break;
                }
            }
        }
    }

    fn receive_sip(&mut self, number: usize, script: &mut impl Script) {
        for _ in 0..READS_MAX {
            let Some(seat) = self.seats.get(number) else { return };
            match seat.sockets.sip.recv_from(&mut self.sip_buffer) {
                Ok((len, from)) => {
                    self.read += 1;
                    let bytes = Bytes::copy_from_slice(self.sip_buffer.get(..len).unwrap_or_default());
                    let now = self.clock.instant();
                    self.input(now, number, Input::Sip { from, bytes }, script);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // An ICMP error of an earlier datagram; the next one is unharmed.
                Err(_) => {}
            }
        }
    }

    fn speak(&mut self) {
        for seat in &mut self.seats {
            let now = self.clock.instant();
            if seat.party.poll_speak().is_none_or(|at| at > now) {
                continue;
            }
            self.datagrams.clear();
            seat.party.speak(now, &mut self.datagrams);
            for (batch, socket) in self.datagrams.batches().iter().zip(&seat.sockets.rtp) {
                self.unsent += send(socket, batch.iter()) as u64;
            }
        }
    }
}
