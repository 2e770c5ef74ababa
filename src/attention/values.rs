//! The values of all positions, in as few bytes as they need.
//!
//! Most values are whole and small: bytes, bits, coordinates of opcodes. A history begins
//! with two bytes a component, and the first value that does not fit
//! makes all of it wider, at most twice. What is read equals what was written; only the
//! sign of a zero is not kept, which no product or comparison can tell.

/// A growing list of pairs.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Whole(Vec<[i16; 2]>),
    Single(Vec<[f32; 2]>),
    Double(Vec<[f64; 2]>),
}

impl Values {
    pub(super) fn new() -> Self {
        Values::Whole(Vec::new())
    }

    #[inline]
    pub(super) fn push(&mut self, value: [f64; 2]) {
        match self {
            Values::Whole(values) => {
                let narrow = value.map(|c| c as i16);
                if narrow.map(f64::from) == value {
                    return values.push(narrow);
                }
            }
            Values::Single(values) => {
                let narrow = value.map(|c| c as f32);
                if narrow.map(f64::from) == value {
                    return values.push(narrow);
                }
            }
            Values::Double(values) => return values.push(value),
        }
        self.widen();
        self.push(value);
    }

    #[cold]
    fn widen(&mut self) {
        *self = match self {
            Values::Whole(values) => {
                Values::Single(values.iter().map(|pair| pair.map(f32::from)).collect())
            }
            Values::Single(values) => {
                Values::Double(values.iter().map(|pair| pair.map(f64::from)).collect())
            }
            Values::Double(values) => Values::Double(std::mem::take(values)),
        };
    }

    /// The value of a position that was pushed.
    #[inline]
    pub(super) fn at(&self, position: u32) -> [f64; 2] {
        let index = position as usize;
        match self {
            Values::Whole(values) => values[index].map(f64::from),
            Values::Single(values) => values[index].map(f64::from),
            Values::Double(values) => values[index],
        }
    }

    /// Bytes of heap held.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Values::Whole(values) => size_of::<[i16; 2]>() * values.capacity(),
            Values::Single(values) => size_of::<[f32; 2]>() * values.capacity(),
            Values::Double(values) => size_of::<[f64; 2]>() * values.capacity(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_whatever_follows() {
        let all = [0.0, -0.0, 1.0, -32768.0, 32767.0, 32768.0, 0.5, 16_777_217.0, 0.1, -1e300];
        let mut values = Values::new();
        for (count, &a) in all.iter().enumerate() {
            values.push([a, -1.0]);
            for (position, &b) in (0..).zip(&all[..=count]) {
                assert_eq!(values.at(position), [b, -1.0]);
            }
        }
        values.push([f64::NAN, f64::INFINITY]);
        assert!(values.at(10)[0].is_nan() && values.at(10)[1] == f64::INFINITY);
    }

    #[test]
    fn small_whole_numbers_take_two_bytes() {
        let mut values = Values::new();
        (0..1024u16).for_each(|c| values.push([f64::from(c), -f64::from(c)]));
        assert_eq!(values.heap_bytes(), 4096);
        values.push([0.25, 0.0]);
        assert!(matches!(values, Values::Single(_)));
    }
}
