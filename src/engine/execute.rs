//! Executes a plan: one position after the other, by straight-line code.
//!
//! A step appends the token to the history, runs the code of its class, looks which
//! token now stands at the selected place and how old the register is, and runs
//! the code for all three. Code is made when it is first needed and kept; after
//! that a step allocates nothing, hashes nothing and asks nothing that the plan could
//! have answered.
//!
//! Registers are whole numbers in one array of 2^16, so that any 16-bit number indexes
//! it without a check. The first few are the state of the history; the rest belong
//! to a step. Everything else that a history leaves behind: its tokens, 2 bytes each,
//! and the tables. Tokens that are there already, such as a trace that is verified, are
//! borrowed, not copied.

use std::borrow::Cow;

use crate::attention::{Hull, Memory, TieBreak};
use crate::model::Token;
use crate::plan::{
    self, ANSWER, BEST, Compiler, FIRST, GUARDED, Known, Later, MOST, OLDEST, Op, POSITION, Plan,
};

use super::positions::Positions;

/// Why a plan cannot go on. What was generated before is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Break {
    /// The opening token came again.
    #[error("the opening token came again")]
    Opening,
    /// More positions than the plan is proved for.
    #[error("the history is longer than the plan is proved for")]
    Length,
    /// A running sum left its bounds.
    #[error("a running sum left the bounds within which the plan is proved")]
    Sum,
    /// A register was not renewed for too long.
    #[error("a register is older than the plan is proved for")]
    Age,
    /// A product left its bounds.
    #[error("a product left the bounds within which the plan is proved")]
    Product,
    /// What the output head reads is no whole number.
    #[error("the output head reads a fraction, which the plan excludes")]
    Fraction,
    /// A token counts as less than dead, or a hull was asked what it cannot answer.
    #[error("a head met what its plan excludes")]
    Head,
    /// Code for a step could not be made.
    #[error("a step needs more registers than there are")]
    Code,
}

/// As many as there are numbers of 16 bits.
pub const REGISTERS: usize = 1 << 16;

/// Ages from here on share their code.
const AGES: usize = 8;

/// So many combinations of class, row and age get code of their own; all others share that of
/// their class. A sudoku of a million tokens meets 243.
const VARIANTS: usize = 1 << 12;

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
    /// What may be late of each piece of code that answers, by its place in `second`; nothing
    /// where answers are not to be late.
    late: Option<Late>,
    variants: usize,
    /// By class and whether it answers, where in `second` code for every row and age stands.
    general: Vec<Option<usize>>,
    rows: usize,
    marks: Vec<plan::Reg>,
    selected: plan::Reg,
    aged: Option<plan::Reg>,
    limit: usize,
    /// No token of the vocabulary if the opening one may come again.
    forbidden: u32,
}

/// Code whose answers are late.
#[derive(Default)]
struct Late {
    code: Vec<Later>,
    /// By place in `second`, one more than the number of the code, or 0.
    numbers: Vec<u32>,
    /// The place in `second` of the latest step.
    latest: usize,
}

/// What code reads and writes.
struct State<'p> {
    regs: Box<[i64; REGISTERS]>,
    /// All tokens so far; a borrowed one goes on with those to come.
    history: Cow<'p, [u16]>,
    /// The latest position.
    last: usize,
    tables: Vec<Positions>,
    columns: Vec<Vec<i64>>,
    hulls: Vec<Hull>,
    groups: &'p [plan::Group],
    fans: &'p [plan::Fan],
    vocabulary: usize,
}

impl<'p> Execution<'p> {
    /// After the opening token, at position 0.
    pub fn new(plan: &'p Plan) -> Result<Self, Break> {
        Execution::with_history(plan, Cow::Owned(vec![plan.opening().0 as u16]))
    }

    /// The same for a history that is known: it begins with the opening token, and
    /// [`Execution::step`] is given its tokens one after the other. Answers are late where
    /// they can be: [`Execution::late`] tells what is left to do for them.
    pub fn along(plan: &'p Plan, history: &'p [u16]) -> Result<Self, Break> {
        let mut execution = Execution::with_history(plan, Cow::Borrowed(history))?;
        let numbers = vec![0; execution.second.len()];
        execution.late = Some(Late { numbers, ..Late::default() });
        Ok(execution)
    }

