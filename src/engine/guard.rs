//! Where plain f64 scores stop being exact, and hull and scan must refuse.
//!
//! Gather and keyed heads have keys (2n, -n² + ε) for whole n; neighbours differ
//! by 1 in the score at the query that looks for them. The hull compares keys
//! exactly, so it needs only n² and its neighbours told apart: n ≤ 2²⁶. The scan
//! rounds scores of about 2·n² and needs them right to 1/2: n ≤ 2²⁵.

use super::{Attention, EngineError};
use crate::model::HeadKind;

/// Below every key of a token that takes part; dead tokens are at -1e30.
const DEAD: f64 = -1e28;

/// What a head's keys must not exceed.
#[derive(Clone, Copy)]
pub struct Guard {
    limit: u64,
    attention: &'static str,
}

impl Guard {
    /// The guard of a head of this kind, if it needs one.
    pub fn new(kind: HeadKind, attention: Attention) -> Option<Guard> {
        let whole_keys = matches!(kind, HeadKind::Gather | HeadKind::Keyed);
        match attention {
            Attention::Hull if whole_keys => Some(Guard { limit: 1 << 26, attention: "hull" }),
            Attention::Brute if whole_keys => Some(Guard { limit: 1 << 25, attention: "brute" }),
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
