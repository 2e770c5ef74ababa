//! The parts of a model, as its accessors tell them. The fuzz target of model files shares this file.

use hardmax::model::{Clears, LayerParts, Model, ModelParts, Shape};

/// What the accessors say about a model, as parts for a new one.
pub fn parts_of(model: &Model) -> ModelParts {
    let Shape { layers, heads, .. } = model.shape();
    let each_head = || (0..layers).flat_map(|l| (0..heads).map(move |h| (l, h)));
    ModelParts {
        shape: model.shape(),
        stop: model.stop(),
        vocabulary: model.vocabulary().iter().map(|(_, n)| n.into()).collect(),
        embedding: model.embedding().data.to_vec(),
        layers: model
            .layers()
            .map(|layer| LayerParts {
                attention_in: layer.attention_in.data.to_vec(),
                attention_out: layer.attention_out.data.to_vec(),
                feed_forward_in: layer.feed_forward_in.data.to_vec(),
                feed_forward_out: layer.feed_forward_out.data.to_vec(),
            })
            .collect(),
        head: model.head().data.to_vec(),
        clears: model.has_clears().then(|| {
            let clears = model.layers().map(|layer| Clears {
                after_attention: layer.cleared_after_attention.to_vec(),
                after_feed_forward: layer.cleared_after_feed_forward.to_vec(),
            });
            clears.collect()
        }),
        ties: model.has_ties().then(|| each_head().map(|(l, h)| model.tie(l, h)).collect()),
        kinds: model.has_kinds().then(|| each_head().map(|(l, h)| model.kind(l, h)).collect()),
    }
}
