//! What the machine has no instruction for and the compiler writes no code for in place: most of
//! i64, and all of floats, whose values are their bits.
//!
//! It is a module of WebAssembly, compiled by this compiler like any other, and only what a program
//! uses. Each export has the name of the instruction that it is. Its source is in C, beside this
//! file, and `build.sh` there makes the module of it.

use std::sync::LazyLock;

use wasmparser::ExternalKind;

use super::module::Module;
use super::read::read_runtime;

static BYTES: &[u8] = include_bytes!("runtime.wasm");

/// The module.
pub static RUNTIME: LazyLock<Module<'static>> =
    LazyLock::new(|| read_runtime(BYTES).expect("tests read the same bytes"));

/// The function that is this instruction, by its name.
pub fn function(name: &str) -> Option<u32> {
    match RUNTIME.exports.get(name) {
        Some(&(ExternalKind::Func, function)) => Some(function),
        _ => None,
    }
}

/// A function that is there.
pub fn known(name: &str) -> u32 {
    function(name).expect("tests look for all that the compiler names")
}

/// What to call a function in listings.
pub fn name(function: u32) -> String {
    let named =
        |export: &(&String, &(ExternalKind, u32))| export.1 == &(ExternalKind::Func, function);
    match RUNTIME.exports.iter().find(named) {
        Some((name, _)) => name.clone(),
        None => RUNTIME.function_name(function),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wasmparser::Operator;

    use super::*;
    use crate::wasm::mnemonic::mnemonic;
    use crate::wasm::module::Body;

    /// Whether a function stands for an import, and may read and write the program's memory.
    fn is_import(name: &str) -> bool {
        ["wasi.", "wasi_unstable.", "env."].iter().any(|room| name.starts_with(room))
    }

    /// Names of the instructions of a function, and what it calls.
    fn uses(function: u32) -> (BTreeSet<String>, BTreeSet<u32>) {
        let (mut names, mut calls) = (BTreeSet::new(), BTreeSet::new());
        if let Body::Code(body, _) = &RUNTIME.functions[function as usize].body {
            for operator in body.get_operators_reader().unwrap() {
                let operator = operator.unwrap();
                if let Operator::Call { function_index } = operator {
                    calls.insert(function_index);
                }
                let is_stack = matches!(operator, Operator::GlobalSet { global_index: 0 });
                assert!(!is_stack, "{} has a stack in memory", name(function));
                names.insert(mnemonic(&operator));
            }
        }
        // An instruction that the runtime has is a call of it.
        calls.extend(names.iter().filter_map(|name| super::function(name)));
        (names, calls)
    }

    #[test]
    fn no_function_depends_on_itself_and_none_but_imports_on_memory() {
        for (name, &(_, first)) in RUNTIME.exports.iter().filter(|export| export.0 != "memory") {
            let (mut reached, mut left) = (BTreeSet::new(), vec![first]);
            while let Some(function) = left.pop() {
                let (names, calls) = uses(function);
                let touches = |word: &&String| word.contains("load") || word.contains("store");
                assert!(is_import(name) || !names.iter().any(|name| touches(&name)), "{name}");
                assert!(!calls.contains(&first), "{name} depends on itself");
                left.extend(calls.into_iter().filter(|&call| reached.insert(call)));
            }
        }
    }

    /// Neither would be there: its memory is the program's, and its globals are cells, which begin as 0.
    #[test]
    fn there_are_no_data_and_no_globals_that_begin_as_anything_but_0() {
        assert!(RUNTIME.memory.as_ref().is_none_or(|memory| memory.image.payloads().is_empty()));
        assert!(RUNTIME.globals.iter().all(|global| global.initial == Some(0)));
    }

    #[test]
    fn what_the_compiler_names_is_there_and_has_the_type_of_its_instruction() {
        for ty in ["i64", "f32", "f64"] {
            known(&format!("print.{ty}"));
        }
        // Every export is of bits: no float is left that would need what it is.
        for &(_, function) in
            RUNTIME.exports.values().filter(|export| export.0 == ExternalKind::Func)
        {
            let ty = RUNTIME.function_type(function);
            let types = ty.params().iter().chain(ty.results());
            assert!(types.into_iter().all(|ty| ty.to_string().starts_with('i')), "{ty:?}");
        }
    }
}