    fn with_history(plan: &'p Plan, history: Cow<'p, [u16]>) -> Result<Self, Break> {
        let mut hulls = Vec::with_capacity(plan.hulls().len());
        for head in plan.hulls() {
            let mut hull = Hull::new(TieBreak::Latest);
            hull.insert(head.opening.key, head.opening.value).map_err(|_| Break::Head)?;
            hulls.push(hull);
        }
        let rows = plan.rows().iter().copied().max().map_or(1, |row| usize::from(row) + 1);
        let classes =
            plan.classes().iter().copied().max().map_or(1, |class| usize::from(class) + 1);
        let state = State {
            regs: vec![0; REGISTERS].into_boxed_slice().try_into().map_err(|_| Break::Code)?,
            history,
            last: 0,
            tables: vec![Positions::new(); plan.tables()],
            columns: plan.columns().into_iter().map(|first| vec![first]).collect(),
            hulls,
            groups: plan.groups(),
            fans: plan.fans(),
            vocabulary: plan.classes().len(),
        };
        Ok(Execution {
            plan,
            compiler: Compiler::new(plan),
            state,
            code: Vec::new(),
            first: vec![UNMADE; classes],
            second: vec![UNMADE; classes * rows * (AGES + 1) * 2],
            late: None,
            variants: 0,
            general: vec![None; 2 * classes],
            rows,
            marks: plan.marks(),
            selected: plan.selected(),
            aged: plan.aged(),
            limit: plan.limit() as usize,
            forbidden: plan.opens_once().map_or(u32::MAX, |token| token.0),
        })
    }

