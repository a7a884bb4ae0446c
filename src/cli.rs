//! The command line: what a person types, what he reads, and the exit status.
//!
//! Exit status: 0 well, 1 failed, 2 usage, 3 not reachable, 4 not found.

mod log;
mod recordings;
mod trace;

use crate::app;
use crate::clock::Clock;
use crate::config;
use clap::{Parser, Subcommand};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A SIP/RTP telephony switch with call queues.
#[derive(Debug, Parser)]
#[command(name = "strowger", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the switch
    Serve {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How long live calls may go on after SIGTERM
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        drain_seconds: u64,
    },
    /// Check a configuration file: every fault with its line and column
    CheckConfig {
        /// The configuration file
        file: PathBuf,
    },
    /// Run a small call centre with simulated callers and agents, on this machine alone
    Demo(crate::demo::Options),
    /// Show the SIP messages of a call of a running switch
    Trace(trace::Options),
    /// Check recordings
    Recordings(recordings::Options),
    /// Load a SIP server with calls and measure it
    Load(Box<crate::load::Options>),
}

const FAILED: u8 = 1;

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve { config, drain_seconds } => serve(&config, Duration::from_secs(drain_seconds)),
        Command::CheckConfig { file } => check_config(&file),
        Command::Demo(options) => crate::demo::run(&options),
        Command::Trace(options) => trace::run(&options),
        Command::Recordings(options) => recordings::run(&options),
        Command::Load(options) => crate::load::run(&options),
    }
}

fn check_config(file: &Path) -> ExitCode {
    let (text, code) = config::report(&config::load(file));
    print!("{text}");
    ExitCode::from(code)
}

fn serve(file: &Path, drain: Duration) -> ExitCode {
    let _written = log_to_stderr();
    let loaded = match config::load(file) {
        Ok(loaded) => loaded,
        Err(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            return ExitCode::from(FAILED);
        }
    };
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    if loaded.unset().next().is_some() {
        eprintln!("strowger: a secret has no value (see the warnings above): set it, or take the entry out");
        return ExitCode::from(FAILED);
    }
    match until_told_to_stop(loaded.config, drain) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("strowger: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn until_told_to_stop(config: config::Config, drain: Duration) -> Result<(), app::StartError> {
    let clock = Clock::machine();
    let running = app::start(config, &clock)?;
    let listening: Vec<String> =
        running.addresses.iter().map(|(protocol, address)| format!("{protocol} {address}")).collect();
    println!("ready {}", listening.join(", "));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(stop_signal())?;
    tracing::info!(seconds = drain.as_secs(), "draining: no new calls; live ones may end by themselves");
    running.stop(drain);
    Ok(())
}

/// Returns at SIGTERM or SIGINT.
async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hang_up.recv() => tracing::warn!("SIGHUP: reloading is not built yet; restart to read the configuration anew"),
        }
    }
}

/// Log lines go to standard error; `STROWGER_LOG` filters them (`info` by default, `strowger::sip=debug` and so on).
/// Lines that wait are written when the guard is dropped.
fn log_to_stderr() -> Option<log::Written> {
    let lines = log::Lines::default();
    // Without a thread the log is lost, and the switch works all the same.
    let written = lines.write_to(std::io::stderr()).ok();
    let filter = tracing_subscriber::EnvFilter::try_from_env("STROWGER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // Colours are for people; a file or a journal gets plain text.
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines)
        .with_ansi(colours)
        .with_target(false)
        .init();
    written
}
