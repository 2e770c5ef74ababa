//! The binary trace format: `.hmt` files (docs/trace-format.md).
//!
//! A [`Header`] says whose trace it is: the digests of model and program, and the names of the
//! tokens, so that a trace can be read without its model. Then come *blocks* of at most
//! [`BLOCK_TOKENS`] tokens, each compressed and with a checksum of its own, and at last an empty
//! one. A [`Writer`] writes whole blocks only, as the run goes on; so a run that is killed leaves
//! a file that a [`Reader`] reads up to its last whole block, and tells from one that was
//! finished.
//!
//! A file is untrusted: no count is believed beyond what a block may hold, every
//! byte is under a checksum, and each way to be wrong is its own [`BinaryError`] with
//! the offset at which it stands. Reading needs the memory of the names and one block, whatever the
//! file claims. LZ4 packs up to 255 bytes into one, so that a name may come again 32,768 times in a
//! few hundred bytes: hence names are short, and those of a prompt have so many bytes at most.

mod error;
mod header;
mod read;
mod write;

pub use error::BinaryError;
pub use header::Header;
pub use read::{Reader, is_binary};
pub use write::Writer;

/// A BLAKE3 hash.
pub type Digest = [u8; 32];

/// What a binary trace begins with. As in PNG: no text, and broken by any
/// transfer that takes it for text.
const MAGIC: [u8; 8] = *b"\x89hmt\r\n\x1a\n";

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// Most tokens of a block: their 64 kB are what LZ4 looks back on.
pub const BLOCK_TOKENS: usize = 1 << 15;

/// Two bytes a token.
const TOKEN_BYTES: usize = 2;

/// Ids have 16 bits.
const MOST_NAMES: usize = 1 << 16;

/// Most bytes of all names with their lengths.
const MOST_NAME_BYTES: usize = 1 << 22;

/// Most bytes of a name: no word of a text trace is longer.
const LONGEST_NAME: usize = 256;

/// Most tokens of a prompt.
const LONGEST_PROMPT: u64 = 1 << 26;

/// Most bytes of the names of a prompt's tokens, a line feed after each. The longest prompt in the
/// machine's own names has fewer.
const LONGEST_SPELLING: u64 = 1 << 29;

/// Bytes of the header before the names.
const FIXED: usize = 96;

/// Bytes of a block before its tokens.
const BLOCK_HEAD: usize = 32;

/// The part of a block's head that its checksum covers.
const BLOCK_COUNTS: usize = 16;

/// The checksum of a block: the beginning of a BLAKE3 hash that is keyed by the
/// header's, so that a block counts in its own file and place only.
fn checksum(header: &Digest, counts: &[u8], tokens: &[u8]) -> [u8; BLOCK_HEAD - BLOCK_COUNTS] {
    let mut hasher = blake3::Hasher::new_keyed(header);
    hasher.update(counts);
    hasher.update(tokens);
    let mut checksum = [0; BLOCK_HEAD - BLOCK_COUNTS];
    checksum.copy_from_slice(&hasher.finalize().as_bytes()[..BLOCK_HEAD - BLOCK_COUNTS]);
    checksum
}

/// The digest of a program: of the names of its prompt's tokens, a line feed after each.
pub fn program_digest<'n>(names: impl Iterator<Item = &'n str>) -> Digest {
    let mut spelling = Spelling::default();
    names.for_each(|name| spelling.push(name));
    spelling.hasher.finalize().into()
}

/// The names of a prompt's tokens, as far as they are known.
#[derive(Default)]
struct Spelling {
    hasher: Box<blake3::Hasher>,
    tokens: u64,
    bytes: u64,
}

impl Spelling {
    /// Appends a name.
    fn push(&mut self, name: &str) {
        self.hasher.update(name.as_bytes());
        self.hasher.update(b"\n");
        self.tokens += 1;
        self.bytes += name.len() as u64 + 1;
    }
}
