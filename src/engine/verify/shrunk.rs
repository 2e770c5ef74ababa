//! A dense matrix without the rows and columns that are all zero.
//!
//! Of a layer's matrices most rows serve heads and units without effect, and most columns
//! slots that the layer does not read. What is left is still dense and
//! still a matrix product: no weight that matters is treated in any special way.

use crate::linalg::{Dims, Kernel};
use crate::model::Matrix;

/// A matrix over some of its rows and columns; the rest is zero or does not matter.
pub struct Shrunk {
    rows: Vec<usize>,
    columns: Vec<usize>,
    /// `rows.len()` × `columns.len()` weights, row after row.
    weights: Vec<f64>,
}

impl Shrunk {
    /// These rows, in this order, and of the columns that are `wanted` those that are not zero in
    /// them.
    pub fn new(matrix: Matrix<'_>, rows: Vec<usize>, wanted: impl Fn(usize) -> bool) -> Shrunk {
        let reads = |column: usize| rows.iter().any(|&row| matrix.row(row)[column] != 0.0);
        let columns: Vec<usize> =
            (0..matrix.cols).filter(|&column| wanted(column) && reads(column)).collect();
        let weights = rows
            .iter()
            .flat_map(|&row| columns.iter().map(move |&column| matrix.row(row)[column]))
            .collect();
        Shrunk { rows, columns, weights }
    }

    /// The rows that are not zero, all columns `wanted`.
    pub fn nonzero_rows(matrix: Matrix<'_>, wanted: impl Fn(usize) -> bool) -> Shrunk {
        let writes = |row: &usize| {
            let row = matrix.row(*row).iter().enumerate();
            row.into_iter().any(|(column, &weight)| weight != 0.0 && wanted(column))
        };
        Shrunk::new(matrix, (0..matrix.rows).filter(writes).collect(), wanted)
    }

    /// The matrix's rows that the result's rows are.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The weights of one of them, over `columns`.
    pub fn row(&self, at: usize) -> &[f64] {
        &self.weights[at * self.columns.len()..][..self.columns.len()]
    }

    /// The matrix's columns that are read.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// `out` = this · x for n positions. `slot` gives the row of x that a column reads; `input` is
    /// room for these rows, side by side.
    pub fn apply<'x>(
        &self,
        kernel: Kernel,
        n: usize,
        slot: impl Fn(usize) -> &'x [f64],
        input: &mut Vec<f64>,
        out: &mut Vec<f64>,
    ) {
        input.clear();
        for &column in &self.columns {
            input.extend_from_slice(slot(column));
        }
        let dims = Dims { n, m: self.rows.len(), k: self.columns.len() };
        self.multiply(kernel, dims, input, out);
    }

    /// The product with rows that were gathered already.
    pub fn multiply(&self, kernel: Kernel, dims: Dims, input: &[f64], out: &mut Vec<f64>) {
        out.resize(dims.m * dims.n, 0.0);
        kernel.transform(dims, &self.weights, input, out);
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
        let shrunk = Shrunk::nonzero_rows(matrix, |_| true);
        assert_eq!((shrunk.rows(), shrunk.columns()), (&[0, 2][..], &[0, 1, 3][..]));
        let x = [[1., 10.], [2., 20.], [f64::NAN, f64::NAN], [3., 30.]];
        let mut out = Vec::new();
        shrunk.apply(Kernel::Portable, 2, |column| &x[column], &mut Vec::new(), &mut out);
        assert_eq!(out, [13., 130., 26., 260.]);

        let without_last = Shrunk::nonzero_rows(matrix, |column| column < 2);
        assert_eq!(without_last.columns(), [0, 1]);
        let only_row_2 = Shrunk::new(matrix, vec![2], |_| true);
        assert_eq!(only_row_2.columns(), [0, 3]);
    }
}
