//! Where the tokens of a run went: by function, by instruction, by path of calls.
//!
//! It takes the tokens as they come and keeps counts only: three numbers for each instruction of the
//! program, and a tree of the paths by which functions were called, of at most [`MOST_PATHS`] nodes.
//!
//! What an instruction of WebAssembly costs is more than what it was compiled to in place: the runtime and the
//! routines that the compiler shares run for the instruction that called them. So there are two counts:
//! tokens of an instruction of the machine *itself*, and tokens *charged* to it, which are its own and those
//! of all that it called of the compiler's, and 0 within that.

use rustc_hash::FxHashMap;

use crate::machine::Symbol;
use crate::program::{Program, Walk};
use crate::wasm::Places;

/// Most nodes of the tree of calls; what has no place there any more is told of one that is *deeper*.
pub const MOST_PATHS: usize = 1 << 16;

/// Calls of a path that are told apart: deeper ones are one node.
pub const DEEPEST: usize = 128;

/// The node of no function: what is too deep.
const DEEPER: u32 = u32::MAX;

/// No instruction is charged but the one at hand.
const ITSELF: u32 = u32::MAX;

/// A profile on its way.
pub struct Profile<'p> {
    places: &'p Places,
    walk: Walk,
    /// Tokens of the instruction at hand.
    pending: u64,
    tokens: u64,
    instructions: u64,
    /// By instruction of the program.
    counts: Vec<Count>,
    functions: Vec<Function>,
    /// By first instruction.
    numbers: FxHashMap<u32, u32>,
    paths: Vec<Path>,
    /// By the path before and the function.
    children: FxHashMap<(u32, u32), u32>,
    frames: Vec<Frame>,
    at: Frame,
}

/// What became of an instruction of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How often it ran.
    pub runs: u64,
    /// Tokens that it generated itself.
    pub tokens: u64,
    /// Tokens charged to it.
    pub charged: u64,
}

/// Code that was called, or the code at the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// What to call it.
    pub name: String,
    /// Its first instruction.
    pub begin: usize,
    /// How often it was called.
    pub calls: u64,
    /// Tokens and instructions of its own.
    pub own: Cost,
    /// With those of all that it called; a call of itself counts once.
    pub total: Cost,
    /// Calls that have not returned, and what there was before the first of them.
    active: u64,
    before: Cost,
}

/// An amount of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Generated tokens.
    pub tokens: u64,
    /// Instructions of the machine.
    pub instructions: u64,
}

/// A function as it was called on one way from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The path before, as a place among all; none for the beginning.
    pub caller: Option<usize>,
    /// The function, as a place among all; none where paths are too deep or too many.
    pub function: Option<usize>,
    /// Tokens of its own.
    pub tokens: u64,
}

#[derive(Clone, Copy)]
struct Frame {
    path: u32,
    function: u32,
    /// The instruction that is charged.
    charged: u32,
    depth: u32,
}

/// A finished profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Of everything.
    pub all: Cost,
    /// Of each instruction of the program.
    pub counts: Vec<Count>,
    /// What was called, in the order of first calls, the code at the beginning first.
    pub functions: Vec<Function>,
    /// Ways from the beginning, each behind its caller.
    pub paths: Vec<Path>,
}

