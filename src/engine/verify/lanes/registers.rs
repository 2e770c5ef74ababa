//! Registers of as many positions as there are lanes.

use super::{Batch, LANES};
use crate::engine::operations::{Candidate, Contest};
use crate::plan::{BEST, CEILING, Deferred, POSITION, PREDICTION, Reg};

/// Registers, each of them [`LANES`] numbers, of which the first `count` are in use.
pub struct Registers {
    pub all: Vec<i64>,
    pub count: usize,
}

impl Registers {
    pub fn begin(&mut self, deferred: &Deferred, batch: &Batch) {
        self.count = batch.count;
        // The first is always 0.
        self.all.resize(self.all.len().max(deferred.registers * LANES), 0);
        self.all[usize::from(POSITION) * LANES..][..LANES].copy_from_slice(&batch.positions);
        let inputs = usize::from(Deferred::INPUT) * LANES;
        self.all[inputs..][..batch.inputs.len()].copy_from_slice(&batch.inputs);
    }

    #[inline(always)]
    pub fn of(&self, reg: Reg) -> &[i64] {
        &self.all[usize::from(reg) * LANES..][..self.count]
    }

    /// dst = f(a): operands have lower numbers.
    #[inline(always)]
    pub fn one(&mut self, dst: Reg, a: Reg, f: impl Fn(i64) -> i64) {
        let (operands, dst) = self.all.split_at_mut(usize::from(dst) * LANES);
        let a = &operands[usize::from(a) * LANES..][..self.count];
        for (dst, &a) in dst[..self.count].iter_mut().zip(a) {
            *dst = f(a);
        }
    }

    /// dst = f(a, b)
    #[inline(always)]
    pub fn two(&mut self, dst: Reg, a: Reg, b: Reg, f: impl Fn(i64, i64) -> i64) {
        let (operands, dst) = self.all.split_at_mut(usize::from(dst) * LANES);
        let of = |reg: Reg| &operands[usize::from(reg) * LANES..][..self.count];
        for ((dst, &a), &b) in dst[..self.count].iter_mut().zip(of(a)).zip(of(b)) {
            *dst = f(a, b);
        }
    }

    /// The first lane for which a check fails.
    #[inline(always)]
    pub fn first(&self, a: Reg, fails: impl Fn(i64) -> bool) -> Option<usize> {
        self.of(a).iter().position(|&a| fails(a))
    }

    /// Sets the prediction of each lane.
    #[inline(always)]
    pub fn predict(&mut self, of: impl Fn(&Registers, usize) -> u32) {
        for lane in 0..self.count {
            let token = i64::from(of(self, lane));
            self.all[usize::from(PREDICTION) * LANES + lane] = token;
        }
    }

    /// What was compared so far for a lane.
    #[inline(always)]
    pub fn contest_of(&self, lane: usize) -> Contest {
        let [token, logit, ceiling] = [PREDICTION, BEST, CEILING].map(|reg| self.of(reg)[lane]);
        Contest { best: Candidate { token, logit }, ceiling }
    }

    /// Compares the logits of more tokens, which may be off.
    #[inline(always)]
    pub fn contest(&mut self, with: impl Fn(&Registers, Contest, usize) -> Contest) {
        for lane in 0..self.count {
            let Contest { best, ceiling } = with(self, self.contest_of(lane), lane);
            let numbers = [(PREDICTION, best.token), (BEST, best.logit), (CEILING, ceiling)];
            for (reg, number) in numbers {
                self.all[usize::from(reg) * LANES + lane] = number;
            }
        }
    }

    /// Predicts tokens that beat the best so far.
    #[inline(always)]
    pub fn beat(&mut self, of: impl Fn(&Registers, usize) -> Candidate) {
        for lane in 0..self.count {
            let candidate = of(self, lane);
            let [best, prediction] = [BEST, PREDICTION].map(|reg| usize::from(reg) * LANES + lane);
            let so_far = Candidate { token: self.all[prediction], logit: self.all[best] };
            if candidate.beats(so_far) {
                (self.all[prediction], self.all[best]) = (candidate.token, candidate.logit);
            }
        }
    }
}
