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

    /// Names of the instructions of a function, and what it calls.
    fn uses(function: u32) -> (BTreeSet<String>, BTreeSet<u32>) {
        let (mut names, mut calls) = (BTreeSet::new(), BTreeSet::new());
        if let Body::Code(body, _) = &RUNTIME.functions[function as usize].body {
            for operator in body.get_operators_reader().unwrap() {
                let operator = operator.unwrap();
                if let Operator::Call { function_index } = operator {
                    calls.insert(function_index);
                }
                names.insert(mnemonic(&operator));
            }
        }
        // An instruction that the runtime has is a call of it.
        calls.extend(names.iter().filter_map(|name| super::function(name)));
        (names, calls)
    }

    #[test]
    fn no_function_depends_on_itself_or_on_memory() {
        for (name, &(_, first)) in RUNTIME.exports.iter().filter(|export| export.0 != "memory") {
            let (mut reached, mut left) = (BTreeSet::new(), vec![first]);
            while let Some(function) = left.pop() {
                let (names, calls) = uses(function);
                let touches = |word: &&String| word.contains("load") || word.contains("store");
                assert_eq!(names.iter().find(touches), None, "{name}");
                assert!(!names.contains("global.set"), "{name} has a stack in memory");
                assert!(!calls.contains(&first), "{name} depends on itself");
                left.extend(calls.into_iter().filter(|&call| reached.insert(call)));
            }
        }
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
