//! Reading a binary trace, block by block.

use std::io::Read;

use super::{
    BLOCK_COUNTS, BLOCK_HEAD, BLOCK_TOKENS, BinaryError, Digest, Header, LONGEST_SPELLING,
    Spelling, TOKEN_BYTES, checksum,
};

/// A binary trace that is being read: an iterator over its tokens.
///
/// Each block is checked before its first token is given. After an error there is no more. A file
/// that ends within a block, as after a crash, just ends before it;
/// [`Reader::complete`] tells.
pub struct Reader<R> {
    file: R,
    header: Header,
    digest: Digest,
    /// Bytes read so far.
    offset: u64,
    /// Tokens of the blocks before the one at hand, and in it.
    position: u64,
    /// The block at hand, and the token in it that comes next.
    tokens: Vec<u16>,
    next: usize,
    /// The digest of the prompt so far, until it is complete and checked.
    prompt: Option<Spelling>,
    state: State,
    packed: Vec<u8>,
    unpacked: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Complete,
    Cut,
    Failed,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    pub fn new(mut file: R) -> Result<Self, BinaryError> {
        let (header, digest, offset) = Header::read(&mut file)?;
        Ok(Reader {
            file,
            header,
            digest,
            offset,
            position: 0,
            tokens: Vec::new(),
            next: 0,
            prompt: Some(Spelling::default()),
            state: State::Reading,
            packed: Vec::new(),
            unpacked: vec![0; TOKEN_BYTES * BLOCK_TOKENS],
        })
    }

    /// Whose trace it is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the end that the writer put there was reached: `false` before all tokens
    /// are taken, and for a file that was cut off.
    pub fn complete(&self) -> bool {
        self.state == State::Complete
    }

    /// Bytes read so far, up to the last whole block.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the next block, and says whether there was one.
    fn read_block(&mut self) -> Result<bool, BinaryError> {
        let offset = self.offset;
        let mut head = [0; BLOCK_HEAD];
        if self.read(BLOCK_HEAD)? {
            head.copy_from_slice(&self.packed);
        } else {
            return self.cut();
        }
        let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| head[at + byte]));
        let (tokens, size) = (number(0) as usize, number(4) as usize);
        let found = u64::from(number(8)) | u64::from(number(12)) << 32;
        let limit = |at: u64, what, value: usize, most: usize| {
            let (value, most) = (value as u64, most as u64);
            let fault = BinaryError::Count { offset: offset + at, what, value, least: 0, most };
            if value <= most { Ok(()) } else { Err(fault) }
        };
        limit(0, "tokens of a block", tokens, BLOCK_TOKENS)?;
        let largest = lz4_flex::block::get_maximum_output_size(TOKEN_BYTES * tokens);
        limit(4, "bytes of a block", size, if tokens == 0 { 0 } else { largest })?;
        if !self.read(size)? {
            return self.cut();
        }
        if checksum(&self.digest, &head[..BLOCK_COUNTS], &self.packed) != head[BLOCK_COUNTS..] {
            return Err(BinaryError::BlockChecksum { offset });
        }
        if found != self.position {
            let (offset, expected) = (offset + 8, self.position);
            return Err(BinaryError::Position { offset, found, expected });
        }
        self.offset = offset + (BLOCK_HEAD + size) as u64;
        if tokens == 0 {
            return self.end(offset);
        }
        self.unpack(offset, tokens)?;
        Ok(true)
    }

    /// Whether the next `count` bytes are there; they are in `packed` then.
    fn read(&mut self, count: usize) -> Result<bool, BinaryError> {
        self.packed.clear();
        let read = (&mut self.file).take(count as u64).read_to_end(&mut self.packed);
        read.map_err(|source| BinaryError::Io { offset: self.offset, source })?;
        Ok(self.packed.len() == count)
    }

    fn unpack(&mut self, offset: u64, tokens: usize) -> Result<(), BinaryError> {
        let room = &mut self.unpacked[..TOKEN_BYTES * tokens];
        match lz4_flex::block::decompress_into(&self.packed, room) {
            Ok(size) if size == room.len() => {}
            _ => return Err(BinaryError::Unpack { offset, tokens }),
        }
        self.tokens.clear();
        self.tokens.extend(room.as_chunks().0.iter().map(|&bytes| u16::from_le_bytes(bytes)));
        self.next = 0;
        let names = self.header.names.len();
        if let Some(at) = self.tokens.iter().position(|&token| usize::from(token) >= names) {
            let (token, position) = (self.tokens[at], self.position + at as u64);
            return Err(BinaryError::Token { offset, position, token, names });
        }
        self.position += tokens as u64;
        self.check_program(offset)
    }

    /// Compares the prompt's digest with the header's, once the prompt is there.
    fn check_program(&mut self, offset: u64) -> Result<(), BinaryError> {
        let Some(prompt) = &mut self.prompt else { return Ok(()) };
        let missing = usize::try_from(self.header.prompt - prompt.tokens).unwrap_or(usize::MAX);
        for &token in self.tokens.iter().take(missing) {
            prompt.push(&self.header.names[usize::from(token)]);
            if prompt.bytes > LONGEST_SPELLING {
                return Err(BinaryError::LongPrompt { offset, most: LONGEST_SPELLING });
            }
        }
        if prompt.tokens == self.header.prompt {
            if Digest::from(prompt.hasher.finalize()) != self.header.program {
                return Err(BinaryError::Program { offset });
            }
            self.prompt = None;
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<bool, BinaryError> {
        self.state = State::Cut;
        self.whole_prompt(self.offset)
    }

    fn end(&mut self, offset: u64) -> Result<bool, BinaryError> {
        self.whole_prompt(offset)?;
        if self.read(1)? {
            return Err(BinaryError::AfterEnd { offset: self.offset });
        }
        self.state = State::Complete;
        Ok(false)
    }

    /// Without its prompt a trace is nothing.
    fn whole_prompt(&self, offset: u64) -> Result<bool, BinaryError> {
        let (tokens, prompt) = (self.position, self.header.prompt);
        if tokens < prompt {
            return Err(BinaryError::ShortPrompt { offset, tokens, prompt });
        }
        Ok(false)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<u16, BinaryError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.tokens.len() {
            if self.state != State::Reading {
                return None;
            }
            match self.read_block() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.state = State::Failed;
                    self.tokens.clear();
                    self.next = 0;
                    return Some(Err(error));
                }
            }
        }
        self.next += 1;
        Some(Ok(self.tokens[self.next - 1]))
    }
}

/// Whether a file that begins with these bytes is a binary trace, if perhaps a broken one:
/// behind them stands what a transfer as text would have changed.
pub fn is_binary(beginning: &[u8]) -> bool {
    beginning.starts_with(&super::MAGIC[..4])
}
