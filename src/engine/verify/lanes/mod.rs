//! Predictions of many positions at once, in vector registers.
//!
//! What only predictions need of a step is straight-line code that may be deferred
//! (`plan/code/deferred.rs`).
//! Positions with the same code wait in a batch until there are 64 of them or a
//! block ends. Then each operation is done for all lanes before the next: a loop over
//! arrays, compiled for every width of vector registers and dispatched at run time.
//! All arithmetic is that of a step, on whole numbers, so predictions are the same.

mod code;
mod registers;

use pulp::Arch;

use code::Code;
use registers::Registers;

use crate::engine::execute::{Execution, GuardFailure};
use crate::engine::verify::vectors::widest;
use crate::model::Token;
use crate::plan::{Deferred, POSITION, PREDICTION, Plan};

/// Positions in a batch: enough to forget what an operation costs to look at, and few enough
/// for all registers of most code to stay in the first cache.
const LANES: usize = 64;

/// Batches of one thread.
pub struct Lanes<'p> {
    plan: &'p Plan,
    /// All tokens: code reads none after its lane's position.
    trace: &'p [u16],
    arch: Arch,
    /// By number of the code.
    batches: Vec<Batch>,
    registers: Registers,
}

/// Positions that wait for the same code.
struct Batch {
    count: usize,
    positions: [i64; LANES],
    /// Input after input, [`LANES`] of each.
    inputs: Vec<i64>,
}

impl Batch {
    fn new(code: &Deferred) -> Batch {
        let inputs = vec![0; code.inputs.len() * LANES];
        Batch { count: 0, positions: [0; LANES], inputs }
    }
}

/// What is known of positions whose predictions were compared.
#[derive(Default)]
pub struct Judged {
    /// Tokens that are not what is predicted.
    pub mismatches: u64,
    /// The first of them: its place, and what is predicted there.
    pub first: Option<(u64, Token)>,
    /// The first position at which a guard failed.
    pub failure: Option<(u64, GuardFailure)>,
}

impl<'p> Lanes<'p> {
    /// With batches in which no position waits.
    pub fn new(plan: &'p Plan, trace: &'p [u16]) -> Lanes<'p> {
        let registers = Registers { all: Vec::new(), count: 0 };
        Lanes { plan, trace, arch: Arch::new(), batches: Vec::new(), registers }
    }

    /// Puts the position of the latest step into the batch of the code that it left.
    #[inline]
    pub fn push(
        &mut self,
        execution: &Execution<'_>,
        number: usize,
        position: usize,
        judged: &mut Judged,
    ) {
        let code = execution.deferred_code();
        if number >= self.batches.len() {
            self.batches.extend(code[self.batches.len()..].iter().map(Batch::new));
        }
        let (deferred, batch) = (&code[number], &mut self.batches[number]);
        batch.positions[batch.count] = position as i64;
        let step = execution.registers();
        for (lanes, &input) in batch.inputs.chunks_exact_mut(LANES).zip(&deferred.inputs) {
            lanes[batch.count] = step[usize::from(input)];
        }
        batch.count += 1;
        if batch.count == LANES {
            self.predict(number, deferred, execution.token_tables(), judged);
        }
    }

    /// Predicts for all positions that wait.
    pub fn flush(&mut self, execution: &Execution<'_>, judged: &mut Judged) {
        for (number, deferred) in execution.deferred_code().iter().enumerate() {
            if self.batches.get(number).is_some_and(|batch| batch.count > 0) {
                self.predict(number, deferred, execution.token_tables(), judged);
            }
        }
    }

    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        let inputs: usize = self.batches.iter().map(|batch| batch.inputs.len()).sum();
        (inputs + self.registers.all.len()) * size_of::<i64>()
            + self.batches.capacity() * size_of::<Batch>()
    }

    fn predict(&mut self, number: usize, deferred: &Deferred, tables: &[i64], judged: &mut Judged) {
        let batch = &mut self.batches[number];
        self.registers.begin(deferred, batch);
        batch.count = 0;
        let code = Code { plan: self.plan, trace: self.trace, tables };
        let registers = &mut self.registers;
        let failure = widest(
            self.arch,
            #[inline(always)]
            || code.run(&deferred.ops, registers),
        );
        let positions = registers.of(POSITION);
        if let Some((lane, failure)) = failure {
            judged.fails(batch.positions[lane] as usize, failure);
        }
        for (&position, &prediction) in positions.iter().zip(registers.of(PREDICTION)) {
            let at = position as usize;
            judged.compare(at, Token(prediction as u32), self.trace[at + 1]);
        }
    }
}

impl Judged {
    /// A guard failed at a position: the first of them counts.
    pub fn fails(&mut self, position: usize, failure: GuardFailure) {
        let failure = (position as u64, failure);
        self.failure = self.failure.into_iter().chain([failure]).min_by_key(|failure| failure.0);
    }

    /// Compares what is predicted at a position with the token that follows it.
    #[inline]
    pub fn compare(&mut self, position: usize, predicted: Token, next: u16) {
        if predicted.0 != u32::from(next) {
            self.mismatches += 1;
            let wrong = (position as u64 + 1, predicted);
            self.first = self.first.into_iter().chain([wrong]).min_by_key(|wrong| wrong.0);
        }
    }
}
