//! The `strowger` binary: a thin door to the library.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// A call allocates several hundred times, mostly small and short-lived things: docs/performance.md has what it saves.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    strowger::cli::run()
}
