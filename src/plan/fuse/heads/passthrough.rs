//! Passthrough: the output is the value at hand (lemma 16 of docs/plan.md). Either
//!
//! - kx = c·t + d with c > 0, ky constant, and a query (qx, qy) with qx > 0 and qy ≥ 0: the score
//!   grows strictly with the position. A file that calls such a head a gather or keyed promises keys
//!   that lie less than 1 above the parabola: with ky ≥ 1 its memory refuses position 1, but with
//!   less it might take a key that lies 1 above for one that does not, so then ky ≥ 1 is asked for;
//!   or
//! - all keys are equal, position 0's too, and ties go to the latest: whatever is asked, all win.

use super::{Parts, Row};
use crate::model::{HeadKind, TieBreak};
use crate::plan::expression::arena::Arena;
use crate::plan::fuse::Stream;
use crate::plan::fuse::value::Value;

/// Whether a head with this key, clear terms included, is one.
pub(super) fn is_passthrough(parts: &Parts, key: &[Value; 2], slots: &Stream) -> bool {
    let [Some(first_x), Some(first_y)] = parts.at_zero.key else { return false };
    let constant = [0, 1].map(|i| key[i].as_constant().map(|constant| constant as f64));
    if parts.tie == TieBreak::Latest && constant == parts.at_zero.key {
        return true;
    }
    let (Some(kx), Some(ky)) = (key[0].as_exact(), key[1].as_constant()) else { return false };
    let grows = match kx.terms[..] {
        // Position 1 is beyond position 0, all exactly.
        [(Arena::POSITION, c)] if c > 0 => (i128::from(c) + i128::from(kx.c)) as f64 > first_x,
        _ => false,
    };
    let is_on_no_parabola = !matches!(parts.kind, HeadKind::Gather | HeadKind::Keyed) || ky >= 1;
    is_on_no_parabola
        && grows
        && ky as f64 >= first_y
        && is_ahead(&parts.query[0], slots, true)
        && is_ahead(&parts.query[1], slots, false)
}

/// Whether a row is never negative, or never 0 either. Terms of one sign cannot cancel, so the
/// rounded sum has the sign of the exact one.
fn is_ahead(weights: &Row, slots: &Stream, strictly: bool) -> bool {
    let mut positive = !strictly;
    for &(slot, weight) in weights {
        let Some(affine) = slots[slot].as_exact() else { return false };
        let sign = match affine.terms[..] {
            [] if affine.c as f64 * weight >= 0.0 => affine.c != 0,
            [(Arena::POSITION, c)]
                if c as f64 * weight > 0.0 && affine.c as f64 * weight >= 0.0 =>
            {
                true
            }
            _ => return false,
        };
        positive |= sign;
    }
    positive
}
