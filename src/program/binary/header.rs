//! The header of a binary trace.

use std::collections::HashMap;
use std::io::Read;

use super::{
    BinaryError, Digest, FIXED, LONGEST_NAME, LONGEST_PROMPT, MAGIC, MOST_NAME_BYTES, MOST_NAMES,
    VERSION,
};

/// Whose trace it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The names of all tokens, in the order of ids.
    pub names: Vec<String>,
    /// The token at which a run ends.
    pub stop: u16,
    /// Tokens of the prompt, at least 1.
    pub prompt: u64,
    /// BLAKE3 of the model's file.
    pub model: Digest,
    /// See [`super::program_digest`].
    pub program: Digest,
}

impl Header {
    /// Its bytes, checksum included, and that checksum; under the same checks as when reading.
    pub(super) fn encode(&self) -> Result<(Vec<u8>, Digest), BinaryError> {
        let mut names = Vec::new();
        let mut known = HashMap::default();
        for (token, name) in self.names.iter().enumerate() {
            let offset = (FIXED + names.len()) as u64;
            check_name(&mut known, token, name, offset)?;
            names.extend((name.len() as u16).to_le_bytes());
            names.extend(name.as_bytes());
        }
        let [count, size] = counts(self.names.len() as u64, names.len() as u64)?;
        self.check_tokens()?;
        let mut bytes = Vec::with_capacity(FIXED + names.len() + size_of::<Digest>());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((count as u32).to_le_bytes());
        bytes.extend((size as u32).to_le_bytes());
        bytes.extend(u32::from(self.stop).to_le_bytes());
        bytes.extend(self.prompt.to_le_bytes());
        bytes.extend(self.model);
        bytes.extend(self.program);
        bytes.extend(names);
        let digest: Digest = blake3::hash(&bytes).into();
        bytes.extend(digest);
        Ok((bytes, digest))
    }

    /// Reads a header; also gives its checksum and how many bytes it has.
    pub(super) fn read(file: &mut impl Read) -> Result<(Header, Digest, u64), BinaryError> {
        let mut bytes = Vec::new();
        take(file, MAGIC.len(), &mut bytes).map_err(|error| match error {
            BinaryError::CutHeader { .. } => BinaryError::NotATrace,
            other => other,
        })?;
        if bytes != MAGIC {
            return Err(BinaryError::NotATrace);
        }
        take(file, 4, &mut bytes)?;
        let version = number(&bytes, 8);
        if version != VERSION {
            return Err(BinaryError::Version { version, known: VERSION });
        }
        take(file, FIXED - bytes.len(), &mut bytes)?;
        let [count, size] = counts(u64::from(number(&bytes, 12)), u64::from(number(&bytes, 16)))?;
        take(file, size, &mut bytes)?;
        let hashed = bytes.len();
        take(file, size_of::<Digest>(), &mut bytes)?;
        let (bytes, checksum) = bytes.split_at(hashed);
        let digest: Digest = blake3::hash(bytes).into();
        if digest != checksum {
            return Err(BinaryError::HeaderChecksum { offset: hashed as u64 });
        }
        let stop = number(bytes, 20);
        let names = names(&bytes[FIXED..], count)?;
        let offset = 20;
        let stop = u16::try_from(stop).map_err(|_| BinaryError::Stop {
            offset,
            token: stop,
            names: names.len(),
        })?;
        let prompt = u64::from(number(bytes, 24)) | u64::from(number(bytes, 28)) << 32;
        let digest_at = |at: usize| std::array::from_fn(|byte| bytes[at + byte]);
        let header = Header { names, stop, prompt, model: digest_at(32), program: digest_at(64) };
        header.check_tokens()?;
        Ok((header, digest, (hashed + size_of::<Digest>()) as u64))
    }

    fn check_tokens(&self) -> Result<(), BinaryError> {
        let (token, names) = (u32::from(self.stop), self.names.len());
        if usize::from(self.stop) >= names {
            return Err(BinaryError::Stop { offset: 20, token, names });
        }
        within(24, "tokens of the prompt", self.prompt, LONGEST_PROMPT).map(|_| ())
    }
}

fn counts(names: u64, bytes: u64) -> Result<[usize; 2], BinaryError> {
    Ok([
        within(12, "names", names, MOST_NAMES as u64)?,
        within(16, "bytes of names", bytes, MOST_NAME_BYTES as u64)?,
    ])
}

/// A count between 1 and `most`.
fn within(offset: u64, what: &'static str, value: u64, most: u64) -> Result<usize, BinaryError> {
    match value {
        1.. if value <= most => Ok(value as usize),
        _ => Err(BinaryError::Count { offset, what, value, least: 1, most }),
    }
}

/// Appends the next `count` bytes, which grow only as the file has them.
fn take(file: &mut impl Read, count: usize, bytes: &mut Vec<u8>) -> Result<(), BinaryError> {
    let before = bytes.len();
    let read = file.take(count as u64).read_to_end(bytes);
    let offset = bytes.len() as u64;
    read.map_err(|source| BinaryError::Io { offset, source })?;
    if bytes.len() < before + count {
        return Err(BinaryError::CutHeader { offset });
    }
    Ok(())
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]))
}

/// A name is one word, and no other token's: a prompt that is spelled by names says which tokens
/// it has.
fn check_name<'n>(
    known: &mut HashMap<&'n str, usize>,
    token: usize,
    name: &'n str,
    offset: u64,
) -> Result<(), BinaryError> {
    let (length, most) = (name.len(), LONGEST_NAME);
    if length > most {
        return Err(BinaryError::LongName { offset, token, length, most });
    }
    let one_word = name.split_whitespace().eq([name]) && !name.contains(char::is_control);
    if !one_word {
        return Err(BinaryError::Word { offset, token, name: name.to_owned() });
    }
    match known.insert(name, token) {
        None => Ok(()),
        Some(first) => Err(BinaryError::Twice { offset, token, first, name: name.to_owned() }),
    }
}

fn names(bytes: &[u8], count: usize) -> Result<Vec<String>, BinaryError> {
    let mut rest = bytes;
    let mut names = Vec::new();
    let mut known = HashMap::default();
    let offset = |rest: &[u8]| (FIXED + bytes.len() - rest.len()) as u64;
    for token in 0..count {
        let fault = BinaryError::Name { offset: offset(rest), token };
        let Some((name, after)) = rest
            .split_first_chunk()
            .and_then(|(length, rest)| rest.split_at_checked(u16::from_le_bytes(*length).into()))
            .and_then(|(name, after)| Some((std::str::from_utf8(name).ok()?, after)))
        else {
            return Err(fault);
        };
        check_name(&mut known, token, name, offset(rest))?;
        names.push(name.to_owned());
        rest = after;
    }
    match rest.len() {
        0 => Ok(names),
        left => Err(BinaryError::NameBytes { offset: offset(rest), left }),
    }
}
