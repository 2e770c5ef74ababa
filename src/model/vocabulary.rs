//! Tokens and their names.
//!
//! A vocabulary is the bridge between a model, which knows numbers, and
//! everything else, which knows names: programs and traces are text whose words
//! are names, and an instruction is found by its name alone, never by its id.
//!
//! It promises that ids are `0..len()`, that no two tokens share a name (so text
//! and tokens translate into each other without loss), and that it is not empty.
//! Names are otherwise free: what words a *program* may contain is the business
//! of `program/`.

use std::collections::HashMap;
use std::fmt;

use thiserror::Error;

use crate::shown;

/// The id of a token: its row in the embedding and in the output head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u32);

impl Token {
    /// The id as an index into rows.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a list of names is no vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VocabularyError {
    /// There are no names.
    #[error("a vocabulary needs at least one name")]
    Empty,
    /// Two tokens have the same name.
    #[error(
        "tokens {first} and {second} are both named {}: give each its own name",
        shown::quoted(name)
    )]
    Duplicate {
        /// The name of both.
        name: String,
        /// The lower id.
        first: Token,
        /// The higher id.
        second: Token,
    },
}

/// The names of all tokens, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    names: Vec<String>,
    // Not by a hash that files could be made to collide in.
    ids: HashMap<String, Token>,
}

impl Vocabulary {
    /// The vocabulary in which `names[i]` is the name of token `i`.
    pub fn new(names: Vec<String>) -> Result<Vocabulary, VocabularyError> {
        if names.is_empty() {
            return Err(VocabularyError::Empty);
        }
        let mut vocabulary = Vocabulary::with_capacity(names.len());
        for name in names {
            vocabulary.push(name)?;
        }
        Ok(vocabulary)
    }

    /// Room for `tokens` names and none yet: the caller pushes at least one.
    pub(super) fn with_capacity(tokens: usize) -> Vocabulary {
        Vocabulary { names: Vec::with_capacity(tokens), ids: HashMap::with_capacity(tokens) }
    }

    /// Gives the next id to `name`.
    pub(super) fn push(&mut self, name: String) -> Result<(), VocabularyError> {
        let token = Token(u32::try_from(self.names.len()).expect("fewer than 2^32 names"));
        if let Some(first) = self.ids.insert(name.clone(), token) {
            return Err(VocabularyError::Duplicate { name, first, second: token });
        }
        self.names.push(name);
        Ok(())
    }

    /// The name of `token`.
    ///
    /// # Panics
    ///
    /// When `token` is not of this vocabulary.
    pub fn name(&self, token: Token) -> &str {
        &self.names[token.index()]
    }

    /// The token named `name`, if there is one.
    pub fn id(&self, name: &str) -> Option<Token> {
        self.ids.get(name).copied()
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never: a vocabulary has at least one name.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Every token with its name, in the order of ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Token, &str)> {
        // The cast loses nothing: `push` has checked every id.
        self.names.iter().enumerate().map(|(id, name)| (Token(id as u32), name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(names: &[&str]) -> Result<Vocabulary, VocabularyError> {
        Vocabulary::new(names.iter().map(|name| name.to_string()).collect())
    }

    #[test]
    fn names_and_ids_are_inverse() {
        let vocabulary = vocabulary(&["{", "}", "i32.add", ""]).unwrap();
        assert_eq!((vocabulary.len(), vocabulary.is_empty()), (4, false));
        for (token, name) in vocabulary.iter() {
            assert_eq!(vocabulary.name(token), name);
            assert_eq!(vocabulary.id(name), Some(token));
        }
        assert_eq!(vocabulary.id("i32.sub"), None);
    }

    #[test]
    fn iteration_is_in_the_order_of_ids() {
        let vocabulary = vocabulary(&["b", "a"]).unwrap();
        let all: Vec<_> = vocabulary.iter().collect();
        assert_eq!(all, [(Token(0), "b"), (Token(1), "a")]);
    }

    #[test]
    fn a_name_given_twice_is_refused() {
        let error = vocabulary(&["x", "y", "x"]).unwrap_err();
        assert_eq!(
            error,
            VocabularyError::Duplicate { name: "x".into(), first: Token(0), second: Token(2) }
        );
        assert_eq!(
            error.to_string(),
            "tokens 0 and 2 are both named \"x\": give each its own name"
        );
    }

    #[test]
    fn no_names_are_refused() {
        assert_eq!(vocabulary(&[]), Err(VocabularyError::Empty));
    }

    #[test]
    fn tokens_print_as_their_ids() {
        assert_eq!(Token(17).to_string(), "17");
    }
}
