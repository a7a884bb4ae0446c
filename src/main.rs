//! The `strowger` binary: a thin door to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    strowger::cli::run()
}
