//! Reading the files a command names.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::CliError;
use crate::machine::Symbol;
use crate::model::{Model, Token, Vocabulary};
use crate::program::{Program, text};

/// More than the longest prompt as text, and what is read whole must fit into memory.
const LARGEST_FILE: u64 = 1 << 28;

/// The model at `path`, or the one inside the binary.
pub fn model(path: Option<&Path>) -> Result<Model, CliError> {
    Ok(match path {
        Some(path) => Model::open(path)?,
        None => super::default_model()?,
    })
}

/// How reports call the model that [`model`] gives.
pub fn model_name(path: Option<&Path>) -> String {
    path.map_or("built in".into(), |path| path.display().to_string())
}

/// The program file at `path`.
pub fn program(path: &Path) -> Result<Program, CliError> {
    text::parse_program(&read(path)?)
        .map_err(|source| CliError::Program { path: path.into(), source })
}

/// The module at `path`: what it becomes is up to a hundred times as large.
pub fn module(path: &Path) -> Result<Vec<u8>, CliError> {
    read_at_most(path, 1 << 26)
}

/// The module in the text format at `path`: parsed, it is larger than in binary.
pub fn text_module(path: &Path) -> Result<Vec<u8>, CliError> {
    read_at_most(path, 1 << 24)
}

/// The tensors of a model at `path`.
pub fn tensors(path: &Path) -> Result<Vec<u8>, CliError> {
    read_at_most(path, 1 << 32)
}

/// The file at `path`.
pub fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    read_at_most(path, LARGEST_FILE)
}

/// The text at `path`.
pub fn text(path: &Path) -> Result<String, CliError> {
    String::from_utf8(read(path)?).map_err(|error| {
        let byte = error.utf8_error().valid_up_to() as u64;
        CliError::NotText { path: path.into(), byte }
    })
}

/// The prompt at `path`: names of tokens, separated by white space, or what stands for them in files of
/// programs, such as a character for its byte.
pub fn prompt(path: &Path, vocabulary: &Vocabulary) -> Result<Vec<Token>, CliError> {
    let text = text(path)?;
    let mut tokens = Vec::new();
    for (line, words) in (1..).zip(text.lines()) {
        for name in words.split_whitespace() {
            let meant = || vocabulary.id(&Symbol::from_word(name)?.to_string());
            tokens.push(vocabulary.id(name).or_else(meant).ok_or_else(|| {
                CliError::NoSuchToken { path: path.into(), line, name: name.to_owned() }
            })?);
        }
    }
    if tokens.is_empty() {
        return Err(CliError::EmptyPrompt { path: path.into() });
    }
    Ok(tokens)
}

fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let failed = |source| CliError::Read { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    let checked = |size| match size {
        size if size <= limit => Ok(()),
        _ => Err(CliError::TooLarge { path: path.into(), size, limit }),
    };
    checked(file.metadata().map_err(failed)?.len())?;
    // A pipe does not say how long it is.
    let mut bytes = Vec::new();
    let size = file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    checked(size as u64)?;
    Ok(bytes)
}
