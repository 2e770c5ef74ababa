//! Random valid programs over all instructions.
//!
//! A program is generated as a tree of statements and expressions and then laid
//! out as code, so that the stack is used as it must be: loops count down in a
//! local of their own, functions call only later functions or, with a counter,
//! themselves. Constants are biased to edges. Addresses come from a few crowded
//! regions, so that loads meet stores of other widths.

use hardmax::machine::{Instruction, Op};
use hardmax::program::Program;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub enum Expression {
    Const(u32),
    Local(u32),
    Tee(u32, Box<Expression>),
    Load(Op, Box<Expression>, u32),
    Global(u32),
    MemorySize,
    Unary(Op, Box<Expression>),
    Binary(Op, Box<(Expression, Expression)>),
    Select(Box<(Expression, Expression, Expression)>),
    /// A call of a later function with one argument.
    Call(u32, Box<Expression>),
    /// Eight bytes, of which whatever takes four finds the last.
    High(Box<Wide>),
    /// An instruction that takes eight bytes.
    OfWide(Op, Box<Wide>),
    /// A comparison of eight bytes each.
    Compare(Op, Box<(Wide, Wide)>),
}

/// What gives eight bytes.
#[derive(Clone, Debug)]
pub enum Wide {
    /// The high four bytes and the low ones.
    Join(Box<(Expression, Expression)>),
    Extend(Op, Box<Expression>),
    Local(u32),
    Tee(u32, Box<Wide>),
    Load(Box<Expression>, u32),
    Global(u32),
    Binary(Op, Box<(Wide, Wide)>),
    Shift(Op, Box<(Wide, Expression)>),
    Select(Box<(Wide, Wide, Expression)>),
}

#[derive(Clone, Debug)]
pub enum Statement {
    Set(u32, Expression),
    Store(Op, Expression, Expression, u32),
    SetWide(u32, Wide),
    /// A store of eight bytes, or of the last four of them.
    StoreWide(Op, Expression, Wide, u32),
    DropWide(Wide),
    SetGlobal(u32, Expression),
    SetGlobalWide(u32, Wide),
    /// So many pages of memory.
    Resize(Expression),
    Output(Expression),
    Drop(Expression),
    If(Expression, Vec<Statement>, Vec<Statement>),
    Loop(u32, Vec<Statement>),
    /// Traps unless the value is 0.
    TrapIf(Expression),
    /// Calls the function at hand with a counter one less, unless it is 0.
    Recurse,
}

/// Code and input, as trees.
#[derive(Clone, Debug)]
pub struct Source {
    /// The first is the entry, which ends by `halt`.
    functions: Vec<(Vec<Statement>, Expression)>,
    input: Option<(u32, Vec<u8>)>,
}

const COMPARISONS: [Op; 10] =
    [Op::Eq, Op::Ne, Op::LtS, Op::LtU, Op::GtS, Op::GtU, Op::LeS, Op::LeU, Op::GeS, Op::GeU];

const BITWISE: [Op; 8] =
    [Op::And, Op::Or, Op::Xor, Op::Shl, Op::ShrU, Op::ShrS, Op::Rotl, Op::Rotr];

const LOADS: [Op; 6] =
    [Op::Load, Op::Load8U, Op::Load8S, Op::Load16U, Op::Load16S, Op::InputLoad8U];

const STORES: [Op; 3] = [Op::Store, Op::Store16, Op::Store8];

const COMPARISONS_64: [Op; 10] = [
    Op::Eq64,
    Op::Ne64,
    Op::LtS64,
    Op::LtU64,
    Op::GtS64,
    Op::GtU64,
    Op::LeS64,
    Op::LeU64,
    Op::GeS64,
    Op::GeU64,
];

const BINARY_64: [Op; 5] = [Op::Add64, Op::Sub64, Op::And64, Op::Or64, Op::Xor64];

const SHIFTS_64: [Op; 5] = [Op::Shl64, Op::ShrU64, Op::ShrS64, Op::Rotl64, Op::Rotr64];

/// What takes eight bytes and gives four.
const OF_WIDE: [Op; 2] = [Op::Eqz64, Op::Wrap];

/// Locals of eight bytes, from this one on; they overlap.
const WIDE_LOCALS: u32 = 100;

/// Locals 0 to 5 are the programs'; the counters of loops and recursion follow.
const COUNTERS: u32 = 6;

