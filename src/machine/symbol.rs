//! The tokens of the machine: what each name means, and in which order they stand in the
//! vocabulary. Names are the interface to models and files; ids are the machine's own.

use std::fmt;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::isa::{End, Op};

/// One token, by meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Symbol {
    /// `00`..`ff`.
    Byte(u8),
    /// `00'`..`ff'`: a byte that carries or borrows into the next.
    Marked(u8),
    /// `out(..)`: a byte of output.
    Out(u8),
    /// `commit(sd,sts,bt)`.
    Commit {
        /// Change of the stack depth.
        depth: i8,
        /// Whether the four bytes before become the top of the stack.
        pushes: bool,
        /// Whether a branch was taken.
        branched: bool,
    },
    /// `branch_taken`: the bytes of a jump follow.
    BranchTaken,
    /// `call_commit`: jump, one call deeper.
    CallCommit,
    /// `return_commit`: jump, one call less deep.
    ReturnCommit,
    /// `memory_commit`: memory has as many pages as the four bytes before say.
    MemoryCommit,
    /// `{`, which opens the program.
    Open,
    /// `}`, which closes it.
    Close,
    /// An instruction's name. `halt` is the stop token, too.
    Instruction(Op),
    /// `d(0)`..`d(1023)`: a digit that an instruction notes before its result
    /// bytes. Without the parentheses `d0`..`d9` would be bytes.
    Digit(u16),
    /// `trap`: the program did what has no result; `halt` follows.
    Trap,
    /// `start`, which opens the prompt of a model that has its program inside.
    Start,
}

/// How many digit tokens there are: multiplication carries up to 1019.
pub const DIGITS: u16 = 1024;

/// The commit that ends every payload of the prompt.
pub const PAYLOAD_END: Symbol = Symbol::Commit { depth: 0, pushes: false, branched: false };

/// The stop token.
pub const HALT: Symbol = Symbol::Instruction(Op::Halt);

static ALL: LazyLock<Vec<Symbol>> = LazyLock::new(|| {
    let bytes = || 0..=255u8;
    let mut all: Vec<Symbol> = bytes().map(Symbol::Byte).collect();
    all.extend(bytes().map(Symbol::Marked));
    all.extend(bytes().map(Symbol::Out));
    let mut ends: Vec<End> = Op::ALL.iter().map(|op| op.end()).collect();
    ends.sort();
    ends.dedup();
    for end in ends {
        if let End::Commit { depth, pushes } = end {
            all.extend([false, true].map(|branched| Symbol::Commit { depth, pushes, branched }));
        }
    }
    all.extend([Symbol::BranchTaken, Symbol::CallCommit, Symbol::ReturnCommit]);
    all.push(Symbol::MemoryCommit);
    all.extend([Symbol::Open, Symbol::Close]);
    all.extend(Op::ALL.iter().map(|&op| Symbol::Instruction(op)));
    all.extend((0..DIGITS).map(Symbol::Digit));
    all.extend([Symbol::Trap, Symbol::Start]);
    all
});

/// Tokens of a machine that has its program in the prompt.
static WITH_PROGRAM: LazyLock<Vec<Symbol>> =
    LazyLock::new(|| Symbol::all().iter().copied().filter(|&s| s != Symbol::Start).collect());

/// Tokens of a machine that has its program inside.
static WITHOUT_PROGRAM: LazyLock<Vec<Symbol>> = LazyLock::new(|| {
    let is_of_program = |symbol: Symbol| match symbol {
        Symbol::Open | Symbol::Close => true,
        Symbol::Instruction(_) => symbol != HALT,
        _ => false,
    };
    Symbol::all().iter().copied().filter(|&symbol| !is_of_program(symbol)).collect()
});

static BY_NAME: LazyLock<FxHashMap<String, Symbol>> =
    LazyLock::new(|| Symbol::all().iter().map(|s| (s.to_string(), *s)).collect());

static IDS: LazyLock<FxHashMap<Symbol, u32>> =
    LazyLock::new(|| Symbol::all().iter().zip(0..).map(|(s, id)| (*s, id)).collect());