    /// Takes the next token; with `answers`, [`Execution::answer`] is known afterwards.
    #[inline]
    pub fn step(&mut self, token: Token, answers: bool) -> Result<(), Break> {
        let t = self.state.last + 1;
        if t > self.limit {
            return Err(Break::Length);
        }
        if token.0 == self.forbidden {
            return Err(Break::Opening);
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

        for &mark in &self.marks {
            if t as i64 - self.state.regs[mark as usize] > OLDEST {
                return Err(Break::Age);
            }
        }
        let selected = self.state.regs[self.selected as usize].clamp(0, t as i64) as usize;
        let row = self.plan.rows()[self.state.history[selected] as usize];
        let age = match self.aged {
            Some(mark) => (t - self.state.regs[mark as usize] as usize).min(AGES),
            None => AGES,
        };
        let at = (usize::from(class) * self.rows + usize::from(row)) * (AGES + 1) + age;
        let at = 2 * at + usize::from(answers);
        if let Some(late) = &mut self.late {
            late.latest = at;
        }
        let second = self.second[at];
        let second = if second.start > second.end {
            let age = (age < AGES).then_some(age as u16);
            self.make_second(Known { class, row: Some(row), age }, answers, at)?
        } else {
            second
        };
        self.state.run(
            &self.code[second.start as usize..second.end as usize],
            self.compiler.token_tables(),
        )
    }

    /// The token with the greatest logit after the latest step.
    #[inline]
    pub fn answer(&self) -> Token {
        Token(self.state.regs[ANSWER as usize] as u32)
    }

    /// What is left to do for the answer of the latest step, as the number of a piece of code;
    /// nothing if the answer is there.
    #[inline]
    pub fn late(&self) -> Option<usize> {
        let late = self.late.as_ref()?;
        late.numbers[late.latest].checked_sub(1).map(|number| number as usize)
    }

    /// All code whose answers are late, by number.
    pub fn late_code(&self) -> &[Later] {
        self.late.as_ref().map_or(&[], |late| &late.code)
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
    fn make_first(&mut self, class: u16) -> Result<Span, Break> {
        let ops = self.compiler.first(class).map_err(|_| Break::Code)?;
        let span = self.keep(ops);
        self.first[class as usize] = span;
        Ok(span)
    }

    #[cold]
    fn make_second(&mut self, known: Known, answers: bool, at: usize) -> Result<Span, Break> {
        let general = 2 * usize::from(known.class) + usize::from(answers);
        let known = if self.variants < VARIANTS {
            self.variants += 1;
            known
        } else if let Some(like) = self.general[general] {
            if let Some(late) = &mut self.late {
                late.numbers[at] = late.numbers[like];
            }
            self.second[at] = self.second[like];
            return Ok(self.second[at]);
        } else {
            self.general[general] = Some(at);
            Known { row: None, age: None, ..known }
        };
        let mut ops = self.compiler.second(known, answers).map_err(|_| Break::Code)?;
        if let (Some(late), true) = (&mut self.late, answers) {
            let later;
            (ops, later) = plan::split(ops, self.plan.first_free());
            if let Some(later) = later {
                late.code.push(later);
                late.numbers[at] = late.code.len() as u32;
            }
        }
        let span = self.keep(ops);
        self.second[at] = span;
        Ok(span)
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

    /// Pieces of code made, and operations in all of them.
    pub fn code_size(&self) -> (usize, usize) {
        (self.variants, self.code.len())
    }

    /// Bytes that history, tables, columns and hulls hold; a borrowed history is its owner's.
    pub fn heap_bytes(&self) -> usize {
        let State { history, tables, columns, hulls, .. } = &self.state;
        let own = if let Cow::Owned(history) = history { history.capacity() } else { 0 };
        own * 2
            + tables.iter().map(Positions::heap_bytes).sum::<usize>()
            + columns.iter().map(|column| column.capacity() * 8).sum::<usize>()
            + hulls.iter().map(Hull::heap_bytes).sum::<usize>()
    }
}

impl State<'_> {
    fn run(&mut self, code: &[Op], tables: &[i64]) -> Result<(), Break> {
        let State { regs, history, last, vocabulary, .. } = self;
        let (vocabulary, last) = (*vocabulary, *last);
        let history = &history[..=last];
        macro_rules! r {
            ($reg:expr) => {
                regs[$reg as usize]
            };
        }
        for op in code {
            match *op {
                Op::Set { dst, k } => r!(dst) = k,
                Op::AddConst { dst, a, k } => r!(dst) = r!(a).wrapping_add(k),
                Op::Add { dst, a, b } => r!(dst) = r!(a).wrapping_add(r!(b)),
                Op::Sub { dst, a, b } => r!(dst) = r!(a).wrapping_sub(r!(b)),
                Op::MulAdd { dst, a, b, k } => {
                    r!(dst) = r!(a).wrapping_add(r!(b).wrapping_mul(k));
                }
                Op::Mul { dst, a, b } => r!(dst) = r!(a).wrapping_mul(r!(b)),
                Op::MulSaturating { dst, a, b } => r!(dst) = r!(a).saturating_mul(r!(b)),
                Op::Round { dst, a, shift } => r!(dst) = plan::round(r!(a), shift),
                Op::Divide { dst, a, shift } => {
                    let whole = r!(a) >> shift;
                    if whole << shift != r!(a) {
                        return Err(Break::Fraction);
                    }
                    r!(dst) = whole;
                }
                Op::Guard { a } => {
                    if !(-GUARDED..=GUARDED).contains(&r!(a)) {
                        return Err(Break::Product);
                    }
                }
                Op::Read { dst, a, k, table, count, at, offset } => {
                    let place = r!(at).saturating_add(i64::from(offset));
                    let tables = Tables { all: tables, vocabulary, first: table.into() };
                    let features = tables.read(history, place, count.into());
                    r!(dst) = r!(a).wrapping_add(i64::from(k)).wrapping_add(features);
                }
                Op::Clamp { dst, a, k } => {
                    r!(dst) = r!(a).wrapping_add(i64::from(k)).clamp(0, last as i64);
                }
                Op::Relu { dst, gate, k } => r!(dst) = r!(gate).wrapping_add(k).max(0),
                Op::Step { dst, gate, k } => r!(dst) = r!(gate).wrapping_add(k).clamp(0, 1),
                Op::IsZero { dst, gate, k } => r!(dst) = i64::from(r!(gate).wrapping_add(k) == 0),
                Op::Find { dst, found, table, key, k } => {
                    let key = r!(key).wrapping_add(i64::from(k));
                    let (key, position) = self.tables[table as usize].find(key);
                    r!(dst) = i64::from(position);
                    r!(found) = key;
                }
                Op::Insert { table, key, k } => {
                    let key = r!(key).wrapping_add(i64::from(k));
                    self.tables[table as usize].insert(key, last as u32);
                }
                Op::InsertUnless { table, key, k, dead } => match r!(dead) {
                    0 => {
                        let key = r!(key).wrapping_add(i64::from(k));
                        self.tables[table as usize].insert(key, last as u32);
                    }
                    1.. => {}
                    _ => return Err(Break::Head),
                },
                Op::Accumulate { sum, a } => {
                    let total = r!(sum).wrapping_add(r!(a));
                    r!(sum) = total;
                    if !(0..=MOST).contains(&total) {
                        return Err(Break::Sum);
                    }
                }
                Op::AccumulateConst { sum, k } => {
                    let total = r!(sum).wrapping_add(k);
                    r!(sum) = total;
                    if !(0..=MOST).contains(&total) {
                        return Err(Break::Sum);
                    }
                }
                Op::MarkUnless { mark, dead } => match r!(dead) {
                    0 => r!(mark) = last as i64,
                    1.. => {}
                    _ => return Err(Break::Head),
                },
                Op::Push { column, a } => self.columns[column as usize].push(r!(a)),
                Op::Take { dst, column, at } => {
                    let place = r!(at).clamp(0, last as i64) as usize;
                    r!(dst) = self.columns[column as usize][place];
                }
                Op::Hull { hull, first, dst } => {
                    let pair = |at: plan::Reg| [r!(at) as f64, r!(at + 1) as f64];
                    let (key, value, query) = (pair(first), pair(first + 2), pair(first + 4));
                    let hull = &mut self.hulls[hull as usize];
                    hull.insert(key, value).map_err(|_| Break::Head)?;
                    let [x, y] = hull.answer(query).map_err(|_| Break::Head)?;
                    r!(dst) = x as i64;
                    r!(dst + 1) = y as i64;
                }
                Op::Answer { token } => r!(ANSWER) = i64::from(token),
                Op::Pick { group, x } => {
                    r!(ANSWER) = i64::from(self.groups[group as usize].winner(r!(x)).token);
                }
                Op::Either { above, below, x, by, k } => {
                    let group = if r!(by) + i64::from(k) > 0 { above } else { below };
                    r!(ANSWER) = i64::from(self.groups[group as usize].winner(r!(x)).token);
                }
                Op::PickFan { fan, x, y } => {
                    let point = self.fans[fan as usize].winner(r!(x), r!(y));
                    r!(ANSWER) = i64::from(point.token);
                }
                Op::Candidate { group, x, base } => {
                    let line = self.groups[group as usize].winner(r!(x));
                    let logit = r!(base) + line.slope * r!(x) + line.height;
                    beat(regs, line.token, logit);
                }
                Op::CandidateFan { fan, x, y, base } => {
                    let point = self.fans[fan as usize].winner(r!(x), r!(y));
                    let logit = r!(base) + point.at(r!(x), r!(y));
                    beat(regs, point.token, logit);
                }
            }
        }
        Ok(())
    }
}

/// Tables of token features, from the first that is read on.
pub struct Tables<'a> {
    /// All tables, one after the other.
    pub all: &'a [i64],
    /// Length of each.
    pub vocabulary: usize,
    /// The first that is read.
    pub first: usize,
}

impl Tables<'_> {
    /// The sum of what the first has for the token at a place, the next for the token before it,
    /// and so on. Places are clamped.
    #[inline(always)]
    pub fn read(&self, history: &[u16], place: i64, count: usize) -> i64 {
        let mut table = self.first * self.vocabulary;
        let mut sum = 0i64;
        let mut add = |token: u16| {
            sum = sum.wrapping_add(self.all[table + usize::from(token)]);
            table += self.vocabulary;
        };
        let end = usize::try_from(place).map_or(0, |place| place.saturating_add(1));
        if let Some(start) = end.checked_sub(count)
            && let Some(tokens) = history.get(start..end)
        {
            tokens.iter().rev().for_each(|&token| add(token));
        } else {
            let last = history.len() as i64 - 1;
            for back in 0..count as i64 {
                add(history[place.saturating_sub(back).clamp(0, last) as usize]);
            }
        }
        sum
    }
}

