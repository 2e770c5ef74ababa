//! The bytes of a model, and its weights as numbers.
//!
//! A model owns the bytes that it was read from: a vector, bytes built into
//! the binary, or for very large files a memory map. Its weights are *viewed* in place where that is
//! possible, and otherwise *copied once*: the names before them have any length,
//! so the weights of most files do not start at a multiple of eight, and a
//! machine whose bytes run the other way must turn each number round.
//!
//! A view is kept as a range of bytes, not as a slice, so that nothing here refers
//! to itself. It stays aligned because none of the three owners moves its bytes when
//! it is moved.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

use super::error::ModelError;
use super::format::{HEADER_BYTES, WEIGHT_BYTES};
use super::read;

/// Bytes, whoever holds them.
pub(super) enum Bytes {
    Mapped(Mmap),
    Held(Cow<'static, [u8]>),
}

impl Bytes {
    /// The contents of a regular file: read, or mapped if there are more than `most` bytes.
    pub(super) fn open(path: &Path, most: u64) -> Result<Bytes, ModelError> {
        let io = |source| ModelError::Io { path: path.to_owned(), source };
        // Asked first, because opening a pipe would wait for its other end.
        if !fs::metadata(path).map_err(io)?.is_file() {
            return Err(ModelError::NotAFile { path: path.to_owned() });
        }
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        if size <= most {
            // A file that grows meanwhile is not followed: what is read is what was announced.
            let mut bytes = Vec::new();
            let begins = size.min(HEADER_BYTES as u64);
            file.by_ref().take(begins).read_to_end(&mut bytes).map_err(io)?;
            read::may_be(&bytes, size).map_err(|fault| ModelError::InFile {
                path: path.to_owned(),
                fault: Box::new(fault),
            })?;
            let room = bytes.try_reserve_exact((size - begins) as usize);
            room.map_err(|_| io(std::io::ErrorKind::OutOfMemory.into()))?;
            file.take(size - begins).read_to_end(&mut bytes).map_err(io)?;
            return Ok(Bytes::Held(bytes.into()));
        }
        // SAFETY: a map is sound as long as nobody changes the file under it. We never do: the
        // map is read-only, and `write` replaces a file by renaming a new one over it, which
        // leaves the mapped one as it was. A foreign process that rewrites a model in place
        // while it is in use can still end or mislead this one, as it can with any mapped
        // file; should it only change weights, they are still numbers, since any eight bytes are.
        // So only models are mapped that are too large to be kept twice.
        #[allow(unsafe_code, reason = "maps are unsafe to make")]
        let map = unsafe { Mmap::map(&file) };
        map.map(Bytes::Mapped).map_err(io)
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Held(bytes) => bytes,
        }
    }
}

enum Weights {
    /// These bytes are the weights: aligned, and in this machine's order.
    Viewed(Range<usize>),
    Copied(Vec<f64>),
}

/// A model's bytes together with the weights in them.
pub(super) struct Storage {
    bytes: Bytes,
    weights: Weights,
}

impl Storage {
    /// `weights` is the range of the bytes that holds them, a multiple of eight long.
    pub(super) fn new(bytes: Bytes, weights: Range<usize>) -> Storage {
        let raw = &bytes.as_slice()[weights.clone()];
        let aligned = bytemuck::try_cast_slice::<u8, f64>(raw).is_ok();
        let weights = if cfg!(target_endian = "little") && aligned {
            Weights::Viewed(weights)
        } else {
            let (numbers, rest) = raw.as_chunks::<WEIGHT_BYTES>();
            debug_assert!(rest.is_empty());
            Weights::Copied(numbers.iter().map(|&n| f64::from_le_bytes(n)).collect())
        };
        Storage { bytes, weights }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    pub(super) fn weights(&self) -> &[f64] {
        match &self.weights {
            Weights::Viewed(range) => bytemuck::cast_slice(&self.bytes()[range.clone()]),
            Weights::Copied(weights) => weights,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: [f64; 3] = [1.5, -0.0, 1e30];

    /// Storage in which the numbers stand `before` bytes after a multiple of eight.
    fn storage(before: usize) -> Storage {
        // Leaked, so that the test decides where the bytes lie: at a u64's address.
        let room: &'static mut [u64] = vec![0; 8].leak();
        let bytes: &'static mut [u8] = bytemuck::cast_slice_mut(room);
        let range = before..before + NUMBERS.len() * WEIGHT_BYTES;
        for (place, number) in bytes[range.clone()].chunks_mut(WEIGHT_BYTES).zip(NUMBERS) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        Storage::new(Bytes::Held(Cow::Borrowed(bytes)), range)
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn aligned_weights_are_viewed_and_others_copied() {
        for before in 0..=16 {
            let viewed = matches!(storage(before).weights, Weights::Viewed(_));
            assert_eq!(viewed, before % 8 == 0, "{before} bytes before");
        }
    }

    #[test]
    fn viewed_or_copied_the_weights_are_the_same() {
        for before in 0..=16 {
            let storage = storage(before);
            let bits = |weights: &[f64]| weights.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(storage.weights()), bits(&NUMBERS));
        }
    }

    #[test]
    fn read_or_mapped_a_file_has_the_same_bytes() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/models/wasm32.bin"));
        let [read, mapped] = [u64::MAX, 0].map(|most| Bytes::open(path, most).unwrap());
        assert!(matches!((&read, &mapped), (Bytes::Held(_), Bytes::Mapped(_))));
        let size = read.as_slice().len() as u64;
        let [fits, exceeds] = [size, size - 1].map(|most| Bytes::open(path, most).unwrap());
        assert!(matches!((&fits, &exceeds), (Bytes::Held(_), Bytes::Mapped(_))));
        assert!(read.as_slice() == mapped.as_slice() && read.as_slice() == fs::read(path).unwrap());
    }

    #[test]
    fn weights_survive_a_move_of_their_owner() {
        let numbers: Vec<u8> = NUMBERS.iter().flat_map(|n| n.to_le_bytes()).collect();
        let storage = Storage::new(Bytes::Held(Cow::Owned(numbers)), 0..24);
        let moved = Box::new(storage);
        assert_eq!(moved.weights(), NUMBERS);
    }
}
