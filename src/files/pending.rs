//! Files and folders that shall not outlive the process, wherever it ends.
//!
//! Their owners remove them, but a signal ends a process without asking any owner. So a list of
//! them is kept, for whoever handles signals; the library itself handles none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{NamedTempFile, TempDir};

static PENDING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn pending() -> MutexGuard<'static, Vec<PathBuf>> {
    // The list is whole between any two steps of it.
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all that is pending, and never lets anything become so again: for a process that is
/// about to end.
pub fn remove_pending() {
    let mut list = pending();
    for path in list.drain(..) {
        let removed = fs::remove_file(&path);
        // What cannot be removed stays: there is nobody left to be told.
        let _ = removed.or_else(|_| fs::remove_dir_all(&path));
    }
    std::mem::forget(list);
}

/// A file beside its place, under a name of its own.
pub struct Beside(Option<NamedTempFile>);

impl Beside {
    /// A new file in a folder.
    pub fn new(folder: &Path) -> io::Result<Beside> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".hardmax-").suffix(".tmp");
        // Not the private mode of temporary files but that of any new file: the process's mask
        // decides.
        #[cfg(unix)]
        let new_file = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666);
        #[cfg(unix)]
        builder.permissions(new_file);
        let mut list = pending();
        let file = builder.tempfile_in(folder)?;
        list.push(file.path().to_owned());
        Ok(Beside(Some(file)))
    }

    /// The file. It is there until it is moved.
    pub fn file(&self) -> &fs::File {
        self.0.as_ref().expect("moving it consumes this").as_file()
    }

    /// Moves it to its place.
    pub fn move_to(mut self, target: &Path) -> io::Result<fs::File> {
        let mut list = pending();
        let file = self.0.take().expect("moving it consumes this");
        list.retain(|path| path != file.path());
        file.persist(target).map_err(|failed| failed.error)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(file) = self.0.take() {
            let mut list = pending();
            list.retain(|path| path != file.path());
            drop(file);
        }
    }
}

/// A folder for what another program makes.
pub struct Folder(Option<TempDir>);

impl Folder {
    /// A new one, among the system's temporary files.
    pub fn new() -> io::Result<Folder> {
        let mut list = pending();
        let folder = tempfile::Builder::new().prefix(".hardmax-").tempdir()?;
        list.push(folder.path().to_owned());
        Ok(Folder(Some(folder)))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.as_ref().expect("only dropping takes it").path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(folder) = self.0.take() {
            let mut list = pending();
            list.retain(|path| path != folder.path());
            drop(folder);
        }
    }
}