/// Answers with a token if its logit is the greatest so far, or as great with a lower id.
fn beat(regs: &mut [i64; REGISTERS], token: u32, logit: i64) {
    let token = i64::from(token);
    if logit > regs[BEST as usize]
        || (logit == regs[BEST as usize] && token < regs[ANSWER as usize])
    {
        regs[BEST as usize] = logit;
        regs[ANSWER as usize] = token;
    }
}

const _: () = assert!((FIRST as usize) < REGISTERS);

#[cfg(test)]
impl Execution<'_> {
    /// What operations leave in registers at a position when some are set before.
    pub fn evaluate(
        &mut self,
        position: usize,
        set: &[(plan::Reg, i64)],
        ops: &[Op],
        tables: &[i64],
    ) -> Result<&[i64; REGISTERS], Break> {
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

    /// Beyond the greatest number of variants, code for every row and age does.
    #[test]
    fn general_code_predicts_the_same() {
        let model = Model::from_bytes(&include_bytes!("../../models/wasm32.bin")[..]).unwrap();
        let program = parse_program(include_bytes!("../../tests/vectors/reverse.txt")).unwrap();
        let (generated, _) = oracle::trace(&program, u64::MAX).unwrap();
        let prompt = program.prompt();
        let trace: Vec<u16> =
            prompt.iter().chain(&generated).map(|symbol| symbol.id() as u16).collect();
        let plan = Plan::new(&model, Token(trace[0].into())).unwrap();
        let mut execution = Execution::new(&plan).unwrap();
        execution.variants = VARIANTS;
        for (at, pair) in trace.windows(2).enumerate().skip(1) {
            let (token, next) = (pair[0], pair[1]);
            let answers = at + 1 >= prompt.len();
            execution.step(Token(token.into()), answers).unwrap();
            assert!(!answers || execution.answer() == Token(next.into()), "position {at}");
        }
        let general = execution.general.iter().flatten().count();
        let pieces = execution.second.iter().filter(|span| span.start <= span.end).count();
        assert!(general > 3 && pieces > 2 * general, "{pieces} uses of {general} pieces");
        assert_eq!(execution.variants, VARIANTS);
    }
}