fn edge() -> impl Strategy<Value = u32> {
    let near = |center: u32| (-2i32..=2).prop_map(move |by| center.wrapping_add_signed(by));
    prop_oneof![
        4 => (0u32..32).prop_flat_map(move |bit| near(1 << bit)),
        2 => near(0),
        1 => near(0x7fff_ffff),
        2 => any::<u32>(),
        1 => any::<[bool; 4]>().prop_map(|on| u32::from_le_bytes(on.map(|on| if on { 255 } else { 0 }))),
    ]
}

/// Immediates of globals: some overlap, and the last ones reach into memory.
fn global() -> impl Strategy<Value = u32> {
    prop_oneof![
        6 => (0u32..4).prop_map(|word| 4 * word),
        1 => (0u32..300).prop_map(|by| (1 << 23) - 8 + by),
    ]
}

/// Sizes of memory. Small ones end most programs, by a trap.
fn pages() -> impl Strategy<Value = Expression> {
    let pages = prop_oneof![
        1 => Just(0u32),
        2 => Just(1),
        2 => Just(256),
        24 => Just(65536),
        1 => edge(),
    ];
    pages.prop_map(Expression::Const)
}

fn address(high: bool) -> impl Strategy<Value = Expression> {
    let region = if high {
        prop_oneof![Just(0xffff_fff0u32), Just(0x8000_0000), Just(1 << 27), Just(0)].boxed()
    } else {
        prop_oneof![Just(0u32), Just(250), Just(65_530), Just((1 << 24) - 8)].boxed()
    };
    let fixed = (region, 0u32..12).prop_map(|(base, by)| Expression::Const(base.wrapping_add(by)));
    // An address that was computed: comparisons give 0 or 1.
    let computed = (fixed.clone(), edge(), edge()).prop_map(|(base, a, b)| {
        let offset =
            Expression::Binary(Op::LtS, Box::new((Expression::Const(a), Expression::Const(b))));
        Expression::Binary(Op::Add, Box::new((base, offset)))
    });
    prop_oneof![3 => fixed, 1 => computed]
}

fn expression(high: bool) -> impl Strategy<Value = Expression> + Clone {
    let leaf = prop_oneof![
        3 => edge().prop_map(Expression::Const),
        2 => (0..COUNTERS).prop_map(Expression::Local),
        1 => (WIDE_LOCALS..WIDE_LOCALS + 5).prop_map(Expression::Local),
        1 => global().prop_map(Expression::Global),
        1 => Just(Expression::MemorySize),
    ];
    leaf.prop_recursive(4, 12, 3, move |inner| {
        let one = || inner.clone().prop_map(Box::new);
        let two = || (inner.clone(), inner.clone()).prop_map(Box::new);
        let binary = prop_oneof![
            3 => Just(Op::Add),
            3 => Just(Op::Sub),
            4 => proptest::sample::select(&COMPARISONS[..]),
            4 => proptest::sample::select(&BITWISE[..]),
            2 => Just(Op::Mul),
            2 => Just(Op::MulHigh),
        ];
        let divide = prop_oneof![Just(Op::DivU), Just(Op::RemU)];
        // Mostly by what is not 0, for a trap ends the program.
        let divisor = prop_oneof![
            12 => edge().prop_map(|d| Expression::Const(d.max(1))),
            1 => inner.clone(),
        ];
        let unary = prop_oneof![Just(Op::Eqz), Just(Op::Popcnt)];
        let load = proptest::sample::select(&LOADS[..]);
        prop_oneof![
            4 => (binary, two()).prop_map(|(op, operands)| Expression::Binary(op, operands)),
            2 => (divide, inner.clone(), divisor)
                .prop_map(|(op, a, d)| Expression::Binary(op, Box::new((a, d)))),
            2 => (unary, one()).prop_map(|(op, operand)| Expression::Unary(op, operand)),
            1 => ((0..COUNTERS), one()).prop_map(|(local, e)| Expression::Tee(local, e)),
            3 => (load, address(high), 0u32..8)
                .prop_map(|(op, address, offset)| Expression::Load(op, Box::new(address), offset)),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|operands| Expression::Select(Box::new(operands))),
            1 => (0u32..3, one()).prop_map(|(which, e)| Expression::Call(which, e)),
            2 => wide(inner.clone(), high).prop_map(|value| Expression::High(Box::new(value))),
            2 => (proptest::sample::select(&OF_WIDE[..]), wide(inner.clone(), high))
                .prop_map(|(op, value)| Expression::OfWide(op, Box::new(value))),
            2 => (
                proptest::sample::select(&COMPARISONS_64[..]),
                wide(inner.clone(), high),
                wide(inner.clone(), high),
            )
                .prop_map(|(op, a, b)| Expression::Compare(op, Box::new((a, b)))),
        ]
    })
}

