//! Recordings: what tapped legs say and hear, as stereo files with a manifest that shows when one was changed.
//!
//! ```text
//!  media workers --Block--> recorder thread: stereo (sans-IO) -> files, manifest
//!  switch --Order--------->     "            --Report-> switch
//!  api --listen, erase---->     "
//!  api <--------------------------------------reads--- library
//! ```
//! Which calls are recorded, and who may stop it, is the switch's matter. The recorder never makes a call wait: what it
//! can't take or write is counted, and the call goes on.

pub mod archive;
mod asked;
mod decode;
pub mod disk;
pub mod keeper;
mod ledger;
pub mod library;
pub mod manifest;
pub mod order;
mod sealing;
mod space;
pub mod stereo;
pub mod thread;
mod track;
pub mod verify;
pub mod wave;

#[cfg(test)]
mod tests;

pub use crate::media::tap::TapKey;
pub use crate::recording::archive::Archive;
pub use crate::recording::disk::Disk;
pub use crate::recording::disk::Folder;
pub use crate::recording::keeper::Settings;
pub use crate::recording::library::Entry;
pub use crate::recording::manifest::Ending;
pub use crate::recording::manifest::Kind;
pub use crate::recording::order::Begin;
pub use crate::recording::order::Order;
pub use crate::recording::order::Report;
pub use crate::recording::order::Trouble;
pub use crate::recording::thread::Door;
pub use crate::recording::thread::Recorder;
