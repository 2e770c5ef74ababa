//! Model files put together by hand: the twin of the crate's encoder, which it
//! does not use.

/// A file so far.
#[derive(Clone, Default)]
pub struct Draft(pub Vec<u8>);

impl Draft {
    pub fn ints(mut self, values: &[i32]) -> Draft {
        values.iter().for_each(|value| self.0.extend(value.to_le_bytes()));
        self
    }

    pub fn name(mut self, name: &[u8]) -> Draft {
        self = self.ints(&[name.len() as i32]);
        self.0.extend(name);
        self
    }

    pub fn weights(mut self, weights: impl Iterator<Item = f64>) -> Draft {
        weights.for_each(|weight| self.0.extend(weight.to_le_bytes()));
        self
    }
}

pub const V: usize = 3;
pub const D: usize = 6;
pub const L: usize = 2;
pub const H: usize = 3;
pub const F: usize = 1;
pub const WEIGHTS: usize = 2 * V * D + L * (4 * D * D + 3 * D * F);

pub const HEADER: [i32; 6] = [V as i32, D as i32, L as i32, H as i32, F as i32, 2];
pub const NAMES: [&str; V] = ["{", "i32.add", "halt"];
/// Layer 0 clears slot 3 after attention; layer 1 clears slots 5 and 0 after the feed-forward.
pub const CLEARS: [i32; 7] = [1, 3, 0, 0, 2, 5, 0];
pub const TIES: [i32; L * H] = [0, 1, 1, 0, 0, 1];
pub const KINDS: [i32; L * H] = [0, 1, 2, 3, 4, 0];

/// A valid file, and where its parts begin.
pub struct Sample {
    pub bytes: Vec<u8>,
    pub weights_at: usize,
    /// Where parts 4, 5 and 6 begin: the three places where a file may also end.
    pub parts_at: [usize; 3],
}

impl Sample {
    /// The first `len` bytes.
    pub fn cut(&self, len: usize) -> Vec<u8> {
        self.bytes[..len].to_vec()
    }

    /// With the integer at `offset` replaced.
    pub fn with_int(&self, offset: usize, value: i32) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        bytes
    }
}

/// The model of the constants above. Weight number i, in the order of the file, is i + 1/2.
pub fn sample() -> Sample {
    sample_with(NAMES, [true; 3])
}

/// The same with other names, and flags 0 for the parts that are not `present`.
pub fn sample_with(names: [&str; V], present: [bool; 3]) -> Sample {
    let mut draft = Draft::default().ints(&HEADER);
    for name in names {
        draft = draft.name(name.as_bytes());
    }
    let weights_at = draft.0.len();
    draft = draft.weights((0..WEIGHTS).map(weight));
    let mut parts_at = [0; 3];
    for (i, part) in [&CLEARS[..], &TIES, &KINDS].into_iter().enumerate() {
        parts_at[i] = draft.0.len();
        draft = draft.ints(&[present[i].into()]);
        if present[i] {
            draft = draft.ints(part);
        }
    }
    Sample { bytes: draft.0, weights_at, parts_at }
}

pub fn weight(index: usize) -> f64 {
    index as f64 + 0.5
}
