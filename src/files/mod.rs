//! Where outputs go: one room for everything that writes a file.
//!
//! A [`Place`] is found before the work begins, so that an output which cannot be written is told
//! at once and not after an hour. Regular files are written whole or not at all: beside their
//! place, as an [`Unfinished`] file, and moved there. The rules are the same for all outputs:
//!
//! - Symbolic links are followed, and stay what they are, also where nothing is behind them yet.
//! - A file that is replaced keeps its permissions. One that could not be written to is not
//!   replaced either. Other hard links to it keep what they have.
//! - Devices, pipes and terminals are written to as they are. So are standard output and standard
//!   error by whatever name, even where they are files: what is written stands behind what they
//!   have already.
//! - Directories are refused, and regular files that have no name of their own or that cannot be
//!   replaced.

mod pending;
mod place;
mod unfinished;

#[cfg(unix)]
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::path::Path;

pub use pending::{Folder, remove_pending};
pub use place::Place;
pub use unfinished::Unfinished;

/// Writes a file whole or not at all, by the rules of this room.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write;
    Place::find(path)?.write(|file| file.write_all(bytes))
}

/// Whether two descriptions are of one file, by whatever names.
#[cfg(unix)]
pub fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere a description does not say which file it is of.
#[cfg(not(unix))]
pub fn is_same(_: &Metadata, _: &Metadata) -> bool {
    false
}

/// A handle of standard input, output or error, if the system has such. Unlike a path to it, it
/// shares the place at which the stream stands.
#[cfg(unix)]
fn handle(stream: &impl std::os::fd::AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

/// What standard input is.
#[cfg(unix)]
pub fn standard_input() -> io::Result<Metadata> {
    handle(&io::stdin())?.metadata()
}

/// Elsewhere nobody knows what standard input is.
#[cfg(not(unix))]
pub fn standard_input() -> io::Result<Metadata> {
    Err(io::ErrorKind::Unsupported.into())
}
