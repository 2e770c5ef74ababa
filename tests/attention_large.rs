//! Memories of a million positions, and the addresses at which recency drowns.

use hardmax::attention::{Hull, Keyed, Memory, Violation, memory};
use hardmax::model::{HeadKind, TieBreak};

const MILLION: u32 = 1 << 20;

/// Fills a hull with (2s, -s²) in some order of s, then asks for every 997th.
fn every_position_is_found(order: impl Iterator<Item = u32>) -> Result<(), Violation> {
    let mut hull = Hull::new(TieBreak::Average);
    for s in order.map(f64::from) {
        hull.insert([2.0 * s, -s * s], [s, -s])?;
    }
    assert!(hull.heap_bytes() < 82 * MILLION as usize);
    for s in (0..MILLION).step_by(997).map(f64::from) {
        assert_eq!(hull.output([s, 1.0])?, [s, -s]);
        assert_eq!(hull.output([s + 0.25, 1.0])?, [s, -s]);
        assert_eq!(hull.output([s * 14142135623.730951, 14142135623.730951])?, [s, -s]);
    }
    let last = f64::from(MILLION - 1);
    assert_eq!(hull.output([2.5, 1.0])?, [2.5, -2.5]);
    assert_eq!(hull.output([1e9, 1.0])?, [last, -last]);
    assert_eq!(hull.output([-5.0, 1.0])?, [0.0, 0.0]);
    assert_eq!(hull.output([0.0, -1.0])?, [last, -last]);
    assert_eq!(hull.output([-1.0, 0.0])?, [0.0, 0.0]);
    Ok(())
}

#[test]
fn a_million_vertices_in_order() -> Result<(), Violation> {
    every_position_is_found(0..MILLION)
}

#[test]
fn a_million_vertices_in_reverse_order() -> Result<(), Violation> {
    every_position_is_found((0..MILLION).rev())
}

#[test]
fn a_million_vertices_in_random_order() -> Result<(), Violation> {
    // An odd multiplier permutes the numbers below a power of two.
    every_position_is_found((0..MILLION).map(|i| i.wrapping_mul(0x9e37_79b1) % MILLION))
}

#[test]
fn one_high_key_clears_a_million_vertices() -> Result<(), Violation> {
    let mut hull = Hull::new(TieBreak::Latest);
    for s in (0..MILLION).map(f64::from) {
        hull.insert([2.0 * s, -s * s], [s, 0.0])?;
    }
    hull.insert([f64::from(MILLION), 1e15], [-7.0, 0.0])?;
    for q in [1.0, 5000.0, 900_000.0] {
        assert_eq!(hull.output([q, 1.0])?, [-7.0, 0.0]);
    }
    // The ends of the chain survive, and so does a query steep enough to see them.
    assert_eq!(hull.output([-1e12, 1.0])?, [0.0, 0.0]);
    Ok(())
}

/// What a builder adds to -n² so that the latest of equal keys wins.
fn recency(position: u32) -> f64 {
    0.3 * (1.0 / 2f64.ln() - 1.0 / f64::from(position + 2).ln())
}

#[test]
fn the_latest_of_writes_whose_recency_drowned_is_found() -> Result<(), Violation> {
    let n = 65_600.0;
    let at = |position| [2.0 * n, -n * n + recency(position)];
    assert_eq!(at(100_000), at(100_005), "f64 no longer tells these apart");
    for kind in [HeadKind::Lookup, HeadKind::Keyed] {
        let mut memory = memory(kind, TieBreak::Latest)?;
        for position in 0..100_020 {
            // Writes to this address are five tokens apart; all else goes to its neighbours.
            let write = position >= 100_000 && position % 5 == 0;
            let address = if write { n } else { f64::from(65_590 + position % 10) };
            let key = [2.0 * address, -address * address + recency(position)];
            memory.insert(key, [f64::from(position), 0.0])?;
            if write {
                assert_eq!(memory.output([n, 1.0])?, [f64::from(position), 0.0], "{kind:?}");
            }
        }
        assert_eq!(memory.output([n * 1e10, 1e10])?, [100_015.0, 0.0], "{kind:?}");
    }
    Ok(())
}

#[test]
fn keyed_tells_addresses_apart_where_a_hull_cannot() -> Result<(), Violation> {
    let mut keyed = Keyed::new(TieBreak::Latest)?;
    let address = |i: u32| 2f64.powi(33) + f64::from(i);
    for i in 0..1000 {
        let n = address(i);
        keyed.insert([2.0 * n, -n * n + recency(i)], [f64::from(i), 0.0])?;
    }
    for i in 0..1000 {
        assert_eq!(keyed.output([address(i), 1.0])?, [f64::from(i), 0.0]);
    }
    Ok(())
}

#[test]
fn every_kind_is_computed_by_a_memory_that_fits_it() {
    use {HeadKind::*, TieBreak::*};
    for (kind, tie, fits) in [
        (Lookup, Average, true),
        (Lookup, Latest, true),
        (Passthrough, Average, true),
        (Passthrough, Latest, true),
        (Gather, Average, true),
        (Gather, Latest, true),
        (Keyed, Average, false),
        (Keyed, Latest, true),
        (Mean, Average, true),
        (Mean, Latest, false),
    ] {
        match memory(kind, tie) {
            Ok(_) => assert!(fits),
            Err(violation) => {
                assert!(!fits);
                assert_eq!(violation, Violation::UnfitTieBreak { kind, tie });
            }
        }
    }
}
