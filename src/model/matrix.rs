//! Borrowed views of a model's matrices.

/// A row-major matrix inside a model; rows are outputs, columns inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matrix<'a> {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// The `rows * cols` elements, row after row.
    pub data: &'a [f64],
}

impl<'a> Matrix<'a> {
    /// The elements of row `i`.
    ///
    /// # Panics
    ///
    /// When there is no row `i`.
    pub fn row(&self, i: usize) -> &'a [f64] {
        // Not left to the slice: where there are no columns, any row would be found.
        assert!(i < self.rows, "row {i} of a matrix of {} rows", self.rows);
        &self.data[i * self.cols..(i + 1) * self.cols]
    }
}

/// One layer of a model: its four matrices and the slots it gives back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer<'a> {
    /// 3D×D: D query rows, D key rows, D value rows. Head h owns rows 2h and 2h+1 of each part.
    pub attention_in: Matrix<'a>,
    /// D×D, from the heads' outputs to the residual stream.
    pub attention_out: Matrix<'a>,
    /// 2F×D: F gate rows, then F value rows.
    pub feed_forward_in: Matrix<'a>,
    /// D×F, from the gated units to the residual stream.
    pub feed_forward_out: Matrix<'a>,
    /// Slots set to 0 once attention has been added. No slot twice.
    pub cleared_after_attention: &'a [u32],
    /// Slots set to 0 once the feed-forward has been added. No slot twice.
    pub cleared_after_feed_forward: &'a [u32],
}

impl Layer<'_> {
    /// Whether a head has no effect: its values, or the columns that read its
    /// output, are all zero.
    pub fn is_dead_head(&self, head: usize) -> bool {
        let width = self.attention_out.rows;
        let own = [2 * head, 2 * head + 1];
        let no_value = own.iter().all(|row| is_zero(self.attention_in.row(2 * width + row)));
        no_value || own.iter().all(|&column| is_unread(self.attention_out, column))
    }

    /// Whether a unit has no effect: its gate, its factor or the column that reads
    /// it is all zero.
    pub fn is_dead_unit(&self, unit: usize) -> bool {
        let units = self.feed_forward_out.cols;
        is_zero(self.feed_forward_in.row(unit))
            || is_zero(self.feed_forward_in.row(units + unit))
            || is_unread(self.feed_forward_out, unit)
    }
}

fn is_zero(row: &[f64]) -> bool {
    row.iter().all(|&weight| weight == 0.0)
}

fn is_unread(matrix: Matrix<'_>, column: usize) -> bool {
    (0..matrix.rows).all(|row| matrix.row(row)[column] == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_each_other() {
        let matrix = Matrix { rows: 2, cols: 3, data: &[1., 2., 3., 4., 5., 6.] };
        assert_eq!(matrix.row(0), [1., 2., 3.]);
        assert_eq!(matrix.row(1), [4., 5., 6.]);
    }

    #[test]
    fn without_columns_rows_are_empty() {
        let matrix = Matrix { rows: 2, cols: 0, data: &[] };
        assert!(matrix.row(1).is_empty());
    }

    #[test]
    #[should_panic(expected = "row 2 of a matrix of 2 rows")]
    fn there_are_no_rows_past_the_last() {
        let matrix = Matrix { rows: 2, cols: 0, data: &[] };
        matrix.row(2);
    }

    /// Of width 4, with two heads and three units. Weights are 1 at the places that are given, which
    /// count from the first weight of a matrix.
    fn with_layer<T>(places: [&[usize]; 4], ask: impl FnOnce(Layer<'_>) -> T) -> T {
        let sizes = [(12, 4), (4, 4), (6, 4), (4, 3)];
        let data: [Vec<f64>; 4] = std::array::from_fn(|part| {
            let (rows, cols) = sizes[part];
            (0..rows * cols).map(|at| f64::from(u8::from(places[part].contains(&at)))).collect()
        });
        let [attention_in, attention_out, feed_forward_in, feed_forward_out] =
            std::array::from_fn(|part| {
                let (rows, cols) = sizes[part];
                Matrix { rows, cols, data: &data[part] }
            });
        ask(Layer {
            attention_in,
            attention_out,
            feed_forward_in,
            feed_forward_out,
            cleared_after_attention: &[],
            cleared_after_feed_forward: &[],
        })
    }

    #[test]
    fn a_head_lives_if_it_has_a_value_and_is_read() {
        for row in 0..12 {
            for column in 0..4 {
                // A weight somewhere in that row and that column.
                let places = [&[4 * row + 2][..], &[4 * 3 + column], &[], &[]];
                let dead = with_layer(places, |layer| [0, 1].map(|head| layer.is_dead_head(head)));
                // The last four rows are values, two for each head, as are columns.
                let lives = |head| row >= 8 && (row - 8) / 2 == head && column / 2 == head;
                assert_eq!(dead, [0, 1].map(|head| !lives(head)), "{row} {column}");
            }
        }
    }

    #[test]
    fn a_unit_lives_if_it_has_gate_and_factor_and_is_read() {
        for gate in 0..3 {
            for factor in 0..3 {
                for column in 0..3 {
                    let rows = [4 * gate + 1, 4 * (3 + factor) + 3];
                    let places = [&[][..], &[], &rows, &[3 * 2 + column]];
                    let dead =
                        with_layer(places, |layer| [0, 1, 2].map(|unit| layer.is_dead_unit(unit)));
                    let lives = |unit| [gate, factor, column] == [unit; 3];
                    assert_eq!(dead, [0, 1, 2].map(|unit| !lives(unit)), "{rows:?} {column}");
                }
            }
        }
    }
}
