//! Imports: what a module may ask for, and which function of the runtime it is given.

use wasmparser::{FuncType, Import, TypeRef, ValType};

use super::error::{Result, WasmError};
use super::module::{Body, Function, Module};
use super::runtime::{self, RUNTIME};
use super::types::signature_text;
use super::wasi;

/// What may be imported besides `env.output_byte` and what the runtime has functions for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Imports {
    /// Nothing.
    #[default]
    None,
    /// Any function, which traps where it is called.
    Missing,
    /// Instructions of the machine: by the runtime.
    Machine,
}

/// Whether the compiler has such a function.
pub fn knows(module: &str, name: &str) -> bool {
    matches!((module, name), ("env", "output_byte" | "abort"))
        || wasi::import(module, name).is_some()
}

impl Module<'_> {
    /// Takes in an import.
    pub(super) fn import(&mut self, import: Import, offset: u64) -> Result<()> {
        let (module, name) = (import.module.to_owned(), import.name.to_owned());
        match (import.module, import.name, import.ty) {
            ("env", "output_byte", TypeRef::Func(ty)) => {
                let wants = FuncType::new([ValType::I32], []);
                self.check_import(&module, &name, ty, &wants, offset)?;
                self.functions.push(Function { ty, name: Some(name), body: Body::OutputByte });
                Ok(())
            }
            ("machine", intrinsic, TypeRef::Func(ty)) if self.imports == Imports::Machine => {
                let body = match intrinsic {
                    "i64.join" => Body::Join,
                    "input_byte" => Body::InputByte,
                    "exit" => Body::Exit,
                    _ => return Err(WasmError::UnknownImport { module, name, offset }),
                };
                self.functions.push(Function { ty, name: Some(name), body });
                Ok(())
            }
            (.., TypeRef::Func(ty)) if self.runtime_function(&module, &name, ty).is_some() => {
                let function = self.runtime_function(&module, &name, ty).unwrap_or_default();
                self.check_import(&module, &name, ty, RUNTIME.function_type(function), offset)?;
                let named = Some(format!("{module}.{name}"));
                self.functions.push(Function { ty, name: named, body: Body::Runtime(function) });
                Ok(())
            }
            (.., TypeRef::Func(ty)) if self.imports == Imports::Missing => {
                let named = Some(format!("{module}.{name}"));
                let body = Body::Missing(WasmError::UnknownImport { module, name, offset });
                self.functions.push(Function { ty, name: named, body });
                Ok(())
            }
            _ => Err(WasmError::UnknownImport { module, name, offset }),
        }
    }

    /// The function of the runtime that an import of this type is. What others call `env.abort` is not
    /// AssemblyScript's, if it has another type.
    fn runtime_function(&self, module: &str, name: &str, ty: u32) -> Option<u32> {
        if self.is_runtime() {
            return None;
        }
        let abort = || runtime::known("env.abort");
        let is_abort =
            |&function: &u32| RUNTIME.function_type(function) == &self.types[ty as usize];
        match (module, name) {
            ("env", "abort") => Some(abort()).filter(is_abort),
            _ => wasi::import(module, name),
        }
    }

    fn check_import(
        &self,
        module: &str,
        name: &str,
        ty: u32,
        wants: &FuncType,
        offset: u64,
    ) -> Result<()> {
        let got = &self.types[ty as usize];
        if got != wants {
            let import = format!("{module}.{name}");
            let (got, wants) = (signature_text(got).into(), signature_text(wants).into());
            return Err(WasmError::ImportSignature { import, got, wants, offset });
        }
        Ok(())
    }
}
