//! The products of a layer, over the positions of a chunk at once: dense, or of the weights alone
//! that are not 0.
//!
//! Both compute the same sums. Dense products are those of a [`Kernel`], in whatever order and
//! with fused multiply-add where it likes; sparse ones add products in the order of columns, each
//! product and each sum rounded, which is the order of the logits that count
//! (`engine/greatest.rs`). Where sums are exact, as those of whole numbers below 2^53 are, the two
//! are equal. That weights of 0 may be left out is said in `bounds.rs`.

mod dense;
mod sparse;

use std::hash::{BuildHasher, Hasher, RandomState};

use rustc_hash::FxHashMap;
use serde::Serialize;

pub use dense::{DenseScratch, Shrunk};
pub use sparse::Terms;

use dense::Dense;
use pulp::Arch;
use sparse::Sparse;

use super::chunk::{CHUNK, Row};
use super::vectors::widest;
use crate::linalg::{Dims, Kernel};
use crate::model::{Layer, Matrix, Model};

/// Which products verify a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Products {
    /// Every weight of the rows and columns that are not all zero.
    Dense,
    /// The weights that are not zero.
    Sparse,
}

/// A weight of a sparse product costs as much as so many of a dense one, whose kernels hold
/// several rows in registers: 3.8 to 4, measured with a model without zeros, AVX-512 and the portable
/// kernel.
const SPARSE_COST: usize = 4;

impl Products {
    /// Both.
    pub const ALL: [Products; 2] = [Products::Dense, Products::Sparse];

    /// Those that are expected to be faster for a model: by its layers, for of the output head the
    /// judge computes little either way.
    pub fn preferred(model: &Model) -> Products {
        let matrices = model.layers().flat_map(|layer| {
            let Layer { attention_in, attention_out, feed_forward_in, feed_forward_out, .. } =
                layer;
            [attention_in, attention_out, feed_forward_in, feed_forward_out]
        });
        let [mut dense, mut nonzero] = [0, 0];
        for matrix in matrices {
            let mut columns = vec![false; matrix.cols];
            let mut rows = 0;
            for row in (0..matrix.rows).map(|row| matrix.row(row)) {
                let before = nonzero;
                for (column, _) in row.iter().enumerate().filter(|weight| *weight.1 != 0.0) {
                    columns[column] = true;
                    nonzero += 1;
                }
                rows += usize::from(nonzero > before);
            }
            dense += rows * columns.iter().filter(|&&is_read| is_read).count();
        }
        if nonzero * SPARSE_COST <= dense { Products::Sparse } else { Products::Dense }
    }
}

/// The values of a row of `attention_in` by token, where it reads nothing but what the embedding
/// puts into slots.
pub fn values_by_token(
    model: &Model,
    weights: &[f64],
    products: Products,
    kernel: Kernel,
) -> Vec<f64> {
    let embedding = model.embedding();
    let mut values = vec![0.0; embedding.rows];
    match products {
        Products::Dense => {
            let dims = Dims { n: embedding.rows, m: 1, k: embedding.cols };
            kernel.multiply(dims, embedding.data, weights, &mut values);
        }
        Products::Sparse => {
            let weights = weights.iter().enumerate();
            let terms: Vec<_> = weights.filter(|(_, weight)| **weight != 0.0).collect();
            for (token, value) in values.iter_mut().enumerate() {
                let slots = embedding.row(token);
                *value = terms.iter().fold(0.0, |sum, (slot, weight)| sum + *weight * slots[*slot]);
            }
        }
    }
    values
}

/// A unit with an effect.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// Its column of `feed_forward_out`.
    pub number: usize,
    /// Rows of [`Parts::unit_inputs`].
    pub gate: usize,
    pub factor: usize,
}

/// What of a layer has an effect.
pub struct Parts<'m> {
    layer: Layer<'m>,
    /// Rows of `attention_in` that heads read.
    projected: &'m [usize],
    /// By column of `attention_out`, the row that it reads: of the projection, or behind these of
    /// the heads' outputs.
    outputs: &'m [Option<usize>],
    /// Slots that heads add to.
    after_attention: Vec<usize>,
    /// Rows of `feed_forward_in` that units read, each once.
    unit_inputs: Vec<usize>,
    /// In ascending order of their numbers.
    units: Vec<Unit>,
    /// Slots that units add to.
    after_units: Vec<usize>,
}

