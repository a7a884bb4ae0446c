//! Kamailio as a carrier's proxy: between the switch and a far side, in the dialog by Record-Route.
//!
//! What comes from the switch goes to the far side, everything else to the switch. It ends when told, and kills its
//! children itself: so it is asked, never killed.

use crate::real::folder::Folder;
use crate::real::wait;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

/// A running Kamailio.
pub struct Kamailio {
    child: Child,
    folder: Folder,
}

impl Kamailio {
    /// Starts one at `local`.
    pub fn between(local: SocketAddr, switch: SocketAddr, far: SocketAddr) -> Self {
        let folder = Folder::new("kamailio");
        folder.write("kamailio.cfg", configuration(local, switch, far));
        let output = std::fs::File::create(folder.file("output")).expect("the test's folder can be written");
        let errors = output.try_clone().expect("a file can be shared");
        let mut command = Command::new("kamailio");
        // In the foreground, with little memory, everything on standard error, its files in the folder: it goes to / itself.
        command.args(["-f", "kamailio.cfg", "-DD", "-E", "-m", "32", "-M", "4"]).current_dir(folder.path());
        command.arg("-P").arg(folder.file("pid")).arg("-Y").arg(folder.path());
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().expect("kamailio is installed (Debian: kamailio)");
        let proxy = Self { child, folder };
        wait::until_or(
            "Kamailio listens",
            || UdpSocket::bind(local).is_err().then_some(()),
            || proxy.folder.tail("output", 20),
        );
        proxy
    }

    /// How many requests of that method went through it.
    pub fn passed(&self, method: &str) -> usize {
        let line = format!("passed {method} ");
        self.folder.read("output").lines().filter(|text| text.contains(&line)).count()
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("Kamailio:\n{}", self.folder.tail("output", 30));
        }
    }
}

/// Debian has the modules in the architecture's folder.
fn modules() -> PathBuf {
    let entries = std::fs::read_dir("/usr/lib").expect("Linux has /usr/lib");
    let found = entries.filter_map(|entry| Some(entry.ok()?.path().join("kamailio/modules")));
    found.into_iter().find(|path| path.join("tm.so").exists()).expect("Kamailio's modules are installed")
}

fn configuration(local: SocketAddr, switch: SocketAddr, far: SocketAddr) -> String {
    format!(
        r#"#!KAMAILIO
debug=1
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:{local}
mpath="{modules}/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
modparam("rr", "enable_full_lr", 1)

request_route {{
    xlog("L_ALERT", "passed $rm $ci\n");
    if (!mf_process_maxfwd_header("10")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (has_totag()) {{
        if (loose_route()) {{
            t_relay();
            exit;
        }}
        if (is_method("ACK") && t_check_trans()) {{
            t_relay();
            exit;
        }}
        if (!is_method("ACK")) sl_send_reply("404", "Not Here");
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (is_method("OPTIONS")) {{
        sl_send_reply("200", "Alive");
        exit;
    }}
    t_check_trans();
    record_route();
    if (src_ip == {switch_ip} && src_port == {switch_port}) {{
        $du = "sip:{far}";
    }} else {{
        $ru = "sip:" + $rU + "@{switch}";
    }}
    t_relay();
}}
"#,
        modules = modules().display(),
        switch_ip = switch.ip(),
        switch_port = switch.port(),
    )
}
