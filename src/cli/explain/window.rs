//! Which tokens a page shows: those before the one that is explained, and what heads found farther back.

use std::collections::BTreeSet;

/// Tokens that stand before the one that is explained.
const BEFORE: usize = 18;

/// Tokens on each side of one that a head found.
const BESIDE: usize = 1;

/// Positions, ascending, the last of which is `position`.
pub fn around(position: usize, found: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let near = position.saturating_sub(BEFORE)..=position;
    let far = found.into_iter().flat_map(|at| at.saturating_sub(BESIDE)..=at + BESIDE);
    let all: BTreeSet<usize> = near.chain(far).filter(|&at| at <= position).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_stands_with_its_neighbours() {
        let expected: Vec<usize> = [0, 1, 49, 50, 51].into_iter().chain(82..=100).collect();
        assert_eq!(around(100, [0, 50, 100]), expected);
        assert_eq!(around(2, [1]), [0, 1, 2]);
    }
}