impl<'m> Parts<'m> {
    fn new(layer: Layer<'m>, projected: &'m [usize], outputs: &'m [Option<usize>]) -> Parts<'m> {
        let count = layer.feed_forward_out.cols;
        let mut inputs = DistinctRows::new(layer.feed_forward_in);
        let units: Vec<Unit> = (0..count)
            .filter(|&unit| !layer.is_dead_unit(unit))
            .map(|number| Unit {
                number,
                gate: inputs.place(number),
                factor: inputs.place(count + number),
            })
            .collect();
        let is_live = |unit: usize| units.binary_search_by_key(&unit, |u| u.number).is_ok();
        Parts {
            layer,
            projected,
            outputs,
            after_attention: written(layer.attention_out, |column| outputs[column].is_some()),
            after_units: written(layer.feed_forward_out, is_live),
            unit_inputs: inputs.rows,
            units,
        }
    }
}

/// Rows with a weight that is not 0 in a live column.
fn written(matrix: Matrix<'_>, is_live: impl Fn(usize) -> bool) -> Vec<usize> {
    let writes = |&row: &usize| {
        let weights = matrix.row(row).iter().enumerate();
        weights.into_iter().any(|(column, &weight)| weight != 0.0 && is_live(column))
    };
    (0..matrix.rows).filter(writes).collect()
}

/// Rows of a matrix, of equal ones only the first.
pub struct DistinctRows<'m> {
    matrix: Matrix<'m>,
    rows: Vec<usize>,
    /// By hash, the places of rows that have it. Nobody who makes a matrix can choose the hashes.
    places: FxHashMap<u64, Vec<usize>>,
    hashes: RandomState,
}

impl<'m> DistinctRows<'m> {
    pub fn new(matrix: Matrix<'m>) -> DistinctRows<'m> {
        let (places, hashes) = (FxHashMap::default(), RandomState::new());
        DistinctRows { matrix, rows: Vec::new(), places, hashes }
    }

    /// The place of a row, or of one that equals it.
    pub fn place(&mut self, row: usize) -> usize {
        let weights = self.matrix.row(row);
        let mut hasher = self.hashes.build_hasher();
        // Of equal numbers -0 and 0 differ in their bits.
        weights.iter().for_each(|weight| hasher.write_u64((weight + 0.0).to_bits()));
        let alike = self.places.entry(hasher.finish()).or_default();
        let equal = |&&place: &&usize| self.matrix.row(self.rows[place]) == weights;
        if let Some(&place) = alike.iter().find(equal) {
            return place;
        }
        self.rows.push(row);
        alike.push(self.rows.len() - 1);
        self.rows.len() - 1
    }

    /// The rows, by place.
    pub fn rows(self) -> Vec<usize> {
        self.rows
    }
}

/// The products of a layer, and where their results go.
pub struct LayerProducts {
    family: Family,
    after_attention: Vec<usize>,
    after_units: Vec<usize>,
}

enum Family {
    Dense(Dense),
    Sparse(Sparse),
}

/// Room for the products of one thread.
#[derive(Default)]
pub struct Scratch {
    pub arch: Arch,
    dense: DenseScratch,
    units: Vec<Row>,
    delta: Vec<Row>,
}

impl LayerProducts {
    /// `projected` are the rows of `attention_in` that heads read; `outputs` says, by column of
    /// `attention_out`, what it reads: a row of the projection, or behind these one of the heads'
    /// outputs.
    pub fn new(
        layer: Layer<'_>,
        projected: &[usize],
        outputs: &[Option<usize>],
        products: Products,
        kernel: Kernel,
    ) -> LayerProducts {
        let parts = Parts::new(layer, projected, outputs);
        LayerProducts {
            family: match products {
                Products::Dense => Family::Dense(Dense::new(&parts, kernel)),
                Products::Sparse => Family::Sparse(Sparse::new(&parts)),
            },
            after_attention: parts.after_attention,
            after_units: parts.after_units,
        }
    }

    /// What heads read, from the residual stream.
    pub fn project(&self, x: &[Row], out: &mut [Row], scratch: &mut Scratch) {
        match &self.family {
            Family::Dense(dense) => dense.project(x, out, &mut scratch.dense),
            Family::Sparse(sparse) => sparse.project(scratch.arch, x, out),
        }
    }

    /// Adds what heads give. `rows` are those of the projection, then of the outputs.
    pub fn attend(&self, x: &mut [Row], rows: &[Row], scratch: &mut Scratch) {
        let Scratch { arch, dense: room, delta, .. } = scratch;
        delta.resize(self.after_attention.len(), [0.0; CHUNK]);
        match &self.family {
            Family::Dense(dense) => dense.attend(rows, delta, room),
            Family::Sparse(sparse) => sparse.attend(*arch, rows, delta),
        }
        add(*arch, x, &self.after_attention, delta);
    }

