//! Executes a plan: one position after the other, by straight-line code.
//!
//! A step appends the token to the history, runs the code of its token class, looks of
//! which selected-token class the token at the selected place is and how old the latch is,
//! and runs the code for all three. Code is made when it is first needed and kept; after
//! that a step allocates nothing, hashes nothing and computes nothing that the plan knew before.
//!
//! Along a history that is known, what only a prediction needs is *deferred*: it is left to whoever
//! wants it, for many steps at once ([`Execution::deferred`]).
//!
//! Registers are whole numbers in one array of 2^16, so that any 16-bit number indexes
//! it without a check. The first few are the state of the history; the rest belong
//! to a step. Everything else that a history leaves behind: its tokens, 2 bytes each,
//! and the tables. Tokens that are there already, such as a trace that is verified, are
//! borrowed, not copied.

mod features;
mod guard_failure;
mod probe;
mod state;

use std::borrow::Cow;

use crate::model::Token;
use crate::plan::{self, Compiler, Deferred, Known, MAX_AGE, Op, POSITION, PREDICTION, Plan};

use super::positions::Positions;

pub use features::Tables;
pub use guard_failure::GuardFailure;
pub use probe::{Change, Probed};
use state::State;

/// As many as there are numbers of 16 bits.
pub const REGISTERS: usize = 1 << 16;

/// Ages of the latch, in positions, below this have code of their own; all others share theirs.
pub const AGES: usize = 8;

/// So many combinations of token class, selected-token class and age get code of their own; all
/// others share that of their token class. A trace of a million tokens was seen to meet 243.
const MAX_VARIANTS: usize = 1 << 12;

/// Beyond so many operations, too, all others share the code of their token class; and beyond twice as
/// many there is no more code. A trace of a million tokens was seen to need 3,600.
const MAX_CODE: usize = 1 << 20;

/// The same of the work that goes into making code, in steps of planning: that trace needs 1.4
/// million.
const MAX_CODE_WORK: u64 = 1 << 27;

/// Where a piece of code stands; not made yet when it ends before it starts.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

const UNMADE: Span = Span { start: 1, end: 0 };

/// A plan on its way through a history.
pub struct Execution<'p> {
    plan: &'p Plan,
    compiler: Compiler<'p>,
    state: State<'p>,
    code: Vec<Op>,
    first: Vec<Span>,
    second: Vec<Span>,
    /// What is deferred of each piece of code that predicts; nothing where predictions are not
    /// deferred.
    deferred: Option<DeferredCode>,
    /// Operations that were made, deferred ones too.
    made: usize,
    /// Combinations that have code of their own, at most [`MAX_VARIANTS`].
    variants: usize,
    /// By token class and whether it predicts, where in `second` code for every selected-token
    /// class and age stands.
    general: Vec<Option<usize>>,
    /// How many selected-token classes there are.
    selected_classes: usize,
    latches: Vec<plan::Reg>,
    selected: plan::Reg,
    aged: Option<plan::Reg>,
    limit: usize,
    /// No token of the vocabulary if BOS may come again.
    forbidden: u32,
}

/// What is deferred of the code that predicts.
#[derive(Default)]
struct DeferredCode {
    code: Vec<Deferred>,
    /// By place in `second`, one more than the number of the code, or 0.
    numbers: Vec<u32>,
    /// The place in `second` of the latest step.
    latest: usize,
}

impl<'p> Execution<'p> {
    /// After BOS, at position 0.
    pub fn new(plan: &'p Plan) -> Result<Self, GuardFailure> {
        Execution::with_history(plan, Cow::Owned(vec![plan.bos().0 as u16]))
    }

    /// The same for a history that is known: it begins with BOS, and [`Execution::step`] is given
    /// its tokens one after the other. What only predictions need is deferred:
    /// [`Execution::deferred`] tells what is left to do.
    pub fn along(plan: &'p Plan, history: &'p [u16]) -> Result<Self, GuardFailure> {
        let mut execution = Execution::with_history(plan, Cow::Borrowed(history))?;
        let numbers = vec![0; execution.second.len()];
        execution.deferred = Some(DeferredCode { numbers, ..DeferredCode::default() });
        Ok(execution)
    }

