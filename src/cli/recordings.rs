//! `strowger recordings verify`: whether recordings and their manifests are as they were written.

use crate::recording::Folder;
use crate::recording::verify;
use clap::Args;
use clap::Subcommand;
use std::path::PathBuf;
use std::process::ExitCode;

const FAILED: u8 = 1;
const NOT_FOUND: u8 = 4;

/// What is to be done with recordings.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check every file and every manifest of a folder of recordings: each that was changed is named
    Verify {
        /// The folder: `[store] recordings` of the configuration
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Does it.
pub(crate) fn run(options: &Options) -> ExitCode {
    let What::Verify { folder } = &options.what;
    if !folder.is_dir() {
        eprintln!("strowger: there is no folder {}", folder.display());
        return ExitCode::from(NOT_FOUND);
    }
    let findings = match verify::verify(&Folder::new(folder)) {
        Ok(findings) => findings,
        Err(error) => {
            eprintln!("strowger: {}: {error}", folder.display());
            return ExitCode::from(FAILED);
        }
    };
    for fault in &findings.faults {
        println!("{fault}");
    }
    println!(
        "{} manifests, {} files as they were written, {} erased, {} not ended, {} faults",
        findings.manifests,
        findings.files,
        findings.erased,
        findings.running,
        findings.faults.len()
    );
    if findings.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}
