//! A plan along a trace, on several threads.
//!
//! What a position predicts depends on all tokens before it, so a thread that predicts at
//! positions far behind has to pass over those before. That costs less than predicting, a part r of
//! it: the code for a step without a prediction leaves out what only logits need. So
//! of n threads, thread k passes over the first s_k of N positions and predicts at those
//! from s_k to s_(k+1); all are ready at the same time if
//!
//! ```text
//! r·s_k + s_(k+1) - s_k is the same for all k:   s_k = N·(1 - (1-r)^k) / (1 - (1-r)^n)
//! ```
//!
//! which makes two threads 2 - r times as fast as one, and any number at most 1/r times. r is not
//! known before: a thread takes it from how far it and thread 0, which predicts from the beginning,
//! have come. Positions are claimed in blocks before they are predicted, so each is predicted once
//! whatever r seems to be: a thread claims on until it meets what the next has claimed.
//!
//! What only predictions need of a step is done for many positions at once, at the latest when
//! their block ends (`lanes`).
//!
//! All threads borrow the history, which is the trace. Tables, sums and code each has for itself.
//!
//! Why it does not matter who predicts: code for a step without a prediction is that for a step
//! with one, less what only logits need. So it inserts the same keys, adds the same to every
//! running sum, sets the same latches, and fails where one of these leaves its bounds; there is no
//! mean to carry over but these sums, which are whole numbers. A thread that has passed a
//! position is in the state of one that has predicted there. Guards that only predictions need
//! are checked by the thread that predicts: blocks are predicted from the first on without a gap,
//! because whoever claims one goes on to the next, and stops at one that is claimed, or behind a
//! guard failure. So all blocks before the first guard failure are predicted once, whoever met it,
//! and what counts is what is found there (`Segments::together`): the same with any number of
//! threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use rayon::ThreadPool;

use super::lanes::{Judged, Lanes};
use crate::engine::execute::{Execution, GuardFailure};
use crate::engine::{Fallback, Reason};
use crate::model::Token;
use crate::plan::Plan;

/// Positions that are claimed at once: enough to forget what claiming costs, and few
/// in a trace that is worth several threads.
const BLOCK: usize = 1 << 13;

/// A plan, the trace along which it is executed, and how far that has come.
pub struct Segments<'t> {
    plan: &'t Plan,
    trace: &'t [u16],
    /// Length of the prompt: the first token that is compared.
    prompt: usize,
    claimed: Vec<AtomicBool>,
    /// Positions that each thread has passed.
    passed: Vec<AtomicU64>,
    /// Positions that were predicted, by all threads together.
    predicted: AtomicU64,
    /// The first position at which a guard failed.
    failed: AtomicU64,
}

/// What was found along a trace, up to where the plan ended.
#[derive(Default)]
pub struct Found {
    pub positions: u64,
    pub mismatches: u64,
    /// The first of them: its place, and what is predicted there.
    pub first: Option<(u64, Token)>,
    pub heap_bytes: usize,
    /// Where and why the plan ended, and the first token that was not judged for it.
    pub fallback: Option<(Fallback, u64)>,
}

impl Found {
    /// Where the plan cannot even begin.
    pub fn nothing(reason: Reason) -> Found {
        let fallback = Fallback { position: 0, reason };
        Found { fallback: Some((fallback, 1)), ..Found::default() }
    }
}

/// What one thread found.
#[derive(Default)]
struct Segment {
    /// Every block that it predicted to the end.
    blocks: Vec<Judgement>,
    /// The first mismatch: its place in the trace, and what is predicted there.
    first: Option<(u64, Token)>,
    /// Where and why a guard failed.
    failure: Option<(u64, GuardFailure)>,
    heap_bytes: usize,
}

/// What was found in one block.
struct Judgement {
    /// The first position of the block.
    start: usize,
    /// Tokens that were compared, and those that are not what is predicted.
    compared: u64,
    mismatches: u64,
}

