//! Verification: is every generated token the one that the model predicts?
//!
//! Of a complete trace all positions are known at once. So instead of a matrix times a
//! vector, position by position, each projection is one product over many
//! positions, and each head, which depends on no other of its layer, goes through
//! them on its own. What is computed is the forward pass of the format and
//! nothing else: dense products by a [`Kernel`], less the rows and columns
//! that are all zero, and heads computed by their [`Attention`].
//!
//! ```text
//!             columns, in parallel       heads, in parallel
//! tokens -> embed, project layer 0  ->  heads of layer 0 -\
//!        /---------------------------------------------------/
//!        \> add, units, project 1   ->  heads of layer 1 -> ... -> judge
//! ```
//!
//! The trace streams through in *blocks* of positions, each cut into *chunks* whose
//! columns stay in cache from one product to the next (`columns.rs`). A head
//! keeps its memory from block to block (`heads.rs`), and takes positions in
//! order. So there is never more in memory than the heads' history and three blocks: one
//! is being read while the one before goes through the layers and the one
//! before that is judged.
//!
//! *Every* generated token is compared with the greatest logit of the position
//! before it, the lowest id on a tie (`judge.rs`), or a random sample of them
//! (`sample.rs`); states are computed for all in either case. That a token is wrong does not
//! end the verification: the positions after it are judged by the history that the
//! trace claims. A history for which a head cannot keep its promises does, and what
//! was judged before it stands.
//!
//! That is one method. [`verify_by_plan`] is another: the plan, executed along the trace by
//! several threads (`plan.rs`, `segments.rs`, `lanes`). It shares no arithmetic with the products,
//! which take over where it does not go. How many threads a method gets is said in `threads.rs`.
//!
//! Results depend on neither the size of blocks nor the number of threads: products are
//! exact where they decide a token, heads see positions in order, and the
//! sample is drawn in order.

mod block;
mod columns;
mod explain;
mod heads;
mod judge;
mod lanes;
mod plan;
mod report;
mod reused;
mod sample;
mod segments;
mod shrunk;
mod source;
mod threads;

pub(crate) use explain::MAX_EXPLAINED;
pub use explain::{HeadDifference, differing_heads};
pub use plan::verify_by_plan;
pub use report::{End, Logits, Mismatch, Verification, VerifyError};
pub use sample::Spot;
pub use threads::NoThreads;
pub(crate) use threads::{MOST_FOR_A_CORE, WORTH_THREADS};

use rayon::ThreadPool;
use serde::Serialize;

use super::{Attention, EngineError};
use crate::linalg::Kernel;
use crate::model::{Model, Token};
use block::{Block, Layers};
use judge::{Judge, Tally};
use sample::Sample;
use source::Source;

/// By which arithmetic a trace is verified, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Method {
    /// Every generated token, by dense products over many positions at once: [`verify`].
    Dgemm,
    /// A sample of the generated tokens, by the same products: [`verify`] with [`Settings::spot`].
    Spot,
    /// Every generated token, through the plan: [`verify_by_plan`].
    Plan,
}

impl Method {
    /// Its name, in flags and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Dgemm => "dgemm",
            Method::Spot => "spot",
            Method::Plan => "plan",
        }
    }
}

/// How to verify. None of it changes the result, but for `spot` the number of
/// positions that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How the outputs of heads are computed.
    pub attention: Attention,
    /// The kernel of the dense products.
    pub kernel: Kernel,
    /// Positions of a block, at least 1.
    pub block: usize,
    /// Compare a sample only.
    pub spot: Option<Spot>,
}

/// A block of this many positions is about as large as a second-level cache.
pub(crate) const DEFAULT_BLOCK: usize = 2048;

/// Compares the tokens of a trace after the first `prompt` with what the model
/// predicts, on the threads of `pool`. `progress` is told how many tokens are done.
///
/// Tokens are taken from the trace as they are needed, up to the stop token after
/// the prompt, and none is kept.
pub fn verify<E: Send>(
    model: &Model,
    prompt: u64,
    trace: impl Iterator<Item = Result<Token, E>> + Send,
    settings: Settings,
    pool: &ThreadPool,
    progress: impl FnMut(u64) + Send,
) -> Result<Verification, VerifyError<E>> {
    if prompt == 0 {
        return Err(EngineError::EmptyPrompt.into());
    }
    let source = Source::new(model, prompt, trace);
    let layers = Layers::new(model, settings.attention, settings.kernel, settings.block.max(1))?;
    pool.install(|| stream(model, source, layers, settings, progress))
}

/// The three stations, each a block behind the one before.
fn stream<E: Send>(
    model: &Model,
    mut source: Source<'_, impl Iterator<Item = Result<Token, E>> + Send>,
    mut layers: Layers,
    settings: Settings,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Verification, VerifyError<E>> {
    let judge = Judge::new(model, settings.kernel);
    let mut tally = Tally::default();
    let mut sample = settings.spot.map(|spot| Sample::new(spot, judge.inputs()));
    let [mut read, mut computed, mut judged] =
        std::array::from_fn(|_| Block::new(model.shape().width));
    let mut failed: Option<(u64, EngineError)> = None;
    loop {
        let mut filled = Ok(());
        rayon::join(
            || filled = source.fill(&mut read, settings.block.max(1)),
            || {
                rayon::join(
                    || match &mut sample {
                        None => tally.add(judge.block(&judged)),
                        Some(sample) => sample.draw(&judge, &judged),
                    },
                    || failed = failed.take().or_else(|| layers.advance(&mut computed)),
                )
            },
        );
        filled.map_err(VerifyError::Source)?;
        progress(judged.end());
        if failed.is_some() {
            // What failed is before what was read: the block that failed is judged and no other.
            read.clear();
        }
        if read.is_empty() && computed.is_empty() {
            break;
        }
        std::mem::swap(&mut judged, &mut computed);
        std::mem::swap(&mut computed, &mut read);
        read.clear();
    }
    if let Some(sample) = &sample {
        tally.add(sample.judge(&judge));
    }
    let end = match (failed.or(tally.no_logit.take()), source.end()) {
        (Some((position, error)), _) => End::Broken { position, error },
        (None, end) => end,
    };
    Ok(Verification {
        tokens: source.taken(),
        generated: source.generated(),
        positions: tally.positions,
        mismatches: tally.mismatches,
        first: tally.first,
        end,
        attention_bytes: layers.heap_bytes(),
        fallback: None,
    })
}
