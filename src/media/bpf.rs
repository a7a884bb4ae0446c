//! The kernel program that steers a range of ports to a few sockets: `sk_lookup`, hand-assembled, by the raw system call.
//!
//! ```text
//! UDP over IPv4 to our address and a port of the range
//!   -> the port's slot of a map of sockets: empty, and all goes as if we were not there; else that socket gets it
//! ```
//! A slot is filled for ports that this process has bound, and for no others: no other program's packet is touched.
//! Kernel and program part with the process: there is nothing to clean up after a crash.

#![allow(unsafe_code, reason = "the bpf system call; each block says why its pointers are good")]

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;

// The commands, kinds and helpers of `linux/bpf.h`, which are fixed for ever.
const MAP_CREATE: libc::c_int = 0;
const MAP_UPDATE: libc::c_int = 2;
const MAP_DELETE: libc::c_int = 3;
const PROG_LOAD: libc::c_int = 5;
const LINK_CREATE: libc::c_int = 28;
const MAP_TYPE_SOCKMAP: u32 = 15;
const PROG_TYPE_SK_LOOKUP: u32 = 30;
const ATTACH_SK_LOOKUP: u32 = 36;
const PSEUDO_MAP_FD: u8 = 1;
const HELPER_MAP_LOOKUP: i32 = 1;
const HELPER_SK_RELEASE: i32 = 86;
const HELPER_SK_ASSIGN: i32 = 124;

// Where the fields of `struct bpf_sk_lookup` are.
const CTX_FAMILY: i16 = 8;
const CTX_PROTOCOL: i16 = 12;
const CTX_LOCAL_IP4: i16 = 40;
const CTX_LOCAL_PORT: i16 = 60;

/// Room for the verifier's words, which an error quotes the end of.
const LOG_BYTES: usize = 16 * 1024;

/// A range of ports whose packets go where we say, while this lives.
#[derive(Debug)]
pub(crate) struct Steering {
    map: OwnedFd,
    _link: OwnedFd,
    first_port: u16,
}

impl Steering {
    /// Steers nothing yet; `ports` ports from `first_port` may be steered.
    ///
    /// # Errors
    /// Without `CAP_BPF` and `CAP_NET_ADMIN`, and with kernels before 5.9.
    pub(crate) fn new(address: Ipv4Addr, first_port: u16, ports: u32) -> io::Result<Self> {
        let map = create_map(ports)?;
        let program = load(&program(&map, address, first_port, ports))?;
        // The network namespace that this process lives in; the link holds it from then on.
        let namespace = File::open("/proc/self/ns/net")?;
        let attributes = LinkCreate {
            program: program.as_raw_fd() as u32,
            target: namespace.as_raw_fd() as u32,
            kind: ATTACH_SK_LOOKUP,
            flags: 0,
        };
        // SAFETY: `LinkCreate` is the head of the kernel's attributes and holds no pointer.
        let link = unsafe { bpf_fd(LINK_CREATE, &attributes)? };
        Ok(Self { map, _link: link, first_port })
    }

    /// From now on `socket` gets what comes to `port`.
    ///
    /// # Errors
    /// For ports outside of the range, and for a socket that is not bound.
    pub(crate) fn steer(&self, port: u16, socket: &UdpSocket) -> io::Result<()> {
        let value = socket.as_raw_fd() as u32;
        self.change(MAP_UPDATE, port, &raw const value as u64)
    }

    /// Leaves a port alone again.
    ///
    /// # Errors
    /// When it was not steered.
    pub(crate) fn leave(&self, port: u16) -> io::Result<()> {
        self.change(MAP_DELETE, port, 0)
    }

    fn change(&self, command: libc::c_int, port: u16, value: u64) -> io::Result<()> {
        let key = u32::from(port).wrapping_sub(u32::from(self.first_port));
        let attributes = MapChange {
            map: self.map.as_raw_fd() as u32,
            padding: 0,
            key: &raw const key as u64,
            value,
            flags: 0,
        };
        // SAFETY: `key` lives through the call, and so does the four bytes' value that the caller points to.
        unsafe { bpf(command, &attributes) }.map(drop)
    }
}

#[repr(C)]
struct MapCreate {
    kind: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries: u32,
}

