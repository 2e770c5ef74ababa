//! Atoms, each kept once, with their bounds.
//!
//! Equal atoms have one id, so equal expressions are computed once, and cancellation is exact
//! because coefficients are integers. Every atom has bounds that hold for all histories along
//! which no guard fails; features of one place have them together (`feature_bounds.rs`).
//! [`Arena::make`] gives an atom in its simplest form under these bounds.

use cranelift_entity::{EntityRef, PrimaryMap};
use rustc_hash::FxHashMap;

use super::affine::Affine;
use super::atom::Atom;
use super::feature_bounds::{Columns, FeatureBounds, Stands};
use super::function::{Function, Functions, domain};
use super::interval::Interval;
use crate::plan::ids::{AtomId, FeatureId};
use crate::plan::limits::MAX_WORK;

/// The features of all tokens, as whole numbers.
#[derive(Clone, Debug)]
pub struct Features {
    /// By feature, then token. Columns of the embedding that are not whole are empty.
    pub columns: PrimaryMap<FeatureId, Vec<i64>>,
    /// Number of tokens.
    pub tokens: usize,
}

impl Features {
    /// 1 for the BOS token, 0 for all others: the last feature.
    pub fn bos_mark(&self) -> FeatureId {
        FeatureId::new(self.columns.len() - 1)
    }
}

/// Atoms, each once, with their bounds.
#[derive(Clone, Debug)]
pub struct Arena {
    /// Bounds of features, and the tokens that may stand at the latest position.
    pub feature_bounds: FeatureBounds,
    /// The greatest position.
    limit: u64,
    atoms: PrimaryMap<AtomId, (Atom, Interval)>,
    ids: FxHashMap<Atom, AtomId>,
    /// Terms that were looked at, tokens apart.
    work: u64,
}

impl Arena {
    /// The position, always the first atom.
    pub const POSITION: AtomId = AtomId::POSITION;

    /// An arena for positions 1..=`limit`, whose latest token is as `feature_bounds` says.
    pub fn new(mut feature_bounds: FeatureBounds, limit: u64) -> Arena {
        let (atoms, ids) = (PrimaryMap::new(), FxHashMap::default());
        feature_bounds.work = 0;
        let mut arena = Arena { feature_bounds, limit, atoms, ids, work: 0 };
        arena.intern(Atom::Position, Interval::new(1, limit.into()));
        arena
    }

    /// The position as an expression.
    pub fn position() -> Affine {
        Affine::atom(Arena::POSITION)
    }

    /// The greatest position.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Positions and places: 0..=limit.
    pub fn positions(&self) -> Interval {
        Interval::new(0, self.limit.into())
    }

    /// An atom as it stands, with the bounds that it has if it is new.
    pub fn intern(&mut self, atom: Atom, bounds: Interval) -> AtomId {
        // To look for an atom is to hash its terms.
        self.work += atom.children().map(|child| child.terms.len() as u64).sum::<u64>();
        if let Some(&id) = self.ids.get(&atom) {
            return id;
        }
        let id = self.atoms.push((atom.clone(), bounds));
        self.ids.insert(atom, id);
        id
    }

    /// The simplest expression that equals an atom; `bounds` are those of what a history holds
    /// (sums, ages, tables and columns), others follow from what the atom is made of.
    pub fn make(&mut self, atom: Atom, bounds: Interval) -> Option<Affine> {
        match atom {
            Atom::Position => Some(Arena::position()),
            Atom::Feature { place, feature } => Some(self.feature(place, feature)),
            Atom::Clamped(place) => Some(self.clamped(place)),
            Atom::Piece { gate, factor, knots } => self.piece(&gate, &factor, &knots),
            Atom::Rounded { affine, shift } => self.rounded(affine, shift),
            Atom::Whole { affine, shift } => self.whole(&affine, shift),
            Atom::Guarded(affine) => self.guarded(affine),
            Atom::Function { of, function } => self.function(of, function),
            Atom::Count(affine) => self.counted(affine),
            held @ (Atom::Sum(_)
            | Atom::SumSteps(_)
            | Atom::Age(_)
            | Atom::Found { .. }
            | Atom::FoundKey { .. }
            | Atom::Column { .. }) => Some(Affine::atom(self.intern(held, bounds))),
        }
    }

    /// How many atoms there are.
    pub fn len(&self) -> usize {
        self.atoms.len()
    }

    /// What an id stands for.
    pub fn atom(&self, id: AtomId) -> &Atom {
        &self.atoms[id].0
    }

    /// Whether an atom is a single unit: max(gate + k, 0) · factor.
    pub fn is_unit(&self, id: AtomId) -> bool {
        matches!(self.atom(id), Atom::Piece { knots, .. } if matches!(knots[..], [(_, 1)]))
    }

    /// Bounds of an atom.
    pub fn atom_bounds(&self, id: AtomId) -> Interval {
        self.atoms[id].1
    }