    fn with_history(plan: &'p Plan, history: Cow<'p, [u16]>) -> Result<Self, GuardFailure> {
        let selected_classes = plan.selected_class_count();
        let classes =
            plan.classes().iter().copied().max().map_or(1, |class| usize::from(class) + 1);
        let state = State {
            regs: vec![0; REGISTERS]
                .into_boxed_slice()
                .try_into()
                .map_err(|_| GuardFailure::Registers)?,
            history,
            last: 0,
            tables: plan.tables().map(Positions::new).collect(),
            columns: plan.columns().map(|first| vec![first]).collect(),
            line_groups: plan.line_groups(),
            plane_groups: plan.plane_groups(),
            vocabulary: plan.classes().len(),
        };
        Ok(Execution {
            plan,
            compiler: Compiler::new(plan),
            state,
            code: Vec::new(),
            first: vec![UNMADE; classes],
            second: vec![UNMADE; classes * selected_classes * (AGES + 1) * 2],
            deferred: None,
            made: 0,
            variants: 0,
            general: vec![None; 2 * classes],
            selected_classes,
            latches: plan.latches(),
            selected: plan.selected(),
            aged: plan.aged(),
            limit: plan.limit() as usize,
            forbidden: plan.single_bos().map_or(u32::MAX, |token| token.0),
        })
    }

    /// Takes the next token; if it `predicts`, [`Execution::prediction`] is known afterwards.
    #[inline]
    pub fn step(&mut self, token: Token, predicts: bool) -> Result<(), GuardFailure> {
        let t = self.state.last + 1;
        if t > self.limit {
            return Err(GuardFailure::Length);
        }
        if token.0 == self.forbidden {
            return Err(GuardFailure::SecondBos);
        }
        let class = self.plan.classes()[token.index()];
        if let Cow::Owned(history) = &mut self.state.history {
            history.push(token.0 as u16);
        }
        debug_assert_eq!(u32::from(self.state.history[t]), token.0);
        self.state.last = t;
        self.state.regs[POSITION as usize] = t as i64;

        let first = self.first[class as usize];
        let first = if first.start > first.end { self.make_first(class)? } else { first };
        self.state.run(
            &self.code[first.start as usize..first.end as usize],
            self.compiler.token_tables(),
        )?;

        for &latch in &self.latches {
            if t as i64 - self.state.regs[latch as usize] > MAX_AGE {
                return Err(GuardFailure::Age);
            }
        }
        let there = self.selected_class(self.state.regs[self.selected as usize]);
        let age = match self.aged {
            Some(latch) => (t - self.state.regs[latch as usize] as usize).min(AGES),
            None => AGES,
        };
        let at =
            (usize::from(class) * self.selected_classes + usize::from(there)) * (AGES + 1) + age;
        let at = 2 * at + usize::from(predicts);
        if let Some(deferred) = &mut self.deferred {
            deferred.latest = at;
        }
        let second = self.second[at];
        let second = if second.start > second.end {
            let age = (age < AGES).then_some(age as u16);
            self.make_second(Known { class, selected: Some(there), age }, predicts, at)?
        } else {
            second
        };
        self.state.run(
            &self.code[second.start as usize..second.end as usize],
            self.compiler.token_tables(),
        )
    }

    /// The selected-token class, by the selected place, or by the value of which classes are made.
    #[inline]
    fn selected_class(&self, selected: i64) -> u16 {
        match self.plan.rows() {
            Some(rows) => rows.class(selected),
            None => {
                let place = selected.clamp(0, self.state.last as i64) as usize;
                self.plan.selected_classes()[self.state.history[place] as usize]
            }
        }
    }

    /// The token with the greatest logit after the latest step.
    #[inline]
    pub fn prediction(&self) -> Token {
        Token(self.state.regs[PREDICTION as usize] as u32)
    }

    /// What is left to do for the prediction of the latest step, as the number of a piece of code;
    /// nothing if the prediction is there.
    #[inline]
    pub fn deferred(&self) -> Option<usize> {
        let deferred = self.deferred.as_ref()?;
        deferred.numbers[deferred.latest].checked_sub(1).map(|number| number as usize)
    }

    /// All code that is deferred, by number.
    pub fn deferred_code(&self) -> &[Deferred] {
        self.deferred.as_ref().map_or(&[], |deferred| &deferred.code)
    }

    /// The registers after the latest step.
    pub fn registers(&self) -> &[i64; REGISTERS] {
        &self.state.regs
    }

    /// Tables of token features, which code reads.
    pub fn token_tables(&self) -> &[i64] {
        self.compiler.token_tables()
    }

    #[cold]
    fn make_first(&mut self, class: u16) -> Result<Span, GuardFailure> {
        let ops = self.compiler.first(class)?;
        self.count(ops.len())?;
        let span = self.keep(ops);
        self.first[class as usize] = span;
        Ok(span)
    }

