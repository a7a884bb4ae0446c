//! Linphone's console client as a phone: registers with digest, speaks a tone from a file, keeps what it hears in another.
//!
//! It is commanded over its standard input. No sound card is touched.

use crate::real::baresip::Account;
use crate::real::folder::Folder;
use crate::real::ports::Range;
use crate::real::sound;
use crate::real::switch::Switch;
use crate::real::wait;
use std::io::Write;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::Stdio;
use strowger::codec::tone::Sine;
use strowger::codec::wav;
use strowger::codec::wav::Wav;

/// Its voice, in seconds.
const VOICE_SECONDS: usize = 90;

/// A running client.
pub struct Linphone {
    child: Child,
    commands: ChildStdin,
    folder: Folder,
    number: String,
    _ports: Range,
}

impl Linphone {
    /// Starts one at the switch, and waits until it is registered.
    pub fn registered(switch: &Switch, account: &Account<'_>) -> Self {
        Self::registered_with(switch, account, "")
    }

    /// The same with further lines in its section `sip`.
    pub fn registered_with(switch: &Switch, account: &Account<'_>, sip: &str) -> Self {
        let folder = Folder::new(&format!("linphone-{}", account.number));
        // Where it keeps its database; without the folder it does not start its sockets.
        std::fs::create_dir_all(folder.file(".local/share/linphone")).expect("the folder can be written");
        let ports = Range::free();
        folder.write("linphonerc", configuration(&ports, sip));
        let output = std::fs::File::create(folder.file("output")).expect("the folder can be written");
        let errors = output.try_clone().expect("a file can be shared");
        let mut command = Command::new("linphonec");
        command.args(["-c", "linphonerc"]).current_dir(folder.path()).env("HOME", folder.path());
        command.stdin(Stdio::piped()).stdout(output).stderr(errors);
        let mut child = command.spawn().expect("linphonec is installed (Debian: linphone-cli)");
        let commands = child.stdin.take().expect("it was piped");
        let number = account.number.to_string();
        let mut phone = Self { child, commands, folder, number, _ports: ports };
        wait::until_true("Linphone takes commands", || phone.output().contains("linphonec>"));
        phone.set_up(switch, account);
        wait::until_true(&format!("Linphone {} is registered", phone.number), || {
            switch.api.list("/registrations").iter().any(|binding| binding["number"] == *phone.number)
        });
        phone
    }

    fn set_up(&mut self, switch: &Switch, account: &Account<'_>) {
        let mut samples = vec![0; VOICE_SECONDS * sound::RATE_HZ as usize];
        Sine::new(account.tone_hz, sound::RATE_HZ, 8000).fill(&mut samples);
        let wav = wav::write(&Wav { rate_hz: sound::RATE_HZ, channels: 1, samples });
        let voice = self.folder.write("voice.wav", wav);
        self.command("soundcard use files");
        self.command(&format!("play {}", voice.display()));
        self.command(&format!("record {}", self.folder.file("heard.wav").display()));
        if account.answers {
            self.command("autoanswer enable");
        }
        let (Account { number, password, .. }, sip) = (account, switch.sip);
        self.command(&format!("register sip:{number}@{sip} sip:{sip} {password}"));
    }

    /// Dials a number at the switch.
    pub fn dial(&mut self, switch: &Switch, number: &str) {
        self.command(&format!("call sip:{number}@{}", switch.sip));
    }

    /// Ends the call.
    pub fn hang_up(&mut self) {
        self.command("terminate");
    }

    fn command(&mut self, command: &str) {
        writeln!(self.commands, "{command}").and_then(|()| self.commands.flush()).expect("it reads commands");
    }

    /// Waits until it hears that tone.
    pub fn hears(&self, tone_hz: u32) {
        let what = format!("Linphone {} hears {tone_hz} Hz", self.number);
        wait::until_true(&what, || sound::ends_with(&self.heard(), tone_hz));
    }

    fn heard(&self) -> Vec<i16> {
        let bytes = std::fs::read(self.folder.file("heard.wav")).unwrap_or_default();
        // The header's length is written when the file is closed.
        let samples = bytes.get(wav::HEADER_LEN..).unwrap_or_default();
        samples.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }

    /// What it printed.
    pub fn output(&self) -> String {
        self.folder.read("output")
    }
}

impl Drop for Linphone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("Linphone {}:\n{}", self.number, self.folder.tail("output", 25));
        }
    }
}

fn configuration(ports: &Range, more: &str) -> String {
    format!(
        "[sip]\nuse_ipv6=0\nbind_address=127.0.0.1\nregister_only_when_network_is_up=0\nsip_port={sip}\n\
         sip_tcp_port=0\nsip_tls_port=0\nguess_hostname=0\n{more}[rtp]\naudio_rtp_port={rtp}\n\
         [video]\nenabled=0\ncapture=0\ndisplay=0\nautomatically_initiate=0\nautomatically_accept=0\n\
         [misc]\nversion_check_url_root=\n",
        sip = ports.first,
        rtp = ports.first + 4,
    )
}
