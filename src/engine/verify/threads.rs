//! How many threads a verification gets, and where they come from.
//!
//! Dense products are shared among all cores. Through the plan each thread passes over what
//! comes before its part and makes code of its own (`segments.rs`), which only a long trace
//! pays back: below [`WORTH_THREADS`] tokens one thread is faster than two.

use std::hint::black_box;
use std::io;
use std::num::NonZero;
use std::sync::mpsc;

use rayon::{ThreadPool, ThreadPoolBuilder};
use thiserror::Error;

use super::Method;

/// Bytes of a worker thread's own: recursion is shallow, and everything large is on the heap.
const WORKER_STACK: usize = 128 << 10;

/// Bytes that a thread takes before its first line: its stack, another for signals, its local storage.
const BEGINNING: usize = WORKER_STACK + (128 << 10);

/// Shorter traces go through the plan in less time than a second thread needs for code of its own.
pub(crate) const WORTH_THREADS: usize = 8_000_000;

/// Threads for each core, at most: more only wait for each other, whatever the blocks.
pub(crate) const MOST_FOR_A_CORE: usize = 4;

/// How many cores there are, as far as the system tells.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The system gives no such threads.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no pool of {threads} threads: {reason}")]
pub struct NoThreads {
    threads: usize,
    reason: String,
}

impl Method {
    /// So many threads, or if nobody says how many, those that are fastest for this method and a
    /// trace of so many tokens, where that is known: one for each core, or only one. Of more than
    /// [`MOST_FOR_A_CORE`] only these run, and reports say how many those are.
    pub(crate) fn pool(
        self,
        threads: Option<NonZero<u16>>,
        tokens: Option<usize>,
    ) -> Result<ThreadPool, NoThreads> {
        let threads = match threads {
            Some(threads) => usize::from(threads.get()).min(MOST_FOR_A_CORE * cores()),
            None => self.threads(tokens),
        };
        ThreadPoolBuilder::new()
            .num_threads(threads)
            .spawn_handler(begin)
            .build()
            .map_err(|error| NoThreads { threads, reason: error.to_string() })
    }

    fn threads(self, tokens: Option<usize>) -> usize {
        let short = tokens.is_some_and(|tokens| tokens < WORTH_THREADS);
        match self {
            Method::Plan if short => 1,
            _ => cores(),
        }
    }
}

/// Begins a worker thread, and waits until it has what it takes from the system. Where memory is short the
/// standard library would panic in it; threads that begin at once would take each other's.
fn begin(worker: rayon::ThreadBuilder) -> io::Result<()> {
    Vec::<u8>::new().try_reserve_exact(BEGINNING)?;
    let (begins, has_begun) = mpsc::channel::<()>();
    std::thread::Builder::new().stack_size(WORKER_STACK).spawn(move || {
        // Its first allocation reserves address space, for a moment twice as much as it keeps.
        drop(black_box(Box::new(0u8)));
        drop(begins);
        worker.run();
    })?;
    // Nothing is sent: the end of the channel says it.
    let _ = has_begun.recv();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_traces_go_through_the_plan_on_one_thread() {
        let threads =
            |method: Method, tokens| method.pool(None, tokens).unwrap().current_num_threads();
        assert_eq!(threads(Method::Plan, Some(WORTH_THREADS - 1)), 1);
        assert_eq!(threads(Method::Plan, Some(WORTH_THREADS)), cores());
        for tokens in [None, Some(0), Some(WORTH_THREADS)] {
            assert_eq!(threads(Method::Dgemm, tokens), cores());
            assert_eq!(threads(Method::Spot, tokens), cores());
        }
    }

    #[test]
    fn who_says_how_many_gets_them() {
        for method in [Method::Dgemm, Method::Spot, Method::Plan] {
            let pool = method.pool(NonZero::new(3), Some(1)).unwrap();
            assert_eq!(pool.current_num_threads(), 3);
            let most = method.pool(NonZero::new(1024), Some(1)).unwrap().current_num_threads();
            assert_eq!(most, (MOST_FOR_A_CORE * cores()).min(1024));
        }
    }
}
