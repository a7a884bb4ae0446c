//! `strowger demo`: a small call centre in one process, with simulated callers and agents, that judges itself.
//!
//! The switch is the real one, started as `serve` starts it; the callers and agents are `sim`'s and reach it over
//! loopback sockets like any phone. At the end their ears and their own counts are held against the switch's.

mod cast;
mod configuration;
mod ledger;
mod play;
mod scenery;
mod screen;
mod show;
mod verdict;

#[cfg(test)]
mod tests;

use clap::Args;
use std::process::ExitCode;

/// Run a small call centre with simulated callers and agents, on this machine alone.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How many simulated callers there are; half as many agents take their calls
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub callers: u16,
    /// How long calls are made; without it until Ctrl-C
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<u64>,
    /// Arrivals and behaviour replay from this number
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// The SIP port; without it 5060, or a free one
    #[arg(long, value_name = "PORT")]
    pub sip_port: Option<u16>,
    /// The port of the HTTP API; without it 8080, or a free one
    #[arg(long, value_name = "PORT")]
    pub http_port: Option<u16>,
    /// The simulated agents send no audio: shows that the demo notices
    #[arg(long)]
    pub mute: bool,
}

/// Runs until the time is over or Ctrl-C, then says whether all was well.
pub fn run(options: &Options) -> ExitCode {
    match show::run(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("strowger demo: {error}");
            ExitCode::FAILURE
        }
    }
}