#[repr(C)]
struct MapChange {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct ProgLoad {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_bytes: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    device: u32,
    attach: u32,
}

#[repr(C)]
struct LinkCreate {
    program: u32,
    target: u32,
    kind: u32,
    flags: u32,
}

fn create_map(ports: u32) -> io::Result<OwnedFd> {
    let attributes =
        MapCreate { kind: MAP_TYPE_SOCKMAP, key_bytes: 4, value_bytes: 4, entries: ports.max(1) };
    // SAFETY: `MapCreate` is the head of the kernel's attributes and holds no pointer.
    unsafe { bpf_fd(MAP_CREATE, &attributes) }
}

fn load(instructions: &[Instruction]) -> io::Result<OwnedFd> {
    let mut log = vec![0u8; LOG_BYTES];
    let mut name = [0; 16];
    name[..14].copy_from_slice(b"strowger_media");
    let attributes = ProgLoad {
        kind: PROG_TYPE_SK_LOOKUP,
        count: instructions.len() as u32,
        instructions: instructions.as_ptr() as u64,
        license: c"MIT".as_ptr() as u64,
        log_level: 1,
        log_bytes: LOG_BYTES as u32,
        log: log.as_mut_ptr() as u64,
        kernel_version: 0,
        flags: 0,
        name,
        device: 0,
        attach: ATTACH_SK_LOOKUP,
    };
    // SAFETY: instructions, licence and log live through the call with the lengths that are given.
    unsafe { bpf_fd(PROG_LOAD, &attributes) }.map_err(|error| refusal(error, &log))
}

/// What the verifier said at last, where it said something: a kernel that knows the program's parts differently.
fn refusal(error: io::Error, log: &[u8]) -> io::Error {
    let said = log.split(|byte| *byte == 0).next().unwrap_or_default();
    match String::from_utf8_lossy(said).lines().rfind(|line| !line.trim().is_empty()) {
        Some(line) => io::Error::new(error.kind(), format!("{error} ({})", line.trim())),
        None => error,
    }
}

/// One instruction as the kernel has it.
#[repr(C)]
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

const fn op(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Instruction {
    // Two bit fields of four, whose order follows the machine's.
    let registers = if cfg!(target_endian = "little") { from << 4 | to } else { to << 4 | from };
    Instruction { code, registers, offset, immediate }
}

// Codes of the instructions that the program needs.
const LOAD_WORD: u8 = 0x61;
const STORE_WORD: u8 = 0x63;
const LOAD_MAP: u8 = 0x18;
const MOVE: u8 = 0xbf;
const MOVE_NUMBER: u8 = 0xb7;
const ADD_NUMBER: u8 = 0x07;
const SUBTRACT_NUMBER_32: u8 = 0x14;
const JUMP_UNLESS_EQUAL_32: u8 = 0x56;
const JUMP_IF_EQUAL: u8 = 0x15;
const JUMP_IF_AT_LEAST_32: u8 = 0x36;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;

/// A jump to the end, mended when the end is known.
const END: i16 = i16::MAX;

fn program(map: &OwnedFd, address: Ipv4Addr, first_port: u16, ports: u32) -> Vec<Instruction> {
    let address = i32::from_ne_bytes(address.octets());
    let mut code = vec![
        op(MOVE, 6, 1, 0, 0),
        op(LOAD_WORD, 2, 6, CTX_PROTOCOL, 0),
        op(JUMP_UNLESS_EQUAL_32, 2, 0, END, libc::IPPROTO_UDP),
        op(LOAD_WORD, 2, 6, CTX_FAMILY, 0),
        op(JUMP_UNLESS_EQUAL_32, 2, 0, END, libc::AF_INET),
        op(LOAD_WORD, 2, 6, CTX_LOCAL_IP4, 0),
        op(JUMP_UNLESS_EQUAL_32, 2, 0, END, address),
        op(LOAD_WORD, 2, 6, CTX_LOCAL_PORT, 0),
        // Ports below the range wrap round to far above it.
        op(SUBTRACT_NUMBER_32, 2, 0, 0, i32::from(first_port)),
        op(JUMP_IF_AT_LEAST_32, 2, 0, END, ports as i32),
        // The port's slot, on the stack, where the look-up wants its key.
        op(STORE_WORD, 10, 2, -4, 0),
        op(LOAD_MAP, 1, PSEUDO_MAP_FD, 0, map.as_raw_fd()),
        op(0, 0, 0, 0, 0),
        op(MOVE, 2, 10, 0, 0),
        op(ADD_NUMBER, 2, 0, 0, -4),
        op(CALL, 0, 0, 0, HELPER_MAP_LOOKUP),
        op(JUMP_IF_EQUAL, 0, 0, END, 0),
        op(MOVE, 7, 0, 0, 0),
        op(MOVE, 1, 6, 0, 0),
        op(MOVE, 2, 7, 0, 0),
        op(MOVE_NUMBER, 3, 0, 0, 0),
        op(CALL, 0, 0, 0, HELPER_SK_ASSIGN),
        op(MOVE, 1, 7, 0, 0),
        op(CALL, 0, 0, 0, HELPER_SK_RELEASE),
    ];
    let end = code.len();
    for (index, instruction) in code.iter_mut().enumerate() {
        if instruction.offset == END {
            instruction.offset = (end - index - 1) as i16;
        }
    }
    // 1 is "pass": to the socket that was assigned, and to the one bound to the port where none was.
    code.extend([op(MOVE_NUMBER, 0, 0, 0, 1), op(EXIT, 0, 0, 0, 0)]);
    code
}

/// # Safety
/// Every pointer within the attributes must be good for what the command does with it.
unsafe fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<libc::c_int> {
    // SAFETY: the attributes are borrowed with their size; what they point to is the caller's care.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as libc::c_int) }
}

/// # Safety
/// As for [`bpf`], and the command must be one that makes a descriptor.
unsafe fn bpf_fd<T>(command: libc::c_int, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the caller's care; the descriptor is new and ours. The kernel makes these close-on-exec.
    unsafe { Ok(OwnedFd::from_raw_fd(bpf(command, attributes)?)) }
}
