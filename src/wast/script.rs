//! The directives of a script, in order: modules become instances at once, all else is noted for later.

use std::collections::{BTreeMap, BTreeSet};

use wast::{QuoteWat, WastDirective, WastExecute, WastInvoke, Wat};

use super::expected::{self, Expected};
use super::{Finding, Options, Report};
use crate::wasm::link::{InstanceId, LinkError, Sizes, Step, Store};
use crate::wasm::{WasmError, validate};

/// What every script may import from: what the suite's host gives. Nothing is printed.
const SPECTEST: &str = r#"(module
    (global (export "global_i32") i32 (i32.const 666))
    (global (export "global_i64") i64 (i64.const 666))
    (global (export "global_f32") f32 (f32.const 666.6))
    (global (export "global_f64") f64 (f64.const 666.6))
    (table (export "table") 10 20 funcref)
    (memory (export "memory") 1 2)
    (func (export "print"))
    (func (export "print_i32") (param i32))
    (func (export "print_i64") (param i64))
    (func (export "print_f32") (param f32))
    (func (export "print_f64") (param f64))
    (func (export "print_i32_f32") (param i32 f32))
    (func (export "print_f64_f64") (param f64 f64)))"#;

/// Something that is done with an instance.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub line: usize,
    pub step: Step,
    pub check: Check,
}

/// What must come of it.
#[derive(Clone, Debug)]
pub(super) enum Check {
    /// It ends; what it writes, so many lines, nobody asks.
    Ends { lines: usize },
    /// It writes these lines.
    Returns(Vec<Expected>),
    /// It traps, for this reason.
    Traps(String),
}

/// A script that is read.
pub(super) struct Script<'o> {
    pub options: &'o Options<'o>,
    pub store: Store,
    pub spectest: InstanceId,
    pub events: Vec<Event>,
    pub report: Report,
    /// Instances by their names; none of a module that was refused.
    by_name: BTreeMap<String, Option<InstanceId>>,
    latest: Option<InstanceId>,
    /// What modules are registered as that were refused.
    refused: BTreeSet<String>,
    /// Modules that are defined, and not instantiated by that.
    defined: BTreeMap<String, Vec<u8>>,
}

/// Why an assertion is not known to hold.
#[derive(Clone, Debug)]
pub(super) enum Not {
    /// It needs what programs do not have.
    Refused(String),
    /// It does not.
    Failed(String),
    /// Its program traps before it begins, for this reason.
    Traps(String),
}

impl Report {
    /// Notes why that at this line is not known to hold.
    pub(super) fn note(&mut self, line: usize, not: Not) {
        match not {
            Not::Refused(message) => self.refused.push(Finding { line, message }),
            Not::Failed(message) | Not::Traps(message) => {
                self.failed.push(Finding { line, message });
            }
        }
    }
}

impl<'o> Script<'o> {
    pub fn new(options: &'o Options<'o>) -> Self {
        let mut store = Store::default();
        let wasm = wat::parse_str(SPECTEST).expect("a module");
        let spectest = store.instantiate(&wasm, Sizes::First).expect("a valid module");
        store.register("spectest", spectest);
        Script {
            options,
            store,
            spectest,
            events: Vec::new(),
            report: Report::default(),
            by_name: BTreeMap::new(),
            latest: None,
            refused: BTreeSet::new(),
            defined: BTreeMap::new(),
        }
    }

    /// Takes in a directive that stands at this line.
    pub fn directive(&mut self, directive: WastDirective, line: usize) {
        if let Err(not) = self.take(directive, line) {
            self.report.note(line, not);
        }
    }

    fn take(&mut self, directive: WastDirective, line: usize) -> Result<(), Not> {
        match directive {
            WastDirective::Module(mut module) => {
                let name = module.name().map(|id| id.name().to_owned());
                self.latest = None;
                let wasm = encode(module.encode())?;
                self.begin(name, &wasm, line)
            }
            WastDirective::ModuleDefinition(mut module) => {
                let name = module.name().map(|id| id.name().to_owned());
                let wasm = encode(module.encode())?;
                self.defined.insert(name.unwrap_or_default(), wasm);
                Ok(())
            }
            WastDirective::ModuleInstance { instance, module, .. } => {
                let of = module.map_or("", |id| id.name());
                let wasm = self.defined.get(of).cloned();
                let wasm = wasm.ok_or_else(|| Not::Failed(format!("no module {of}")))?;
                self.begin(instance.map(|id| id.name().to_owned()), &wasm, line)
            }
            WastDirective::Register { name, module, .. } => {
                let instance = self.instance(module.map(|id| id.name()));
                if let Err(Not::Refused(_)) = instance {
                    self.refused.insert(name.into());
                }
                self.store.register(name, instance?);
                Ok(())
            }
            WastDirective::Invoke(invoke) => {
                let step = self.invocation(&invoke)?;
                let lines = self.lines(&step)?;
                self.events.push(Event { line, step, check: Check::Ends { lines } });
                Ok(())
            }
            WastDirective::AssertReturn { exec, results, .. } => {
                let step = self.step(exec)?;
                let expected = expected::results(&results);
                let expected = expected.ok_or_else(|| Not::Refused("a vector".into()))?;
                let (got, wants) = (self.lines(&step)?, expected.len());
                if got != wants {
                    return Err(Not::Failed(format!("results: {got} instead of {wants}")));
                }
                self.events.push(Event { line, step, check: Check::Returns(expected) });
                Ok(())
            }
            WastDirective::AssertTrap { exec: WastExecute::Wat(mut module), message, .. } => {
                let wasm = encode(module.encode())?;
                let step = Step::Instantiate { instance: self.link(&wasm)?, traps: false };
                self.events.push(Event { line, step, check: Check::Traps(message.into()) });
                Ok(())
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                let step = self.step(exec)?;
                self.events.push(Event { line, step, check: Check::Traps(message.into()) });
                Ok(())
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                let step = self.invocation(&call)?;
                self.events.push(Event { line, step, check: Check::Traps(message.into()) });
                Ok(())
            }
            WastDirective::AssertMalformed { module, message, .. }
            | WastDirective::AssertInvalid { module, message, .. } => self.invalid(module, message),
            WastDirective::AssertUnlinkable { module, message, .. } => {
                self.unlinkable(module, message)
            }
            other => Err(Not::Refused(format!("{} is not supported", kind(&other)))),
        }
    }

