//! Any BLAS with the C interface: OpenBLAS or Accelerate.

use cblas_sys::{CBLAS_LAYOUT, CBLAS_TRANSPOSE, cblas_dgemm, cblas_dgemv};

use super::Dims;

#[cfg(target_os = "macos")]
use accelerate_src as _;
#[cfg(feature = "openblas")]
use openblas_src as _;

/// out = x · aᵀ; the sizes were checked and none is 0.
#[allow(unsafe_code, reason = "BLAS is a C library")]
pub fn multiply(Dims { n, m, k }: Dims, x: &[f64], a: &[f64], out: &mut [f64]) {
    let size = |size: usize| i32::try_from(size).expect("a model's counts are 32-bit");
    let (n, m, k) = (size(n), size(m), size(k));
    one_thread();
    // SAFETY: row-major x (n×k), a (m×k) and out (n×m) with their row lengths as
    // strides are exactly the slices, whose sizes `Kernel::multiply` checked. With
    // beta = 0 BLAS does not read `out`.
    unsafe {
        if n == 1 {
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
        } else {
            cblas_dgemm(
                CBLAS_LAYOUT::CblasRowMajor,
                CBLAS_TRANSPOSE::CblasNoTrans,
                CBLAS_TRANSPOSE::CblasTrans,
                n,
                m,
                k,
                1.0,
                x.as_ptr(),
                k,
                a.as_ptr(),
                k,
                0.0,
                out.as_mut_ptr(),
                m,
            );
        }
    }
}

/// out = a · x; the sizes were checked and none is 0.
#[allow(unsafe_code, reason = "BLAS is a C library")]
pub fn transform(Dims { n, m, k }: Dims, a: &[f64], x: &[f64], out: &mut [f64]) {
    let size = |size: usize| i32::try_from(size).expect("a model's counts are 32-bit");
    let (n, m, k) = (size(n), size(m), size(k));
    one_thread();
    // SAFETY: row-major a (m×k), x (k×n) and out (m×n) with their row lengths as
    // strides are exactly the slices, whose sizes `Kernel::transform` checked. With
    // beta = 0 BLAS does not read `out`.
    unsafe {
        cblas_dgemm(
            CBLAS_LAYOUT::CblasRowMajor,
            CBLAS_TRANSPOSE::CblasNoTrans,
            CBLAS_TRANSPOSE::CblasNoTrans,
            m,
            n,
            k,
            1.0,
            a.as_ptr(),
            k,
            x.as_ptr(),
            n,
            0.0,
            out.as_mut_ptr(),
            n,
        );
    }
}

#[cfg(feature = "openblas")]
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

#[cfg(feature = "openblas")]
pub use openblas::description as openblas_description;
#[cfg(feature = "openblas")]
use openblas::one_thread;

#[cfg(not(feature = "openblas"))]
fn one_thread() {}
