//! A model whose logits round: what is predicted, and so what verification finds, depends on no
//! kernel, block size, number of threads or method.

mod common;

use common::POOLS;
use fastrand::Rng;
use hardmax::engine::verify::{End, Products, Settings, Spot, Verification, verify};
use hardmax::engine::{Attention, Reference};
use hardmax::linalg::Kernel;
use hardmax::model::{LayerParts, Model, ModelParts, Shape, Token};

const TOKENS: usize = 24;
const WIDTH: usize = 14;

/// A model without heads or units. Of its tokens, six each have logits that roundings alone tell
/// apart, if anything.
fn model(random: &mut Rng) -> Model {
    let shape = Shape { vocabulary: TOKENS, width: WIDTH, layers: 1, heads: WIDTH / 2, units: 1 };
    let mut number = || (random.f64() - 0.5) * 8.0;
    let mut head: Vec<Vec<f64>> = Vec::new();
    for group in 0..TOKENS / 6 {
        let mut row: Vec<f64> = (0..WIDTH).map(|_| number()).collect();
        // Positions and their squares are left out: they would decide all.
        (row[0], row[2]) = (0.0, 0.0);
        let rows = (0..6).map(|member| {
            let mut row = row.clone();
            row[3 + (group + member) % (WIDTH - 3)] *= 1.0 + f64::EPSILON;
            row
        });
        head.extend(rows);
    }
    let zeros = |count: usize| vec![0.0; count];
    Model::new(ModelParts {
        shape,
        stop: Token(0),
        vocabulary: (0..TOKENS).map(|token| format!("token-{token}")).collect(),
        embedding: (0..TOKENS * WIDTH).map(|_| number()).collect(),
        layers: vec![LayerParts {
            attention_in: zeros(3 * WIDTH * WIDTH),
            attention_out: zeros(WIDTH * WIDTH),
            feed_forward_in: zeros(2 * WIDTH),
            feed_forward_out: zeros(WIDTH),
        }],
        head: head.concat(),
        clears: None,
        ties: None,
        kinds: None,
    })
    .unwrap()
}

fn verified(model: &Model, history: &[Token], settings: Settings, pool: usize) -> Verification {
    let tokens = history.iter().map(|&token| Ok::<_, ()>(token));
    verify(model, 1, tokens, settings, &POOLS[pool], |_| ()).unwrap()
}

#[test]
fn logits_that_round_give_one_token_by_every_kernel_block_and_sample() {
    let random = &mut Rng::with_seed(3);
    let mut mismatches = 0;
    for run in 0..12 {
        let model = model(random);
        let history: Vec<Token> = (0..600).map(|_| Token(random.u32(1..TOKENS as u32))).collect();
        let predicted = |kernel| -> Vec<Token> {
            let mut engine = Reference::new(&model, Attention::Kinds, kernel).unwrap();
            let step = |&token| {
                engine.step(token).unwrap();
                engine.next_token().unwrap()
            };
            history.iter().map(step).collect()
        };
        let expected = predicted(Kernel::ALL[0]);
        // Every other token as predicted, or nearly so, the others at random.
        let mut trace = history.clone();
        let settings = Settings {
            attention: Attention::Kinds,
            products: Products::Sparse,
            kernel: Kernel::ALL[0],
            block: 64,
            spot: None,
        };
        let wrong = |trace: &[Token]| {
            (1..trace.len()).filter(|&at| trace[at] != expected[at - 1]).count() as u64
        };
        // What follows a changed token changes with it: so the history stays, and one is judged.
        for at in 0..8 {
            let place = 1 + (at * 71 + run) % (trace.len() - 1);
            let near = 6 * (expected[place - 1].0 / 6) + random.u32(0..6);
            trace[place] = Token(near.max(1));
            let found = verified(&model, &trace[..=place], settings, 0);
            assert_eq!(found.mismatches, wrong(&trace[..=place]));
            trace[place] = history[place];
        }
        let all = verified(&model, &trace, settings, 0);
        assert_eq!((all.mismatches, all.end.clone()), (wrong(&trace), End::Open));
        mismatches += all.mismatches;
        for &kernel in Kernel::ALL {
            assert_eq!(predicted(kernel), expected, "{kernel}");
            let sizes = [(1, 0), (7, 1), (64, 1), (4096, 0)].into_iter();
            let sizes = sizes.flat_map(|size| Products::ALL.map(|products| (size, products)));
            for ((block, pool), products) in sizes {
                let settings = Settings { products, kernel, block, ..settings };
                assert_eq!(verified(&model, &trace, settings, pool), all, "{settings:?}");
                let spot = Some(Spot { count: 5000, seed: 1 });
                let spot = verified(&model, &trace, Settings { spot, ..settings }, pool);
                assert_eq!(spot, all, "{kernel} {block}");
            }
        }
    }
    println!("{mismatches} mismatches");
}
