//! What each head asked for before one token was predicted, and where it found it.
//!
//! Every live head gets a second memory of its kind, with the same keys, whose values are
//! positions: its output is where the first memory found its own, by the same rules, ties included.

use super::reference::{Reference, Watch};
use super::{Attention, EngineError};
use crate::attention::{Memory, Violation, memory};
use crate::linalg::Kernel;
use crate::model::{Model, Token};

/// What a head did at the last position of a history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Its layer.
    pub layer: usize,
    /// Its number there.
    pub head: usize,
    /// What it asked with.
    pub query: [f64; 2],
    /// The position that it found; the mean of all, where its kind or a tie is one of several.
    pub position: f64,
    /// What it gave.
    pub output: [f64; 2],
}

/// How a token was predicted.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// What all live heads did, layer by layer.
    pub looks: Vec<Look>,
    /// The residual stream at the last position: after the embedding, and after attention and units of each layer.
    pub stream: Vec<Vec<f64>>,
    /// The token that is predicted, and its logit.
    pub winner: (Token, f64),
    /// The token with the greatest logit of all others, if there are any.
    pub runner_up: Option<(Token, f64)>,
}

/// Positions of what each head may find, and what the last position shows.
struct Watched {
    heads: usize,
    /// Of all heads, layer by layer; none of dead ones.
    memories: Vec<Option<Box<dyn Memory>>>,
    position: f64,
    is_last: bool,
    looks: Vec<Look>,
    stream: Vec<Vec<f64>>,
}

impl Watch for Watched {
    fn head(
        &mut self,
        layer: usize,
        head: usize,
        [query, key, output]: [[f64; 2]; 3],
    ) -> Result<(), Violation> {
        let Some(memory) = &mut self.memories[layer * self.heads + head] else { return Ok(()) };
        memory.insert(key, [self.position, 0.0])?;
        if self.is_last {
            let [position, _] = memory.output(query)?;
            self.looks.push(Look { layer, head, query, position, output });
        }
        Ok(())
    }

    fn stream(&mut self, values: &[f64]) {
        if self.is_last {
            self.stream.push(values.to_vec());
        }
    }
}

/// Predicts the token behind a history by the reference, with head kinds, and says how.
pub fn predict(
    model: &Model,
    kernel: Kernel,
    history: impl IntoIterator<Item = Token>,
) -> Result<Prediction, EngineError> {
    let shape = model.shape();
    let positions = |layer: usize, head: usize| -> Result<Option<Box<dyn Memory>>, Violation> {
        match model.layer(layer).is_dead_head(head) {
            true => Ok(None),
            false => memory(model.kind(layer, head), model.tie(layer, head)).map(Some),
        }
    };
    let mut memories = Vec::new();
    for (layer, head) in (0..shape.layers).flat_map(|l| (0..shape.heads).map(move |h| (l, h))) {
        let refused = |violation| EngineError::Head { layer, head, violation };
        memories.push(positions(layer, head).map_err(refused)?);
    }
    let mut reference = Reference::new(model, Attention::Kinds, kernel)?;
    let mut history = history.into_iter().peekable();
    let mut watched = Watched {
        heads: shape.heads,
        memories,
        position: 0.0,
        is_last: false,
        looks: Vec::new(),
        stream: Vec::new(),
    };
    while let Some(token) = history.next() {
        watched.is_last = history.peek().is_none();
        watched.position = reference.position() as f64;
        reference.step_watched(token, &mut watched)?;
    }
    let Watched { looks, stream, .. } = watched;
    let winner = reference.next_token()?;
    let logits = reference.logits();
    let others = (0..).zip(logits).filter(|other| other.0 != winner.0);
    let runner_up = others.max_by(|a, b| a.1.total_cmp(b.1)).map(|(id, &logit)| (Token(id), logit));
    Ok(Prediction { looks, stream, winner: (winner, logits[winner.index()]), runner_up })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::default_model;
    use crate::model::HeadKind;
    use crate::oracle;
    use crate::program::text::parse_program;
    use crate::tokenizer::Tokenizer;

    #[test]
    fn each_token_wins_and_its_heads_look_at_what_was() {
        let path = format!("{}/tests/vectors/countdown.txt", env!("CARGO_MANIFEST_DIR"));
        let program = parse_program(&std::fs::read(path).unwrap()).unwrap();
        let model = default_model().unwrap();
        let tokenizer = Tokenizer::new(model.vocabulary());
        let (generated, _) = oracle::trace(&program, 16).unwrap();
        let prompt = program.prompt();
        let all = tokenizer.encode(&[&prompt[..], &generated[..]].concat()).unwrap();
        let live = (0..model.shape().layers).flat_map(|layer| {
            let weights = model.layer(layer);
            (0..model.shape().heads).filter(move |&head| !weights.is_dead_head(head))
        });
        let live = live.count();
        for at in prompt.len()..all.len() {
            let history = all[..at].iter().copied();
            let prediction = predict(&model, Kernel::preferred(), history).unwrap();
            assert_eq!(prediction.winner.0, all[at]);
            let (runner_up, logit) = prediction.runner_up.unwrap();
            assert!(runner_up != all[at] && logit <= prediction.winner.1);
            assert_eq!(prediction.looks.len(), live);
            assert_eq!(prediction.stream.len(), 1 + 2 * model.shape().layers);
            assert!(prediction.stream.iter().all(|values| values.len() == model.shape().width));
            // What the embedding leaves is the token's row with its position.
            let row = model.embedding().row(all[at - 1].index());
            assert_eq!(prediction.stream[0][3..], row[3..]);
            let last = (at - 1) as f64;
            for look in &prediction.looks {
                match model.kind(look.layer, look.head) {
                    HeadKind::Passthrough => assert_eq!(look.position, last),
                    // Of all positions, or all but the first.
                    HeadKind::Mean => {
                        assert!([last / 2.0, (last + 1.0) / 2.0].contains(&look.position));
                    }
                    _ => assert!((0.0..=last).contains(&look.position), "{look:?}"),
                }
            }
        }
    }
}
