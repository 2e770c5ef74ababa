//! Every specialised variant of a plan's code against its expressions as they stand.
//!
//! Code is made for a token class, a selected-token class and an age
//! of a latch. For every token class, selected-token class and age a step is taken at the end of some history, with a token
//! of that class put into the selected place, that age given to the latch, and other running sums;
//! the tokens of either class take turns. What the code leaves
//! behind and predicts must be what the plan's expressions say, evaluated directly
//! ([`crate::plan::check::Direct`]). Histories need not be possible ones: code may only rely on what
//! it is specialised by, and on guards.

use rustc_hash::FxHashSet;

use super::EngineError;
use super::execute::{AGES, Change, Execution, Probed};
use crate::model::{Model, Token};
use crate::plan::check::{Direct, Memory};
use crate::plan::{MAX_HULL_KEY, Plan, Refusal, Rows};

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variants {
    /// Variants of code that were executed.
    pub variants: usize,
    /// Steps that were compared.
    pub steps: u64,
    /// Steps along which a guard failed: code stops there, and nothing is claimed.
    pub guard_failures: u64,
    /// The first step in which code and expressions differ, in words.
    pub difference: Option<String>,
}

/// Which steps to take.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// How many states along histories to take them from.
    pub states: usize,
    /// The same seed takes the same steps.
    pub seed: u64,
}

/// How often other running sums are tried.
const TRIES: usize = 64;

/// Tokens of each behind what it begins with, at most.
const LENGTH: usize = 200;

/// What all steps together may cost: each is a look at every term of the plan's expressions and every
/// weight of the output head. The bundled model takes less than half.
const MOST_WORK: u64 = 1 << 32;

/// Takes steps from states along histories that begin with `known` ones.
///
/// # Errors
/// If a known history has tokens that the model does not.
pub fn compare_variants(
    model: &Model,
    plan: &Plan,
    known: &[Vec<Token>],
    steps: Steps,
) -> Result<Variants, EngineError> {
    compare_within(model, plan, known, steps, MOST_WORK)
}

fn compare_within(
    model: &Model,
    plan: &Plan,
    known: &[Vec<Token>],
    steps: Steps,
    most: u64,
) -> Result<Variants, EngineError> {
    let vocabulary = model.shape().vocabulary;
    let beyond = |token: &&Token| token.index() >= vocabulary;
    if let Some(&Token(token)) = known.iter().flatten().find(beyond) {
        return Err(EngineError::NoToken { token, vocabulary });
    }
    let mut found = Variants::default();
    let direct = match Direct::new(model, plan) {
        Ok(direct) => direct,
        Err(refusal) => {
            found.difference = Some(not_again(refusal));
            return Ok(found);
        }
    };
    let cost = (plan.summary().terms + direct.weights()) as u64;
    let mut comparison = Comparison {
        plan,
        cost,
        left: most,
        most,
        direct,
        random: fastrand::Rng::with_seed(steps.seed),
        found,
        seen: FxHashSet::default(),
        turn: 0,
    };
    for _ in 0..steps.states {
        comparison.one_state(known);
        if comparison.found.difference.is_some() {
            break;
        }
    }
    Ok(Variants { variants: comparison.seen.len(), ..comparison.found })
}

fn not_again(refusal: Refusal) -> String {
    format!("the model has a plan, and then again it has none: {refusal}")
}

struct Comparison<'p> {
    plan: &'p Plan,
    /// Of a step, of all that are left, and of all.
    cost: u64,
    left: u64,
    most: u64,
    direct: Direct<'p>,
    random: fastrand::Rng,
    found: Variants,
    /// Token class, selected-token class, age and whether it predicts, of code that was executed.
    seen: FxHashSet<(u16, u16, usize, bool)>,
    /// Steps so far of which every one takes other tokens.
    turn: usize,
}

