//! `hardmax run --prompt FILE --raw`: any model, any prompt, tokens out by their names.
//!
//! Nothing here knows programs: a prompt is words, each the name of a token, and so is what comes out. A
//! model with a program in its weights runs that way, and one that is no machine at all.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::{EngineName, Run};
use crate::cli::report::{self, grouped, rate};
use crate::cli::verification::{RunMethod, VerifyReport};
use crate::cli::{CliError, Verdict, inputs};
use crate::engine::{Fallback, Stopped, generate};
use crate::linalg::Kernel;
use crate::model::{Shape, Token, Tokens, Vocabulary};
use crate::plan::Plan;
use crate::shown;

/// Of tokens that are only reported, so many are kept.
const KEPT: usize = 1 << 20;

#[derive(Serialize)]
struct Report {
    prompt: String,
    model: String,
    shape: Shape,
    engine: EngineName,
    fallback: Option<Fallback>,
    prompt_tokens: u64,
    generated_tokens: u64,
    seconds: f64,
    tokens_per_second: f64,
    halted: bool,
    verify: Option<VerifyReport>,
    /// Names of the generated tokens; `null` beyond a million.
    tokens: Option<Vec<String>>,
}

/// The tokens whose names a text consists of, separated by white space.
fn encode(text: &str, vocabulary: &Vocabulary, path: &Path) -> Result<Vec<Token>, CliError> {
    let mut tokens = Vec::new();
    for (line, words) in (1..).zip(text.lines()) {
        for name in words.split_whitespace() {
            tokens.push(vocabulary.id(name).ok_or_else(|| CliError::NoSuchToken {
                path: path.into(),
                line,
                name: name.to_owned(),
            })?);
        }
    }
    if tokens.is_empty() {
        return Err(CliError::EmptyPrompt { path: path.into() });
    }
    Ok(tokens)
}

impl Run {
    /// Generates behind the prompt in a file, and prints names of tokens.
    pub(super) fn run_raw(&self, path: &Path) -> Result<Verdict, CliError> {
        let kernel = self.kernel.as_deref().map_or(Ok(Kernel::preferred()), Kernel::named)?;
        let model = inputs::model(self.model.as_deref())?;
        let text = inputs::text(path)?;
        let vocabulary = model.vocabulary();
        let prompt = encode(&text, vocabulary, path)?;
        let needs_plan =
            self.engine_name() == EngineName::Plan || self.verify == Some(RunMethod::Plan);
        let plan = needs_plan.then(|| Plan::new(&model, prompt[0]));
        let mut engine = self.engine(&model, plan.as_ref(), kernel)?;

        let mut trace: Tokens = prompt.iter().copied().collect();
        let mut out = BufWriter::new(std::io::stdout());
        let mut written = Ok(());
        let running = Instant::now();
        let result = generate(&mut engine, &prompt, model.stop(), self.max_tokens, |token| {
            trace.push(token);
            if !self.json && written.is_ok() {
                written = writeln!(out, "{}", shown::name(vocabulary.name(token)));
            }
        });
        let seconds = running.elapsed().as_secs_f64();
        written = written.and_then(|()| out.flush());
        let position = engine.position();
        let run = result.map_err(|source| CliError::Engine { position, source })?;
        let verify = self.verified(&model, kernel, plan.as_ref(), None, (prompt.len(), &trace))?;
        let names = || trace.iter().skip(prompt.len()).map(|token| vocabulary.name(token).into());
        let prompt_tokens = prompt.len() as u64;
        let report = Report {
            prompt: path.display().to_string(),
            model: inputs::model_name(self.model.as_deref()),
            shape: model.shape(),
            engine: self.engine_name(),
            fallback: engine.fallback(),
            prompt_tokens,
            generated_tokens: run.tokens,
            seconds,
            tokens_per_second: rate(prompt_tokens + run.tokens, seconds),
            halted: run.stopped == Stopped::Halted,
            verify,
            tokens: (run.tokens <= KEPT as u64).then(|| names().collect()),
        };
        let told = report.tell(self.json)?;
        written.map_err(CliError::Stdout)?;
        Ok(told)
    }
}

impl Report {
    fn tell(&self, json: bool) -> Result<Verdict, CliError> {
        if json {
            report::json(self)?;
        } else {
            note!(
                "{}: {} after {} prompt and {} generated tokens, {:.3} s, {} tokens/s",
                shown::path(&self.prompt),
                report::end(self.halted, false),
                grouped(self.prompt_tokens),
                grouped(self.generated_tokens),
                self.seconds,
                grouped(self.tokens_per_second as u64)
            );
            let model = shown::path(&self.model);
            match (self.engine, self.fallback) {
                (EngineName::Reference, _) => note!("model {model}, engine reference"),
                (EngineName::Plan, None) => note!("model {model}, engine plan, 1 thread"),
                (EngineName::Plan, Some(Fallback { position, reason })) => note!(
                    "model {model}, engine plan, but from position {position} on engine \
                     reference: {reason}"
                ),
            }
            if let Some(verify) = &self.verify {
                verify.tell();
            }
        }
        let verified = self.verify.as_ref().is_none_or(|v| v.verdict() == Verdict::Done);
        Ok(Verdict::of(self.halted && verified))
    }
}
