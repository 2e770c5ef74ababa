//! Verification: is every generated token the one that the model predicts?
//!
//! Of a complete trace all positions are known at once. So instead of a matrix times a
//! vector, position by position, each projection is one product over many positions, and each
//! head goes through them on its own. What is computed is the forward pass of the format and
//! nothing else: the layers' products, dense by a [`Kernel`] or sparse (`products`), less the
//! rows and columns that are all zero, and heads by their [`Attention`], with what
//! heads of a layer share computed once (`heads`).
//!
//! The trace streams through in *blocks* of positions, each cut into *chunks* that stay in
//! cache from one product to the next (`chunk.rs`). A thread carries a block through all layers, and
//! each layer takes blocks in order (`flow.rs`). So there is never more in memory than the heads'
//! history and a block for each thread.
//!
//! *Every* generated token is compared with the greatest logit of the position
//! before it, the lowest id on a tie (`judge`), or a random sample of them
//! (`sample.rs`); states are computed for all in either case. That a token is wrong does not
//! end the verification: the positions after it are judged by the history that the
//! trace claims. A history for which a head cannot keep its promises does, and what
//! was judged before it stands.
//!
//! These are two methods, dense and sparse. [`verify_by_plan`] is a third: the plan, executed along
//! the trace by several threads (`plan.rs`, `segments.rs`, `lanes`). It shares no arithmetic with the
//! products, which take over where it does not go. How many threads a method gets is said in
//! `threads.rs`.
//!
//! Results depend on neither the size of blocks nor the number of threads: products are
//! exact where they decide a token, heads see positions in order, and which positions a sample has
//! depends on their numbers alone.

mod block;
mod bounds;
mod chunk;
mod explain;
mod flow;
mod heads;
mod judge;
mod lanes;
mod layer;
mod plan;
mod products;
mod report;
mod sample;
mod segments;
mod source;
mod threads;
mod turns;
mod vectors;

pub(crate) use explain::MAX_EXPLAINED;
pub use explain::{HeadDifference, differing_heads};
pub use plan::verify_by_plan;
pub use products::Products;
pub use report::{End, Logits, Mismatch, Verification, VerifyError};
pub use sample::Spot;
pub use threads::NoThreads;
pub(crate) use threads::{MOST_FOR_A_CORE, WORTH_THREADS};

use std::sync::{Mutex, MutexGuard};

use rayon::ThreadPool;
use serde::Serialize;

use super::{Attention, EngineError};
use crate::linalg::Kernel;
use crate::model::{Model, Token};
use block::Block;
use flow::{Flow, flow};
use judge::{Judge, Scratch, Tally};
use layer::{Layer, Start, layers};
use sample::Sample;
use source::Source;

/// By which arithmetic a trace is verified, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Method {
    /// Every generated token, by dense products over many positions at once: [`verify`].
    Dgemm,
    /// Every generated token, by products of the weights that are not 0: [`verify`].
    Sparse,
    /// A sample of the generated tokens, by either products: [`verify`] with [`Settings::spot`].
    Spot,
    /// Every generated token, through the plan: [`verify_by_plan`].
    Plan,
}

impl Method {
    /// That of every generated token by these products.
    pub(crate) fn of(products: Products) -> Method {
        match products {
            Products::Dense => Method::Dgemm,
            Products::Sparse => Method::Sparse,
        }
    }

    /// Its name, in flags and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Dgemm => "dgemm",
            Method::Sparse => "sparse",
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
    /// Which products.
    pub products: Products,
    /// The kernel of dense products: with [`Products::Sparse`] only of logits that are looked at again.
    pub kernel: Kernel,
    /// Positions of a block, at least 1.
    pub block: usize,
    /// Compare a sample only.
    pub spot: Option<Spot>,
}

/// A block of this many positions is smaller than a second-level cache, and large enough for
/// threads to take turns at layers.
pub(crate) const DEFAULT_BLOCK: usize = 512;

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
    let mut source = Source::new(model, prompt, trace);
    let Settings { attention, products, kernel, block, spot } = settings;
    let layers = layers(model, attention, products, kernel)?;
    let judge = Judge::new(model, products, kernel);
    let tally = Mutex::new(Tally::default());
    let sample = spot.map(|spot| Mutex::new(Sample::new(spot)));
    let progress = Mutex::new((0, progress));
    let judged = |block: &Block, scratch: &mut Scratch| {
        match &sample {
            None => {
                let found = judge.block(block, scratch);
                lock(&tally).add(found);
            }
            Some(sample) => lock(sample).draw(&judge, block),
        }
        let (done, progress) = &mut *lock(&progress);
        *done = block.end().max(*done);
        progress(*done);
    };
    let start = Start::new(model);
    let flow = flow(&start, layers, &mut source, block.max(1), pool, judged);
    let Flow { layers, failed } = flow.map_err(VerifyError::Source)?;
    let mut tally = tally.into_inner().expect("no thread has panicked");
    if let Some(sample) = sample {
        let sample = sample.into_inner().expect("no thread has panicked");
        tally.add(sample.judge(&judge, &mut Scratch::default()));
    }
    // How far threads have read beyond a head's fault depends on their number.
    let tokens = failed.as_ref().map_or(source.taken(), |(position, _)| position + 1);
    let faults = failed.into_iter().chain(tally.no_logit.take());
    let end = match (faults.min_by_key(|fault| fault.0), source.end()) {
        (Some((position, error)), _) => End::Broken { position, error },
        (None, end) => end,
    };
    let memories: usize = layers.iter().map(Layer::heap_bytes).sum();
    Ok(Verification {
        tokens,
        generated: tokens.saturating_sub(prompt),
        positions: tally.positions,
        mismatches: tally.mismatches,
        first: tally.first,
        end,
        attention_bytes: memories + start.history.heap_bytes(),
        fallback: None,
    })
}

/// No thread panics while it has a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics with the lock held")
}
