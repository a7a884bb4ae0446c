//! baresip as a phone: registers with digest, speaks its own tone from a file, and keeps what it hears in a file.
//!
//! It is commanded over its `ctrl_tcp` module: netstrings of JSON. No sound card is touched.

use crate::real::folder::Folder;
use crate::real::ports::Range;
use crate::real::sound;
use crate::real::switch::Switch;
use crate::real::wait;
use serde_json::Value;
use serde_json::json;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use strowger::codec::tone::Sine;
use strowger::codec::wav;
use strowger::codec::wav::Wav;

/// How long a baresip may live at most, in seconds: it ends by itself if the test cannot end it.
const LIFE: &str = "120";
/// Its voice, in seconds.
const VOICE_SECONDS: usize = 90;

/// How a phone is set up.
pub struct Account<'a> {
    pub number: &'a str,
    pub password: &'a str,
    pub tone_hz: u32,
    /// Whether it answers by itself.
    pub answers: bool,
}

/// A running baresip.
pub struct Baresip {
    child: Child,
    folder: Folder,
    control: TcpStream,
    events: Arc<Mutex<Vec<Value>>>,
    pub number: String,
    pub tone_hz: u32,
    ports: Range,
}

impl Baresip {
    /// Starts one at the switch, and waits until it is registered.
    pub fn registered(switch: &Switch, account: &Account<'_>) -> Self {
        let phone = Self::start(switch, account);
        wait::until_true(&format!("baresip {} is registered", phone.number), || {
            switch.api.list("/registrations").iter().any(|binding| binding["number"] == *phone.number)
        });
        phone
    }

    /// Starts one; it registers when it does.
    pub fn start(switch: &Switch, account: &Account<'_>) -> Self {
        Self::start_with(switch, account, "", "")
    }

    /// Starts one with further lines of configuration, and with contacts.
    pub fn start_with(switch: &Switch, account: &Account<'_>, lines: &str, contacts: &str) -> Self {
        let mut phone = Self::launch(account, lines, contacts);
        phone.command("uanew", &account_line(switch.sip, "", account));
        phone
    }

    /// Starts one that registers over TLS at that address, whose certificate it verifies by that file.
    pub fn start_over_tls(address: SocketAddr, ca: &Path, account: &Account<'_>) -> Self {
        let mut phone = Self::launch(account, &format!("sip_cafile {}\n", ca.display()), "");
        phone.command("uanew", &account_line(address, ";transport=tls", account));
        phone
    }

    /// Starts one that is called and calls over TLS without registering, as a carrier's gateway: at the address that comes
    /// with it, with the certificate in that file. `begin_as_carrier` tells it where the switch is.
    pub fn start_carrier(own: &Path, ca: &Path, account: &Account<'_>) -> (Self, SocketAddr) {
        let lines = format!("sip_certificate {}\nsip_cafile {}\n", own.display(), ca.display());
        let carrier = Self::launch(account, &lines, "");
        let address = SocketAddr::from(([127, 0, 0, 1], carrier.ports.first + 1));
        (carrier, address)
    }

    /// Its calls go to the switch at that address, over TLS.
    pub fn begin_as_carrier(&mut self, switch: SocketAddr, account: &Account<'_>) {
        let line = account_line(switch, ";transport=tls", account).replace("regint=60", "regint=0");
        self.command("uanew", &line);
    }

    /// Starts one that encrypts its audio as `mediaenc` says, and waits until it is registered.
    pub fn encrypting(switch: &Switch, account: &Account<'_>, mediaenc: &str) -> Self {
        let mut phone = Self::launch(account, "module srtp.so\n", "");
        let line = format!("{};mediaenc={mediaenc}", account_line(switch.sip, "", account));
        phone.command("uanew", &line);
        wait::until_true(&format!("baresip {} is registered", phone.number), || {
            switch.api.list("/registrations").iter().any(|binding| binding["number"] == *phone.number)
        });
        phone
    }

    /// Starts one without an account, with these lines in its configuration and these contacts.
    fn launch(account: &Account<'_>, more: &str, contacts: &str) -> Self {
        let folder = Folder::new(&format!("baresip-{}", account.number));
        let ports = Range::free();
        let control_port = ports.first + 2;
        write_configuration(&folder, account, &ports, control_port, more);
        folder.write("contacts", contacts);
        let output = std::fs::File::create(folder.file("output")).expect("the test's folder can be written");
        let errors = output.try_clone().expect("a file can be shared");
        let mut command = Command::new("baresip");
        command.arg("-f").arg(folder.path()).args(["-t", LIFE]);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().expect("baresip is installed (Debian: baresip-core)");
        let control = wait::until(&format!("baresip {} listens for commands", account.number), || {
            TcpStream::connect(("127.0.0.1", control_port)).ok()
        });
        let events = Arc::new(Mutex::new(Vec::new()));
        let (reader, kept) = (control.try_clone().expect("a socket can be shared"), Arc::clone(&events));
        std::thread::spawn(move || read_events(reader, &kept));
        let (number, tone_hz) = (account.number.to_string(), account.tone_hz);
        Self { child, folder, control, events, number, tone_hz, ports }
    }

    /// Dials a number.
    pub fn dial(&mut self, number: &str) {
        self.command("dial", number);
    }