    /// A feature of the token at a place: a constant where all tokens that may stand there agree.
    pub fn feature(&mut self, place: Affine, feature: FeatureId) -> Affine {
        // A feature clamps its place itself.
        let place = match place.single().map(|(atom, k)| (self.atom(atom), k)) {
            Some((Atom::Clamped(inner), 1)) => inner.clone(),
            _ => place,
        };
        let bounds = self.feature_bounds.feature(stands(&place), feature);
        match bounds.as_point() {
            Some(constant) => Affine::constant(constant),
            None => Affine::atom(self.intern(Atom::Feature { place, feature }, bounds)),
        }
    }

    /// What a function has at an expression.
    pub fn function(&mut self, of: Affine, function: Function) -> Option<Affine> {
        if let Some(x) = of.as_constant() {
            return Some(Affine::constant(function.at(x.into())));
        }
        (!self.is_exhausted()).then_some(())?;
        let within = domain([&function].into_iter(), self.bounds(&of));
        let bounds = self.feature_bounds.functions(vec![(function.clone(), 1)], within);
        match bounds.as_point() {
            Some(constant) => Some(Affine::constant(constant)),
            None => Some(Affine::atom(self.intern(Atom::Function { of, function }, bounds))),
        }
    }

    /// A place clamped to 0..=t.
    pub fn clamped(&mut self, place: Affine) -> Affine {
        if let Some((atom, 1)) = place.single()
            && matches!(self.atom(atom), Atom::Clamped(_) | Atom::Found { .. } | Atom::Position)
        {
            return place;
        }
        Affine::atom(self.intern(Atom::Clamped(place), self.positions()))
    }

    /// How much was done here: terms and tokens that were looked at.
    pub fn work(&self) -> u64 {
        self.work + self.feature_bounds.work
    }

    /// Whether more was done than one plan, or one piece of code, is worth.
    pub fn is_exhausted(&self) -> bool {
        self.work() > MAX_WORK
    }

    /// Counts what is to be done next; `None` once that is too much.
    pub fn is_worth(&mut self, work: usize) -> Option<()> {
        self.count(work);
        (!self.is_exhausted()).then_some(())
    }

    /// Counts what was done.
    pub(super) fn count(&mut self, work: usize) {
        self.work += work as u64;
    }

    /// Bounds of an expression.
    pub fn bounds(&mut self, affine: &Affine) -> Interval {
        let Arena { feature_bounds, atoms, work, .. } = self;
        *work += affine.terms.len() as u64;
        let mut total = Interval::point(affine.c);
        let mut places: Vec<(&Affine, Columns)> = Vec::new();
        let mut functions: Vec<(&Affine, Vec<(AtomId, i64)>)> = Vec::new();
        for &(id, k) in &affine.terms {
            match &atoms[id] {
                (Atom::Feature { place, feature }, _) => {
                    *work += places.len() as u64;
                    match places.iter_mut().find(|known| known.0 == place) {
                        Some(known) => known.1.push((*feature, k)),
                        None => places.push((place, vec![(*feature, k)])),
                    }
                }
                (Atom::Function { of, .. }, _) => {
                    *work += functions.len() as u64;
                    match functions.iter_mut().find(|known| known.0 == of) {
                        Some(known) => known.1.push((id, k)),
                        None => functions.push((of, vec![(id, k)])),
                    }
                }
                (_, bounds) => total = total.plus(bounds.times(k)),
            }
        }
        for (place, mut columns) in places {
            columns.sort_unstable();
            total = total.plus(feature_bounds.sum(stands(place), &columns));
        }
        let functions: Vec<(Affine, Vec<(AtomId, i64)>)> =
            functions.into_iter().map(|(of, terms)| (of.clone(), terms)).collect();
        functions.into_iter().fold(total, |total, (of, terms)| {
            let bounds = self.functions(&of, &terms);
            total.plus(bounds)
        })
    }

    /// Bounds of a sum of functions of one expression, together: at every value that it may have.
    fn functions(&mut self, of: &Affine, terms: &[(AtomId, i64)]) -> Interval {
        if let [(id, k)] = *terms {
            return self.atoms[id].1.times(k);
        }
        let around = self.bounds(of);
        let functions = terms.iter().filter_map(|&(id, k)| match &self.atoms[id].0 {
            Atom::Function { function, .. } => Some((function.clone(), k)),
            _ => None,
        });
        let functions: Functions = functions.collect();
        let within = domain(functions.iter().map(|term| &term.0), around);
        self.feature_bounds.functions(functions, within)
    }
}

/// What is known of a token at a place.
fn stands(place: &Affine) -> Stands {
    let now = place.single() == Some((Arena::POSITION, 1));
    if now { Stands::Now } else { Stands::Elsewhere }
}

