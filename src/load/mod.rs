//! `strowger load`: loads a SIP server with calls or registrations, plays the called side too, and measures both.
//!
//! Works against any SIP server that it may call; it knows nothing of ours but its process id, for the CPU it spends.
//! Everything is bounded in count and time. The parties are `sim`'s; here is what they do and what is made of it.

mod options;
mod process;
mod registrations;
mod report;
mod run;
mod traffic;

#[cfg(test)]
mod tests;

pub use options::Options;
pub use options::Rtp;

use crate::clock::Clock;
use report::Report;
use std::process::ExitCode;

/// Does what the options say and prints the report. Fails when calls failed.
pub fn run(options: &Options) -> ExitCode {
    match run::run(options, &Clock::machine()) {
        Ok(report) => {
            print_report(&report, options.json);
            if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(fault) => {
            eprintln!("strowger load: {fault}");
            ExitCode::from(fault.exit_status())
        }
    }
}

fn print_report(report: &Report, json: bool) {
    if json {
        println!("{}", report.to_json());
    } else {
        print!("{}", report.to_text());
    }
}