    /// Takes the ringing call.
    pub fn accept(&mut self) {
        self.command("accept", "");
    }

    /// Ends the call, or refuses the ringing one.
    pub fn hang_up(&mut self) {
        self.command("hangup", "");
    }

    fn command(&mut self, command: &str, params: &str) {
        let text = json!({"command": command, "params": params, "token": "test"}).to_string();
        let framed = format!("{}:{text},", text.len());
        self.control.write_all(framed.as_bytes()).expect("baresip takes commands");
    }

    /// How many events of that type it has told, such as `CALL_ESTABLISHED`.
    pub fn count(&self, kind: &str) -> usize {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|e| e["type"] == kind)
            .count()
    }

    /// Waits for the n-th event of that type.
    pub fn wait_for(&self, kind: &str, n: usize) {
        wait::until_true(&format!("baresip {}: {kind} number {n}", self.number), || self.count(kind) >= n);
    }

    /// Everything heard in its latest call, up to now.
    pub fn heard(&self) -> Vec<i16> {
        let mut dumps: Vec<PathBuf> = std::fs::read_dir(self.folder.file("heard"))
            .expect("the folder was made")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().ends_with("-dec.wav"))
            .collect();
        dumps.sort();
        let bytes = dumps.last().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        // The header's length is written when the file is closed.
        let samples = bytes.get(wav::HEADER_LEN..).unwrap_or_default();
        samples.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }

    /// Waits until it hears that tone.
    pub fn hears(&self, tone_hz: u32) {
        let what = format!("baresip {} hears {tone_hz} Hz", self.number);
        wait::until_true(&what, || sound::ends_with(&self.heard(), tone_hz));
    }

    /// What it printed.
    pub fn output(&self) -> String {
        self.folder.read("output")
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("baresip {}:\n{}", self.number, self.folder.tail("output", 25));
        }
    }
}

fn write_configuration(folder: &Folder, account: &Account<'_>, ports: &Range, control: u16, more: &str) {
    let heard = folder.file("heard");
    std::fs::create_dir_all(&heard).expect("the test's folder can be written");
    let mut samples = vec![0; VOICE_SECONDS * sound::RATE_HZ as usize];
    Sine::new(account.tone_hz, sound::RATE_HZ, 8000).fill(&mut samples);
    let voice = folder.write("voice.wav", wav::write(&Wav { rate_hz: sound::RATE_HZ, channels: 1, samples }));
    let modules = modules();
    let text = format!(
        "poll_method epoll\nsip_listen 127.0.0.1:{sip}\nnet_interface 127.0.0.1\n\
         call_local_timeout 120\ncall_max_calls 4\n\
         audio_source aufile,{voice}\nausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\n\
         rtp_ports {first}-{last}\nmodule_path {modules}\nmodule g711.so\nmodule aufile.so\nmodule sndfile.so\n\
         module_app account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n\
         ctrl_tcp_listen 127.0.0.1:{control}\nsnd_path {heard}\n{more}",
        // It takes the next port for SIP over TLS.
        sip = ports.first,
        voice = voice.display(),
        first = ports.first + 4,
        last = ports.last,
        modules = modules.display(),
        heard = heard.display(),
    );
    folder.write("config", text);
    // The account comes by command, when its events are heard.
    folder.write("accounts", "");
}

/// The account as `uanew` takes it.
fn account_line(sip: SocketAddr, parameters: &str, account: &Account<'_>) -> String {
    let Account { number, password, .. } = account;
    let mode = if account.answers { "auto" } else { "manual" };
    format!(
        "<sip:{number}@{sip}{parameters}>;auth_user={number};auth_pass={password};answermode={mode};regint=60;audio_codecs=pcma,pcmu"
    )
}

/// Debian has the modules in /usr/lib/baresip or in the architecture's folder.
fn modules() -> PathBuf {
    let mut places = vec![PathBuf::from("/usr/lib/baresip/modules")];
    if let Ok(entries) = std::fs::read_dir("/usr/lib") {
        places.extend(entries.filter_map(|entry| Some(entry.ok()?.path().join("baresip/modules"))));
    }
    let found = places.into_iter().find(|place| place.join("sndfile.so").exists());
    found.expect("baresip's modules are installed (Debian: baresip-core)")
}

/// Reads netstrings until the connection ends.
fn read_events(mut stream: TcpStream, events: &Mutex<Vec<Value>>) {
    let (mut buffer, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut chunk) {
        buffer.extend_from_slice(&chunk[..length]);
        while let Some((text, used)) = netstring(&buffer) {
            if let Ok(value) = serde_json::from_slice::<Value>(&text) {
                events.lock().unwrap_or_else(PoisonError::into_inner).push(value);
            }
            buffer.drain(..used);
        }
    }
}

/// The first whole netstring, and the bytes it takes.
fn netstring(buffer: &[u8]) -> Option<(Vec<u8>, usize)> {
    let colon = buffer.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&buffer[..colon]).ok()?.trim().parse().ok()?;
    let text = buffer.get(colon + 1..colon + 1 + length)?;
    // The comma after it.
    buffer.get(colon + 1 + length)?;
    Some((text.to_vec(), colon + length + 2))
}
