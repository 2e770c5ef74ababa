//! Where an output goes, and whether it can go there.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::Unfinished;
use super::pending::Beside;

/// The place of an output, found to be one that can be written.
pub struct Place(Kind);

enum Kind {
    /// A regular file, that is there or not: written beside its place.
    File { target: PathBuf, folder: PathBuf, replaced: Option<Box<Metadata>> },
    /// A device, a pipe, or a standard stream: written to as it is.
    Stream { file: File, is_standard: bool },
}

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

impl Place {
    /// Looks at what `path` is, and tries whether it can be written. Nothing is changed by that;
    /// but a named pipe waits for its reader.
    pub fn find(path: &Path) -> io::Result<Place> {
        if path == Path::new("-") {
            return refuse("give /dev/stdout for standard output, or ./- for a file of that name");
        }
        let found = match fs::metadata(path) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if found.as_ref().is_some_and(Metadata::is_dir) {
            return refuse("it is a directory");
        }
        if let Some(found) = &found {
            if let Some(file) = standard_stream(found)? {
                return Ok(Place(Kind::Stream { file, is_standard: true }));
            }
            if !found.is_file() {
                let file = OpenOptions::new().write(true).open(path)?;
                return Ok(Place(Kind::Stream { file, is_standard: false }));
            }
        }
        let (folder, target) = behind_links(path)?;
        let trial = Beside::new(&folder)?;
        if let Some(found) = &found {
            // Who may not write to a file shall not replace it.
            OpenOptions::new().write(true).open(&target)?;
            if is_kept_by_its_owner(found, &fs::metadata(&folder)?, &trial.file().metadata()?) {
                return refuse("another user's file, in a folder where only owners replace theirs");
            }
            if is_mount_point(&target) {
                return refuse(
                    "it is a mount point, and cannot be replaced; write to another file",
                );
            }
        }
        drop(trial);
        Ok(Place(Kind::File { target, folder, replaced: found.map(Box::new) }))
    }

    /// Whether it is this process's own standard output or standard error, which have other
    /// things to carry, too.
    pub fn is_standard_stream(&self) -> bool {
        matches!(self.0, Kind::Stream { is_standard: true, .. })
    }

    /// Begins to write.
    pub fn begin(self) -> io::Result<Unfinished> {
        match self.0 {
            Kind::Stream { file, .. } => Ok(Unfinished::stream(file)),
            Kind::File { target, folder, replaced } => {
                Ok(Unfinished::beside(Beside::new(&folder)?, target, replaced))
            }
        }
    }

    /// Writes what `contents` writes. Where that fails a file is not there, or is what it was.
    pub fn write<E: From<io::Error>>(
        self,
        contents: impl FnOnce(&mut Unfinished) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut file = self.begin()?;
        contents(&mut file)?;
        Ok(file.finish()?)
    }
}

fn refuse<T>(why: &'static str) -> io::Result<T> {
    Err(io::Error::other(why))
}

/// Whether a folder lets only the owner of this file replace it, and that is not who runs this
/// process, as a new file of it shows.
#[cfg(unix)]
fn is_kept_by_its_owner(file: &Metadata, folder: &Metadata, new: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    let own = new.uid();
    folder.mode() & STICKY != 0 && ![file.uid(), folder.uid()].contains(&own) && own != 0
}

#[cfg(not(unix))]
fn is_kept_by_its_owner(_: &Metadata, _: &Metadata, _: &Metadata) -> bool {
    false
}

/// Whether something is mounted on a file, as containers have it, by what Linux says of its mounts.
fn is_mount_point(target: &Path) -> bool {
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mut points = mounts
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.split(|&byte| byte == b' ').nth(4));
    // Blanks and the like stand there as octal numbers.
    let escaped: Vec<u8> = target
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .flat_map(|&byte| match byte {
            b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
            _ => vec![byte],
        })
        .collect();
    points.any(|point| point == escaped)
}

/// Standard output or standard error, if this is what it is.
#[cfg(unix)]
fn standard_stream(found: &Metadata) -> io::Result<Option<File>> {
    use io::Write;
    io::stdout().flush()?;
    for file in [super::handle(&io::stdout()), super::handle(&io::stderr())] {
        // One that is closed is no file.
        if let Ok(file) = file
            && super::is_same(&file.metadata()?, found)
        {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

#[cfg(not(unix))]
fn standard_stream(_: &Metadata) -> io::Result<Option<File>> {
    Ok(None)
}

/// The file that a path leads to, which need not be there, and its folder, which must.
fn behind_links(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let ends = path.as_os_str().as_encoded_bytes().last().copied();
        let is_folder = ends.is_some_and(|end| std::path::is_separator(end.into()));
        let (Some(name), false) = (path.file_name(), is_folder) else {
            return refuse("it does not end with the name of a file");
        };
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let folder = fs::canonicalize(folder)?;
        if folder.starts_with("/proc") && folder.ends_with("fd") {
            // Opened by that name it would be written from its beginning, and replaced it would
            // be another file than the one that is open.
            return refuse("it is an open file; give its own name");
        }
        let target = folder.join(name);
        match fs::symlink_metadata(&target) {
            Ok(found) if found.is_symlink() => path = folder.join(fs::read_link(&target)?),
            Ok(_) => return Ok((folder, target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((folder, target)),
            Err(error) => return Err(error),
        }
    }
    refuse("too many symbolic links")
}
