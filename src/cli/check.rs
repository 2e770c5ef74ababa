//! Comparing a run with a reference trace, token for token.

use std::path::Path;

use serde::Serialize;

use super::CliError;
use super::trace_file::{TraceFile, names};
use crate::machine::Symbol;
use crate::model::{Model, Token, Tokens};
use crate::program::{Problem, Prompt};
use crate::tokenizer::Tokenizer;

/// The first difference of two traces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Position in the trace, from 0.
    pub position: usize,
    /// The reference's token, `None` where it has ended.
    pub expected: Option<String>,
    /// The run's token, `None` where it has ended.
    pub got: Option<String>,
}

impl Mismatch {
    /// As a sentence.
    pub fn sentence(&self) -> String {
        let name = |token: &Option<String>| match token {
            Some(token) => format!("`{token}`"),
            None => "the end of the trace".into(),
        };
        let Mismatch { position, expected, got } = self;
        format!("position {position}: expected {}, got {}", name(expected), name(got))
    }
}

/// A trace to compare with.
struct Beginning {
    /// What its prompt is, or why it is none of the machine's.
    shape: Result<Prompt, Problem>,
    /// The names of its tokens, and of all others that it may have.
    names: Vec<String>,
    /// Its tokens, prompt first, as places among these names.
    tokens: Tokens,
    /// How many of them are the prompt.
    prompt: usize,
}

/// The trace at `path`, of either format: it is read to its end, and of the tokens after its prompt
/// so many are kept. A text trace has the machine's tokens, or, if its prompt is `known`, the model's.
fn beginning(
    path: &Path,
    model: &Model,
    known: Option<&[Token]>,
    most: u64,
) -> Result<Beginning, CliError> {
    // Of text, all names that the machine has, for the trace may be another model's.
    let all: Vec<String> = Symbol::all().iter().map(Symbol::to_string).collect();
    let tokenizer = Tokenizer::of_names(all.iter().map(String::as_str));
    let mut file = TraceFile::open_as(path, model, known, tokenizer)?;
    let names = if file.is_text_of_the_machine() { all } else { names(&file, model) };
    let prompt = file.prompt().len();
    let mut tokens = Tokens::default();
    while let Some(token) = file.next().transpose()? {
        if ((file.taken() - 1).saturating_sub(prompt as u64)) < most {
            tokens.push(token);
        }
    }
    Ok(Beginning { shape: file.into_shape(), names, tokens, prompt })
}

/// The trace that a run is compared with.
pub struct Reference {
    trace: Beginning,
    /// Whether it counts from behind its prompt on: it is that of the program, and the run that of a model
    /// with the program inside, or the other way round.
    of_other_shape: bool,
}

impl Reference {
    /// Reads the trace at `path`, for a run that begins with `prompt`, which is `shape` if it is one of the
    /// machine's. Of what the reference generated no more than `most` tokens are kept.
    pub fn read(
        path: &Path,
        model: &Model,
        (prompt, shape): (&[Token], Option<&Prompt>),
        most: u64,
    ) -> Result<Reference, CliError> {
        // Of a prompt of another shape a text trace does not say where it ends.
        let known = if shape.is_none() { Some(prompt) } else { None };
        let trace = beginning(path, model, known, most.saturating_add(1))?;
        let of_other_shape = match (&trace.shape, shape) {
            (Ok(found), Some(own)) => found.program().is_some() != own.program().is_some(),
            (Err(problem), Some(_)) => {
                let path = path.display().to_string();
                return Err(CliError::Prompt { path, problem: problem.clone() });
            }
            (_, None) => false,
        };
        if of_other_shape
            && trace.shape.as_ref().ok().and_then(Prompt::input) != shape.and_then(Prompt::input)
        {
            return Err(CliError::OtherInput { path: path.into() });
        }
        Ok(Reference { trace, of_other_shape })
    }

    /// The first position at which prompt or generated tokens, by their names, are not those of the
    /// reference, lengths included.
    pub fn compare<'n>(
        &self,
        prompt: impl Iterator<Item = &'n str> + Clone,
        generated: impl Iterator<Item = &'n str>,
    ) -> Option<Mismatch> {
        let Beginning { names, tokens, prompt: begins, .. } = &self.trace;
        let own = prompt.clone().count();
        let name = |token: Token| names[token.index()].as_str();
        let (prompt, skipped, first) = match self.of_other_shape {
            true => (None, *begins, own),
            false => (Some(prompt), 0, 0),
        };
        let mut expected = tokens.iter().skip(skipped).map(name);
        let mut got = prompt.into_iter().flatten().chain(generated);
        for position in first.. {
            match (expected.next(), got.next()) {
                (None, None) => break,
                (a, b) if a == b => {}
                (a, b) => {
                    let name = |name: Option<&str>| name.map(str::to_owned);
                    return Some(Mismatch { position, expected: name(a), got: name(b) });
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::default_model;
    use crate::program::text::parse_program;

    #[test]
    fn any_difference_is_found_at_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reference.txt");
        let program = "{ halt 00 00 00 00 }";
        std::fs::write(&path, format!("{program} 00 ff halt")).unwrap();
        let model = default_model().unwrap();
        let own = Prompt::Program(parse_program(program.as_bytes()).unwrap());
        let reference = Reference::read(&path, &model, (&[], Some(&own)), u64::MAX).unwrap();
        let found = |generated: &[&str]| {
            let compared = reference.compare(program.split(' '), generated.iter().copied());
            compared.map(|mismatch| mismatch.sentence())
        };
        assert_eq!(found(&["00", "ff", "halt"]), None);
        assert_eq!(found(&["00", "00", "halt"]).unwrap(), "position 8: expected `ff`, got `00`");
        assert_eq!(found(&["00"]).unwrap(), "position 8: expected `ff`, got the end of the trace");
        assert_eq!(
            found(&["00", "ff", "halt", "halt"]).unwrap(),
            "position 10: expected the end of the trace, got `halt`"
        );
        // Of a run of another shape only what was generated counts.
        let other = Prompt::Input(None);
        let reference = Reference::read(&path, &model, (&[], Some(&other)), u64::MAX).unwrap();
        let found = |generated: &[&str]| {
            let compared = reference.compare(["start"].into_iter(), generated.iter().copied());
            compared.map(|mismatch| mismatch.sentence())
        };
        assert_eq!(found(&["00", "ff", "halt"]), None);
        assert_eq!(
            found(&["00", "ff"]).unwrap(),
            "position 3: expected `halt`, got the end of the trace"
        );
        let with_input = Prompt::Input(Some(b"a".to_vec()));
        let other = Reference::read(&path, &model, (&[], Some(&with_input)), u64::MAX);
        assert!(matches!(other, Err(CliError::OtherInput { .. })));
    }
}
