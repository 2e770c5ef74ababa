//! What is reported of the first token that the model does not predict.

use rayon::ThreadPool;
use serde::Serialize;

use super::CliError;
use super::report::grouped;
use crate::engine::verify::{
    HeadDifference, Logits, MAX_EXPLAINED, Mismatch, VerifyError, differing_heads,
};
use crate::linalg::Kernel;
use crate::model::{Model, Token};
use crate::program::{Counter, Program};
use crate::shown;
use crate::tokenizer::Tokenizer;

/// A token that the model does not predict.
#[derive(Clone, Debug, Serialize)]
pub struct MismatchReport {
    pub position: u64,
    pub expected: String,
    pub predicted: String,
    /// By products; `null` where those cannot compute it.
    pub expected_logit: Option<f64>,
    pub predicted_logit: Option<f64>,
    pub instruction: Option<String>,
    /// Heads whose outputs by kind and by hull differ before it; `null` where nobody looked.
    pub differing_heads: Option<Vec<String>>,
    /// Why neither instruction nor heads are known, if the trace could not be read again.
    pub unexplained: Option<String>,
    /// Whether the products put the trace's token first, against the plan.
    #[serde(skip)]
    products_object: bool,
}

impl MismatchReport {
    pub fn new(mismatch: Mismatch, model: &Model) -> MismatchReport {
        let name = |token| model.vocabulary().name(token).to_owned();
        let Mismatch { position, expected, predicted, logits } = mismatch;
        let wins = |logits: Logits| {
            logits.expected > logits.predicted
                || (logits.expected == logits.predicted && expected < predicted)
        };
        MismatchReport {
            position,
            expected: name(expected),
            predicted: name(predicted),
            expected_logit: logits.map(|logits| logits.expected),
            predicted_logit: logits.map(|logits| logits.predicted),
            instruction: None,
            differing_heads: None,
            unexplained: None,
            products_object: logits.is_some_and(wins),
        }
    }

    /// Goes through the trace a second time, up to the mismatch: which instruction is it, if its prompt
    /// is a program, and does it depend on how heads are computed?
    pub fn explain(
        &mut self,
        model: &Model,
        program: Option<&Program>,
        prompt: u64,
        trace: impl Iterator<Item = Result<Token, CliError>> + Send,
        kernel: Kernel,
        pool: &ThreadPool,
    ) -> Result<(), CliError> {
        let tokenizer = Tokenizer::new(model.vocabulary());
        let mut counter = program.map(Counter::new);
        let mut position = 0;
        let mut tokens = trace.take(self.position as usize).inspect(|token| {
            if position >= prompt
                && let Some(counter) = &mut counter
                && let Ok(token) = token
                && let Some(symbol) = tokenizer.symbol(*token)
            {
                counter.step(symbol);
            }
            position += 1;
        });
        if self.position <= MAX_EXPLAINED {
            // One token more: a position is computed only if a token follows.
            let tokens = tokens.by_ref().chain(std::iter::once(Ok(model.stop())));
            match differing_heads(model, tokens, kernel, pool) {
                Ok(heads) => {
                    self.differing_heads = Some(heads.iter().map(head_sentence).collect());
                }
                Err(VerifyError::Source(error)) => return Err(error),
                // A model that kinds cannot compute at all: nothing can be told.
                Err(VerifyError::Engine(_)) => {}
            }
        }
        for token in tokens {
            token?;
        }
        self.instruction = program.zip(counter).and_then(|(program, counter)| {
            let instruction = counter.instruction(program)?;
            Some(format!(
                "{} at program counter {}, after {} instructions",
                instruction.op.name(),
                counter.program_counter(),
                grouped(counter.executed())
            ))
        });
        Ok(())
    }

    pub fn sentences(&self) -> String {
        let position = &self.position;
        let logit = |logit: Option<f64>| match logit {
            Some(logit) => format!(" (logit {logit})"),
            None => String::new(),
        };
        let mut text = format!(
            "first mismatch at position {position}: the trace has `{}`{}, the model \
             predicts `{}`{}",
            shown::name(&self.expected),
            logit(self.expected_logit),
            shown::name(&self.predicted),
            logit(self.predicted_logit)
        );
        if self.products_object {
            text += "\n  the plan says so; by products the trace is right";
        }
        if let Some(instruction) = &self.instruction {
            text += &format!("\n  in {instruction}");
        }
        if let Some(why) = &self.unexplained {
            return text + &format!("\n  instruction and heads are not told: {why}");
        }
        match self.differing_heads.as_deref() {
            None if *position > MAX_EXPLAINED => {
                let nearest = grouped(MAX_EXPLAINED);
                text += &format!("\n  heads are not compared beyond position {nearest}");
            }
            None => {}
            Some([]) => {
                text += "\n  by kind and by hull every head has the same output up to there"
            }
            Some(heads) => text += &format!("\n  {}", heads.join("\n  ")),
        }
        text
    }
}

fn head_sentence(difference: &HeadDifference) -> String {
    let HeadDifference { layer, head, kind, position, query, by_kind, by_hull } = difference;
    let kind = kind.name();
    format!(
        "layer {layer}, head {head} ({kind}), asked for {query:?} at position {position}: \
         {by_kind:?} by kind, {by_hull:?} by hull"
    )
}
