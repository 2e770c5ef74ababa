//! Where a mismatch comes from: the heads whose choice depends on how they are computed.
//!
//! A wrong token has one of two reasons: the trace is wrong, or the arithmetic that
//! computed or judged it is. Near-ties are decided in attention, so the
//! history is computed once more with every head computed twice, by its
//! kind and by its hull. Heads that never differ speak for the arithmetic.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use rayon::ThreadPool;

use super::block::Block;
use super::flow::{Flow, flow};
use super::layer::{Start, layers, layers_with_memories};
use super::report::Logits;
use super::source::Source;
use super::{DEFAULT_BLOCK, Settings, VerifyError, lock};
use crate::attention::{Hull, Memory, Violation, memory};
use crate::engine::guard::Guard;
use crate::engine::{Attention, EngineError, greatest};
use crate::linalg::Kernel;
use crate::model::{HeadKind, Model, TieBreak, Token};

/// Heads are compared if there are at most so many tokens before a mismatch: some ten seconds, and
/// a gigabyte for the hulls, which keep what kinds need not.
pub const MAX_EXPLAINED: u64 = 1 << 20;

/// The logits of two tokens after a history that the plan has judged, the trace's and the
/// predicted one; `None` where products cannot compute them. The history streams through the
/// layers as in a verification by them: however long it is, they hold no more than that would.
pub fn logits(
    model: &Model,
    history: &[u16],
    [expected, predicted]: [Token; 2],
    settings: Settings,
    pool: &ThreadPool,
) -> Option<Logits> {
    let Settings { attention, products, kernel, .. } = settings;
    let layers = layers(model, attention, products, kernel).ok()?;
    // A position is computed only if a token follows, whatever it is.
    let tokens = history.iter().map(|&token| Token(token.into())).chain([expected]);
    let mut source = Source::new(model, u64::MAX, tokens.map(Ok::<_, Infallible>));
    let latest = Mutex::new((0, Vec::new()));
    let keep = |block: &Block, (): &mut ()| {
        let mut latest = lock(&latest);
        if let Some(chunk) = block.chunks().last()
            && block.end() > latest.0
        {
            *latest = (block.end(), chunk.last());
        }
    };
    let start = Start::new(model);
    let Ok(Flow { failed, .. }) = flow(&start, layers, &mut source, DEFAULT_BLOCK, pool, keep);
    if failed.is_some() {
        return None;
    }
    let latest = latest.into_inner().expect("no thread has panicked").1;
    let logit =
        |token: Token| greatest::logit(model.head().row(token.index()), latest.iter().copied());
    Some(Logits { expected: logit(expected), predicted: logit(predicted) })
}

/// A head whose outputs by kind and by hull differ.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadDifference {
    /// The layer of the head, from 0.
    pub layer: usize,
    /// The number of the head in its layer, from 0.
    pub head: usize,
    /// The kind of the head, as the model says.
    pub kind: HeadKind,
    /// The first position at which they differ.
    pub position: u64,
    /// The query of the head there.
    pub query: [f64; 2],
    /// The output by kind.
    pub by_kind: [f64; 2],
    /// The output by hull.
    pub by_hull: [f64; 2],
}

/// The heads whose outputs by kind and by hull differ somewhere in a trace, in order of
/// position. The history is that of kinds; a hull is not asked once keys are beyond what it is
/// exact for.
pub fn differing_heads<E: Send>(
    model: &Model,
    trace: impl Iterator<Item = Result<Token, E>> + Send,
    kernel: Kernel,
    pool: &ThreadPool,
) -> Result<Vec<HeadDifference>, VerifyError<E>> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let twin = |layer, head| {
        let (kind, tie) = (model.kind(layer, head), model.tie(layer, head));
        Twin::new(layer, head, kind, tie, Arc::clone(&found))
            .map(|twin| Box::new(twin) as Box<dyn Memory>)
            .map_err(|violation| EngineError::Head { layer, head, violation })
    };
    let layers = layers_with_memories(model, kernel, twin)?;
    let mut source = Source::new(model, u64::MAX, trace);
    let start = Start::new(model);
    let nothing = |_: &Block, (): &mut ()| ();
    flow(&start, layers, &mut source, DEFAULT_BLOCK, pool, nothing).map_err(VerifyError::Source)?;
    let mut found = std::mem::take(&mut *lock(&found));
    found.sort_by_key(|difference: &HeadDifference| {
        (difference.position, difference.layer, difference.head)
    });
    Ok(found)
}

