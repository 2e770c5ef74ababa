//! Writing a binary trace, block by block.

use std::io::{self, Write};

use super::{BLOCK_TOKENS, BinaryError, Digest, Header, TOKEN_BYTES, checksum};

/// A binary trace in the making.
///
/// What is handed over is in the file once its block is full, or
/// [`Writer::end_block`] was called. Only [`Writer::finish`] makes the file complete.
pub struct Writer<W> {
    file: W,
    digest: Digest,
    /// Tokens of the blocks that are written.
    written: u64,
    /// The tokens of the next, two bytes each.
    waiting: Vec<u8>,
    packed: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a file with its header.
    pub fn new(mut file: W, header: &Header) -> Result<Self, BinaryError> {
        let (bytes, digest) = header.encode()?;
        let written = file.write_all(&bytes).and_then(|()| file.flush());
        written.map_err(|source| BinaryError::Io { offset: 0, source })?;
        let largest = lz4_flex::block::get_maximum_output_size(TOKEN_BYTES * BLOCK_TOKENS);
        Ok(Writer {
            file,
            digest,
            written: 0,
            waiting: Vec::with_capacity(TOKEN_BYTES * BLOCK_TOKENS),
            packed: vec![0; largest],
        })
    }

    /// Appends a token. Its id must be that of a name in the header.
    pub fn push(&mut self, token: u16) -> io::Result<()> {
        self.waiting.extend(token.to_le_bytes());
        if self.waiting.len() == TOKEN_BYTES * BLOCK_TOKENS { self.end_block() } else { Ok(()) }
    }

    /// Puts all tokens so far into the file.
    pub fn end_block(&mut self) -> io::Result<()> {
        let tokens = self.waiting.len() / TOKEN_BYTES;
        if tokens > 0 {
            let size = lz4_flex::block::compress_into(&self.waiting, &mut self.packed)
                .map_err(io::Error::other)?;
            self.block(tokens, size)?;
            self.written += tokens as u64;
            self.waiting.clear();
        }
        Ok(())
    }

    /// What is written to.
    pub fn file_mut(&mut self) -> &mut W {
        &mut self.file
    }

    /// Ends the file: it is complete.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_block()?;
        self.block(0, 0)?;
        Ok(self.file)
    }

    /// Writes head and packed tokens at once: a file ends with a whole block nearly always.
    fn block(&mut self, tokens: usize, size: usize) -> io::Result<()> {
        let packed = &self.packed[..size];
        let mut block = Vec::with_capacity(super::BLOCK_HEAD + size);
        block.extend((tokens as u32).to_le_bytes());
        block.extend((size as u32).to_le_bytes());
        block.extend(self.written.to_le_bytes());
        block.extend(checksum(&self.digest, &block, packed));
        block.extend(packed);
        self.file.write_all(&block)?;
        self.file.flush()
    }
}
