//! Files are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file beside its place and moves it there once it is complete. A file
/// that is replaced keeps its permissions; through a symbolic link the file behind
/// it is replaced, as with any other way of writing. What is no regular file, such
/// as a device, is refused.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// As [`write_whole`], for contents that are written bit by bit. Where these fail, there is no
/// file.
pub fn write_with<E: From<io::Error>>(
    path: &Path,
    contents: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let existing = fs::metadata(&target).ok();
    if existing.as_ref().is_some_and(|found| !found.is_file()) {
        return Err(io::Error::other("it is not a regular file").into());
    }
    let directory = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".hardmax-").suffix(".tmp");
    // Not the private mode of temporary files but that of any new file: the process's mask decides.
    #[cfg(unix)]
    let new_file = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(new_file);

    let mut file = builder.tempfile_in(directory)?;
    contents(file.as_file_mut())?;
    if let Some(existing) = existing {
        file.as_file().set_permissions(existing.permissions())?;
    }
    // Or a crash soon after could leave the new name on an empty file.
    file.as_file().sync_all()?;
    file.persist(target).map_err(|failed| E::from(failed.error))?;
    Ok(())
}