/// Eight bytes, of narrow expressions.
fn wide(
    narrow: impl Strategy<Value = Expression> + Clone + 'static,
    high: bool,
) -> impl Strategy<Value = Wide> {
    let local = || WIDE_LOCALS..WIDE_LOCALS + 4;
    let constant = (edge(), edge())
        .prop_map(|(a, b)| Wide::Join(Box::new((Expression::Const(a), Expression::Const(b)))));
    let extend = prop_oneof![Just(Op::ExtendU), Just(Op::ExtendS)];
    let leaf = prop_oneof![
        2 => constant,
        1 => local().prop_map(Wide::Local),
        1 => global().prop_map(Wide::Global),
        1 => (extend, narrow.clone()).prop_map(|(op, e)| Wide::Extend(op, Box::new(e))),
        1 => (address(high), 0u32..8).prop_map(|(a, offset)| Wide::Load(Box::new(a), offset)),
        1 => (narrow.clone(), narrow.clone()).prop_map(|parts| Wide::Join(Box::new(parts))),
    ];
    leaf.prop_recursive(2, 4, 2, move |inner| {
        let two = || (inner.clone(), inner.clone());
        prop_oneof![
            4 => (proptest::sample::select(&BINARY_64[..]), two())
                .prop_map(|(op, operands)| Wide::Binary(op, Box::new(operands))),
            3 => (proptest::sample::select(&SHIFTS_64[..]), inner.clone(), narrow.clone())
                .prop_map(|(op, a, count)| Wide::Shift(op, Box::new((a, count)))),
            1 => (two(), narrow.clone()).prop_map(|((a, b), c)| Wide::Select(Box::new((a, b, c)))),
            1 => (local(), inner.clone()).prop_map(|(local, e)| Wide::Tee(local, Box::new(e))),
        ]
    })
}

fn statements(high: bool) -> impl Strategy<Value = Vec<Statement>> {
    let value = || expression(high);
    let store = proptest::sample::select(&STORES[..]);
    let leaf = prop_oneof![
        3 => (0..COUNTERS, value()).prop_map(|(local, e)| Statement::Set(local, e)),
        4 => (store, address(high), value(), 0u32..8)
            .prop_map(|(op, address, e, offset)| Statement::Store(op, address, e, offset)),
        3 => value().prop_map(Statement::Output),
        1 => value().prop_map(Statement::Drop),
        2 => (WIDE_LOCALS..WIDE_LOCALS + 4, wide(value(), high))
            .prop_map(|(local, e)| Statement::SetWide(local, e)),
        2 => (
            prop_oneof![Just(Op::Store64), Just(Op::Store)],
            address(high),
            wide(value(), high),
            0u32..8,
        )
            .prop_map(|(op, address, e, offset)| Statement::StoreWide(op, address, e, offset)),
        1 => wide(value(), high).prop_map(Statement::DropWide),
        2 => (global(), value()).prop_map(|(global, e)| Statement::SetGlobal(global, e)),
        1 => (global(), wide(value(), high))
            .prop_map(|(global, e)| Statement::SetGlobalWide(global, e)),
        1 => pages().prop_map(Statement::Resize),
        1 => Just(Statement::Recurse),
        1 => edge().prop_map(|v| Statement::TrapIf(Expression::Const(u32::from(v == 0)))),
    ];
    let statement = leaf.prop_recursive(2, 10, 4, move |inner| {
        let body = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            (expression(high), body(), body()).prop_map(|(e, yes, no)| Statement::If(e, yes, no)),
            (0u32..4, body()).prop_map(|(count, body)| Statement::Loop(count, body)),
        ]
    });
    prop::collection::vec(statement, 0..8)
}

