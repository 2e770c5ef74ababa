//! Why a run cannot go on.

use thiserror::Error;

use crate::attention::Violation;

/// Why a run cannot go on. What was generated before is right.
#[derive(Clone, Debug, PartialEq, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum EngineError {
    #[error("layer {layer}, head {head}: {violation}; hull attention trusts no head kind")]
    Head { layer: usize, head: usize, violation: Violation },
    #[error(
        "layer {layer}, head {head}: the key {key} at position {position} is beyond {limit}, up to \
         which {attention} attention is exact in f64; use the head kinds"
    )]
    Inexact {
        layer: usize,
        head: usize,
        position: u64,
        key: f64,
        limit: u64,
        attention: &'static str,
    },
    #[error("token {token} is not in the vocabulary of {vocabulary} tokens")]
    NoToken { token: u32, vocabulary: usize },
    #[error("after position {position} no logit is a number, so there is no greatest")]
    NoLogit { position: u64 },
    #[error("the prompt is empty")]
    EmptyPrompt,
    #[error(
        "behind {layers} layers weights are so great that numbers may be infinite: products that \
         leave out zeros might differ from the reference"
    )]
    GreatWeights { layers: usize },
    #[error(
        "behind {layers} layers slot {slot} is {number} at position {position}, beyond 2^90: \
         products that leave out zeros might differ from the reference"
    )]
    GreatNumber { layers: usize, slot: usize, position: u64, number: f64 },
}
