//! The kernel that is always there: the crate `gemm`, on one thread.

use super::Dims;

/// out = x · aᵀ; the sizes were checked and none is 0.
pub fn multiply(dims: Dims, x: &[f64], a: &[f64], out: &mut [f64]) {
    product(Rows::Positions, dims, a, x, out);
}

/// out = a · x; the sizes were checked and none is 0.
pub fn transform(dims: Dims, a: &[f64], x: &[f64], out: &mut [f64]) {
    product(Rows::Slots, dims, a, x, out);
}

/// What a row of activations is.
enum Rows {
    Positions,
    Slots,
}

/// The m×n matrix out = a · x, where x is k×n, and both x and out may be stored the other way
/// round: n×k and n×m.
#[allow(unsafe_code, reason = "the kernel crate takes pointers")]
fn product(rows: Rows, Dims { n, m, k }: Dims, a: &[f64], x: &[f64], out: &mut [f64]) {
    // Distances from a column to the next and from a row to the next, of `slots` by n.
    let strides = |slots: usize| match rows {
        Rows::Positions => (slots as isize, 1),
        Rows::Slots => (1, n as isize),
    };
    let (out_column, out_row) = strides(m);
    let (x_column, x_row) = strides(k);
    // SAFETY: with these strides `gemm` writes all of `out` and reads all of `x`, m·n and k·n
    // numbers either way round, and with (1, k) all of `a`: `Kernel` checked the sizes. It does
    // not read `out`, for `read_dst` is false.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            out_column,
            out_row,
            false,
            a.as_ptr(),
            1,
            k as isize,
            x.as_ptr(),
            x_column,
            x_row,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// What the crate will use here.
pub fn description() -> String {
    #[cfg(target_arch = "x86_64")]
    let vectors = match () {
        () if std::is_x86_feature_detected!("avx512f") => "AVX-512",
        () if std::is_x86_feature_detected!("fma") => "AVX2",
        () => "SSE2",
    };
    #[cfg(target_arch = "aarch64")]
    let vectors = "NEON";
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let vectors = "scalar";
    format!("gemm crate, {vectors}")
}
