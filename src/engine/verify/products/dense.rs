//! Dense products of a layer: matrices without the rows and columns that are all zero.
//!
//! Of a layer's matrices most rows serve heads and units without effect, and most columns
//! slots that the layer does not read. What is left is still dense and
//! still a matrix product: no weight that matters is treated in any special way.

use super::{Parts, Unit};
use crate::engine::verify::chunk::{CHUNK, Row};
use crate::linalg::{Dims, Kernel};
use crate::model::Matrix;

/// A matrix over some of its rows and columns; the rest is zero or does not matter.
pub struct Shrunk {
    rows: usize,
    columns: Vec<usize>,
    /// `rows` × `columns.len()` weights, row after row.
    weights: Vec<f64>,
}

impl Shrunk {
    /// These rows, in this order, and of the columns that are `wanted` those that are not zero in
    /// them.
    pub fn new(matrix: Matrix<'_>, rows: &[usize], wanted: impl Fn(usize) -> bool) -> Shrunk {
        let reads = |column: usize| rows.iter().any(|&row| matrix.row(row)[column] != 0.0);
        let columns: Vec<usize> =
            (0..matrix.cols).filter(|&column| wanted(column) && reads(column)).collect();
        let weights = rows
            .iter()
            .flat_map(|&row| columns.iter().map(move |&column| matrix.row(row)[column]))
            .collect();
        Shrunk { rows: rows.len(), columns, weights }
    }

    /// The weights of a row, over `columns`.
    pub fn row(&self, at: usize) -> &[f64] {
        &self.weights[at * self.columns.len()..][..self.columns.len()]
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The matrix's columns that are read.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// `out` = this · x. `slot` gives the row of x that a column reads; `input` is
    /// room for these rows, side by side.
    pub fn apply<'x>(
        &self,
        kernel: Kernel,
        slot: impl Fn(usize) -> &'x Row,
        input: &mut Vec<Row>,
        out: &mut [Row],
    ) {
        input.clear();
        input.extend(self.columns.iter().map(|&column| slot(column)));
        self.multiply(kernel, input, out);
    }

    /// The product with rows that were gathered already.
    pub fn multiply(&self, kernel: Kernel, input: &[Row], out: &mut [Row]) {
        let dims = Dims { n: CHUNK, m: self.rows, k: self.columns.len() };
        kernel.transform(dims, &self.weights, input.as_flattened(), out.as_flattened_mut());
    }
}

/// The products of a layer.
pub struct Dense {
    kernel: Kernel,
    attention_in: Shrunk,
    attention_out: Shrunk,
    /// By column of `attention_out`, the row that it reads.
    outputs: Vec<Option<usize>>,
    unit_inputs: Shrunk,
    units: Vec<Unit>,
    feed_forward_out: Shrunk,
}

/// Room for the products of one thread.
#[derive(Default)]
pub struct DenseScratch {
    input: Vec<Row>,
    units: Vec<Row>,
    gated: Vec<Row>,
}

impl Dense {
    pub fn new(parts: &Parts<'_>, kernel: Kernel) -> Dense {
        let Parts { layer, projected, outputs, units, .. } = parts;
        let is_live = |unit: usize| units.binary_search_by_key(&unit, |u| u.number).is_ok();
        Dense {
            kernel,
            attention_in: Shrunk::new(layer.attention_in, projected, |_| true),
            attention_out: Shrunk::new(layer.attention_out, &parts.after_attention, |column| {
                outputs[column].is_some()
            }),
            outputs: outputs.to_vec(),
            unit_inputs: Shrunk::new(layer.feed_forward_in, &parts.unit_inputs, |_| true),
            units: units.clone(),
            feed_forward_out: Shrunk::new(layer.feed_forward_out, &parts.after_units, is_live),
        }
    }

    /// What heads read, from the residual stream.
    pub fn project(&self, x: &[Row], out: &mut [Row], scratch: &mut DenseScratch) {
        self.attention_in.apply(self.kernel, |slot| &x[slot], &mut scratch.input, out);
    }

    /// What heads add. `rows` are those of the projection, then of the outputs.
    pub fn attend(&self, rows: &[Row], out: &mut [Row], scratch: &mut DenseScratch) {
        let row = |column: usize| {
            &rows[self.outputs[column].expect("columns without an output are left out")]
        };
        self.attention_out.apply(self.kernel, row, &mut scratch.input, out);
    }

    /// What units add.
    pub fn feed_forward(&self, x: &[Row], out: &mut [Row], scratch: &mut DenseScratch) {
        let DenseScratch { input, units, gated } = scratch;
        units.resize(self.unit_inputs.rows, [0.0; CHUNK]);
        self.unit_inputs.apply(self.kernel, |slot| &x[slot], input, units);
        gated.resize(self.units.len(), [0.0; CHUNK]);
        for (unit, gated) in self.units.iter().zip(&mut *gated) {
            let (gates, factors) = (&units[unit.gate], &units[unit.factor]);
            for at in 0..CHUNK {
                gated[at] = gates[at].max(0.0) * factors[at];
            }
        }
        let unit = |number: usize| {
            let live = self.units.binary_search_by_key(&number, |unit| unit.number);
            &gated[live.expect("columns of units without effect are left out")]
        };
        self.feed_forward_out.apply(self.kernel, unit, input, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_zeros_is_left_out() {
        #[rustfmt::skip]
        let data = [
            0., 2., 0., 3.,
            0., 0., 0., 0.,
            5., 0., 0., 7.,
        ];
        let matrix = Matrix { rows: 3, cols: 4, data: &data };
        let shrunk = Shrunk::new(matrix, &[0, 2], |_| true);
        assert_eq!((shrunk.rows(), shrunk.columns()), (2, &[0, 1, 3][..]));
        assert_eq!(shrunk.row(1), [5., 0., 7.]);
        let x = [1., 2., f64::NAN, 3.].map(|number| [number; CHUNK]);
        let mut out = vec![[0.0; CHUNK]; 2];
        shrunk.apply(Kernel::Portable, |column| &x[column], &mut Vec::new(), &mut out);
        assert_eq!(out, [[13.; CHUNK], [26.; CHUNK]]);

        let without_last = Shrunk::new(matrix, &[0, 2], |column| column < 2);
        assert_eq!(without_last.columns(), [0, 1]);
        let only_row_2 = Shrunk::new(matrix, &[2], |_| true);
        assert_eq!(only_row_2.columns(), [0, 3]);
    }
}