#[cfg(test)]
impl Arena {
    /// The same with claims that nothing supports.
    pub fn with_narrower_bounds(&self) -> Arena {
        let mut arena = self.clone();
        for (_, bounds) in arena.atoms.values_mut() {
            *bounds = Interval::new(bounds.low, bounds.high - 1);
        }
        arena
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::expression::evaluate::World;
    use crate::plan::fuse::heads::Items;
    use proptest::prelude::*;

    /// Random features of tokens, of which some may stand at the latest position.
    fn features() -> impl Strategy<Value = (Vec<Vec<i64>>, Vec<usize>)> {
        (1usize..5, 1usize..6).prop_flat_map(|(columns, tokens)| {
            let small = prop_oneof![-3i64..4, Just(1i64 << 49)];
            let column = prop::collection::vec(small, tokens);
            let current = prop::sample::subsequence((0..tokens).collect::<Vec<_>>(), 1..=tokens);
            (prop::collection::vec(column, columns), current)
        })
    }

    fn place(behind: Option<i64>) -> Affine {
        behind.map_or(Affine::constant(1), |behind| {
            Arena::position().plus(&Affine::constant(behind), 1).unwrap()
        })
    }

    proptest! {
        #[test]
        fn sums_of_features_are_bounded_jointly_and_attained(
            (columns, current) in features(),
            terms in prop::collection::vec(
                (0usize..5, -3i64..4, prop_oneof![Just(Some(0i64)), Just(Some(-1)), Just(None)]),
                1..5,
            ),
            more in prop::collection::vec(0usize..6, 3),
            last in any::<prop::sample::Index>(),
        ) {
            let tokens = columns[0].len();
            let count = columns.len();
            let columns: PrimaryMap<FeatureId, Vec<i64>> = columns.into_iter().collect();
            let features = Arc::new(Features { columns, tokens });
            let mut arena =
                Arena::new(FeatureBounds::new(features.clone(), current.clone()), 100);
            let mut sum = Affine::default();
            for &(feature, k, behind) in &terms {
                let feature = arena.feature(place(behind), FeatureId::new(feature % count));
                sum = sum.plus(&feature, k).unwrap();
            }
            let bounds = arena.bounds(&sum);
            let mut history: Vec<usize> = more.iter().map(|token| token % tokens).collect();
            history.push(current[last.index(current.len())]);
            let items = Items::default();
            let world = World::new(&arena, &features, &items, &history);
            let value = world.at(&sum, 3);
            prop_assert!(bounds.low <= value && value <= bounds.high);
            // Tokens of different places are independent: both ends are met.
            let over = |tokens: &[usize], behind: Option<i64>| {
                let of = |&token: &usize| -> i128 {
                    let at = |term: &&(usize, i64, Option<i64>)| term.2 == behind;
                    let term = |&(feature, k, _): &(usize, i64, _)| {
                        i128::from(features.columns[FeatureId::new(feature % count)][token])
                            * i128::from(k)
                    };
                    terms.iter().filter(at).map(term).sum()
                };
                let all: Vec<i128> = tokens.iter().map(of).collect();
                Interval::new(*all.iter().min().unwrap(), *all.iter().max().unwrap())
            };
            let all: Vec<usize> = (0..tokens).collect();
            let attained = over(&current, Some(0)).plus(over(&all, Some(-1))).plus(over(&all, None));
            prop_assert_eq!(bounds, attained);
        }
    }

    #[test]
    fn what_all_tokens_agree_on_is_a_constant_only_where_all_others_are_excluded() {
        let mut columns = PrimaryMap::new();
        let one = columns.push(vec![0, 1, 1]);
        let features = Arc::new(Features { columns, tokens: 3 });
        let mut arena = Arena::new(FeatureBounds::new(features, vec![1, 2]), 9);
        assert_eq!(arena.feature(Arena::position(), one), Affine::constant(1));
        assert_eq!(arena.feature(place(Some(-1)), one).as_constant(), None);
    }

    #[test]
    fn equal_atoms_are_one_and_clamps_do_not_nest() {
        let mut columns = PrimaryMap::new();
        let of = columns.push(vec![3, 4]);
        let features = Arc::new(Features { columns, tokens: 2 });
        let mut arena = Arena::new(FeatureBounds::new(features, vec![0, 1]), 9);
        let behind = place(Some(-2));
        let clamped = arena.clamped(behind.clone());
        assert_eq!(arena.clamped(clamped.clone()), clamped);
        assert_eq!(arena.clamped(Arena::position()), Arena::position());
        assert_eq!(arena.bounds(&clamped), Interval::new(0, 9));
        assert_eq!(arena.bounds(&behind), Interval::new(-1, 7));
        // A feature clamps its place itself.
        let before = arena.len();
        let direct = arena.feature(behind, of);
        assert_eq!(arena.feature(clamped, of), direct);
        assert_eq!(arena.len(), before + 1);
    }
}