    #[cold]
    fn make_second(
        &mut self,
        known: Known,
        predicts: bool,
        at: usize,
    ) -> Result<Span, GuardFailure> {
        let general = 2 * usize::from(known.class) + usize::from(predicts);
        let is_cheap = self.made < MAX_CODE && self.compiler.work() < MAX_CODE_WORK;
        let known = if self.variants < MAX_VARIANTS && is_cheap {
            self.variants += 1;
            known
        } else if let Some(like) = self.general[general] {
            if let Some(deferred) = &mut self.deferred {
                deferred.numbers[at] = deferred.numbers[like];
            }
            self.second[at] = self.second[like];
            return Ok(self.second[at]);
        } else {
            self.general[general] = Some(at);
            Known { selected: None, age: None, ..known }
        };
        let mut ops = self.compiler.second(known, predicts)?;
        self.count(ops.len())?;
        if let (Some(deferred), true) = (&mut self.deferred, predicts) {
            let code;
            (ops, code) = plan::split(ops, self.plan.first_free());
            deferred.code.push(code);
            deferred.numbers[at] = deferred.code.len() as u32;
        }
        let span = self.keep(ops);
        self.second[at] = span;
        Ok(span)
    }

    /// Counts operations that were made, of which there may be too many.
    fn count(&mut self, operations: usize) -> Result<(), GuardFailure> {
        self.made += operations;
        if self.made > 2 * MAX_CODE || self.compiler.work() > 2 * MAX_CODE_WORK {
            return Err(GuardFailure::Code);
        }
        Ok(())
    }

    fn keep(&mut self, ops: Vec<Op>) -> Span {
        let start = self.code.len() as u32;
        self.code.extend(ops);
        Span { start, end: self.code.len() as u32 }
    }

    /// All tokens so far.
    pub fn history(&self) -> impl Iterator<Item = Token> + '_ {
        self.state.history[..=self.state.last].iter().map(|&token| Token(u32::from(token)))
    }

    /// Tokens taken so far.
    pub fn position(&self) -> u64 {
        self.state.last as u64 + 1
    }

    /// Bytes that history, tables, and columns hold; a borrowed history is its owner's.
    pub fn heap_bytes(&self) -> usize {
        let State { history, tables, columns, .. } = &self.state;
        let own = if let Cow::Owned(history) = history { history.capacity() } else { 0 };
        own * 2
            + tables.iter().map(Positions::heap_bytes).sum::<usize>()
            + columns.iter().map(|column| column.capacity() * 8).sum::<usize>()
    }
}

#[cfg(test)]
impl Execution<'_> {
    /// What operations leave in registers at a position when some are set before.
    pub fn evaluate(
        &mut self,
        position: usize,
        set: &[(plan::Reg, i64)],
        ops: &[Op],
        tables: &[i64],
    ) -> Result<&[i64; REGISTERS], GuardFailure> {
        self.state.last = position;
        self.state.regs[POSITION as usize] = position as i64;
        for &(reg, value) in set {
            self.state.regs[usize::from(reg)] = value;
        }
        self.state.run(ops, tables)?;
        Ok(&self.state.regs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::oracle;
    use crate::program::text::parse_program;

    /// Beyond the greatest number of variants, code for every selected-token class and age does.
    #[test]
    fn general_code_predicts_the_same() {
        let model = Model::from_bytes(&include_bytes!("../../../models/wasm32.bin")[..]).unwrap();
        let program = parse_program(include_bytes!("../../../tests/vectors/reverse.txt")).unwrap();
        let (generated, _) = oracle::trace(&program, u64::MAX).unwrap();
        let prompt = program.prompt();
        let trace: Vec<u16> =
            prompt.iter().chain(&generated).map(|symbol| symbol.id() as u16).collect();
        let plan = Plan::new(&model, Token(trace[0].into())).unwrap();
        let mut execution = Execution::new(&plan).unwrap();
        execution.variants = MAX_VARIANTS;
        for (at, pair) in trace.windows(2).enumerate().skip(1) {
            let (token, next) = (pair[0], pair[1]);
            let predicts = at + 1 >= prompt.len();
            execution.step(Token(token.into()), predicts).unwrap();
            assert!(!predicts || execution.prediction() == Token(next.into()), "position {at}");
        }
        let general = execution.general.iter().flatten().count();
        let pieces = execution.second.iter().filter(|span| span.start <= span.end).count();
        assert!(general > 3 && pieces > 2 * general, "{pieces} uses of {general} pieces");
        assert_eq!(execution.variants, MAX_VARIANTS);
    }
}
