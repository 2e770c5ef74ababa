//! Dense products, whoever computes them.
//!
//! Weights are row-major with a row for each output. Activations of one position
//! are a row: `Kernel::multiply` is X·Aᵀ, of n positions with m outputs over k
//! inputs. Where many positions are computed at once, activations are row-major the
//! other way round, with a row for each slot and a column for each position, so that all that
//! is done to a slot is done to neighbours: `Kernel::transform` is A·X.
//!
//! A [`Kernel`] is chosen once, by name; it is what runs, and what is reported. The portable one
//! is always there, and beside it at most one BLAS: OpenBLAS with the feature `openblas`, else
//! Accelerate on macOS. Both have the same names for their functions, so a build has one
//! of them, which `build.rs` decides. Sums may
//! be taken in any order and with fused multiply-add: that this changes no token is the model's
//! affair, whose numbers are whole where they decide one. Only of logits the engine takes care
//! itself (`engine/greatest.rs`).

#[cfg(blas)]
mod blas;
mod portable;

use std::fmt;

use thiserror::Error;

/// An implementation of dense products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// The crate `gemm`: pure Rust, picks vector instructions at run time.
    Portable,
    /// OpenBLAS, one thread.
    #[cfg(blas = "openblas")]
    OpenBlas,
    /// Apple's Accelerate.
    #[cfg(blas = "accelerate")]
    Accelerate,
}

/// A kernel that this build does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("this build has no kernel {name:?}, only {has}{hint}")]
pub struct NoKernel {
    name: String,
    has: String,
    hint: &'static str,
}

impl Kernel {
    /// Every kernel of this build, the preferred one first.
    pub const ALL: &[Kernel] = &[
        #[cfg(blas = "openblas")]
        Kernel::OpenBlas,
        #[cfg(blas = "accelerate")]
        Kernel::Accelerate,
        Kernel::Portable,
    ];

    /// The preferred kernel of this build.
    pub fn preferred() -> Kernel {
        Kernel::ALL[0]
    }

    /// The kernel of that name.
    pub fn named(name: &str) -> Result<Kernel, NoKernel> {
        Kernel::ALL.iter().copied().find(|kernel| kernel.name() == name).ok_or_else(|| NoKernel {
            name: name.to_owned(),
            has: Kernel::ALL.iter().map(|kernel| kernel.name()).collect::<Vec<_>>().join(", "),
            hint: match name {
                "openblas" => "; build with --features openblas",
                "accelerate" => "; it comes with macOS, where openblas does not take its place",
                _ => "",
            },
        })
    }

    /// Its name, in flags and reports.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Portable => "portable",
            #[cfg(blas = "openblas")]
            Kernel::OpenBlas => "openblas",
            #[cfg(blas = "accelerate")]
            Kernel::Accelerate => "accelerate",
        }
    }

    /// What the library found on this machine.
    pub fn description(self) -> String {
        match self {
            Kernel::Portable => portable::description(),
            #[cfg(blas = "openblas")]
            Kernel::OpenBlas => blas::openblas_description(),
            #[cfg(blas = "accelerate")]
            Kernel::Accelerate => "Accelerate".into(),
        }
    }

    /// out (n×m) = x (n×k) · aᵀ, where a is m×k.
    ///
    /// # Panics
    ///
    /// When a slice does not have the size that `dims` gives it.
    pub(crate) fn multiply(self, dims: Dims, x: &[f64], a: &[f64], out: &mut [f64]) {
        let Dims { n, m, k } = dims;
        assert_eq!((x.len(), a.len(), out.len()), (n * k, m * k, n * m), "sizes of a product");
        if k == 0 {
            out.fill(0.0);
        } else if n > 0 && m > 0 {
            match self {
                Kernel::Portable => portable::multiply(dims, x, a, out),
                #[cfg(blas = "openblas")]
                Kernel::OpenBlas => blas::multiply(dims, x, a, out),
                #[cfg(blas = "accelerate")]
                Kernel::Accelerate => blas::multiply(dims, x, a, out),
            }
        }
    }

    /// out (m×n) = a (m×k) · x (k×n).
    ///
    /// # Panics
    ///
    /// When a slice does not have the size that `dims` gives it.
    pub(crate) fn transform(self, dims: Dims, a: &[f64], x: &[f64], out: &mut [f64]) {
        let Dims { n, m, k } = dims;
        assert_eq!((a.len(), x.len(), out.len()), (m * k, k * n, m * n), "sizes of a product");
        if k == 0 {
            out.fill(0.0);
        } else if n > 0 && m > 0 {
            match self {
                Kernel::Portable => portable::transform(dims, a, x, out),
                #[cfg(blas = "openblas")]
                Kernel::OpenBlas => blas::transform(dims, a, x, out),
                #[cfg(blas = "accelerate")]
                Kernel::Accelerate => blas::transform(dims, a, x, out),
            }
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Sizes of a product: n positions, m outputs, k inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dims {
    /// Positions.
    pub n: usize,
    /// Outputs.
    pub m: usize,
    /// Inputs.
    pub k: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plain twin of every kernel.
    fn plain(Dims { n, m, k }: Dims, x: &[f64], a: &[f64]) -> Vec<f64> {
        let dot = |i: usize, j: usize| (0..k).map(|l| x[i * k + l] * a[j * k + l]).sum();
        (0..n * m).map(|at| dot(at / m, at % m)).collect()
    }

    fn transposed(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
        (0..rows * columns).map(|at| matrix[at % rows * columns + at / rows]).collect()
    }

    #[test]
    fn every_kernel_multiplies_whole_numbers_exactly_in_every_size() {
        let sizes = [0, 1, 2, 3, 7, 8, 31, 36, 65, 200];
        for kernel in Kernel::ALL {
            for n in [0, 1, 2, 5, 64] {
                for (m, k) in sizes.iter().flat_map(|&m| sizes.map(|k| (m, k))) {
                    let dims = Dims { n, m, k };
                    let whole = |at: usize| ((at * 7919 + at / 3) % 2001) as f64 - 1000.0;
                    let x: Vec<f64> = (0..n * k).map(whole).collect();
                    let a: Vec<f64> = (0..m * k).map(|at| whole(at + 13) * 1024.0).collect();
                    let mut out = vec![f64::NAN; n * m];
                    kernel.multiply(dims, &x, &a, &mut out);
                    assert_eq!(out, plain(dims, &x, &a), "{kernel} {dims:?}");

                    let columns = transposed(&x, n, k);
                    let mut out_columns = vec![f64::NAN; m * n];
                    kernel.transform(dims, &a, &columns, &mut out_columns);
                    assert_eq!(out_columns, transposed(&out, n, m), "{kernel} {dims:?}");
                }
            }
        }
    }

    #[test]
    fn a_kernel_that_is_not_there_is_refused_by_name() {
        let error = Kernel::named("mkl").unwrap_err().to_string();
        assert!(error.contains("mkl") && error.contains("portable"), "{error}");
        assert_eq!(Kernel::named("portable"), Ok(Kernel::Portable));
    }
}