    /// A module is instantiated, and has this name from now on.
    fn begin(&mut self, name: Option<String>, wasm: &[u8], line: usize) -> Result<(), Not> {
        let linked = self.link(wasm);
        self.latest = linked.as_ref().ok().copied();
        self.by_name.extend(name.map(|name| (name, self.latest)));
        let step = Step::Instantiate { instance: linked?, traps: false };
        self.events.push(Event { line, step, check: Check::Ends { lines: 0 } });
        Ok(())
    }

    fn link(&mut self, wasm: &[u8]) -> Result<InstanceId, Not> {
        self.store.instantiate(wasm, Sizes::Grown).map_err(|error| match &error {
            LinkError::VectorGlobal => Not::Refused(error.to_string()),
            LinkError::UnknownImport { module, .. } if self.refused.contains(module) => {
                Not::Refused(format!("{module} is of a module that is refused"))
            }
            LinkError::Module(reason) if is_refusal(reason) => Not::Refused(error.to_string()),
            _ => Not::Failed(format!("a valid module is refused: {error}")),
        })
    }

    fn instance(&self, name: Option<&str>) -> Result<InstanceId, Not> {
        let found = name.map_or(Some(self.latest), |name| self.by_name.get(name).copied());
        match found {
            Some(Some(instance)) => Ok(instance),
            Some(None) => Err(Not::Refused("its module is refused".into())),
            None => Err(Not::Failed(format!("no instance {}", name.unwrap_or_default()))),
        }
    }

    fn invocation(&self, invoke: &WastInvoke) -> Result<Step, Not> {
        let instance = self.instance(invoke.module.map(|id| id.name()))?;
        let args = expected::arguments(&invoke.args);
        let args = args.ok_or_else(|| Not::Refused("a vector".into()))?;
        Ok(Step::Invoke { instance, export: invoke.name.into(), args })
    }

    fn step(&self, exec: WastExecute) -> Result<Step, Not> {
        match exec {
            WastExecute::Invoke(invoke) => self.invocation(&invoke),
            WastExecute::Get { module, global, .. } => {
                let instance = self.instance(module.map(|id| id.name()))?;
                Ok(Step::Get { instance, export: global.into() })
            }
            WastExecute::Wat(_) => Err(Not::Failed("a module returns nothing".into())),
        }
    }

    /// How many lines a step writes.
    fn lines(&self, step: &Step) -> Result<usize, Not> {
        self.store.results(step).map_err(|error| Not::Failed(error.to_string()))
    }

    fn invalid(&mut self, mut module: QuoteWat, message: &str) -> Result<(), Not> {
        let refused = match module.encode() {
            Ok(wasm) => validate(&wasm).is_err(),
            Err(_) => true,
        };
        self.hold(refused, || format!("a module is valid instead of {message:?}"))
    }

    fn unlinkable(&mut self, mut module: Wat, message: &str) -> Result<(), Not> {
        let wasm = encode(module.encode())?;
        match self.store.instantiate(&wasm, Sizes::First) {
            Err(error) => {
                let is = error.to_string().starts_with(message);
                self.hold(is, || format!("{error} instead of {message:?}"))
            }
            Ok(_) => Err(Not::Failed(format!("a module links instead of {message:?}"))),
        }
    }

    fn hold(&mut self, holds: bool, message: impl Fn() -> String) -> Result<(), Not> {
        self.report.passed += usize::from(holds);
        if holds { Ok(()) } else { Err(Not::Failed(message())) }
    }
}

/// Whether the compiler says that a program cannot do this, rather than that the module is wrong.
pub(super) fn is_refusal(error: &WasmError) -> bool {
    matches!(
        error,
        WasmError::UnsupportedInstruction { .. }
            | WasmError::UnsupportedType { .. }
            | WasmError::UnsupportedConstant { .. }
    )
}

fn encode(encoded: Result<Vec<u8>, wast::Error>) -> Result<Vec<u8>, Not> {
    encoded.map_err(|error| Not::Failed(error.message()))
}

fn kind(directive: &WastDirective) -> &'static str {
    match directive {
        WastDirective::AssertException { .. } => "assert_exception",
        WastDirective::AssertSuspension { .. } => "assert_suspension",
        WastDirective::AssertInvalidCustom { .. } => "assert_invalid_custom",
        WastDirective::AssertMalformedCustom { .. } => "assert_malformed_custom",
        _ => "a thread",
    }
}
