//! From what a token means to its id in a vocabulary, and back.
//!
//! `program/` says what stands in a prompt or a trace, as [`Symbol`]s, and knows no
//! models; `model/` has numbers and their names, and knows no programs. Between the two
//! stands a [`Tokenizer`]: for each vocabulary, which of its tokens is which symbol. Names
//! decide, never ids: a model may have its tokens in any order, lack some of the
//! machine's, and have others.
//!
//! ```text
//! Program --prompt--> [Symbol] --Tokenizer::encode--> [Token] --engine--> Token
//!                     output, trace <--Tokenizer::symbol------------------'
//! ```

use thiserror::Error;

use crate::machine::Symbol;
use crate::model::{Token, Vocabulary};
use crate::shown;

/// The tokens of a vocabulary, and what they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokenizer {
    /// By [`Symbol::id`].
    tokens: Vec<Option<Token>>,
    /// By token.
    symbols: Vec<Option<Symbol>>,
}

/// A symbol that the vocabulary has no token for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "this model has no token {}, which stands at position {position}{}",
    shown::quoted(name),
    hint(name)
)]
pub struct NoToken {
    /// Its name.
    pub name: String,
    /// The position at which it stands.
    pub position: u64,
}

/// What it may mean that a vocabulary lacks a name.
pub(crate) fn hint(name: &str) -> &'static str {
    match Symbol::from_name(name) {
        Some(Symbol::Open) => ": it has no programs in its prompts, but perhaps one inside",
        Some(Symbol::Start) => ": it has no program inside, and wants one in its prompt",
        _ => "",
    }
}

impl Tokenizer {
    /// For this vocabulary.
    pub fn new(vocabulary: &Vocabulary) -> Tokenizer {
        Tokenizer::of_names(vocabulary.iter().map(|(_, name)| name))
    }

    /// For tokens with these names, in the order of ids. Of several that are named alike the
    /// first stands for the symbol.
    pub fn of_names<'n>(names: impl Iterator<Item = &'n str>) -> Tokenizer {
        let symbols: Vec<Option<Symbol>> = names.map(Symbol::from_name).collect();
        let mut tokens = vec![None; Symbol::all().len()];
        for (id, symbol) in (0..).zip(&symbols) {
            if let Some(symbol) = symbol {
                tokens[symbol.id() as usize].get_or_insert(Token(id));
            }
        }
        Tokenizer { tokens, symbols }
    }

    /// The token that means this, if there is one.
    pub fn token(&self, symbol: Symbol) -> Option<Token> {
        self.tokens[symbol.id() as usize]
    }

    /// The same for what stands at a position.
    pub fn token_at(&self, symbol: Symbol, position: u64) -> Result<Token, NoToken> {
        self.token(symbol).ok_or_else(|| NoToken { name: symbol.to_string(), position })
    }

    /// The tokens that mean these, from position 0 on. The first that the vocabulary lacks is the error.
    pub fn encode(&self, symbols: &[Symbol]) -> Result<Vec<Token>, NoToken> {
        (0..).zip(symbols).map(|(position, &symbol)| self.token_at(symbol, position)).collect()
    }

    /// What a token means, if it is one of the machine's.
    #[inline]
    pub fn symbol(&self, token: Token) -> Option<Symbol> {
        self.symbols.get(token.index()).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_and_not_ids() {
        let tokenizer = Tokenizer::of_names(["halt", "nonsense", "}", "{", "00"].into_iter());
        let symbols = [Symbol::Open, Symbol::Byte(0), Symbol::Close, crate::machine::HALT];
        let tokens = tokenizer.encode(&symbols).unwrap();
        assert_eq!(tokens, [3, 4, 2, 0].map(Token));
        assert!(tokens.iter().map(|&token| tokenizer.symbol(token)).eq(symbols.map(Some)));
        assert_eq!(tokenizer.symbol(Token(1)), None);
        assert_eq!(tokenizer.symbol(Token(5)), None);
    }

    #[test]
    fn the_first_name_that_is_lacking_is_named() {
        let tokenizer = Tokenizer::of_names(["{", "00"].into_iter());
        let symbols = [Symbol::Open, Symbol::Byte(255), Symbol::Close];
        assert_eq!(tokenizer.encode(&symbols), Err(NoToken { name: "ff".into(), position: 1 }));
    }

    #[test]
    fn an_alias_of_a_byte_is_no_name_of_a_token() {
        let tokenizer = Tokenizer::of_names(["x", "<sp>"].into_iter());
        assert_eq!(tokenizer.symbol(Token(0)), None);
        assert_eq!(tokenizer.symbol(Token(1)), None);
        assert_eq!(tokenizer.token(Symbol::Byte(b'x')), None);
    }

    #[test]
    fn in_the_machines_own_vocabulary_tokens_are_the_ids_of_symbols() {
        let names: Vec<String> = Symbol::all().iter().map(Symbol::to_string).collect();
        let tokenizer = Tokenizer::new(&Vocabulary::new(names).unwrap());
        for &symbol in Symbol::all() {
            assert_eq!(tokenizer.token(symbol), Some(Token(symbol.id())));
            assert_eq!(tokenizer.symbol(Token(symbol.id())), Some(symbol));
        }
    }
}
