//! Any BLAS with the C interface: OpenBLAS or Accelerate.

use cblas_sys::{CBLAS_LAYOUT, CBLAS_TRANSPOSE, cblas_dgemm, cblas_dgemv};

use super::{Dims, portable};

#[cfg(blas = "accelerate")]
use accelerate_src as _;
#[cfg(blas = "openblas")]
use openblas_src as _;

/// out = x · aᵀ; the sizes were checked and none is 0.
pub fn multiply(dims: Dims, x: &[f64], a: &[f64], out: &mut [f64]) {
    match sizes(dims) {
        Some([1, m, k]) => row([m, k], x, a, out),
        Some(sizes) => product(sizes, x, (CBLAS_TRANSPOSE::CblasTrans, a), out),
        None => portable::multiply(dims, x, a, out),
    }
}

/// out = a · x; the sizes were checked and none is 0.
pub fn transform(dims: Dims, a: &[f64], x: &[f64], out: &mut [f64]) {
    match sizes(dims) {
        Some([n, m, k]) => product([m, n, k], a, (CBLAS_TRANSPOSE::CblasNoTrans, x), out),
        None => portable::transform(dims, a, x, out),
    }
}

/// BLAS counts in 32 bits: what is larger is left to the portable kernel.
fn sizes(Dims { n, m, k }: Dims) -> Option<[i32; 3]> {
    Some([n.try_into().ok()?, m.try_into().ok()?, k.try_into().ok()?])
}

/// out = a · x, where x is one position.
#[allow(unsafe_code, reason = "BLAS is a C library")]
fn row([m, k]: [i32; 2], x: &[f64], a: &[f64], out: &mut [f64]) {
    one_thread();
    // SAFETY: row-major a (m×k), x (k) and out (m) are exactly the slices, whose sizes
    // `Kernel::multiply` checked. With beta = 0 BLAS does not read `out`.
    unsafe {
        cblas_dgemv(
            CBLAS_LAYOUT::CblasRowMajor,
            CBLAS_TRANSPOSE::CblasNoTrans,
            m,
            k,
            1.0,
            a.as_ptr(),
            k,
            x.as_ptr(),
            1,
            0.0,
            out.as_mut_ptr(),
            1,
        );
    }
}

/// out (rows × columns) = left (rows × k) · right (k × columns), where right may be stored
/// transposed.
#[allow(unsafe_code, reason = "BLAS is a C library")]
fn product(
    [rows, columns, k]: [i32; 3],
    left: &[f64],
    (transpose, right): (CBLAS_TRANSPOSE, &[f64]),
    out: &mut [f64],
) {
    one_thread();
    let right_row = if matches!(transpose, CBLAS_TRANSPOSE::CblasTrans) { k } else { columns };
    // SAFETY: the three row-major matrices, with the lengths of their rows as strides, are
    // exactly the slices, whose sizes `Kernel` checked. With beta = 0 BLAS does not read `out`.
    unsafe {
        cblas_dgemm(
            CBLAS_LAYOUT::CblasRowMajor,
            CBLAS_TRANSPOSE::CblasNoTrans,
            transpose,
            rows,
            columns,
            k,
            1.0,
            left.as_ptr(),
            k,
            right.as_ptr(),
            right_row,
            0.0,
            out.as_mut_ptr(),
            columns,
        );
    }
}

#[cfg(blas = "openblas")]
#[allow(unsafe_code, reason = "functions that the C interface leaves out")]
mod openblas {
    use std::ffi::{CStr, c_char, c_int};

    unsafe extern "C" {
        fn openblas_set_num_threads(threads: c_int);
        fn openblas_get_config() -> *const c_char;
        fn openblas_get_corename() -> *const c_char;
    }

    /// Threads are this crate's business: BLAS gets one, once.
    pub fn one_thread() {
        static ONCE: std::sync::Once = std::sync::Once::new();
        // SAFETY: it takes any positive number, at any time.
        ONCE.call_once(|| unsafe { openblas_set_num_threads(1) });
    }

    pub fn description() -> String {
        // SAFETY: both return pointers to NUL-terminated strings that live as long
        // as the process.
        let [config, core] = unsafe { [openblas_get_config(), openblas_get_corename()] }
            .map(|text| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned());
        let version: Vec<&str> = config.split_whitespace().take(2).collect();
        format!("{}, {core}", version.join(" "))
    }
}

#[cfg(blas = "openblas")]
pub use openblas::description as openblas_description;
#[cfg(blas = "openblas")]
use openblas::one_thread;

#[cfg(not(blas = "openblas"))]
fn one_thread() {}
