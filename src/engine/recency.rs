//! The recency: what the reference adds to slot 1 at every position.

/// r(t) = 1/ln 2 - 1/ln(t + 2), which grows from 0 towards 1/ln 2.
#[inline]
pub fn recency(position: u64) -> f64 {
    1.0 / std::f64::consts::LN_2 - 1.0 / (position as f64 + 2.0).ln()
}
