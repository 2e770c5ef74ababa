//! From bytes to a checked model.
//!
//! The bytes are untrusted. Every count is compared with what is left of them
//! before anything is allocated or repeated by it, so neither memory nor time
//! exceeds a small multiple of the file's length, whatever the file says. That
//! rests on one comparison, right after the header: the names and weights which it
//! announces must fit into the file, each token bringing at least 2·4·8 bytes of
//! weights and each layer 4·D². Whatever is later sized by V, by L·H or by D is thereby paid for.
//!
//! The parser walks once from the first byte to the last, with a [`Cursor`] that
//! cannot leave the bytes; that nothing is left over is the last thing it checks.

use std::ops::Range;

use super::head::{HeadKind, TieBreak};

use super::error::{Half, ModelError, Part};
use super::format::{self, HEADER_BYTES, INT_BYTES, WEIGHT_BYTES};
use super::parts::Clears;
use super::shape::Shape;
use super::storage::{Bytes, Storage};
use super::vocabulary::{Token, Vocabulary, VocabularyError};
use super::{Model, Optional};

/// The model that `bytes` describe.
pub(super) fn read(bytes: Bytes) -> Result<Model, ModelError> {
    let mut cursor = Cursor::new(bytes.as_slice());
    let (shape, stop) = header(&mut cursor, bytes.as_slice().len() as u64)?;
    let vocabulary = names(&mut cursor, shape)?;
    let weights = weights(&mut cursor, shape)?;
    let clears = optional(&mut cursor, Part::Clears, |cursor| clears(cursor, shape))?;
    let ties = optional(&mut cursor, Part::TieBreaks, |cursor| ties(cursor, shape))?;
    let kinds = optional(&mut cursor, Part::HeadKinds, |cursor| kinds(cursor, shape))?;
    cursor.finish()?;

    let first_weight = weights.start;
    let storage = Storage::new(bytes, weights);
    all_finite(storage.weights(), shape, first_weight)?;
    Ok(Model { shape, stop, vocabulary, storage, optional: Optional { clears, ties, kinds } })
}

/// Whether a file of so many bytes that begins with these may be a model: what is none need not be
/// read on.
pub(super) fn may_be(begins: &[u8], length: u64) -> Result<(), ModelError> {
    header(&mut Cursor::new(begins), length).map(|_| ())
}

/// The header of a model of so many bytes.
fn header(cursor: &mut Cursor, length: u64) -> Result<(Shape, Token), ModelError> {
    let fields: [i32; HEADER_BYTES / INT_BYTES] = {
        let bytes = cursor.take(HEADER_BYTES as u128, "the header")?;
        std::array::from_fn(|i| format::int_at(bytes, i))
    };
    let [v, d, l, h, f, stop] = fields.map(i64::from);
    let shape = Shape::checked([v, d, l, h, f])?;
    if !(0..v).contains(&stop) {
        return Err(ModelError::StopToken {
            offset: HEADER_BYTES - INT_BYTES,
            value: stop,
            last: shape.vocabulary - 1,
        });
    }
    // An empty name still has its length: the least that these counts can take.
    let least = HEADER_BYTES as u128
        + shape.vocabulary as u128 * INT_BYTES as u128
        + shape.weights() * WEIGHT_BYTES as u128;
    if least > u128::from(length) {
        return Err(ModelError::TooShort { offset: 0, needed: least, length });
    }
    Ok((shape, Token(stop as u32)))
}

fn names(cursor: &mut Cursor, shape: Shape) -> Result<Vocabulary, ModelError> {
    let mut vocabulary = Vocabulary::with_capacity(shape.vocabulary);
    for id in 0..shape.vocabulary {
        let token = Token(id as u32);
        let offset = cursor.offset;
        let length = cursor.int("the length of a name")? as u32;
        if u64::from(length) > cursor.left() as u64 {
            return Err(ModelError::NameLength {
                offset,
                token,
                length: length.into(),
                limit: cursor.left() as u64,
            });
        }
        let bytes = cursor.take(length.into(), "a name")?;
        let name = std::str::from_utf8(bytes).map_err(|fault| ModelError::NameNotUtf8 {
            offset: offset + INT_BYTES + fault.valid_up_to(),
            token,
            value: bytes[fault.valid_up_to()],
        })?;
        vocabulary.push(name.to_owned()).map_err(|fault| duplicate(fault, offset))?;
    }
    Ok(vocabulary)
}

fn duplicate(fault: VocabularyError, offset: usize) -> ModelError {
    match fault {
        VocabularyError::Duplicate { name, first, second } => {
            ModelError::DuplicateName { offset, name, first, second }
        }
        VocabularyError::Empty => unreachable!("a checked shape has a token"),
    }
}

/// Where the weights stand in the file.
fn weights(cursor: &mut Cursor, shape: Shape) -> Result<Range<usize>, ModelError> {
    let start = cursor.offset;
    cursor.take(shape.weights() * WEIGHT_BYTES as u128, "the weights")?;
    Ok(start..cursor.offset)
}