    /// Adds what units give.
    pub fn feed_forward(&self, x: &mut [Row], scratch: &mut Scratch) {
        let Scratch { arch, dense: room, units, delta } = scratch;
        delta.resize(self.after_units.len(), [0.0; CHUNK]);
        match &self.family {
            Family::Dense(dense) => dense.feed_forward(x, delta, room),
            Family::Sparse(sparse) => sparse.feed_forward(*arch, x, units, delta),
        }
        add(*arch, x, &self.after_units, delta);
    }
}

fn add(arch: Arch, x: &mut [Row], slots: &[usize], delta: &[Row]) {
    widest(
        arch,
        #[inline(always)]
        || {
            for (&slot, delta) in slots.iter().zip(delta) {
                for (x, delta) in x[slot].iter_mut().zip(delta) {
                    *x += delta;
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    const WIDTH: usize = 8;
    const UNITS: usize = 5;

    /// Weights of which most are 0.
    fn weights(random: &mut Rng, count: usize) -> Vec<f64> {
        let weight = |random: &mut Rng| if random.u8(..3) > 0 { 0 } else { random.i32(-9..10) };
        (0..count).map(|_| f64::from(weight(random))).collect()
    }

    fn rows(random: &mut Rng, count: usize) -> Vec<Row> {
        (0..count).map(|_| std::array::from_fn(|_| f64::from(random.i32(-1000..1000)))).collect()
    }

    /// What a layer's products make of x and of the outputs of heads: the projection and the residual
    /// stream.
    fn through(
        layer: Layer<'_>,
        products: Products,
        (x, outputs): (&[Row], &[Row]),
    ) -> (Vec<Row>, Vec<Row>) {
        let projected: Vec<usize> = (0..3 * WIDTH).step_by(2).collect();
        // Column c reads the output c, but that of two columns is in the projection, and of one
        // nowhere.
        let mut columns: Vec<Option<usize>> =
            (0..WIDTH).map(|c| Some(projected.len() + c)).collect();
        (columns[0], columns[1], columns[2]) = (Some(3), Some(5), None);
        let made = LayerProducts::new(layer, &projected, &columns, products, Kernel::Portable);
        let mut scratch = Scratch::default();
        let mut x = x.to_vec();
        let mut all = vec![[0.0; CHUNK]; projected.len()];
        made.project(&x, &mut all, &mut scratch);
        let projection = all.clone();
        all.extend_from_slice(outputs);
        made.attend(&mut x, &all, &mut scratch);
        made.feed_forward(&mut x, &mut scratch);
        (projection, x)
    }

    #[test]
    fn of_equal_rows_the_first_stands_for_all() {
        let mut data: Vec<f64> = (0..3000).map(|at| f64::from(at % 1000)).collect();
        data.extend([0.0, -0.0, 5.0, -0.0, 0.0, 5.0]);
        let matrix = Matrix { rows: 1002, cols: 3, data: &data };
        let mut rows = DistinctRows::new(matrix);
        let places: Vec<usize> = (0..1002).map(|row| rows.place(row)).collect();
        let first = |row: usize| (0..row).find(|&other| matrix.row(other) == matrix.row(row));
        let mut distinct = Vec::new();
        for (row, &place) in places.iter().enumerate() {
            match first(row) {
                Some(other) => assert_eq!(place, places[other]),
                None => {
                    assert_eq!(place, distinct.len());
                    distinct.push(row);
                }
            }
        }
        assert_eq!(places[1001], places[1000]);
        assert_eq!(rows.rows(), distinct);
    }

    #[test]
    fn sparse_products_are_dense_ones_with_less_work() {
        let random = &mut Rng::with_seed(2);
        for round in 0..300 {
            let [attention_in, attention_out, feed_forward_in, feed_forward_out] =
                [3 * WIDTH * WIDTH, WIDTH * WIDTH, 2 * UNITS * WIDTH, WIDTH * UNITS]
                    .map(|count| weights(random, count));
            let matrix = |data, rows, cols| Matrix { rows, cols, data };
            let layer = Layer {
                attention_in: matrix(&attention_in, 3 * WIDTH, WIDTH),
                attention_out: matrix(&attention_out, WIDTH, WIDTH),
                feed_forward_in: matrix(&feed_forward_in, 2 * UNITS, WIDTH),
                feed_forward_out: matrix(&feed_forward_out, WIDTH, UNITS),
                cleared_after_attention: &[],
                cleared_after_feed_forward: &[],
            };
            let (x, outputs) = (rows(random, WIDTH), rows(random, WIDTH));
            let [dense, sparse] =
                Products::ALL.map(|products| through(layer, products, (&x, &outputs)));
            assert!(dense == sparse, "{round}");
        }
    }

    #[test]
    fn values_by_token_are_rows_of_the_embedding_times_weights() {
        let bytes = &include_bytes!("../../../../models/wasm32.bin")[..];
        let model = Model::from_bytes(bytes).unwrap();
        let mut row = vec![0.0; model.shape().width];
        (row[4], row[5], row[13]) = (1.0, 2.0, -3.0);
        let [dense, sparse] =
            Products::ALL.map(|it| values_by_token(&model, &row, it, Kernel::Portable));
        assert_eq!(dense, sparse);
        let slots = model.embedding().row(255);
        assert_eq!(dense[255], slots[4] + 2.0 * slots[5] - 3.0 * slots[13]);
    }
}