/// A random program. `high`: with addresses up to 2³² and beyond.
pub fn source(high: bool) -> impl Strategy<Value = Source> {
    let function = move || (statements(high), expression(high));
    let input = (0u32..300, prop::collection::vec(any::<u8>(), 0..20));
    (prop::collection::vec(function(), 1..4), prop::option::of(input))
        .prop_map(|(functions, input)| Source { functions, input })
}

impl Source {
    /// The program.
    pub fn program(&self) -> Program {
        let mut layout = Layout { code: Vec::new(), calls: Vec::new(), function: 0, loops: 0 };
        let mut payloads = Vec::new();
        if let Some((base, bytes)) = &self.input {
            layout.push(Op::InputBase, *base);
            payloads.push(bytes.clone());
        }
        let mut begins = Vec::new();
        for (number, (body, result)) in self.functions.iter().enumerate() {
            let begin = layout.code.len();
            begins.push(begin);
            layout.function = number;
            if number == 0 {
                layout.constant(0);
                layout.push(Op::LocalSet, COUNTERS);
            } else {
                layout.push(Op::LocalSet, 0);
                layout.push(Op::LocalSet, COUNTERS);
            }
            layout.statements(body, self.functions.len());
            layout.expression(result, self.functions.len());
            if number == 0 {
                layout.push(Op::Output, 0);
                layout.push(Op::Halt, 0);
            } else {
                let distance = (layout.code.len() - begin) as u32;
                layout.push(Op::Return, !distance);
            }
        }
        for (at, callee) in std::mem::take(&mut layout.calls) {
            layout.code[at].immediate = (begins[callee] as u32).wrapping_sub(at as u32 + 1);
        }
        Program::new(layout.code, payloads).unwrap()
    }
}

struct Layout {
    code: Vec<Instruction>,
    /// Calls to be patched, with the function that they call.
    calls: Vec<(usize, usize)>,
    function: usize,
    loops: u32,
}

impl Layout {
    fn push(&mut self, op: Op, immediate: u32) {
        self.code.push(Instruction::new(op, immediate));
    }

    fn constant(&mut self, value: u32) {
        self.push(Op::Const, value);
    }

    fn expressions(&mut self, all: &[&Expression], functions: usize) {
        for expression in all {
            self.expression(expression, functions);
        }
    }

    fn expression(&mut self, expression: &Expression, functions: usize) {
        match expression {
            Expression::Const(value) => self.constant(*value),
            Expression::Local(local) => self.push(Op::LocalGet, *local),
            Expression::Tee(local, value) => {
                self.expression(value, functions);
                self.push(Op::LocalTee, *local);
            }
            Expression::Load(op, address, offset) => {
                self.expression(address, functions);
                self.push(*op, *offset);
            }
            Expression::Global(global) => self.push(Op::GlobalGet, *global),
            Expression::MemorySize => self.push(Op::MemorySize, 0),
            Expression::Unary(op, value) => {
                self.expression(value, functions);
                self.push(*op, 0);
            }
            Expression::Binary(op, operands) => {
                self.expressions(&[&operands.0, &operands.1], functions);
                self.push(*op, 0);
            }
            Expression::Select(operands) => {
                self.expressions(&[&operands.0, &operands.1, &operands.2], functions);
                self.push(Op::Select, 0);
            }
            Expression::Call(which, argument) => {
                // The counter of the callee's recursion, then its argument.
                let later = self.function + 1 + *which as usize;
                if later < functions {
                    self.constant(*which);
                    self.expression(argument, functions);
                    self.call(later);
                } else {
                    self.expression(argument, functions);
                }
            }
            Expression::High(value) => self.wide(value, functions),
            Expression::OfWide(op, value) => {
                self.wide(value, functions);
                self.push(*op, 0);
            }
            Expression::Compare(op, operands) => {
                self.wide(&operands.0, functions);
                self.wide(&operands.1, functions);
                self.push(*op, 0);
            }
        }
    }

