//! Loops in the widest vector registers of the machine.

use pulp::{Arch, Simd, WithSimd};

/// Does the work, compiled for the widest registers that this machine has: once for each width,
/// of which one is taken at run time. Only what is inlined into `work` is compiled so, and `work`
/// itself must be `#[inline(always)]`.
pub fn widest<R>(arch: Arch, work: impl FnMut() -> R) -> R {
    arch.dispatch(Work(work))
}

/// A closure that is called where it stands. One that is given to `dispatch` as it is would be
/// called through a function of its own, compiled for the narrowest registers.
struct Work<F>(F);

impl<R, F: FnMut() -> R> WithSimd for Work<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}
