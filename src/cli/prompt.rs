//! What a run begins with: a program and its input, the input alone of a program that the model has
//! inside, or whatever tokens a file names.

use std::path::Path;

use super::places::Compiled;
use super::source::{Resolved, Source, SourceOrInput};
use super::{CliError, inputs};
use crate::model::{Model, Token};
use crate::program::Prompt;
use crate::specialise::{self, Takes};
use crate::tokenizer::Tokenizer;

/// A prompt in a model's tokens.
pub struct Given {
    /// How reports call it.
    pub name: String,
    /// Its tokens, at least one.
    pub tokens: Vec<Token>,
    /// What they are, if they are of a shape that the machine has.
    pub prompt: Option<Prompt>,
    /// What the program was compiled from, if it is one.
    pub compiled: Option<Compiled>,
}

impl SourceOrInput {
    /// The prompt that a model is to be given. `path` is that of the model, if it is not the one in the
    /// binary.
    pub fn given(&self, model: &Model, path: Option<&Path>) -> Result<Given, CliError> {
        let tokenizer = Tokenizer::new(model.vocabulary());
        let is_inside = specialise::has_program_inside(model);
        let encoded = |name: String, prompt: Prompt, compiled: Option<Compiled>| {
            let tokens = tokenizer.encode(&prompt.symbols())?;
            Ok(Given { name, tokens, prompt: Some(prompt), compiled })
        };
        match &self.source {
            Some(source) if is_inside && source.is_token_program() => {
                of_file(source, model).and_then(|given| fits(given, specialise::takes(model)))
            }
            Some(source) => {
                let Resolved { program, compiled, .. } = source.resolve()?;
                encoded(source.name(), Prompt::Program(program), Some(compiled))
            }
            None if !is_inside => Err(CliError::NoProgram { model: inputs::model_name(path) }),
            None => {
                let input = self.input.read()?;
                let name = inputs::model_name(path);
                let takes = specialise::takes(model);
                let prompt = match (takes, self.input.wasi_flag()) {
                    (Some(Takes::Wasi), _) => {
                        let path = path.unwrap_or(Path::new(""));
                        Prompt::Input(Some(self.input.of_wasi(path, input).payload()))
                    }
                    (_, Some(flag)) => return Err(CliError::NotOfWasi { name, flag }),
                    (Some(Takes::Nothing), None) => Prompt::Input(input),
                    _ => Prompt::Input(Some(input.unwrap_or_default())),
                };
                encoded(name, prompt, None).and_then(|given| fits(given, takes))
            }
        }
    }
}

/// The prompt, if a program that takes so much can take its input.
fn fits(given: Given, takes: Option<Takes>) -> Result<Given, CliError> {
    let length = given.prompt.as_ref().and_then(Prompt::input).map(<[u8]>::len);
    match (takes, length) {
        (Some(Takes::Nothing), Some(_)) => Err(CliError::TakesNoInput { name: given.name }),
        (Some(Takes::AtMost(most)), Some(length)) if length > most as usize => {
            Err(CliError::LongInput { name: given.name, length, most })
        }
        _ => Ok(given),
    }
}

/// The tokens that a file names, of whatever shape.
fn of_file(source: &Source, model: &Model) -> Result<Given, CliError> {
    let path = source.path();
    if let Some(flag) = source.flag() {
        return Err(CliError::PromptAsItStands { path: path.into(), flag });
    }
    let tokens = inputs::prompt(path, model.vocabulary())?;
    let prompt = shape(&tokens, model);
    Ok(Given { name: source.name(), tokens, prompt, compiled: None })
}

/// What a prompt is, if it is of a shape that the machine has.
pub fn shape(tokens: &[Token], model: &Model) -> Option<Prompt> {
    let words = tokens.iter().map(|&token| model.vocabulary().name(token));
    crate::program::text::prompt_of_words(words).ok()
}