impl Symbol {
    /// Every token.
    pub fn all() -> &'static [Symbol] {
        &ALL
    }

    /// The vocabulary of a machine that has its program in the prompt: all but `start`.
    pub fn with_program() -> &'static [Symbol] {
        &WITH_PROGRAM
    }

    /// The vocabulary of a machine that has its program inside: no braces, and of the names of
    /// instructions only `halt`.
    pub fn without_program() -> &'static [Symbol] {
        &WITHOUT_PROGRAM
    }

    /// The name of every token that a machine of these instructions has, in the order of the vocabulary.
    pub fn names(ops: &[Op]) -> Vec<Option<String>> {
        let has = |symbol: &Symbol| match *symbol {
            Symbol::Instruction(op) => ops.contains(&op),
            Symbol::Commit { depth, pushes, .. } => {
                ops.iter().any(|op| op.end() == End::Commit { depth, pushes })
            }
            Symbol::MemoryCommit => ops.contains(&Op::MemoryResize),
            // Only what multiplies or divides writes digits.
            Symbol::Digit(_) => ops.contains(&Op::Mul) || ops.contains(&Op::DivU),
            Symbol::Trap => ops.contains(&Op::DivU) || ops.contains(&Op::Unreachable),
            _ => true,
        };
        Symbol::with_program()
            .iter()
            .map(|symbol| has(symbol).then(|| symbol.to_string()))
            .collect()
    }

    /// Place in [`Symbol::all`].
    pub fn id(self) -> u32 {
        match self {
            Symbol::Byte(b) => u32::from(b),
            Symbol::Marked(b) => 256 + u32::from(b),
            Symbol::Out(b) => 512 + u32::from(b),
            other => IDS[&other],
        }
    }

    /// The token with exactly this name.
    pub fn from_name(name: &str) -> Option<Symbol> {
        BY_NAME.get(name).copied()
    }

    /// The token that a word of a file stands for: a name, an alias of a byte
    /// (one printable character), or `<sp>` for a space.
    pub fn from_word(word: &str) -> Option<Symbol> {
        match (Symbol::from_name(word), word.as_bytes()) {
            (Some(symbol), _) => Some(symbol),
            (None, &[c @ 0x21..=0x7e]) => Some(Symbol::Byte(c)),
            (None, b"<sp>") => Some(Symbol::Byte(b' ')),
            (None, b"out(<sp>)") => Some(Symbol::Out(b' ')),
            _ => None,
        }
    }

    /// The byte that a byte token carries, marked or not.
    pub fn byte(self) -> Option<u8> {
        match self {
            Symbol::Byte(b) | Symbol::Marked(b) => Some(b),
            _ => None,
        }
    }

    /// Whether an instruction has ended with this token.
    pub(crate) fn ends_instruction(self) -> bool {
        matches!(
            self,
            Symbol::Commit { .. }
                | Symbol::Out(_)
                | Symbol::CallCommit
                | Symbol::ReturnCommit
                | Symbol::MemoryCommit
        )
    }

    /// Whether the value of the four bytes before moves the program counter.
    pub(crate) fn jumps(self) -> bool {
        matches!(
            self,
            Symbol::Commit { branched: true, .. } | Symbol::CallCommit | Symbol::ReturnCommit
        )
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Symbol::Byte(b) => write!(f, "{b:02x}"),
            Symbol::Marked(b) => write!(f, "{b:02x}'"),
            Symbol::Out(b @ 0x21..=0x7e) => write!(f, "out({})", char::from(b)),
            Symbol::Out(b) => write!(f, "out({b:02x})"),
            Symbol::Commit { depth, pushes, branched } => {
                write!(f, "commit({depth:+},sts={},bt={})", u8::from(pushes), u8::from(branched))
            }
            Symbol::BranchTaken => f.write_str("branch_taken"),
            Symbol::CallCommit => f.write_str("call_commit"),
            Symbol::ReturnCommit => f.write_str("return_commit"),
            Symbol::MemoryCommit => f.write_str("memory_commit"),
            Symbol::Open => f.write_str("{"),
            Symbol::Close => f.write_str("}"),
            Symbol::Instruction(op) => f.write_str(op.name()),
            Symbol::Digit(digit) => write!(f, "d({digit})"),
            Symbol::Trap => f.write_str("trap"),
            Symbol::Start => f.write_str("start"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_found_by_its_name_and_its_id() {
        for (id, &symbol) in Symbol::all().iter().enumerate() {
            assert_eq!(symbol.id() as usize, id);
            assert_eq!(Symbol::from_name(&symbol.to_string()), Some(symbol));
        }
    }

    #[test]
    fn names_are_those_of_the_format() {
        let names = |symbols: &[Symbol]| symbols.iter().map(Symbol::to_string).collect::<Vec<_>>();
        assert_eq!(
            names(&[Symbol::Byte(10), Symbol::Marked(255), Symbol::Out(b'{'), Symbol::Out(32)]),
            ["0a", "ff'", "out({)", "out(20)"]
        );
        assert_eq!(PAYLOAD_END.to_string(), "commit(+0,sts=0,bt=0)");
        assert_eq!(
            names(&[Symbol::Digit(9), Symbol::Digit(1023), Symbol::Trap]),
            ["d(9)", "d(1023)", "trap"]
        );
    }

    #[test]
    fn a_digit_is_not_mistaken_for_a_byte() {
        assert_eq!(Symbol::from_word("d9"), Some(Symbol::Byte(0xd9)));
        assert_eq!(Symbol::from_word("d(9)"), Some(Symbol::Digit(9)));
        assert_eq!(Symbol::from_word("d(1024)"), None);
    }

    #[test]
    fn one_printable_character_is_an_alias_of_its_byte_but_a_brace_is_not() {
        assert_eq!(Symbol::from_word("0"), Some(Symbol::Byte(0x30)));
        assert_eq!(Symbol::from_word("{"), Some(Symbol::Open));
        assert_eq!(Symbol::from_word("é"), None);
    }
}
