//! The `strowger` binary: a thin door to the library, and the allocator.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// A call allocates some 360 times, mostly small and short-lived things; docs/performance.md has what it saves.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    refuse_huge_pages();
    strowger::cli::run()
}

/// The allocator asks the kernel for pages of 2 MB, which only cost memory here: at 1,000 calls a second 42 MB of 108, and
/// the CPU per call is the same without.
#[allow(unsafe_code, reason = "a system call without pointers")]
fn refuse_huge_pages() {
    // SAFETY: nothing is passed but numbers. Where the kernel does not know it, it says so and nothing changes.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
}
