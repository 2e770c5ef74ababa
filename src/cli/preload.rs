//! Modules that a program imports from.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{CliError, inputs};
use crate::wasm;
use crate::wasm::link::{LinkError, Sizes, Step, Store};

/// Modules that are there before the program.
#[derive(Debug, Default, Args)]
pub struct Preloads {
    /// Let the module import from this one, .wasm or .wat, under this name; those named before may be
    /// imported from by those named later
    #[arg(long, value_name = "NAME=FILE", requires = "source", value_parser = preload)]
    preload: Vec<Preload>,
}

#[derive(Clone, Debug)]
struct Preload {
    name: String,
    path: PathBuf,
}

fn preload(text: &str) -> Result<Preload, String> {
    let (name, path) = text.split_once('=').ok_or("this is no NAME=FILE")?;
    Ok(Preload { name: name.into(), path: path.into() })
}

impl Preloads {
    /// The files that are read.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.preload.iter().map(|preload| &preload.path)
    }

    /// Whether there are any.
    pub fn are_given(&self) -> bool {
        !self.preload.is_empty()
    }

    /// One module of all, which does what `wasm` does.
    pub fn link(&self, wasm: &[u8], path: &Path) -> Result<Vec<u8>, CliError> {
        let mut store = Store::default();
        let mut steps = Vec::new();
        for Preload { name, path } in &self.preload {
            let refused = |error| refused(path, error);
            let is_text = path.extension().is_some_and(|ending| ending == "wat");
            let module = match is_text {
                true => wasm::parse_text(&inputs::text_module(path)?)
                    .map_err(|error| refused(error.into()))?,
                false => inputs::module(path)?,
            };
            let instance = store.instantiate(&module, Sizes::First).map_err(refused)?;
            store.register(name, instance);
            steps.push(Step::Instantiate { instance, traps: false });
        }
        let refused = |error| refused(path, error);
        let instance = store.instantiate(wasm, Sizes::First).map_err(refused)?;
        steps.push(Step::Instantiate { instance, traps: false });
        Ok(store.program(&steps, Some(instance)).map_err(refused)?.wasm)
    }
}

fn refused(path: &Path, error: LinkError) -> CliError {
    CliError::Link { path: path.into(), source: Box::new(error) }
}
