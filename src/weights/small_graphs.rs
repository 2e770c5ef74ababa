//! Small graphs, for tests.

use fastrand::Rng;

use crate::graph::{Graph, Key, Linear, Value};

/// Tokens of every one of them; token 0 opens.
pub const TOKENS: usize = 5;

fn combination(random: &mut Rng, among: &[Value]) -> Linear {
    let mut sum = Linear::zero();
    for _ in 0..random.usize(1..4) {
        let value = among[random.usize(..among.len())];
        sum = sum + value * [1.0, 1.0, -1.0, 2.0][random.usize(..4)];
    }
    sum
}

/// A random graph of whole numbers, in rounds: what a round makes, later ones read.
pub fn random(seed: u64) -> Graph {
    let random = &mut Rng::with_seed(seed);
    let mut graph = Graph::new(TOKENS, 0);
    let number = graph.feature("number", |token| token as f64);
    let other = graph.feature("other", |token| [0.0, 3.0, -1.0, 0.0, 1.0][token]);
    // A few that are there but that nothing has to read.
    let square = graph.square(number);
    let mut known = vec![graph.one(), number, other, graph.position()];
    let small = vec![graph.one(), number, other];
    let mut kept = known.clone();
    for round in 0..random.usize(1..4) {
        let mut made: Vec<Vec<Value>> = Vec::new();
        for _ in 0..random.usize(1..4) {
            let name = format!("round {round}, {}", made.len());
            made.push(match random.u8(..4) {
                0 => {
                    let at = Linear::from(graph.position()) - combination(random, &small);
                    let values: Vec<Linear> =
                        (0..random.usize(1..3)).map(|_| combination(random, &known)).collect();
                    graph.gather(&name, at, &values)
                }
                1 => {
                    let key =
                        Key { number: number.into(), square: square.into(), dead: Linear::zero() };
                    let wanted = combination(random, &small);
                    let value = combination(random, &known);
                    graph.latest(&name, &key, wanted, &[value])
                }
                _ => (0..random.usize(1..3))
                    .map(|_| {
                        let gate = combination(random, &small);
                        graph.unit(gate, combination(random, &known))
                    })
                    .collect(),
            });
        }
        for values in made {
            if random.u8(..3) > 0 {
                // Raw values of one round, and what was kept before.
                let mut sum: Linear = values.iter().map(|&value| value * 1.0).sum();
                if random.bool() {
                    sum = sum + combination(random, &kept);
                }
                known.push(graph.persist(&format!("kept {round}"), sum));
            } else {
                known.extend(values);
            }
        }
        let persists = known
            .iter()
            .copied()
            .filter(|&value| matches!(graph.origin(value), crate::graph::Node::Persist(_)));
        kept.extend(persists.collect::<Vec<_>>());
    }
    for token in 0..TOKENS {
        graph.predict(token, combination(random, &known));
    }
    graph
}
