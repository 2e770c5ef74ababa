//! A file that is being written.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::PathBuf;

use super::pending::Beside;

/// A file that is being written, beside its place or in it. Unless it is finished or put into its
/// place, a file beside it is removed when this is dropped.
pub struct Unfinished(State);

enum State {
    Beside {
        file: Beside,
        target: PathBuf,
        replaced: Option<Box<Metadata>>,
    },
    InPlace(File),
    /// What is no regular file has nothing to be put into place.
    Stream(File),
    /// It could not be put into its place.
    Lost,
}

impl Unfinished {
    pub(super) fn beside(
        file: Beside,
        target: PathBuf,
        replaced: Option<Box<Metadata>>,
    ) -> Unfinished {
        Unfinished(State::Beside { file, target, replaced })
    }

    pub(super) fn stream(file: File) -> Unfinished {
        Unfinished(State::Stream(file))
    }

    /// Puts what is written so far into its place, instead of what was there. All that is written
    /// from now on can be seen there, and stays there, whatever becomes of this process.
    pub fn put_into_place(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.0, State::Lost) {
            State::Beside { file, target, replaced } => {
                if let Some(replaced) = &replaced {
                    keep_owner(file.file(), replaced);
                    file.file().set_permissions(replaced.permissions())?;
                }
                // Or a crash soon after could leave the new name on an empty file.
                file.file().sync_all()?;
                self.0 = State::InPlace(file.move_to(&target)?);
            }
            other => self.0 = other,
        }
        Ok(())
    }

    /// Ends a file that is complete.
    pub fn finish(mut self) -> io::Result<()> {
        if let State::InPlace(file) = &self.0 {
            file.sync_all()?;
        }
        self.put_into_place()
    }

    fn file(&self) -> io::Result<&File> {
        match &self.0 {
            State::Beside { file, .. } => Ok(file.file()),
            State::InPlace(file) | State::Stream(file) => Ok(file),
            State::Lost => Err(io::Error::other("the file could not be put into its place")),
        }
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file()?.flush()
    }
}

/// Who may not give files away leaves it at that: the file is then his own.
#[cfg(unix)]
fn keep_owner(file: &File, replaced: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(replaced.uid()), Some(replaced.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) {}