impl<'t> Segments<'t> {
    /// The trace begins with the BOS of the plan.
    pub fn new(plan: &'t Plan, trace: &'t [u16], prompt: u64, threads: usize) -> Segments<'t> {
        let blocks = trace.len().saturating_sub(1).div_ceil(BLOCK);
        Segments {
            plan,
            trace,
            prompt: usize::try_from(prompt).unwrap_or(usize::MAX),
            claimed: (0..blocks).map(|_| AtomicBool::new(false)).collect(),
            passed: (0..threads).map(|_| AtomicU64::new(0)).collect(),
            predicted: AtomicU64::new(0),
            failed: AtomicU64::new(u64::MAX),
        }
    }

    /// Judges every generated token. `progress` is told how many are done.
    pub fn follow(&self, pool: &ThreadPool, progress: &mut (impl FnMut(u64) + Send)) -> Found {
        let position_zero = match self.position_zero() {
            Ok(position_zero) => position_zero,
            Err(reason) => return Found::nothing(reason),
        };
        let progress = Mutex::new(progress);
        let segments = pool.broadcast(|thread| {
            self.segment(thread.index(), |done| {
                (progress.lock().expect("nothing panics with the lock held"))(done);
            })
        });
        self.together(position_zero, &segments)
    }

    /// The prediction at position 0, which no step makes, compared if it is not of the prompt.
    fn position_zero(&self) -> Result<Segment, Reason> {
        let mut segment = Segment::default();
        if let (1, Some(&next)) = (self.prompt, self.trace.get(1)) {
            let predicted = self.plan.first_prediction().ok_or(Reason::FirstPrediction)?;
            let wrong = predicted.0 != u32::from(next);
            segment.first = wrong.then_some((1, predicted));
            segment.blocks.push(Judgement { start: 0, compared: 1, mismatches: wrong.into() });
        }
        Ok(segment)
    }

    /// The work of a thread: to pass blocks until it is its turn, then to predict them until
    /// one is claimed by the next thread.
    fn segment(&self, thread: usize, mut progress: impl FnMut(u64)) -> Segment {
        let mut segment = Segment::default();
        let mut execution = match Execution::along(self.plan, self.trace) {
            Ok(execution) => execution,
            Err(failure) => {
                segment.failure = Some((0, failure));
                return segment;
            }
        };
        let mut lanes = Lanes::new(self.plan, self.trace);
        let mut predicts = thread == 0;
        for (block, claimed) in self.claimed.iter().enumerate() {
            let start = block * BLOCK;
            if self.failed.load(Relaxed) < start as u64 {
                break;
            }
            let due = predicts || start as f64 >= self.turn(thread);
            let claims = due && !claimed.swap(true, Relaxed);
            if predicts && !claims {
                break;
            }
            predicts = claims;
            let block = if predicts {
                self.predict(&mut execution, &mut lanes, start, &mut segment)
            } else {
                self.pass(&mut execution, start.max(1), self.end(start))
            };
            if let Err(failure) = block {
                self.failed.fetch_min(failure.0, Relaxed);
                segment.failure = Some(failure);
                break;
            }
            let end = self.end(start);
            self.passed[thread].store(end as u64, Relaxed);
            if predicts {
                self.predicted.fetch_add((end - start) as u64, Relaxed);
            }
            if thread == 0 {
                progress(self.predicted.load(Relaxed));
            }
        }
        segment.heap_bytes = execution.heap_bytes() + lanes.heap_bytes();
        segment
    }

    /// The position after a block, at most the last that a token follows.
    fn end(&self, start: usize) -> usize {
        (start + BLOCK).min(self.trace.len() - 1)
    }

    /// The position from which on a thread is to predict.
    fn turn(&self, thread: usize) -> f64 {
        let passed = |thread: usize| self.passed[thread].load(Relaxed) as f64;
        // Before a thread has passed anything this is no number, and it is nobody's turn.
        let part = (passed(0) / passed(thread)).clamp(0.01, 0.99);
        let share = |threads: usize| 1.0 - (1.0 - part).powf(threads as f64);
        self.trace.len() as f64 * share(thread) / share(self.passed.len())
    }

    /// Takes positions without predicting. Gives the one at which a guard failed, if one did.
    fn pass(
        &self,
        execution: &mut Execution<'_>,
        from: usize,
        to: usize,
    ) -> Result<(), (u64, GuardFailure)> {
        for (at, &token) in (from..).zip(&self.trace[from..to]) {
            let step = execution.step(Token(token.into()), false);
            step.map_err(|failure| (at as u64, failure))?;
        }
        Ok(())
    }

    /// Takes the positions of a block, and compares what is generated. Gives the first position
    /// at which a guard failed, if one did.
    fn predict(
        &self,
        execution: &mut Execution<'_>,
        lanes: &mut Lanes<'_>,
        start: usize,
        segment: &mut Segment,
    ) -> Result<(), (u64, GuardFailure)> {
        let (first, end) = (start.max(1), self.end(start));
        let generated = (self.prompt - 1).clamp(first, end.max(first));
        self.pass(execution, first, generated)?;
        let mut judged = Judged::default();
        let tokens = &self.trace[generated..end];
        for (at, &token) in (generated..).zip(tokens) {
            if let Err(failure) = execution.step(Token(token.into()), true) {
                judged.fails(at, failure);
                break;
            }
            let number = execution.deferred().expect("along a history predictions are deferred");
            lanes.push(execution, number, at, &mut judged);
            // What follows is nobody's history; that of an earlier position may still wait.
            if judged.failure.is_some() {
                break;
            }
        }
        lanes.flush(execution, &mut judged);
        segment.first = segment.first.or(judged.first);
        if let Some(failure) = judged.failure {
            return Err(failure);
        }
        let (compared, mismatches) = (tokens.len() as u64, judged.mismatches);
        segment.blocks.push(Judgement { start, compared, mismatches });
        Ok(())
    }

    /// What all found, less the block in which a guard failed and what is behind it.
    fn together(&self, position_zero: Segment, segments: &[Segment]) -> Found {
        let failures = segments.iter().filter_map(|segment| segment.failure);
        let fallback = failures.min_by_key(|failure| failure.0).map(|(position, failure)| {
            let fallback = Fallback { position, reason: Reason::GuardFailed(failure) };
            (fallback, position as usize / BLOCK * BLOCK)
        });
        let before = fallback.map_or(usize::MAX, |fallback| fallback.1);
        let all = || segments.iter().chain([&position_zero]);
        let mut found = Found::default();
        for block in all().flat_map(|segment| &segment.blocks).filter(|b| b.start < before) {
            found.positions += block.compared;
            found.mismatches += block.mismatches;
        }
        let firsts = all().filter_map(|segment| segment.first);
        found.first = firsts.min_by_key(|f| f.0).filter(|first| first.0 <= before as u64);
        found.heap_bytes = segments.iter().map(|segment| segment.heap_bytes).sum();
        found.fallback = fallback.map(|(fallback, start)| (fallback, start as u64 + 1));
        found
    }
}
