//! Sparse products of a layer: of each row only the weights that are not 0, each times the
//! positions of a chunk.
//!
//! Sums are taken in the order of columns, each product and each sum rounded, whatever the width of
//! the vector registers: no machine gives other numbers than another.

use pulp::Arch;

use super::{Parts, Unit};
use crate::engine::verify::chunk::{CHUNK, Row};
use crate::engine::verify::vectors::widest;
use crate::model::Matrix;

/// Rows of a matrix, each as its weights that are not 0 and what they are multiplied with.
pub struct Terms {
    /// By row, where its terms end.
    ends: Vec<usize>,
    terms: Vec<Term>,
}

struct Term {
    weight: f64,
    /// The row that is multiplied.
    from: usize,
}

/// Positions whose sums are in registers at once.
const LANES: usize = 32;

impl Terms {
    /// `from` says what row a column reads; columns that read none are left out.
    pub fn new(matrix: Matrix<'_>, rows: &[usize], from: impl Fn(usize) -> Option<usize>) -> Terms {
        let mut terms = Terms { ends: Vec::new(), terms: Vec::new() };
        for &row in rows {
            let weights = matrix.row(row).iter().enumerate().filter(|weight| *weight.1 != 0.0);
            terms
                .terms
                .extend(weights.filter_map(|(column, &weight)| {
                    from(column).map(|from| Term { weight, from })
                }));
            terms.ends.push(terms.terms.len());
        }
        terms
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The terms of a row: weights and what they are multiplied with.
    #[inline]
    pub fn row(&self, row: usize) -> impl Iterator<Item = (f64, usize)> + '_ {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.terms[start..self.ends[row]].iter().map(|term| (term.weight, term.from))
    }

    /// `out` = this · x.
    #[inline(always)]
    pub fn multiply(&self, x: &[Row], out: &mut [Row]) {
        self.sums(
            #[inline(always)]
            |from, part| *lanes(&x[from], part),
            out,
        );
    }

    /// Row by row, the sums of weights times numbers. `numbers` gives, of what is multiplied, a
    /// part of the positions.
    #[inline(always)]
    fn sums(&self, numbers: impl Fn(usize, usize) -> [f64; LANES], out: &mut [Row]) {
        let mut start = 0;
        for (&end, out) in self.ends.iter().zip(out) {
            let terms = &self.terms[start..end];
            for (part, out) in out.chunks_exact_mut(LANES).enumerate() {
                let mut sums = [0.0; LANES];
                for term in terms {
                    let numbers = numbers(term.from, part);
                    for (sum, number) in sums.iter_mut().zip(numbers) {
                        *sum += term.weight * number;
                    }
                }
                out.copy_from_slice(&sums);
            }
            start = end;
        }
    }
}

/// A part of the positions.
#[inline(always)]
fn lanes(row: &Row, part: usize) -> &[f64; LANES] {
    row[part * LANES..].first_chunk().expect("a chunk is made of whole parts")
}

/// What a unit gives.
#[inline(always)]
fn gated(unit: Unit, inputs: &[Row], part: usize) -> [f64; LANES] {
    let [gates, factors] = [unit.gate, unit.factor].map(|input| lanes(&inputs[input], part));
    std::array::from_fn(|lane| gates[lane].max(0.0) * factors[lane])
}

/// The products of a layer.
pub struct Sparse {
    attention_in: Terms,
    attention_out: Terms,
    unit_inputs: Terms,
    units: Vec<Unit>,
    /// What they read are places in `units`.
    feed_forward_out: Terms,
}

impl Sparse {
    pub fn new(parts: &Parts<'_>) -> Sparse {
        let Parts { layer, projected, outputs, units, .. } = parts;
        let place = |number: usize| units.binary_search_by_key(&number, |unit| unit.number).ok();
        Sparse {
            attention_in: Terms::new(layer.attention_in, projected, Some),
            attention_out: Terms::new(layer.attention_out, &parts.after_attention, |column| {
                outputs[column]
            }),
            unit_inputs: Terms::new(layer.feed_forward_in, &parts.unit_inputs, Some),
            units: units.clone(),
            feed_forward_out: Terms::new(layer.feed_forward_out, &parts.after_units, place),
        }
    }

    /// What heads read, from the residual stream.
    pub fn project(&self, arch: Arch, x: &[Row], out: &mut [Row]) {
        widest(
            arch,
            #[inline(always)]
            || self.attention_in.multiply(x, out),
        );
    }

    /// What heads add. `rows` are those of the projection, then of the outputs.
    pub fn attend(&self, arch: Arch, rows: &[Row], out: &mut [Row]) {
        widest(
            arch,
            #[inline(always)]
            || self.attention_out.multiply(rows, out),
        );
    }

    /// What units add. `inputs` is room for what they read.
    pub fn feed_forward(&self, arch: Arch, x: &[Row], inputs: &mut Vec<Row>, out: &mut [Row]) {
        inputs.resize(self.unit_inputs.rows(), [0.0; CHUNK]);
        widest(
            arch,
            #[inline(always)]
            || {
                self.unit_inputs.multiply(x, inputs);
                self.feed_forward_out.sums(
                    #[inline(always)]
                    |place, part| gated(self.units[place], inputs, part),
                    out,
                );
            },
        );
    }
}
