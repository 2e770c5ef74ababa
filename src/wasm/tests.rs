//! Claims about whole compilations.
