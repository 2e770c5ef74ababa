//! `hardmax run --prompt FILE --raw`: any model, any prompt, tokens out by their names.
//!
//! Nothing here knows programs: a prompt is words, each the name of a token, and so is what comes out. A
//! model with a program in its weights runs that way, and one that is no machine at all.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::{EngineName, Run};
use crate::cli::check::Reference;
use crate::cli::report::{self, Check, grouped, rate};
use crate::cli::trace_output::{Recorder, reassure, write_name};
use crate::cli::verification::{RunMethod, VerifyReport};
use crate::cli::{CliError, Verdict, inputs, outputs};
use crate::engine::{Fallback, Stopped, generate};
use crate::linalg::Kernel;
use crate::model::{Shape, Token, Tokens};
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
    check: Check,
    verify: Option<VerifyReport>,
    /// Names of the generated tokens; `null` beyond a million.
    tokens: Option<Vec<String>>,
}

impl Run {
    /// Generates behind the prompt in a file, and prints names of tokens.
    pub(super) fn run_raw(&self, path: &Path) -> Result<Verdict, CliError> {
        let kernel = self.kernel.as_deref().map_or(Ok(Kernel::preferred()), Kernel::named)?;
        let model_path = self.model.as_deref();
        let check = self.check.as_deref();
        let read = [("the prompt", Some(path)), ("the model", model_path), ("the trace", check)];
        outputs::check(self.trace.as_deref(), &read)?;
        let model = inputs::model(self.model.as_deref())?;
        let vocabulary = model.vocabulary();
        let prompt = inputs::prompt(path, vocabulary)?;
        let needs_plan =
            self.engine_name() == EngineName::Plan || self.verify == Some(RunMethod::Plan);
        let plan = needs_plan.then(|| Plan::new(&model, prompt[0]));
        let mut engine = self.engine(&model, plan.as_ref(), kernel)?;

        let reference = |path| Reference::read(path, &model, (&prompt[..], None), self.max_tokens);
        let reference = check.map(reference).transpose()?;
        let recorder = |path| Recorder::new(path, &model, &prompt);
        let mut recorder = self.trace.as_deref().map(recorder).transpose()?;
        let mut trace: Tokens = prompt.iter().copied().collect();
        let mut out = BufWriter::new(std::io::stdout());
        let mut written = Ok(());
        let running = Instant::now();
        let result = generate(&mut engine, &prompt, model.stop(), self.max_tokens, |token| {
            trace.push(token);
            if let Some(recorder) = &mut recorder {
                recorder.push(token);
            }
            if !self.json && written.is_ok() {
                written = writeln!(out, "{}", shown::name(vocabulary.name(token)));
            }
        });
        let seconds = running.elapsed().as_secs_f64();
        written = written.and_then(|()| out.flush());
        let position = engine.position();
        let run = result.map_err(|source| CliError::Engine { position, source });
        // The trace first: it is what cannot be had again, whatever becomes of the rest.
        match (recorder, &run) {
            (Some(recorder), Ok(_)) => recorder.finish(|file| {
                let mut file = BufWriter::new(file);
                trace.iter().enumerate().try_for_each(|(position, token)| {
                    write_name(&mut file, vocabulary.name(token), position + 1 < prompt.len())
                })?;
                file.flush()
            })?,
            (Some(recorder), Err(_)) => recorder.break_off(),
            (None, _) => {}
        }
        let run = run?;
        let names = || trace.iter().skip(prompt.len()).map(|token| vocabulary.name(token).into());
        let prompt_tokens = prompt.len() as u64;
        let mut report = Report {
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
            check: Check::of(reference.map(|reference| {
                let name = |token: Token| vocabulary.name(token);
                let generated = trace.iter().skip(prompt.len()).map(name);
                reference.compare(prompt.iter().copied().map(name), generated)
            })),
            verify: None,
            tokens: (run.tokens <= KEPT as u64).then(|| names().collect()),
        };
        if !self.json {
            report.tell_run();
        }
        report.verify =
            self.verified(&model, kernel, plan.as_ref(), None, (prompt.len(), &trace))?;
        let told = report.tell(self.json);
        let told = reassure(told, self.trace.as_deref())?;
        reassure(written.map_err(CliError::Stdout), self.trace.as_deref())?;
        Ok(told)
    }
}

impl Report {
    /// Tells in sentences what is known when generation has ended.
    fn tell_run(&self) {
        note!(
            "{}: {} after {} prompt and {} generated tokens, {:.3} s, {} tokens/s",
            shown::path(&self.prompt),
            report::end(self.halted, false, None),
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
        self.check.tell();
    }

    /// Tells the rest, or all of it as one JSON object.
    fn tell(&self, json: bool) -> Result<Verdict, CliError> {
        if json {
            report::json(self)?;
        } else if let Some(verify) = &self.verify {
            verify.tell();
        }
        let verified = self.verify.as_ref().is_none_or(|v| v.verdict() == Verdict::Done);
        Ok(Verdict::of(self.halted && verified && !self.check.failed()))
    }
}
