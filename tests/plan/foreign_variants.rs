//! Models nearly as others have built them: the file that `HARDMAX_FOREIGN` names, without parts that may
//! be absent, with false kinds, with another recency, another scale, other slots. Its plan is refused or
//! agrees with the reference along random histories that begin with programs, as far as guards let it.

use std::path::PathBuf;

use hardmax::engine::{Attention, Walks, compare};
use hardmax::linalg::Kernel;
use hardmax::model::{HeadKind, Model, ModelParts, Token};
use hardmax::plan::Plan;
use hardmax::program::text;
use hardmax::tokenizer::Tokenizer;

use crate::bundled_model::parts;
use crate::common::cases;
use crate::generator::Random;

/// What is changed, and how.
type Change = Box<dyn Fn(&mut ModelParts)>;

/// Weights of queries and keys, and only these: of a slot, if one is named.
fn attending(parts: &mut ModelParts, slot: Option<usize>, change: impl Fn(f64) -> f64) {
    let width = parts.shape.width;
    for layer in &mut parts.layers {
        for (at, weight) in layer.attention_in[..2 * width * width].iter_mut().enumerate() {
            if slot.is_none_or(|slot| at % width == slot) {
                *weight = change(*weight);
            }
        }
    }
}

fn variants() -> Vec<(String, Change)> {
    let mut variants: Vec<(String, Change)> = vec![
        ("as it is".into(), Box::new(|_| ())),
        ("no kinds".into(), Box::new(|parts| parts.kinds = None)),
        ("no clears".into(), Box::new(|parts| parts.clears = None)),
        ("no ties".into(), Box::new(|parts| parts.ties = None)),
        (
            "no optional parts".into(),
            Box::new(|parts| (parts.kinds, parts.ties, parts.clears) = (None, None, None)),
        ),
    ];
    for seed in 1..=4u64 {
        let change = move |parts: &mut ModelParts| {
            let random = &mut Random(seed);
            let kinds = [HeadKind::Lookup, HeadKind::Gather, HeadKind::Keyed, HeadKind::Mean];
            for kind in parts.kinds.iter_mut().flatten() {
                if random.below(4) == 0 {
                    *kind = kinds[random.below(4) as usize];
                }
            }
        };
        variants.push((format!("false kinds {seed}"), Box::new(change)));
    }
    // Of key and query only the recency is in slot 1.
    for factor in [2.0, 0.1, 0.01, 1e-4, 1e-6] {
        let change = move |parts: &mut ModelParts| attending(parts, Some(1), |w| w * factor);
        variants.push((format!("{factor} times the recency"), Box::new(change)));
    }
    for scale in [1.0, 1e-3, 1e6] {
        // Only queries have such weights.
        let scaled =
            move |w: f64| if w.abs() > 1e9 && w.abs() < 1e20 { w / 1e10 * scale } else { w };
        let change = move |parts: &mut ModelParts| attending(parts, None, scaled);
        variants.push((format!("scale {scale}"), Box::new(change)));
    }
    variants
}

#[test]
fn variants_of_a_foreign_model_agree_with_their_reference() {
    let Some(folder) = std::env::var_os("HARDMAX_FOREIGN").map(PathBuf::from) else {
        println!("not tested: HARDMAX_FOREIGN names no folder");
        return;
    };
    let model = Model::from_bytes(std::fs::read(folder.join("model.bin")).unwrap()).unwrap();
    let tokenizer = Tokenizer::new(model.vocabulary());
    let program = include_bytes!("../vectors/reverse.txt");
    let known = |bytes: &[u8]| {
        let program = text::parse_program(bytes).unwrap();
        tokenizer.encode(&program.prompt()).map_or(Vec::new(), |prompt| prompt[1..].to_vec())
    };
    let known: Vec<Vec<Token>> = vec![known(program), Vec::new()];
    let (mut plans, mut predictions) = (0, 0);
    for (name, change) in variants() {
        let mut parts = parts(&model);
        change(&mut parts);
        let model = Model::new(parts).unwrap();
        let plan = match Plan::new(&model, Plan::likely_bos(&model)) {
            Ok(plan) => plan,
            Err(refusal) => {
                println!("{name}: {refusal}");
                continue;
            }
        };
        plans += 1;
        for attention in [Attention::Kinds, Attention::Hull] {
            // What a file calls keyed is no hull's: there by hulls less is claimed.
            if attention == Attention::Hull && name.starts_with("false kinds") {
                continue;
            }
            let walks =
                Walks { count: cases(10).into(), length: 300, seed: 7, known: known.clone() };
            match compare(&model, &plan, walks, attention, Kernel::preferred()) {
                Ok(agreement) => {
                    println!("{name}, {attention:?}: {agreement:?}");
                    assert_eq!(agreement.difference, None, "{name}, {attention:?}");
                    predictions += agreement.predictions;
                }
                // A head has a kind that its tie-break does not go with.
                Err(refused) => println!("{name}, {attention:?}: {refused}"),
            }
        }
    }
    assert!(plans > 10 && predictions > 30_000, "{plans} plans, {predictions} predictions");
}
