//! A file that is being written.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::is_same;
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
    InPlace {
        file: File,
        target: PathBuf,
    },
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
                    file.file().set_permissions(plain(replaced.permissions()))?;
                }
                // Or a crash soon after could leave the new name on an empty file.
                file.file().sync_all()?;
                self.0 = State::InPlace { file: file.move_to(&target)?, target };
            }
            State::Lost => return Err(lost()),
            there => self.0 = there,
        }
        Ok(())
    }

    /// Ends a file that is complete.
    pub fn finish(mut self) -> io::Result<()> {
        if let State::InPlace { file, target } = &self.0 {
            file.sync_all()?;
            // Whoever wrote to the same place, or took the file away, has the name: what was written
            // here is to be found no more.
            let is_there = fs::metadata(target).is_ok_and(|found| {
                file.metadata().is_ok_and(|own| is_same(&own, &found)) || cfg!(not(unix))
            });
            if !is_there {
                return Err(io::Error::other("it was replaced or removed while it was written"));
            }
        }
        self.put_into_place()
    }

    fn file(&self) -> io::Result<&File> {
        match &self.0 {
            State::Beside { file, .. } => Ok(file.file()),
            State::InPlace { file, .. } | State::Stream(file) => Ok(file),
            State::Lost => Err(lost()),
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

fn lost() -> io::Error {
    io::Error::other("the file could not be put into its place")
}

/// Permissions to read, write and execute; none to act as another user, which were given to what
/// the file was.
#[cfg(unix)]
fn plain(permissions: Permissions) -> Permissions {
    use std::os::unix::fs::PermissionsExt;
    Permissions::from_mode(permissions.mode() & 0o777)
}

#[cfg(not(unix))]
fn plain(permissions: Permissions) -> Permissions {
    permissions
}

/// Who may not give files away leaves it at that: the file is then his own.
#[cfg(unix)]
fn keep_owner(file: &File, replaced: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(replaced.uid()), Some(replaced.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) {}