impl<'p> Profile<'p> {
    /// Before the first generated token.
    pub fn new(program: &Program, places: &'p Places) -> Profile<'p> {
        let mut profile = Profile {
            places,
            walk: Walk::new(program),
            pending: 0,
            tokens: 0,
            instructions: 0,
            counts: vec![Count::default(); program.code().len()],
            functions: Vec::new(),
            numbers: FxHashMap::default(),
            paths: Vec::new(),
            children: FxHashMap::default(),
            frames: Vec::new(),
            at: Frame { path: 0, function: 0, charged: ITSELF, depth: 0 },
        };
        profile.function(0);
        profile.enter();
        profile.paths.push(Path { caller: None, function: Some(0), tokens: 0 });
        profile
    }

    /// Takes the next generated token.
    pub fn take(&mut self, token: Symbol) {
        self.pending += 1;
        let at = self.walk.at();
        self.walk.step(token);
        if !token.ends_instruction() {
            return;
        }
        self.count(at);
        match token {
            Symbol::CallCommit => self.call(at),
            Symbol::ReturnCommit => self.leave(),
            _ => {}
        }
    }

    /// The instruction at `at` has ended.
    fn count(&mut self, at: u32) {
        let tokens = std::mem::take(&mut self.pending);
        self.tokens += tokens;
        self.instructions += 1;
        if let Some(count) = self.counts.get_mut(at as usize) {
            count.runs += 1;
            count.tokens += tokens;
        }
        let charged = if self.at.charged == ITSELF { at } else { self.at.charged };
        if let Some(count) = self.counts.get_mut(charged as usize) {
            count.charged += tokens;
        }
        let own = &mut self.functions[self.at.function as usize].own;
        own.tokens += tokens;
        own.instructions += 1;
        self.paths[self.at.path as usize].tokens += tokens;
    }

    fn call(&mut self, at: u32) {
        let begin = self.walk.at();
        let function = self.function(begin);
        let routine = &self.places.routines()[self.places.routine_at(begin as usize)];
        let charged = match self.at.charged {
            _ if routine.is_of_module() || !self.places.are_known() => ITSELF,
            ITSELF => at,
            outer => outer,
        };
        self.frames.push(self.at);
        let path = self.path(function);
        self.at = Frame { path, function, charged, depth: self.at.depth.saturating_add(1) };
        self.enter();
    }

    /// The number of the function that begins there.
    fn function(&mut self, begin: u32) -> u32 {
        *self.numbers.entry(begin).or_insert_with(|| {
            let routine = &self.places.routines()[self.places.routine_at(begin as usize)];
            let is_named = self.places.are_known() || self.functions.is_empty();
            let name = if is_named { routine.label() } else { format!("instruction {begin}") };
            self.functions.push(Function {
                name,
                begin: begin as usize,
                calls: 0,
                own: Cost::default(),
                total: Cost::default(),
                active: 0,
                before: Cost::default(),
            });
            self.functions.len() as u32 - 1
        })
    }

    /// The path from here to a function.
    fn path(&mut self, function: u32) -> u32 {
        let caller = self.at.path;
        if self.paths[caller as usize].function.is_none() {
            return caller;
        }
        let is_deep = self.at.depth as usize >= DEEPEST || self.paths.len() >= MOST_PATHS;
        let known = self.children.get(&(caller, function)).copied();
        let function = if known.is_none() && is_deep { DEEPER } else { function };
        // Each path may have one more behind it, of what is deeper.
        let paths = &mut self.paths;
        *self.children.entry((caller, function)).or_insert_with(|| {
            let function = (function != DEEPER).then_some(function as usize);
            paths.push(Path { caller: Some(caller as usize), function, tokens: 0 });
            paths.len() as u32 - 1
        })
    }

    fn so_far(&self) -> Cost {
        Cost { tokens: self.tokens, instructions: self.instructions }
    }

    fn enter(&mut self) {
        let before = self.so_far();
        let function = &mut self.functions[self.at.function as usize];
        function.calls += 1;
        function.active += 1;
        if function.active == 1 {
            function.before = before;
        }
    }

    fn leave(&mut self) {
        let now = self.so_far();
        let Some(frame) = self.frames.pop() else { return };
        let function = &mut self.functions[self.at.function as usize];
        function.active -= 1;
        if function.active == 0 {
            function.total.tokens += now.tokens - function.before.tokens;
            function.total.instructions += now.instructions - function.before.instructions;
        }
        self.at = frame;
    }

    /// All tokens were taken: what was entered is left.
    pub fn finish(mut self) -> Counted {
        // The last instruction: `halt`, one that trapped, or one that was cut short.
        if self.pending > 0 {
            self.count(self.walk.at());
        }
        while !self.frames.is_empty() {
            self.leave();
        }
        let all = self.so_far();
        self.functions[0].total = all;
        self.functions[0].calls = self.functions[0].calls.saturating_sub(1);
        let Profile { counts, functions, paths, .. } = self;
        Counted { all, counts, functions, paths }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;
    use crate::wasm::{Compiled, Options, compile_text};

    fn counted(text: &str, argument: i32) -> (Compiled, Counted) {
        let compiled = compile_text(text, &Options::invoke("f", &[argument])).unwrap();
        let mut profile = Profile::new(&compiled.program, &compiled.places);
        oracle::execute(&compiled.program, 1_000_000, |token| profile.take(token)).unwrap();
        let counted = profile.finish();
        (compiled, counted)
    }

    const SUM_OF_ZEROS: &str = r#"(module
        (func $f (export "f") (param i32) (result i32)
            local.get 0
            if (result i32)
                local.get 0 i64.extend_i32_u i64.clz
                local.get 0 i32.const 1 i32.sub call $f i64.extend_i32_u
                i64.add i32.wrap_i64
            else i32.const 1 end))"#;

    #[test]
    fn every_token_is_counted_once_in_every_way() {
        let (compiled, counted) = counted(SUM_OF_ZEROS, 10);
        let (tokens, _) = oracle::trace(&compiled.program, u64::MAX).unwrap();
        assert_eq!(counted.all.tokens, tokens.len() as u64);
        let of = |amounts: Vec<u64>| assert_eq!(amounts.iter().sum::<u64>(), counted.all.tokens);
        of(counted.counts.iter().map(|count| count.tokens).collect());
        of(counted.counts.iter().map(|count| count.charged).collect());
        of(counted.functions.iter().map(|function| function.own.tokens).collect());
        of(counted.paths.iter().map(|path| path.tokens).collect());
        let runs: u64 = counted.counts.iter().map(|count| count.runs).sum();
        assert_eq!(runs, counted.all.instructions);
    }

    #[test]
    fn recursion_counts_once_and_the_runtime_for_who_called_it() {
        let (compiled, counted) = counted(SUM_OF_ZEROS, 10);
        let function = |name: &str| counted.functions.iter().find(|f| f.name == name).unwrap();
        let (f, clz) = (function("f"), function("runtime i64.clz"));
        assert_eq!((f.calls, clz.calls), (11, 10));
        let printing = function("routine print");
        let all = counted.all.tokens;
        assert_eq!(f.total.tokens + printing.total.tokens + counted.functions[0].own.tokens, all);
        assert!(f.total.tokens > f.own.tokens + clz.total.tokens - 1);
        let charged: u64 = (0..counted.counts.len())
            .filter(|&at| compiled.places.source(at).is_some_and(|s| s.name == "i64.clz"))
            .filter(|&at| at < clz.begin)
            .map(|at| counted.counts[at].charged)
            .sum();
        assert!(charged > clz.total.tokens, "its call has tokens of its own");
        // f within f within f, and i64.clz within each.
        let deepest = counted.paths.iter().filter(|path| path.function.is_some()).count();
        assert!(deepest >= 21, "{deepest}");
    }

    #[test]
    fn what_is_too_deep_is_one_path() {
        let (_, counted) = counted(SUM_OF_ZEROS, 400);
        let deeper = counted.paths.iter().filter(|path| path.function.is_none()).count();
        assert_eq!(deeper, 1);
        let tokens: u64 = counted.paths.iter().map(|path| path.tokens).sum();
        assert_eq!(tokens, counted.all.tokens);
    }
}
