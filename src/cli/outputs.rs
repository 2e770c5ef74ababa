//! The files that a command writes.

use std::fs;
use std::path::Path;

use super::CliError;
use crate::files::{self, Place};

/// A file that a command reads, and what messages call it.
pub type Input<'p> = (&'static str, Option<&'p Path>);

/// Refuses an output that is one of the inputs, whatever they are called: writing it would destroy
/// what is being read.
pub fn check(output: Option<&Path>, inputs: &[Input]) -> Result<(), CliError> {
    let Some(output) = output else { return Ok(()) };
    // What is not there yet is no input.
    let Ok(found) = fs::metadata(output) else { return Ok(()) };
    for &(what, input) in inputs {
        let Some(input) = input else { continue };
        let is_stdin = input == Path::new("-");
        let read = if is_stdin { files::standard_input() } else { fs::metadata(input) };
        // From a device one may read and write at the same time, as with /dev/null.
        let Ok(read) = read else { continue };
        let keeps = read.is_file() || is_pipe(&read);
        if keeps && (files::is_same(&read, &found) || same_path(input, output)) {
            let (path, input) = (output.into(), input.into());
            return Err(CliError::OutputIsInput { path, what, input });
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_pipe(found: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&found.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &fs::Metadata) -> bool {
    false
}

/// For systems that do not tell files apart otherwise.
fn same_path(one: &Path, other: &Path) -> bool {
    cfg!(not(unix)) && fs::canonicalize(one).ok() == fs::canonicalize(other).ok()
}

/// Finds the place of an output, before the work whose result it shall hold.
pub fn place(path: &Path) -> Result<Place, CliError> {
    Place::find(path).map_err(|source| CliError::Write { path: path.into(), source })
}

/// Writes an output whole or not at all.
pub fn write(path: &Path, contents: &[u8]) -> Result<(), CliError> {
    write_to(place(path)?, path, contents)
}

/// As [`write`], to a place that was found before.
pub fn write_to(place: Place, path: &Path, contents: &[u8]) -> Result<(), CliError> {
    use std::io::Write;
    place
        .write(|file| file.write_all(contents))
        .map_err(|source| CliError::Write { path: path.into(), source })
}
