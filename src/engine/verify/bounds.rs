//! What bounds all numbers of a layer: so that none is infinite, and weights of 0 may be left out.
//!
//! Products here leave out weights that are 0, heads and units without effect, and what nobody
//! reads. The reference multiplies all of it, and 0 times what is not finite is no number. So the
//! two agree only where everything is finite, also what is left out. A sum of 2^c products with
//! weights up to 2^b and numbers up to 2^a is at most 2^(a+b+c), in any order. So from a residual
//! stream up to 2^90 before a layer follows what its queries, keys and values are at most, and
//! the outputs of heads, which are values or their means; then the residual stream after attention,
//! gates and factors, units as products of two, and what they add. Where all of that is below
//! 2^1022, and the logits are, too, nothing is infinite.
//!
//! Weights are looked at once. The residual stream is looked at before each layer and before the
//! output head; where it is beyond 2^90, verification ends.

use crate::engine::EngineError;
use crate::model::{Layer, Matrix, Model};

/// The greatest magnitude of a number in the residual stream, and its binary logarithm.
pub const MAX_NUMBER: f64 = (1u128 << MAX_EXPONENT) as f64;
const MAX_EXPONENT: i64 = 90;

/// What is below 2^1022 stays finite when it is added to as much.
const FINITE: i64 = 1022;

/// Whether a number of the residual stream is beyond the bound, or none.
pub fn is_great(number: f64) -> bool {
    // What is no number compares with none.
    number.is_nan() || number.abs() > MAX_NUMBER
}

/// Refuses a model whose weights leave a layer's numbers without a bound.
pub fn check_weights(model: &Model) -> Result<(), EngineError> {
    for (layers, layer) in model.layers().enumerate() {
        if greatest_of(layer) > FINITE {
            return Err(EngineError::GreatWeights { layers });
        }
    }
    if MAX_EXPONENT + gain(model.head()) > FINITE {
        return Err(EngineError::GreatWeights { layers: model.shape().layers });
    }
    Ok(())
}

/// The binary logarithm of what bounds all numbers of a layer.
fn greatest_of(layer: Layer<'_>) -> i64 {
    let Layer { attention_in, attention_out, feed_forward_in, feed_forward_out, .. } = layer;
    let values = 2 * attention_out.rows * attention_in.cols;
    let values = Matrix {
        rows: attention_out.rows,
        cols: attention_in.cols,
        data: &attention_in.data[values..],
    };
    let projected = MAX_EXPONENT + gain(attention_in);
    let outputs = MAX_EXPONENT + gain(values);
    let after_attention = MAX_EXPONENT.max(outputs + gain(attention_out)) + 1;
    let units = 2 * (after_attention + gain(feed_forward_in));
    let after_units = after_attention.max(units + gain(feed_forward_out)) + 1;
    projected.max(after_units)
}

/// The binary logarithm of what a product with a matrix multiplies magnitudes by, at most; not less
/// than 0.
fn gain(matrix: Matrix<'_>) -> i64 {
    let greatest = matrix.data.iter().fold(0.0f64, |greatest, weight| greatest.max(weight.abs()));
    let weight = if greatest > 1.0 { greatest.log2().ceil() as i64 + 1 } else { 0 };
    weight + i64::from(matrix.cols.next_power_of_two().trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LayerParts, ModelParts, Shape, Token};

    #[test]
    fn a_gain_is_that_of_a_row_of_the_greatest_weight() {
        let gain_of = |data: &[f64], cols| gain(Matrix { rows: data.len() / cols, cols, data });
        assert_eq!(gain_of(&[0.0, 0.5, -1.0, 0.25], 2), 1);
        assert_eq!(gain_of(&[0.0; 5], 5), 3);
        // 2^100 and a little more, one of two columns.
        let great = 2f64.powi(100).next_up();
        for gain in [gain_of(&[great, 0.0], 2), gain_of(&[0.0, -great], 2)] {
            assert!((102..=103).contains(&gain), "{gain}");
        }
        assert!(gain_of(&[f64::MAX], 1) >= 1024);
    }

    #[test]
    fn bundled_weights_have_a_bound_with_room() {
        let bytes = &include_bytes!("../../../models/wasm32.bin")[..];
        let model = Model::from_bytes(bytes).unwrap();
        assert_eq!(check_weights(&model), Ok(()));
        let greatest = model.layers().map(greatest_of).max();
        assert!(greatest.is_some_and(|greatest| greatest < 700), "{greatest:?}");
    }

    /// Of four slots and two units, with weights of 1 but for one of 2^e. Where it stands decides how
    /// often it is multiplied with another number: 90 + 2 bits go in, and 2 are added by each sum.
    #[test]
    fn weights_are_refused_from_where_a_number_may_be_infinite() {
        type Change = fn(&mut ModelParts, f64);
        let changes: [(Change, i32, usize); 8] = [
            (|parts, weight| parts.layers[1].attention_in[0] = weight, 929, 1),
            (|parts, weight| parts.layers[0].attention_in[31] = -weight, 929, 0),
            (|parts, weight| parts.layers[0].attention_in[32] = weight, 412, 0),
            (|parts, weight| parts.layers[1].attention_in[47] = -weight, 412, 1),
            (|parts, weight| parts.layers[0].attention_out[15] = weight, 412, 0),
            (|parts, weight| parts.layers[0].feed_forward_in[0] = weight, 412, 0),
            (|parts, weight| parts.layers[1].feed_forward_out[7] = weight, 825, 1),
            (|parts, weight| parts.head[5] = weight, 929, 2),
        ];
        let layer = LayerParts {
            attention_in: vec![1.0; 48],
            attention_out: vec![1.0; 16],
            feed_forward_in: vec![1.0; 16],
            feed_forward_out: vec![1.0; 8],
        };
        let parts = ModelParts {
            shape: Shape { vocabulary: 2, width: 4, layers: 2, heads: 2, units: 2 },
            stop: Token(1),
            vocabulary: ["a", "b"].map(str::to_owned).to_vec(),
            embedding: vec![0.0; 8],
            layers: vec![layer; 2],
            head: vec![1.0; 8],
            clears: None,
            ties: None,
            kinds: None,
        };
        for (number, (change, most, layers)) in changes.into_iter().enumerate() {
            let checked = |exponent: i32| {
                let mut parts = parts.clone();
                change(&mut parts, 2f64.powi(exponent));
                check_weights(&Model::new(parts).unwrap())
            };
            assert_eq!(checked(most), Ok(()), "{number}");
            assert_eq!(checked(most + 1), Err(EngineError::GreatWeights { layers }), "{number}");
        }
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