/// A memory by kind, with a hull beside it until they first differ.
struct Twin {
    layer: usize,
    head: usize,
    kind: HeadKind,
    inserted: u64,
    by_kind: Box<dyn Memory>,
    by_hull: Option<(Hull, Option<Guard>)>,
    found: Arc<Mutex<Vec<HeadDifference>>>,
}

impl Twin {
    fn new(
        layer: usize,
        head: usize,
        kind: HeadKind,
        tie: TieBreak,
        found: Arc<Mutex<Vec<HeadDifference>>>,
    ) -> Result<Twin, Violation> {
        Ok(Twin {
            layer,
            head,
            kind,
            inserted: 0,
            by_kind: memory(kind, tie)?,
            by_hull: Some((Hull::new(tie), Guard::new(kind, Attention::Hull))),
            found,
        })
    }
}

impl Memory for Twin {
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Violation> {
        self.by_kind.insert(key, value)?;
        let (layer, head, position) = (self.layer, self.head, self.inserted);
        let exact = |guard: Guard| guard.check(layer, head, position, key).is_ok();
        if let Some((hull, guard)) = &mut self.by_hull
            && !(guard.is_none_or(exact) && hull.insert(key, value).is_ok())
        {
            self.by_hull = None;
        }
        self.inserted += 1;
        Ok(())
    }

    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        let by_kind = self.by_kind.output(query)?;
        let Some((hull, _)) = &mut self.by_hull else { return Ok(by_kind) };
        if let Ok(by_hull) = hull.output(query)
            && by_hull != by_kind
        {
            self.by_hull = None;
            lock(&self.found).push(HeadDifference {
                layer: self.layer,
                head: self.head,
                kind: self.kind,
                position: self.inserted - 1,
                query,
                by_kind,
                by_hull,
            });
        }
        Ok(by_kind)
    }

    fn heap_bytes(&self) -> usize {
        self.by_kind.heap_bytes() + self.by_hull.as_ref().map_or(0, |(hull, _)| hull.heap_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twin(found: &Arc<Mutex<Vec<HeadDifference>>>) -> Twin {
        Twin::new(3, 5, HeadKind::Keyed, TieBreak::Latest, Arc::clone(found)).unwrap()
    }

    #[test]
    fn a_head_is_told_once_where_its_table_and_its_hull_first_differ() {
        let found = Arc::default();
        let mut twin = twin(&found);
        assert_eq!(twin.insert([0.0, 1e-17], [7.0, 8.0]), Ok(()));
        assert_eq!(twin.output([0.0, 1.0]), Ok([7.0, 8.0]));
        assert_eq!(twin.insert([4.0, -4.0], [9.0, 10.0]), Ok(()));
        assert_eq!(twin.output([2.0, 1.0]), Ok([9.0, 10.0]));
        assert_eq!(*found.lock().unwrap(), []);
        let of_hull = twin.by_hull.as_ref().map(|(hull, _)| hull.heap_bytes()).unwrap();
        assert!(of_hull > 0 && twin.by_kind.heap_bytes() > 0);
        assert_eq!(twin.heap_bytes(), twin.by_kind.heap_bytes() + of_hull);
        // Of 0 and 2, equally near to 1, the table finds the later; but 0 has kept its recency.
        for _ in 0..2 {
            assert_eq!(twin.output([1.0, 1.0]), Ok([9.0, 10.0]));
        }
        let difference = HeadDifference {
            layer: 3,
            head: 5,
            kind: HeadKind::Keyed,
            position: 1,
            query: [1.0, 1.0],
            by_kind: [9.0, 10.0],
            by_hull: [7.0, 8.0],
        };
        assert_eq!(*found.lock().unwrap(), [difference]);
        assert_eq!(twin.heap_bytes(), twin.by_kind.heap_bytes());
    }

    #[test]
    fn a_hull_is_asked_as_long_as_it_is_exact() {
        let found = Arc::default();
        let mut twin = twin(&found);
        let exact = 67_108_864.0;
        for (number, is_asked) in [(exact, true), (exact + 1.0, false), (3.0, false)] {
            assert_eq!(twin.insert([2.0 * number, -number * number], [number, 0.0]), Ok(()));
            assert_eq!(twin.by_hull.is_some(), is_asked, "{number}");
            assert_eq!(twin.output([number, 1.0]), Ok([number, 0.0]));
        }
        assert_eq!(*found.lock().unwrap(), []);
    }
}
