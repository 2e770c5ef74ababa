//! The model file, and the checked model that it becomes.

mod vocabulary;

pub use vocabulary::{Token, Vocabulary, VocabularyError};
