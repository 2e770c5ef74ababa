//! A running sum that was divided by its count and multiplied by it again.

/// How far fl(fl(S/t)·t) is from S at most, for S within 0..=`MAX_SUM` and t > 0: 0, or one unit in the last
/// place of S, in steps of 2^-53 (lemma 24 of docs/plan.md).
pub fn steps(sum: i64, count: i64) -> i64 {
    let (exact, t) = (sum as f64, count as f64);
    if exact / t * t == exact { 0 } else { 2 << sum.max(1).ilog2() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_never_farther_off_than_its_steps_and_half_of_them_at_least() {
        let mut random = fastrand::Rng::with_seed(24);
        let mut off = 0;
        for _ in 0..200_000 {
            let sum = random.i64(0..=crate::plan::limits::MAX_SUM) >> random.u32(..28);
            let count = random.i64(1..1 << 32) >> random.u32(..32);
            let count = count.max(1);
            let found = (sum as f64) / (count as f64) * (count as f64);
            let apart = ((found - sum as f64).abs() * 2f64.powi(53)) as i64;
            let steps = steps(sum, count);
            assert!(apart == steps || 2 * apart == steps, "{sum} / {count}: {apart}, {steps}");
            assert!(steps <= 2 * sum);
            off += i32::from(apart > 0);
        }
        assert!(off > 10_000, "{off}");
    }
}
