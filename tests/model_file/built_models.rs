//! Models built from parts are refused for the same faults as files.

use hardmax::model::{MatrixName, Model, ModelError, ModelParts, PartName, Token};

use crate::draft::sample;
use crate::errors::assert_fault;
use crate::parts::parts_of;

fn refused(change: impl FnOnce(&mut ModelParts)) -> ModelError {
    let mut parts = parts_of(&Model::from_bytes(sample().bytes).unwrap());
    change(&mut parts);
    Model::new(parts).expect_err("faulty parts")
}

#[test]
fn have_parts_as_long_as_their_shape_says() {
    type Change = fn(&mut ModelParts);
    let changes: [(Change, PartName, u128, usize); 10] = [
        (|p| p.vocabulary.truncate(2), PartName::Vocabulary, 3, 2),
        (|p| p.layers.truncate(1), PartName::Layers, 2, 1),
        (|p| p.embedding.push(0.), PartName::Matrix(MatrixName::Embedding), 18, 19),
        (
            |p| p.layers[1].attention_in.clear(),
            PartName::Matrix(MatrixName::AttentionIn(1)),
            108,
            0,
        ),
        (
            |p| p.layers[0].attention_out.push(0.),
            PartName::Matrix(MatrixName::AttentionOut(0)),
            36,
            37,
        ),
        (
            |p| p.layers[0].feed_forward_in.push(0.),
            PartName::Matrix(MatrixName::FeedForwardIn(0)),
            12,
            13,
        ),
        (|p| p.head.clear(), PartName::Matrix(MatrixName::Head), 18, 0),
        (|p| p.clears = Some(vec![]), PartName::Clears, 2, 0),
        (|p| p.ties.as_mut().unwrap().truncate(5), PartName::Ties, 6, 5),
        (|p| p.kinds.as_mut().unwrap().truncate(5), PartName::Kinds, 6, 5),
    ];
    for (change, name, wanted, given) in changes {
        assert_fault!(
            refused(change),
            ModelError::PartLength { what, expected, found }
                if what == name && expected == wanted && found == given
        );
    }
}

#[test]
fn are_checked_like_files() {
    assert_fault!(refused(|p| p.shape.width = 5), ModelError::Width { .. });
    assert_fault!(refused(|p| p.shape.heads = 2), ModelError::Heads { .. });
    assert_fault!(refused(|p| p.shape.vocabulary = usize::MAX), ModelError::VocabularySize { .. });
    assert_fault!(refused(|p| p.stop = Token(u32::MAX)), ModelError::StopToken { .. });
    assert_fault!(
        refused(|p| p.vocabulary[1] = "halt".into()),
        ModelError::DuplicateName { offset: 37, .. }
    );
    assert_fault!(
        refused(|p| p.head[3] = f64::NAN),
        ModelError::NonFiniteWeight { matrix: MatrixName::Head, row: 0, col: 3, .. }
    );
    assert_fault!(
        refused(|p| p.clears.as_mut().unwrap()[0].after_attention[0] = u32::MAX),
        ModelError::Slot { layer: 0, .. }
    );
}

#[test]
fn with_absurd_shapes_are_refused_before_anything_is_allocated() {
    for most in [usize::MAX, i32::MAX as usize, u32::MAX as usize] {
        refused(|p| p.shape.layers = most);
        refused(|p| p.shape.units = most);
        refused(|p| p.shape.vocabulary = most);
        refused(|p| {
            p.shape.width = most - 1;
            p.shape.heads = (most - 1) / 2;
        });
    }
}
