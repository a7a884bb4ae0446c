//! What the demo needs before it starts: a directory of its own, sounds, free ports, secrets.
//!
//! Whoever has only the binary has all of it: music is compiled in. The directory goes away with the value.

use crate::demo::Options;
use crate::ids::Random;
use std::fs;
use std::io;
use std::io::Read;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::path::Path;
use std::path::PathBuf;

const SIP_PORT: u16 = 5060;
const HTTP_PORT: u16 = 8080;
/// Ports tried above the usual one before the system chooses.
const PORTS_TRIED: u16 = 20;
/// Hold music for those who have no sounds directory; made by the project, see `sounds/manifest.tsv`.
const MUSIC: &[u8] = include_bytes!("../../sounds/music/default/calm.wav");

/// The stage before the play.
#[derive(Debug)]
pub(in crate::demo) struct Scenery {
    directory: PathBuf,
    /// Prompts and music.
    pub(in crate::demo) sounds: PathBuf,
    /// Where the switch speaks SIP.
    pub(in crate::demo) sip: SocketAddr,
    /// Where the API is.
    pub(in crate::demo) http: SocketAddr,
    /// What the user should know about all this.
    pub(in crate::demo) remarks: Vec<String>,
    random: Random,
}

impl Scenery {
    /// Sets the stage.
    ///
    /// # Errors
    /// No directory can be made, or the system gives no random numbers.
    pub(in crate::demo) fn set(options: &Options) -> io::Result<Self> {
        let mut seed = [0; 32];
        fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
        let mut random = Random::from_entropy(seed);
        let name = format!("strowger-demo-{:016x}", random.next_u64());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory)?;
        let mut scenery = Self {
            sounds: PathBuf::new(),
            sip: address(0),
            http: address(0),
            remarks: Vec::new(),
            directory,
            random,
        };
        scenery.sounds = scenery.find_sounds()?;
        scenery.choose_ports(options);
        Ok(scenery)
    }

    /// Chooses ports that are free now; once more when another program was faster.
    pub(in crate::demo) fn choose_ports(&mut self, options: &Options) {
        self.sip = self.choose("SIP", "--sip-port", options.sip_port, SIP_PORT);
        self.http = self.choose("HTTP", "--http-port", options.http_port, HTTP_PORT);
    }

    /// A file of the demo's own.
    pub(in crate::demo) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A password of 16 letters that nobody guesses.
    pub(in crate::demo) fn secret(&mut self) -> String {
        // Without the letters that are mistaken for others: it is typed into softphones.
        const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
        (0..16)
            .filter_map(|_| {
                let at = usize::try_from(self.random.below(LETTERS.len() as u64)).ok()?;
                LETTERS.get(at).map(|letter| char::from(*letter))
            })
            .collect()
    }

    /// A seed that the user may give again.
    pub(in crate::demo) fn seed(&mut self) -> u64 {
        self.random.below(1_000_000)
    }

    /// The sounds of the working directory, of the source tree, or the ones that every binary has.
    fn find_sounds(&mut self) -> io::Result<PathBuf> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("sounds");
        let is_whole = |path: &PathBuf| path.join("music").is_dir() && path.join("en").is_dir();
        let mut places = vec![PathBuf::from("sounds"), source];
        if let Some(beside) = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("sounds")))
        {
            places.insert(1, beside);
        }
        if let Some(found) = places.into_iter().find(is_whole) {
            return Ok(found);
        }
        let own = self.directory.join("sounds");
        fs::create_dir_all(own.join("en"))?;
        fs::create_dir_all(own.join("music/default"))?;
        fs::write(own.join("music/default/calm.wav"), MUSIC)?;
        self.remarks.push("no `sounds` directory here: with music, but without prompts".into());
        Ok(own)
    }

    fn choose(&mut self, protocol: &str, option: &str, wanted: Option<u16>, usual: u16) -> SocketAddr {
        if let Some(port) = wanted {
            return address(port);
        }
        let near = (0..=PORTS_TRIED).filter_map(|n| usual.checked_add(n));
        let port = near.into_iter().find(|port| is_free(*port)).or_else(any_free).unwrap_or(usual);
        if port != usual {
            self.remarks.push(format!(
                "port {usual} is in use by another program: {protocol} is on {port} ({option} chooses another)"
            ));
        }
        address(port)
    }
}

impl Drop for Scenery {
    fn drop(&mut self) {
        // What cannot be removed is in the system's directory for such things.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn is_free(port: u16) -> bool {
    UdpSocket::bind(address(port)).is_ok() && TcpListener::bind(address(port)).is_ok()
}

fn any_free() -> Option<u16> {
    Some(UdpSocket::bind(address(0)).ok()?.local_addr().ok()?.port())
}
