//! The kernel that is always there: the crate `gemm`, on one thread.

use super::Dims;

/// out = x · aᵀ; the sizes were checked and none is 0.
#[allow(unsafe_code, reason = "the kernel crate takes pointers")]
pub fn multiply(Dims { n, m, k }: Dims, x: &[f64], a: &[f64], out: &mut [f64]) {
    let (rows, columns) = (m as isize, k as isize);
    // SAFETY: `gemm` writes the m×n matrix outᵀ with strides (1, m), which is
    // all of `out`, and reads a (m×k, strides (k, 1)) and xᵀ (k×n, strides
    // (1, k)), which are all of `a` and `x`: `Kernel::multiply` checked the sizes.
    // It does not read `out`, for `read_dst` is false.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            rows,
            1,
            false,
            a.as_ptr(),
            1,
            columns,
            x.as_ptr(),
            columns,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// out = a · x; the sizes were checked and none is 0.
#[allow(unsafe_code, reason = "the kernel crate takes pointers")]
pub fn transform(Dims { n, m, k }: Dims, a: &[f64], x: &[f64], out: &mut [f64]) {
    let (columns, inputs) = (n as isize, k as isize);
    // SAFETY: `gemm` writes the m×n matrix out with strides (n, 1), which is all of
    // `out`, and reads a (m×k, strides (k, 1)) and x (k×n, strides (n, 1)), which
    // are all of `a` and `x`: `Kernel::transform` checked the sizes. It does not
    // read `out`, for `read_dst` is false.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            columns,
            false,
            a.as_ptr(),
            1,
            inputs,
            x.as_ptr(),
            1,
            columns,
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
