//! Which build this is: version, commit, target, and what it multiplies by.

use std::sync::LazyLock;

use crate::linalg::Kernel;

/// Version and commit, as far as the sources tell: what reports say, and `hardmax -V`.
pub const VERSION: &str = env!("HARDMAX_VERSION");

/// The same, and how it was compiled: what `hardmax --version` says.
pub fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        let kernels: Vec<&str> = Kernel::ALL.iter().map(|kernel| kernel.name()).collect();
        let features = match env!("HARDMAX_TARGET_FEATURES") {
            "" => "none",
            features => features,
        };
        format!(
            "{VERSION}\ntarget    {}\nfeatures  {features}\nkernels   {}",
            env!("HARDMAX_TARGET"),
            kernels.join(", "),
        )
    });
    &LONG
}