/// A part behind its flag: `None` where the flag is 0 or the file ends before it.
fn optional<T>(
    cursor: &mut Cursor,
    part: Part,
    contents: impl FnOnce(&mut Cursor) -> Result<T, ModelError>,
) -> Result<Option<T>, ModelError> {
    if cursor.left() == 0 {
        return Ok(None);
    }
    let offset = cursor.offset;
    match cursor.int("the flag of an optional part")? {
        0 => Ok(None),
        1 => contents(cursor).map(Some),
        value => Err(ModelError::Flag { offset, part, value }),
    }
}

fn clears(cursor: &mut Cursor, shape: Shape) -> Result<Vec<Clears>, ModelError> {
    (0..shape.layers)
        .map(|layer| {
            Ok(Clears {
                after_attention: slots(cursor, shape.width, layer, Half::Attention)?,
                after_feed_forward: slots(cursor, shape.width, layer, Half::FeedForward)?,
            })
        })
        .collect()
}

fn slots(
    cursor: &mut Cursor,
    width: usize,
    layer: usize,
    half: Half,
) -> Result<Vec<u32>, ModelError> {
    let offset = cursor.offset;
    let value = cursor.int("a list of cleared slots")?;
    let count = usize::try_from(value).ok().filter(|&count| count <= width);
    let count = count.ok_or(ModelError::SlotCount { offset, layer, half, value, width })?;
    let first = cursor.offset;
    let values = cursor.ints(count, "a list of cleared slots")?;
    let mut slots = Vec::with_capacity(count);
    for (i, value) in values.enumerate() {
        let offset = first + i * INT_BYTES;
        let slot = u32::try_from(value).ok();
        let slot = slot.filter(|&slot| (slot as usize) < width);
        let slot = slot.ok_or(ModelError::Slot { offset, layer, half, value, width })?;
        // Quadratic in a list of at most D, in a layer that has 4·D² weights to be read anyway.
        if slots.contains(&slot) {
            return Err(ModelError::RepeatedSlot { offset, layer, half, value });
        }
        slots.push(slot);
    }
    Ok(slots)
}

fn ties(cursor: &mut Cursor, shape: Shape) -> Result<Vec<TieBreak>, ModelError> {
    per_head(cursor, shape, "the tie-breaks", |value, offset, layer, head| {
        format::tie_break(value).ok_or(ModelError::TieBreak { offset, layer, head, value })
    })
}

fn kinds(cursor: &mut Cursor, shape: Shape) -> Result<Vec<HeadKind>, ModelError> {
    per_head(cursor, shape, "the head kinds", |value, offset, layer, head| {
        format::head_kind(value).ok_or(ModelError::HeadKind { offset, layer, head, value })
    })
}

/// One integer for each head of each layer; `decode` gets it with its offset, layer and head.
fn per_head<T>(
    cursor: &mut Cursor,
    shape: Shape,
    what: &'static str,
    decode: impl Fn(i32, usize, usize, usize) -> Result<T, ModelError>,
) -> Result<Vec<T>, ModelError> {
    let first = cursor.offset;
    let values = cursor.ints(shape.layers * shape.heads, what)?;
    values
        .enumerate()
        .map(|(i, value)| {
            let offset = first + i * INT_BYTES;
            decode(value, offset, i / shape.heads, i % shape.heads)
        })
        .collect()
}

/// One pass over all weights, without a branch so that it runs at the speed of memory;
/// only a failure asks where.
fn all_finite(weights: &[f64], shape: Shape, first_weight: usize) -> Result<(), ModelError> {
    if weights.iter().fold(true, |all, w| all & w.is_finite()) {
        return Ok(());
    }
    let index = weights.iter().position(|w| !w.is_finite()).expect("a weight that is not finite");
    let (matrix, row, col) = shape.place(index);
    Err(ModelError::NonFiniteWeight {
        offset: first_weight + index * WEIGHT_BYTES,
        matrix,
        row,
        col,
        value: weights[index],
    })
}

/// A place in the bytes, which only moves forward and never beyond their end.
struct Cursor<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, offset: 0 }
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.offset
    }

    fn take(&mut self, count: u128, what: &'static str) -> Result<&'a [u8], ModelError> {
        let rest = &self.bytes[self.offset..];
        let taken = usize::try_from(count).ok().and_then(|n| rest.get(..n));
        let taken = taken.ok_or(ModelError::Truncated {
            offset: self.offset,
            what,
            needed: count,
            left: rest.len() as u64,
        })?;
        self.offset += taken.len();
        Ok(taken)
    }

    fn int(&mut self, what: &'static str) -> Result<i32, ModelError> {
        let bytes = self.take(INT_BYTES as u128, what)?;
        Ok(format::int_at(bytes, 0))
    }

    fn ints(
        &mut self,
        count: usize,
        what: &'static str,
    ) -> Result<impl Iterator<Item = i32> + use<'a>, ModelError> {
        let bytes = self.take(count as u128 * INT_BYTES as u128, what)?;
        Ok((0..count).map(move |i| format::int_at(bytes, i)))
    }

    fn finish(&self) -> Result<(), ModelError> {
        match self.left() {
            0 => Ok(()),
            count => Err(ModelError::TrailingBytes { offset: self.offset, count }),
        }
    }
}
