//! What bounds all numbers of a layer: so that none is infinite, and weights of 0 may be left out.
//!
//! Products here leave out weights that are 0, heads and units without effect, and what nobody
//! reads. The reference multiplies all of it, and 0 times what is not finite is no number. So the
//! two agree only where everything is finite, also what is left out. With weights up to 2^b, the
//! residual stream up to 2^a before a layer, and no more than 2^20 slots and units,
//!
//! - queries, keys, values and therefore the outputs of heads are at most 2^(a+b+20);
//! - the residual stream after attention is at most 2^a + 2^(a+2b+40), less than 2^(a+2b+41);
//! - gates and factors are at most 2^(a+3b+61), and units 2^(2a+6b+122);
//! - what units add is at most 2^(2a+7b+142), and logits 2^(a+b+20).
//!
//! For b = 100 and a = 90 this is below 2^1023. Weights are looked at once, the residual stream
//! before each layer and before the output head; where it is beyond, verification ends.

use crate::engine::EngineError;
use crate::model::{Layer, Model};

/// The greatest magnitude of a weight.
const MAX_WEIGHT: f64 = (1u128 << 100) as f64;

/// The greatest magnitude of a number in the residual stream.
pub const MAX_NUMBER: f64 = (1u128 << 90) as f64;

/// The most columns of a matrix.
const MAX_WIDTH: usize = 1 << 20;

/// Whether a number of the residual stream is beyond the bound, or none.
pub fn is_great(number: f64) -> bool {
    // What is no number compares with none.
    number.is_nan() || number.abs() > MAX_NUMBER
}

/// Refuses a model whose weights leave a layer's numbers without a bound.
pub fn check_weights(model: &Model) -> Result<(), EngineError> {
    let layers = model.layers().flat_map(|layer| {
        let Layer { attention_in, attention_out, feed_forward_in, feed_forward_out, .. } = layer;
        [attention_in, attention_out, feed_forward_in, feed_forward_out]
    });
    for matrix in layers.chain([model.head()]) {
        if let Some(&weight) = matrix.data.iter().find(|weight| weight.abs() > MAX_WEIGHT) {
            return Err(EngineError::GreatWeight { weight });
        }
        if matrix.cols > MAX_WIDTH {
            return Err(EngineError::Wide { columns: matrix.cols });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_a_layer_are_finite() {
        let (a, b) = (MAX_NUMBER.log2(), MAX_WEIGHT.log2());
        assert_eq!((a, b), (90.0, 100.0));
        assert!(2.0 * a + 7.0 * b + 142.0 < 1023.0);
    }

    #[test]
    fn what_is_no_number_is_great() {
        for number in [f64::NAN, f64::INFINITY, -f64::INFINITY, -1e30, MAX_NUMBER.next_up()] {
            assert!(is_great(number), "{number}");
        }
        for number in [0.0, 1.0, MAX_NUMBER, -MAX_NUMBER] {
            assert!(!is_great(number), "{number}");
        }
    }
}
