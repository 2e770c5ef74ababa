//! Faults in parts 4 to 6, by name and place.

use hardmax::model::{Half, Model, ModelError, Part};

use crate::draft::{CLEARS, D, H, L, NAMES, sample, sample_with};
use crate::errors::{assert_fault, fault};
use crate::parts::parts_of;

const PARTS: [Part; 3] = [Part::Clears, Part::TieBreaks, Part::HeadKinds];

#[test]
fn have_a_flag_of_zero_or_one() {
    let file = sample();
    for (at, name) in file.parts_at.into_iter().zip(PARTS) {
        for wrong in [2, -1, 256, i32::MIN] {
            assert_fault!(
                fault(file.with_int(at, wrong)),
                ModelError::Flag { offset, part, value }
                    if offset == at && part == name && value == wrong
            );
        }
    }
}

#[test]
fn do_not_end_inside_a_flag() {
    let file = sample();
    for at in file.parts_at {
        assert_fault!(
            fault(file.cut(at + 3)),
            ModelError::Truncated { offset, needed: 4, left: 3, .. } if offset == at
        );
    }
}

#[test]
fn do_not_end_inside_a_list() {
    let file = sample();
    let [clears, ties, kinds] = file.parts_at.map(|at| at + 4);
    for (at, cut, bytes) in [
        (clears + 4, clears + 7, 4),
        (clears + 8, clears + 10, 4),
        (clears + 20, clears + 27, 8),
        (ties, kinds - 5, 24),
        (kinds, kinds + 23, 24),
    ] {
        assert_fault!(
            fault(file.cut(cut)),
            ModelError::Truncated { offset, needed, left, .. }
                if offset == at && needed == bytes && left == (cut - at) as u64
        );
    }
}

/// The offset of the `i`-th integer of part 4, after its flag.
fn clear(i: usize) -> usize {
    sample().parts_at[0] + 4 + 4 * i
}

#[test]
fn clear_no_more_slots_than_there_are() {
    assert_eq!(CLEARS, [1, 3, 0, 0, 2, 5, 0]);
    let lists = [
        (0, 0, Half::Attention),
        (2, 0, Half::FeedForward),
        (3, 1, Half::Attention),
        (4, 1, Half::FeedForward),
    ];
    for (i, in_layer, in_half) in lists {
        for wrong in [D as i32 + 1, -1, i32::MAX, i32::MIN] {
            assert_fault!(
                fault(sample().with_int(clear(i), wrong)),
                ModelError::SlotCount { offset, layer, half, value, width: D }
                    if offset == clear(i)
                        && (layer, half) == (in_layer, in_half)
                        && value == wrong
            );
        }
    }
}

#[test]
fn clear_slots_that_exist() {
    for (i, in_layer, in_half) in
        [(1, 0, Half::Attention), (5, 1, Half::FeedForward), (6, 1, Half::FeedForward)]
    {
        for wrong in [D as i32, -1, i32::MAX, i32::MIN] {
            assert_fault!(
                fault(sample().with_int(clear(i), wrong)),
                ModelError::Slot { offset, layer, half, value, width: D }
                    if offset == clear(i)
                        && (layer, half) == (in_layer, in_half)
                        && value == wrong
            );
        }
    }
}

#[test]
fn clear_no_slot_twice_in_one_list() {
    assert_fault!(
        fault(sample().with_int(clear(6), 5)),
        ModelError::RepeatedSlot { offset, layer: 1, half: Half::FeedForward, value: 5 }
            if offset == clear(6)
    );
}

#[test]
fn may_clear_every_slot_in_both_halves() {
    let all: Vec<u32> = (0..D as u32).collect();
    let mut parts = parts_of(&Model::from_bytes(sample().bytes).unwrap());
    let clears = parts.clears.as_mut().unwrap();
    clears[0].after_attention = all.clone();
    clears[0].after_feed_forward = all;
    Model::new(parts).unwrap();
}

#[test]
fn break_ties_by_average_or_latest() {
    let file = sample();
    for i in 0..L * H {
        let at = file.parts_at[1] + 4 + 4 * i;
        for wrong in [2, -1, i32::MAX] {
            assert_fault!(
                fault(file.with_int(at, wrong)),
                ModelError::TieBreak { offset, layer, head, value }
                    if offset == at && (layer, head) == (i / H, i % H) && value == wrong
            );
        }
    }
}

#[test]
fn have_five_head_kinds() {
    let file = sample();
    for i in 0..L * H {
        let at = file.parts_at[2] + 4 + 4 * i;
        for wrong in [5, -1, i32::MAX] {
            assert_fault!(
                fault(file.with_int(at, wrong)),
                ModelError::HeadKind { offset, layer, head, value }
                    if offset == at && (layer, head) == (i / H, i % H) && value == wrong
            );
        }
    }
}

#[test]
fn are_the_end() {
    for present in [[true; 3], [false; 3]] {
        let mut bytes = sample_with(NAMES, present).bytes;
        let end = bytes.len();
        bytes.extend([0; 5]);
        assert_fault!(
            fault(bytes),
            ModelError::TrailingBytes { offset, count: 5 } if offset == end
        );
    }
}
