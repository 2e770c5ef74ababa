//! Whatever the bytes: a valid model or an error, soon, and without much memory.

use std::time::{Duration, Instant};

use hardmax::model::{Model, ModelError};
use proptest::prelude::*;

use crate::allocation::peak_of;
use crate::draft::{Sample, sample};
use crate::parts::parts_of;

/// Reads, and uses whatever the model then claims to have.
fn read(bytes: Vec<u8>) -> Result<(), ModelError> {
    let model = Model::from_bytes(bytes.clone())?;
    assert_eq!(model.to_bytes(), bytes);
    Model::new(parts_of(&model)).expect("a model's own parts");
    Ok(())
}

#[test]
fn a_file_cut_anywhere_else_than_before_an_optional_part_is_refused() {
    let file = sample();
    for end in 0..file.bytes.len() {
        let result = read(file.cut(end));
        assert_eq!(result.is_ok(), file.parts_at.contains(&end), "cut at {end}");
    }
}

fn flips(file: &Sample, range: std::ops::Range<usize>) {
    for offset in range {
        for bit in 0..8 {
            let mut bytes = file.bytes.clone();
            bytes[offset] ^= 1 << bit;
            // Either answer is right; what must not happen is a panic.
            let _ = read(bytes);
        }
    }
}

#[test]
fn no_flipped_bit_of_header_or_vocabulary_panics() {
    let file = sample();
    flips(&file, 0..file.weights_at);
}

#[test]
fn no_flipped_bit_of_the_optional_parts_panics() {
    let file = sample();
    flips(&file, file.parts_at[0]..file.bytes.len());
}

/// Reads a file that must be refused, within the bounds of time and memory.
fn refused_cheaply(bytes: Vec<u8>, what: &str) -> ModelError {
    let start = Instant::now();
    let (result, peak) = peak_of(|| Model::from_bytes(bytes));
    assert!(peak < 1 << 20, "{what}: {peak} bytes");
    assert!(start.elapsed() < Duration::from_secs(1), "{what}");
    result.expect_err(what)
}

const ABSURD: [i32; 8] = [-1, i32::MIN, i32::MAX, i32::MAX - 1, 1 << 30, 1 << 20, -2, 0];

#[test]
fn absurd_header_fields_are_refused_cheaply() {
    let file = sample();
    for field in 0..6 {
        for value in ABSURD {
            let what = format!("field {field} = {value}");
            let bytes = file.with_int(4 * field, value);
            if field == 5 && value == 0 {
                // Token 0 is as good a stop token as any.
                read(bytes).expect(&what);
            } else {
                refused_cheaply(bytes, &what);
            }
        }
    }
}

#[test]
fn absurd_headers_are_refused_cheaply_in_every_combination() {
    let file = sample();
    for fields in 0..ABSURD.len().pow(5) {
        let mut bytes = file.bytes.clone();
        let mut rest = fields;
        for field in 0..5 {
            let value = ABSURD[rest % ABSURD.len()];
            rest /= ABSURD.len();
            bytes[4 * field..][..4].copy_from_slice(&value.to_le_bytes());
        }
        // Half the width, so that the number of heads is not what it fails by.
        let width = i32::from_le_bytes(bytes[4..8].try_into().unwrap());
        bytes[12..16].copy_from_slice(&(width / 2).to_le_bytes());
        refused_cheaply(bytes, &format!("combination {fields}"));
    }
}

#[test]
fn absurd_counts_after_the_header_are_refused_cheaply() {
    let file = sample();
    let first_name = 24;
    let first_slot_count = file.parts_at[0] + 4;
    for offset in [first_name, first_slot_count] {
        for value in ABSURD.into_iter().filter(|&value| value != 0) {
            refused_cheaply(file.with_int(offset, value), &format!("byte {offset} = {value}"));
        }
    }
}

#[test]
fn a_valid_model_takes_a_small_multiple_of_its_file() {
    let bytes = sample().bytes;
    let length = bytes.len() as isize;
    let (model, peak) = peak_of(|| Model::from_bytes(bytes));
    model.unwrap();
    assert!(peak < 3 * length, "{peak} bytes for a file of {length}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        prop_assert!(read(bytes).is_err());
    }

    #[test]
    fn several_damages_at_once_do_not_panic(
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut bytes = sample().bytes;
        for (place, value) in damages {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if !whole {
            bytes.truncate(end.index(bytes.len()));
        }
        let _ = read(bytes);
    }

    /// Small header fields pass the first checks more often than random ones.
    #[test]
    fn small_random_headers_do_not_panic(
        header in prop::array::uniform6(-1..9i32),
        rest in prop::collection::vec(0..3u8, 0..4000),
    ) {
        let mut bytes: Vec<u8> = header.iter().flat_map(|field| field.to_le_bytes()).collect();
        bytes.extend(rest);
        let _ = read(bytes);
    }
}
