//! Blocks on their way through the layers: a thread takes a block and carries it from the trace to
//! the judge, and each group of heads takes blocks in order.
//!
//! ```text
//! thread 1   read 0, layer 0 ... layer 4, judge 0, read 2, layer 0 ...
//! thread 2             read 1, layer 0 ... layer 4, judge 1, read 3 ...
//! ```
//!
//! What heads remember they have from the blocks before, so a block waits where the one before has
//! not been. Products and judging need no order, and there a thread that is behind catches up. So
//! threads seldom wait, however unlike layers are, and nothing depends on their number. The
//! thread with the first block never waits: all get there.

use std::sync::Mutex;

use rayon::ThreadPool;

use super::block::Block;
use super::layer::{FailedBefore, Layer, Scratch, Start};
use super::lock;
use super::source::Source;
use super::turns::Turns;
use crate::engine::EngineError;
use crate::model::Token;

/// What is left when all blocks have passed.
pub struct Flow {
    pub layers: Vec<Layer>,
    /// The first position at which a head failed, or a number had no bound.
    pub failed: Option<(u64, EngineError)>,
}

/// Takes all positions of a source through the layers, blocks of at most `most`, on the threads of
/// `pool`. Each block is then `judged`, in any order, with room of the thread's own; blocks behind
/// the first position at which a head fails are not.
pub fn flow<E: Send, R: Default>(
    start: &Start,
    layers: Vec<Layer>,
    source: &mut Source<'_, impl Iterator<Item = Result<Token, E>> + Send>,
    most: usize,
    pool: &ThreadPool,
    judged: impl Fn(&Block, &mut R) + Sync,
) -> Result<Flow, E> {
    let stations = Stations {
        start,
        source: Turns::new((source, None)),
        layers,
        exit: Turns::new(()),
        failed: Mutex::default(),
    };
    pool.broadcast(|_| {
        let ends = EndsOnPanic(&stations);
        let (mut block, mut scratch, mut room) = Default::default();
        while let Some(number) = stations.read(&mut block, most) {
            if !stations.pass(number, &mut block, &mut scratch) {
                break;
            }
            judged(&block, &mut room);
        }
        std::mem::forget(ends);
    });
    let Stations { source, layers, failed, .. } = stations;
    // Where a head failed nobody need read on.
    match (failed.into_inner().unwrap_or_default(), source.into_inner()) {
        (None, (_, Some(error))) => Err(error),
        (failed, _) => Ok(Flow { layers, failed }),
    }
}

struct Stations<'s, 'm, I, E> {
    start: &'s Start,
    source: Turns<(&'s mut Source<'m, I>, Option<E>)>,
    layers: Vec<Layer>,
    /// Behind all layers.
    exit: Turns<()>,
    failed: Mutex<Option<(u64, EngineError)>>,
}

impl<E, I: Iterator<Item = Result<Token, E>>> Stations<'_, '_, I, E> {
    /// Reads the next block. Gives its number, unless there is none.
    fn read(&self, block: &mut Block, most: usize) -> Option<u64> {
        let (number, mut turn) = self.source.next()?;
        let (source, failed) = &mut *turn;
        // What was read before is a block, so that the same is computed whatever the size of blocks.
        *failed = source.fill(block, most).err();
        let is_last = block.is_empty() || failed.is_some();
        if is_last {
            turn.is_the_last();
        }
        if block.is_empty() {
            return None;
        }
        // Before any head reads them.
        block.remember(&self.start.history);
        Some(number)
    }

    /// Takes a block through all layers. Says whether anything is left to be judged.
    fn pass(&self, number: u64, block: &mut Block, scratch: &mut Scratch) -> bool {
        block.embed(&self.start.embedding);
        for layer in &self.layers {
            match layer.pass(number, block, &self.start.history, scratch) {
                Err(FailedBefore) => return false,
                Ok(None) => {}
                Ok(Some(failed)) => self.fail(failed),
            }
        }
        let great = block.first_great(scratch.arch(), self.layers.len());
        let Some(mut exit) = self.exit.take(number) else { return false };
        if let Some(great) = great {
            exit.is_the_last();
            self.fail(great);
        }
        true
    }

    /// Notes a fault. The block goes on as far as it goes: a later layer may fail at an earlier
    /// position, as may the block before, which is ahead.
    fn fail(&self, failed: (u64, EngineError)) {
        self.source.end();
        let mut first = lock(&self.failed);
        *first = first.take().into_iter().chain([failed]).min_by_key(|failed| failed.0);
    }
}

/// Ends all turns if the thread that holds it panics, so that the others do not wait for it.
struct EndsOnPanic<'a, 's, 'm, I, E>(&'a Stations<'s, 'm, I, E>);

impl<I, E> Drop for EndsOnPanic<'_, '_, '_, I, E> {
    fn drop(&mut self) {
        self.0.source.end();
        self.0.layers.iter().for_each(Layer::end);
        self.0.exit.end();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use rayon::ThreadPoolBuilder;

    use super::*;

    /// A trace of so many tokens of a model without layers, in blocks of 4.
    fn flown(
        tokens: u32,
        threads: usize,
        judged: impl Fn(&Block, &mut ()) + Sync,
    ) -> Result<Flow, u32> {
        // The 41st token cannot be read.
        let token = |at: u32| if at == 40 { Err(at) } else { Ok(Token(at % 3)) };
        flown_from((0..tokens).map(token), threads, judged)
    }

    fn flown_from(
        trace: impl Iterator<Item = Result<Token, u32>> + Send,
        threads: usize,
        judged: impl Fn(&Block, &mut ()) + Sync,
    ) -> Result<Flow, u32> {
        let model = crate::engine::verify::judge::tests::model();
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut source = Source::new(&model, 1, trace);
        flow(&Start::new(&model), Vec::new(), &mut source, 4, &pool, judged)
    }

    #[test]
    fn every_block_is_judged_once_whatever_the_number_of_threads() {
        for threads in 1..4 {
            let ends = Mutex::new(Vec::new());
            let flow = flown(23, threads, |block, ()| ends.lock().unwrap().push(block.end()));
            assert!(flow.unwrap().failed.is_none());
            let mut ends = ends.into_inner().unwrap();
            ends.sort_unstable();
            // No token follows the last one.
            assert_eq!(ends, [4, 8, 12, 16, 20, 22]);
        }
    }

    #[test]
    fn a_token_that_cannot_be_read_is_told() {
        for threads in 1..4 {
            assert_eq!(flown(50, threads, |_, ()| ()).err(), Some(40));
        }
    }

    #[test]
    fn a_panic_of_one_thread_ends_all() {
        for threads in 1..4 {
            let panics = |block: &Block, (): &mut ()| assert!(block.end() != 12, "on purpose");
            let caught = catch_unwind(AssertUnwindSafe(|| flown(39, threads, panics)));
            assert!(caught.is_err());
        }
    }

    /// Whoever reads on waits for the block that nobody carries to the end.
    #[test]
    fn a_panic_while_a_block_is_read_ends_all() {
        for threads in 1..4 {
            let token = |at: u32| {
                assert!(at != 30, "on purpose");
                Ok(Token(at % 3))
            };
            let flown = || flown_from((0..39).map(token), threads, |_, ()| ());
            assert!(catch_unwind(AssertUnwindSafe(flown)).is_err());
        }
    }
}