impl Comparison<'_> {
    /// Goes along a history, which is compared too, and takes steps at its end.
    fn one_state(&mut self, known: &[Vec<Token>]) {
        let Ok(mut execution) = Execution::new(self.plan) else { return };
        let mut memory = self.direct.begin();
        let begin = self.random.choice(known).cloned().unwrap_or_default();
        let length = begin.len() + self.random.usize(1..LENGTH);
        let mut token = begin.first().copied().unwrap_or(Token(0));
        for at in 1..length {
            if !self.may_step() {
                return;
            }
            let mut next = memory.clone();
            let Ok(probed) = execution.probe(token, Change::default(), true) else { break };
            if !self.is_equal(&mut next, token, Change::default(), &probed) {
                return;
            }
            if execution.step(token, true).is_err() {
                break;
            }
            memory = next;
            let predicted = probed.prediction.unwrap_or(Token(0));
            token = begin.get(at).copied().unwrap_or(predicted);
        }
        for class in 0..=self.plan.classes().iter().copied().max().unwrap_or(0) {
            self.class(&mut execution, &memory, class);
        }
    }

    /// Whether another step may be taken. If not, that is what is found: not all was compared.
    fn may_step(&mut self) -> bool {
        match self.left.checked_sub(self.cost) {
            Some(left) => self.left = left,
            None => {
                let why = format!(
                    "not all is compared: that takes more than {} looks at a term or weight",
                    self.most
                );
                self.found.difference.get_or_insert(why);
            }
        }
        self.found.difference.is_none()
    }

    /// Takes a class's tokens in turn, and at the selected place the tokens of each
    /// selected-token class in turn,
    /// with every age.
    fn class(&mut self, execution: &mut Execution<'_>, memory: &Memory, class: u16) {
        let bos = self.plan.single_bos();
        let members = |of: &[u16], wanted: u16| -> Vec<Token> {
            let tokens = (0..of.len()).filter(|&id| of[id] == wanted);
            tokens.map(|id| Token(id as u32)).collect()
        };
        let mut tokens = members(self.plan.classes(), class);
        tokens.retain(|token| Some(*token) != bos);
        let Some(&any) = tokens.first() else { return };
        // Without a selected place there is one such class, and no token to change.
        let (apart, place) = match self.free_place(execution, memory, any) {
            Some((apart, place)) => (apart, Some(place)),
            None => (Change::default(), None),
        };
        // Where classes are of the values of a sum, that sum is changed. What a step adds to it depends on the
        // token.
        let rows = self.plan.rows().filter(|_| self.plan.summed_rows().is_some());
        // Ages with code of their own, and two that share it.
        let ages = (1..=AGES + 1).filter(|_| execution.aged().is_some()).map(Some);
        let ages: Vec<Option<usize>> = ages.chain([None]).collect();
        for selected_class in 0..self.plan.selected_class_count() as u16 {
            let selected = members(self.plan.selected_classes(), selected_class);
            let wanted = rows.map(|rows| self.value_of(rows, selected_class));
            for &age in &ages {
                self.turn += 1;
                let token = tokens[self.turn % tokens.len()];
                let other = place.map(|place| (place, selected[self.turn % selected.len()]));
                let mut change = Change { token: other, age, ..apart };
                if let Some(wanted) = wanted
                    && let Ok(probed) = execution.probe(token, change, false)
                {
                    change.selected = wanted - probed.selected;
                }
                for predicts in [true, false] {
                    if !self.may_step() {
                        return;
                    }
                    match execution.probe(token, change, predicts) {
                        Ok(probed) => {
                            if !self.is_equal(&mut memory.clone(), token, change, &probed) {
                                return;
                            }
                        }
                        Err(_) => self.found.guard_failures += 1,
                    }
                }
            }
        }
    }

    /// Some value of a class.
    fn value_of(&mut self, rows: &Rows, class: u16) -> i64 {
        let of = (rows.from..).zip(&rows.classes).filter(|value| *value.1 == class);
        let of: Vec<i64> = of.map(|value| value.0).collect();
        self.random.choice(of).unwrap_or(rows.from)
    }

    /// Running sums with which the selected place is neither position 0, whose token is known, nor
    /// the latest; and that place.
    fn free_place(
        &mut self,
        execution: &mut Execution<'_>,
        memory: &Memory,
        token: Token,
    ) -> Option<(Change, usize)> {
        (0..TRIES).find_map(|_| {
            let apart = Change { sum: self.random.i64(-99..100), ..Change::default() };
            self.plan.rows().is_none().then_some(())?;
            let place = execution.probe(token, apart, true).ok()?.selected as usize;
            (place > 0 && place < memory.history.len()).then_some((apart, place))
        })
    }

    /// Takes the same step by the expressions, and compares.
    fn is_equal(
        &mut self,
        memory: &mut Memory,
        token: Token,
        change: Change,
        probed: &Probed,
    ) -> bool {
        let t = memory.history.len();
        if let Some((place, token)) = change.token {
            memory.history[place] = token.0 as u16;
        }
        memory.sums.values_mut().for_each(|sum| *sum += i128::from(change.sum));
        if let Some(sum) = self.plan.summed_rows().and_then(|sum| memory.sums.get_mut(&sum)) {
            *sum += i128::from(change.selected);
        }
        if let (Some(age), Some(latch)) = (change.age, self.plan.aged()) {
            let aged = memory.latches.iter_mut().filter(|at| self.plan.latch(*at.0) == latch);
            aged.for_each(|(_, at)| *at = t.saturating_sub(age));
        }
        memory.history.push(token.0 as u16);
        self.found.steps += 1;
        let selected = probed.selected_class;
        let latch = self.plan.aged().map(|latch| probed.registers[usize::from(latch)]);
        let age = latch.map_or(AGES, |at| (t - at as usize).min(AGES));
        let class = self.plan.classes()[token.index()];
        self.seen.insert((class, selected, age, probed.prediction.is_some()));
        let predicted = self.direct.step(memory, probed.prediction.is_some());
        let held = |reg: u16| i128::from(probed.registers[usize::from(reg)]);
        let sums = memory.sums.iter().all(|(&sum, &x)| held(self.plan.sum(sum)) == x);
        let latches =
            memory.latches.iter().all(|(&latch, &at)| held(self.plan.latch(latch)) == at as i128);
        // Beside a hull a key that no query can find is not kept (lemma 15 of docs/plan.md).
        let hulls: Vec<bool> = self.plan.tables().map(|hull| hull.is_some()).collect();
        let is_kept = |table: usize, key: i128| {
            !hulls[table] || key.unsigned_abs() <= 2 * u128::from(MAX_HULL_KEY.unsigned_abs())
        };
        let tables = memory.tables.iter().all(|(table, held)| {
            let key = held.iter().find(|entry| *entry.1 == t).map(|entry| *entry.0);
            let key = key.filter(|&key| is_kept(table.as_u32() as usize, key));
            let written = probed.keys.get(table.as_u32() as usize);
            written.is_some_and(|written| written.map(i128::from) == key)
        });
        let columns = memory.columns.iter().all(|(column, held)| {
            let pushed = probed.columns.get(column.as_u32() as usize);
            pushed.is_some_and(|pushed| pushed.map(i128::from) == held.get(t).copied())
        });
        let prediction = predicted == Some(probed.prediction);
        if prediction && sums && latches && tables && columns {
            return true;
        }
        self.found.difference = Some(format!(
            "after {} at position {t}, with {change:?}, the code predicts {:?}, the expressions \
             {predicted:?}; sums {sums}, latches {latches}, tables {tables}, columns {columns}",
            token.0, probed.prediction
        ));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_takes_too_much_is_no_check_that_was_passed() {
        let model = Model::from_bytes(&include_bytes!("../../models/wasm32.bin")[..]).unwrap();
        let plan = Plan::new(&model, Plan::likely_bos(&model)).unwrap();
        let steps = Steps { states: 1, seed: 0 };
        let enough = compare_within(&model, &plan, &[], steps, MOST_WORK / 8).unwrap();
        assert_eq!(enough.difference, None);
        let little = compare_within(&model, &plan, &[], steps, 1 << 24).unwrap();
        assert!(little.steps > 100 && little.steps < enough.steps, "{little:?}");
        assert!(little.difference.unwrap().contains("more than 16777216 looks"));
    }
}