    fn wide(&mut self, value: &Wide, functions: usize) {
        match value {
            Wide::Join(parts) => {
                self.expressions(&[&parts.0, &parts.1], functions);
                self.push(Op::Join, 0);
            }
            Wide::Extend(op, value) => {
                self.expression(value, functions);
                self.push(*op, 0);
            }
            Wide::Local(local) => self.push(Op::LocalGet64, *local),
            Wide::Global(global) => self.push(Op::GlobalGet64, *global),
            Wide::Tee(local, value) => {
                self.wide(value, functions);
                self.push(Op::LocalTee64, *local);
            }
            Wide::Load(address, offset) => {
                self.expression(address, functions);
                self.push(Op::Load64, *offset);
            }
            Wide::Binary(op, operands) => {
                self.wide(&operands.0, functions);
                self.wide(&operands.1, functions);
                self.push(*op, 0);
            }
            Wide::Shift(op, operands) => {
                self.wide(&operands.0, functions);
                self.expression(&operands.1, functions);
                self.push(*op, 0);
            }
            Wide::Select(operands) => {
                self.wide(&operands.0, functions);
                self.wide(&operands.1, functions);
                self.expression(&operands.2, functions);
                self.push(Op::Select64, 0);
            }
        }
    }

    fn call(&mut self, function: usize) {
        self.calls.push((self.code.len(), function));
        self.push(Op::Call, 0);
    }

    fn statements(&mut self, statements: &[Statement], functions: usize) {
        for statement in statements {
            self.statement(statement, functions);
        }
    }

    fn statement(&mut self, statement: &Statement, functions: usize) {
        match statement {
            Statement::Set(local, value) => {
                self.expression(value, functions);
                self.push(Op::LocalSet, *local);
            }
            Statement::Store(op, address, value, offset) => {
                self.expressions(&[address, value], functions);
                self.push(*op, *offset);
            }
            Statement::SetWide(local, value) => {
                self.wide(value, functions);
                self.push(Op::LocalSet64, *local);
            }
            Statement::StoreWide(op, address, value, offset) => {
                self.expression(address, functions);
                self.wide(value, functions);
                self.push(*op, *offset);
            }
            Statement::SetGlobal(global, value) => {
                self.expression(value, functions);
                self.push(Op::GlobalSet, *global);
            }
            Statement::SetGlobalWide(global, value) => {
                self.wide(value, functions);
                self.push(Op::GlobalSet64, *global);
            }
            Statement::Resize(pages) => {
                self.expression(pages, functions);
                self.push(Op::MemoryResize, 0);
            }
            Statement::DropWide(value) => {
                self.wide(value, functions);
                self.push(Op::Drop, 0);
            }
            Statement::Output(value) => {
                self.expression(value, functions);
                self.push(Op::Output, 0);
            }
            Statement::TrapIf(value) => {
                self.expression(value, functions);
                self.push(Op::Eqz, 0);
                let to_end = self.jump(Op::BrIf);
                self.push(Op::Unreachable, 0);
                self.land(to_end);
            }
            Statement::Drop(value) => {
                self.expression(value, functions);
                self.push(Op::Drop, 0);
            }
            Statement::If(condition, yes, no) => {
                self.expression(condition, functions);
                let to_yes = self.jump(Op::BrIf);
                self.statements(no, functions);
                let to_end = self.jump(Op::Br);
                self.land(to_yes);
                self.statements(yes, functions);
                self.land(to_end);
            }
            Statement::Loop(count, body) => {
                self.loops += 1;
                let counter = COUNTERS + self.loops;
                self.constant(*count);
                self.push(Op::LocalSet, counter);
                let begin = self.code.len();
                self.push(Op::LocalGet, counter);
                self.push(Op::Eqz, 0);
                let to_end = self.jump(Op::BrIf);
                self.statements(body, functions);
                self.push(Op::LocalGet, counter);
                self.constant(1);
                self.push(Op::Sub, 0);
                self.push(Op::LocalSet, counter);
                let back = self.jump(Op::Br);
                self.code[back].immediate = (begin as u32).wrapping_sub(back as u32 + 1);
                self.land(to_end);
                self.loops -= 1;
            }
            Statement::Recurse => {
                self.push(Op::LocalGet, COUNTERS);
                self.push(Op::Eqz, 0);
                let to_end = self.jump(Op::BrIf);
                if self.function > 0 {
                    self.push(Op::LocalGet, COUNTERS);
                    self.constant(1);
                    self.push(Op::Sub, 0);
                    self.push(Op::LocalGet, 1);
                    self.call(self.function);
                    self.push(Op::Drop, 0);
                }
                self.land(to_end);
            }
        }
    }

    fn jump(&mut self, op: Op) -> usize {
        self.push(op, 0);
        self.code.len() - 1
    }

    fn land(&mut self, jump: usize) {
        self.code[jump].immediate = (self.code.len() - jump - 1) as u32;
    }
}
