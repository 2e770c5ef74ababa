//! Where plain f64 scores stop being exact, and hull and scan must refuse.
//!
//! Gather and keyed heads have keys (2n, -n² + ε) for whole n; neighbours differ
//! by 1 in the score at the query that looks for them. The hull compares keys
//! exactly, so it needs only n² and its neighbours told apart: n ≤ 2²⁶. The scan
//! rounds scores of about 2·n² and needs them right to 1/2: n ≤ 2²⁵.

use super::{Attention, EngineError};
use crate::model::HeadKind;
use crate::plan;

/// Below every key of a token that takes part; dead tokens are at -1e30.
const DEAD: f64 = -1e28;

/// The greatest |n| up to which a hull tells the keys of n and n + 1 apart.
const MAX_HULL_KEY: u64 = plan::MAX_HULL_KEY as u64;

/// The greatest |n| up to which a scan does.
const MAX_SCAN_KEY: u64 = 1 << 25;

/// The bound on the keys of a head that is computed by a hull or a scan.
#[derive(Clone, Copy)]
pub struct Guard {
    /// The greatest |n| of a live key (2n, -n² + ε).
    limit: u64,
    attention: &'static str,
}

impl Guard {
    /// The guard of a head of this kind, if it needs one.
    pub fn new(kind: HeadKind, attention: Attention) -> Option<Guard> {
        let whole_keys = matches!(kind, HeadKind::Gather | HeadKind::Keyed);
        match attention {
            Attention::Hull if whole_keys => Some(Guard { limit: MAX_HULL_KEY, attention: "hull" }),
            Attention::Brute if whole_keys => {
                Some(Guard { limit: MAX_SCAN_KEY, attention: "brute" })
            }
            _ => None,
        }
    }

    /// Refuses a live key beyond the limit.
    pub fn check(
        self,
        layer: usize,
        head: usize,
        position: u64,
        key: [f64; 2],
    ) -> Result<(), EngineError> {
        let number = key[0] / 2.0;
        if number.abs() > self.limit as f64 && key[1] > DEAD {
            let Guard { limit, attention } = self;
            let key = number;
            return Err(EngineError::Inexact { layer, head, position, key, limit, attention });
        }
        Ok(())
    }
}
