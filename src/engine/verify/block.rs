//! A block of positions, cut into chunks.

use pulp::Arch;

use super::chunk::{CHUNK, Chunk, Embedding};
use crate::attention::History;
use crate::engine::EngineError;
use crate::model::Token;

/// Positions, each with the token that follows it.
#[derive(Default)]
pub struct Block {
    /// The position of the first.
    position: u64,
    /// Length of the prompt: the first token that is compared.
    prompt: u64,
    tokens: Vec<Token>,
    next: Vec<Token>,
    /// The tokens once more, of small vocabularies.
    narrow: Vec<u16>,
    chunks: Vec<Chunk>,
}

impl Block {
    pub fn begin(&mut self, position: u64, prompt: u64) {
        self.tokens.clear();
        self.next.clear();
        self.narrow.clear();
        (self.position, self.prompt) = (position, prompt);
    }

    pub fn push(&mut self, token: Token, next: Token) {
        self.tokens.push(token);
        self.next.push(next);
        self.narrow.push(token.0 as u16);
    }

    /// Drops the positions from a place on.
    pub fn truncate(&mut self, len: usize) {
        self.tokens.truncate(len);
        self.next.truncate(len);
        for chunk in &mut self.chunks {
            chunk.len = chunk.len.min(len.saturating_sub(chunk.offset));
        }
    }

    /// The first position at which a number is beyond what bounds all that comes of it, behind so many
    /// layers; the block ends before it.
    pub fn first_great(&mut self, arch: Arch, layers: usize) -> Option<(u64, EngineError)> {
        let mut chunks = self.chunks().iter();
        let (chunk, (at, slot)) =
            chunks.find_map(|chunk| Some((chunk, chunk.first_great(arch)?)))?;
        let (place, number) = (chunk.offset + at, chunk.x[slot][at]);
        let position = self.position + place as u64;
        self.truncate(place);
        Some((position, EngineError::GreatNumber { layers, slot, position, number }))
    }

    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The position after the last.
    pub fn end(&self) -> u64 {
        self.position + self.len() as u64
    }

    /// The chunks that have positions.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks[..self.len().div_ceil(CHUNK)]
    }

    /// The position of the first, all tokens, of small vocabularies, and the chunks that have
    /// positions.
    pub fn parts(&mut self) -> (u64, &[u16], &mut [Chunk]) {
        let count = self.len().div_ceil(CHUNK);
        (self.position, &self.narrow, &mut self.chunks[..count])
    }

    /// The tokens that follow a chunk's positions, the place in the chunk from which on they are
    /// generated, and the position of the first.
    pub fn expected(&self, chunk: &Chunk) -> (&[Token], usize, u64) {
        let expected = &self.next[chunk.offset..chunk.offset + chunk.len];
        let first = self.position + chunk.offset as u64 + 1;
        let generated = self.prompt.saturating_sub(first).min(expected.len() as u64);
        (expected, generated as usize, first)
    }

    /// Writes the tokens into the history, for heads that read them from there.
    pub fn remember(&self, history: &History) {
        for (position, token) in (self.position..).zip(&self.tokens) {
            if let (Ok(position), Ok(token)) = (u32::try_from(position), u16::try_from(token.0)) {
                history.set(position, token);
            }
        }
    }

    /// Cuts the positions into chunks and embeds them.
    pub fn embed(&mut self, embedding: &Embedding) {
        let Block { position, tokens, chunks, .. } = self;
        while chunks.len() < tokens.len().div_ceil(CHUNK) {
            chunks.push(Chunk { offset: chunks.len() * CHUNK, ..Chunk::default() });
        }
        for (chunk, tokens) in chunks.iter_mut().zip(tokens.chunks(CHUNK)) {
            chunk.embed(embedding, *position + chunk.offset as u64, tokens);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 70 positions from 100 on, of which those from 105 on are followed by generated tokens.
    fn block() -> Block {
        let model = crate::engine::verify::judge::tests::model();
        let mut block = Block::default();
        block.begin(100, 106);
        (0..70).for_each(|at| block.push(Token(at % 3), Token((at + 1) % 3)));
        block.embed(&Embedding::new(&model));
        block
    }

    fn shape(block: &Block) -> (usize, u64, Vec<(usize, usize)>) {
        let chunks = block.chunks().iter().map(|chunk| (chunk.offset, chunk.len)).collect();
        (block.len(), block.end(), chunks)
    }

    #[test]
    fn a_block_ends_before_the_first_number_without_a_bound() {
        let arch = Arch::new();
        let mut whole = block();
        assert_eq!(shape(&whole), (70, 170, vec![(0, 64), (64, 6)]));
        assert_eq!(whole.first_great(arch, 7), None);
        assert_eq!(shape(&whole), (70, 170, vec![(0, 64), (64, 6)]));
        for (place, chunks) in
            [(67, vec![(0, 64), (64, 3)]), (64, vec![(0, 64)]), (5, vec![(0, 5)])]
        {
            let mut block = block();
            let (chunk, at) = (place / CHUNK, place % CHUNK);
            block.chunks[chunk].x[4][at] = f64::INFINITY;
            let position = 100 + place as u64;
            let error =
                EngineError::GreatNumber { layers: 7, slot: 4, position, number: f64::INFINITY };
            assert_eq!(block.first_great(arch, 7), Some((position, error)));
            assert_eq!(shape(&block), (place, position, chunks));
        }
        let mut none = block();
        none.chunks[0].x[1][0] = f64::NAN;
        assert!(none.first_great(arch, 0).is_some() && none.is_empty() && none.chunks().is_empty());
    }

    #[test]
    fn generated_tokens_are_those_behind_the_prompt() {
        let block = block();
        let [first, second] = block.chunks() else { panic!("{}", block.chunks().len()) };
        let (expected, from, position) = block.expected(first);
        assert_eq!((expected.len(), from, position), (64, 5, 101));
        assert_eq!(expected[..4], [1, 2, 0, 1].map(Token));
        let (expected, from, position) = block.expected(second);
        assert_eq!((expected.len(), from, position), (6, 0, 165));
        assert_eq!(expected[..2], [2, 0].map(Token));
    }
}
