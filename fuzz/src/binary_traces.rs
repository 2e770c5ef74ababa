//! Binary traces, with checksums that are right: the reader tells tokens or a fault, in the
//! memory of a block, and what it reads it reads again when it is written anew.
//!
//! Every byte of such a file is under a checksum, and none that a fuzzer guesses is right. So
//! they are repaired first, as far as the file has the form that they need.

use hardmax::program::binary::{BLOCK_TOKENS, BinaryError, Reader, Writer, program_digest};

use super::allocation::peak_of;

const FIXED: usize = 96;
const DIGEST: usize = 32;
const BLOCK_HEAD: usize = 32;

/// What a reader needs besides the names and the prompt.
const BLOCK: usize = 1 << 19;

/// The bytes are a binary trace, but for its checksums. If the last one is odd these stay as they
/// are.
pub fn check(data: &[u8]) -> bool {
    let mut file = data.to_vec();
    if data.last().is_some_and(|last| last % 2 == 0) {
        let _ = repair(&mut file);
    }
    let (read, peak) = peak_of(|| count(&file));
    // A name of one byte takes three in the file, and a prompt is packed.
    let prompt = 4 * read.as_ref().map_or(0, |read| read.0);
    assert!(peak as usize <= BLOCK + 64 * file.len() + prompt, "{peak} bytes for {}", file.len());
    let Ok((tokens, complete)) = read else { return false };
    let reader = Reader::new(file.as_slice()).unwrap();
    let mut writer = Writer::new(Vec::new(), reader.header()).unwrap();
    let header = reader.header().clone();
    for token in reader {
        writer.push(token.unwrap()).unwrap();
    }
    let written = writer.finish().unwrap();
    let mut again = Reader::new(written.as_slice()).unwrap();
    assert_eq!(*again.header(), header);
    let mut first = Reader::new(file.as_slice()).unwrap();
    assert!(first.by_ref().map(Result::unwrap).eq(again.by_ref().map(Result::unwrap)));
    assert!(again.complete());
    assert_eq!(first.complete(), complete);
    assert!(tokens as u64 >= header.prompt);
    true
}

/// How many tokens there are, and whether the file is complete.
fn count(file: &[u8]) -> Result<(usize, bool), BinaryError> {
    let mut reader = Reader::new(file)?;
    let mut tokens = 0;
    for token in reader.by_ref() {
        token?;
        tokens += 1;
    }
    assert!(reader.offset() <= file.len() as u64);
    Ok((tokens, reader.complete()))
}

fn number(file: &[u8], at: usize) -> Option<usize> {
    let bytes = file.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
}

/// Makes the digest of the program and all checksums right; `None` where the file is too short
/// for what it claims to have.
fn repair(file: &mut [u8]) -> Option<()> {
    let begin = FIXED.checked_add(number(file, 16)?)?;
    let blocks = begin.checked_add(DIGEST)?;
    if let Some(digest) = program(file, begin, blocks) {
        file.get_mut(64..FIXED)?.copy_from_slice(&digest);
    }
    let digest: [u8; DIGEST] = blake3::hash(file.get(..begin)?).into();
    file.get_mut(begin..blocks)?.copy_from_slice(&digest);
    let mut at = blocks;
    loop {
        let end = at.checked_add(BLOCK_HEAD)?.checked_add(number(file, at + 4)?)?;
        let mut hasher = blake3::Hasher::new_keyed(&digest);
        hasher.update(file.get(at..at + 16)?);
        hasher.update(file.get(at + BLOCK_HEAD..end)?);
        file[at + 16..at + BLOCK_HEAD].copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        at = end;
    }
}

/// The digest of the prompt that the blocks hold, by the names of the header.
fn program(file: &[u8], begin: usize, blocks: usize) -> Option<[u8; DIGEST]> {
    let mut names = Vec::new();
    let mut rest = file.get(FIXED..begin)?;
    while let Some((length, after)) = rest.split_first_chunk() {
        let (name, after) = after.split_at_checked(u16::from_le_bytes(*length).into())?;
        names.push(std::str::from_utf8(name).ok()?);
        rest = after;
    }
    let length = number(file, 24)?;
    let (mut prompt, mut at) = (Vec::new(), blocks);
    while prompt.len() < length {
        let (tokens, size) = (number(file, at)?, number(file, at + 4)?);
        if tokens == 0 || tokens > BLOCK_TOKENS {
            return None;
        }
        let mut room = vec![0; 2 * tokens];
        let packed = file.get(at + BLOCK_HEAD..(at + BLOCK_HEAD).checked_add(size)?)?;
        lz4_flex::block::decompress_into(packed, &mut room).ok()?;
        for id in room.as_chunks().0 {
            prompt.push(*names.get(usize::from(u16::from_le_bytes(*id)))?);
        }
        at += BLOCK_HEAD + size;
    }
    Some(program_digest(prompt.into_iter().take(length)))
}
