//! Row classes: values of one expression that code need not tell apart.
//!
//! A program in the weights of a model is a few functions of its program counter. Gates ask about some of
//! them, such as which instruction it is, and others are only read, such as the bytes of an immediate.
//! Values on which all functions of the first sort agree are a class, for which code is specialised
//! as it is for the token at the selected place (lemma 22 of docs/plan.md).

use rustc_hash::{FxHashMap, FxHashSet};

use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::atom::Atom;
use crate::plan::expression::function::{Function, are_near, domain};
use crate::plan::expression::interval::Interval;

/// At most this many classes of values by functions: a function with so many values that there would be more
/// is better looked up.
const MAX_ROW_CLASSES: usize = 64;
/// So many values of all functions together are looked at.
const MOST_IN_ROWS: i64 = 1 << 22;

/// Classes of the values of an expression, by functions of it.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The expression.
    pub of: Affine,
    /// The functions on which all values of a class agree.
    pub functions: FxHashSet<Function>,
    /// The value at which the classes begin; those below are of its class.
    pub from: i64,
    /// Classes of values from there on; those above are of the last one's.
    pub classes: Vec<u16>,
    /// A value of every class.
    pub representatives: Vec<i64>,
}

/// Classes of the expression whose functions stand in most gates, and how often they do.
pub fn rows<'a>(
    arena: &'a Arena,
    gates: impl Iterator<Item = &'a Affine>,
) -> Option<(usize, Rows)> {
    let mut uses: FxHashMap<&Affine, FxHashMap<&Function, usize>> = FxHashMap::default();
    for gate in gates {
        for &(atom, _) in &gate.terms {
            if let Atom::Function { of, function } = arena.atom(atom) {
                *uses.entry(of).or_default().entry(function).or_default() += 1;
            }
        }
    }
    let total = |of: &FxHashMap<&Function, usize>| of.values().sum::<usize>();
    let (of, uses) = uses
        .into_iter()
        .max_by(|a, b| (total(&a.1), &a.0.terms, a.0.c).cmp(&(total(&b.1), &b.0.terms, b.0.c)))?;
    let functions = uses.keys().copied();
    let (from, to) = domain(functions.clone(), Interval::new(i64::MIN.into(), i64::MAX.into()));
    if !are_near(functions) || uses.len() as i64 * (to - from) > MOST_IN_ROWS {
        return None;
    }
    let count = total(&uses);
    // Those that stand in most gates first; of equal ones that with the fewest values, whatever the
    // order of a map.
    let mut functions: Vec<(usize, Vec<i64>, &Function)> = uses
        .into_iter()
        .map(|(function, uses)| {
            let values = (from..=to).map(|x| function.at(x.into())).collect();
            (uses, values, function)
        })
        .collect();
    functions.sort_unstable_by(|a, b| (b.0, &a.1).cmp(&(a.0, &b.1)));
    let mut classes = vec![0u16; (to - from + 1) as usize];
    let mut rows = Rows {
        of: of.clone(),
        functions: FxHashSet::default(),
        from,
        classes: Vec::new(),
        representatives: vec![from],
    };
    for (_, values, function) in functions {
        let mut ids: FxHashMap<(u16, i64), u16> = FxHashMap::default();
        let mut representatives = Vec::new();
        let finer: Vec<u16> = classes
            .iter()
            .zip(&values)
            .zip(from..)
            .map(|((&class, &value), x)| {
                let next = ids.len() as u16;
                *ids.entry((class, value)).or_insert_with(|| {
                    representatives.push(x);
                    next
                })
            })
            .collect();
        if ids.len() <= MAX_ROW_CLASSES {
            (classes, rows.representatives) = (finer, representatives);
            rows.functions.insert(function.clone());
        }
    }
    rows.classes = classes;
    Some((count, rows))
}

impl Rows {
    /// The class of a value.
    #[inline]
    pub fn class(&self, x: i64) -> u16 {
        let last = self.classes.len() as i64 - 1;
        self.classes[x.saturating_sub(self.from).clamp(0, last) as usize]
    }
}
