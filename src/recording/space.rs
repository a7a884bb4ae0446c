//! How much room a disk has left: one system call that the standard library does not have.

#![allow(unsafe_code, reason = "a system call; the block says why its pointers are good")]

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Bytes that this process may still write on the disk of that folder.
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let path = CString::new(folder.as_os_str().as_bytes())?;
    let mut room = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` ends with a zero and `room` is as large as the call expects; both live until it returns.
    if unsafe { libc::statvfs(path.as_ptr(), room.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has succeeded, so that every field is set.
    let room = unsafe { room.assume_init() };
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}
