//! From bytes to a valid module. Validation is wasmparser's, with the features of WebAssembly 2.0, so that
//! what a newer compiler emits gets as far as the instruction that is refused by name. What it takes to
//! validate a function is kept: its translation asks for the types of operands.

use wasmparser::{
    FuncValidatorAllocations, FunctionBody, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

use super::error::{Result, WasmError};
use super::imports::Imports;
use super::module::{Module, Resources};
use super::outside::Outside;

/// Parses and validates a module. `strict`: functions that are imported from nowhere are refused.
pub fn read(wasm: &[u8], strict: bool) -> Result<Module<'_>> {
    read_with(wasm, if strict { Imports::None } else { Imports::Missing })
}

/// The same for the runtime.
pub fn read_runtime(wasm: &[u8]) -> Result<Module<'_>> {
    read_with(wasm, Imports::Machine)
}

/// Validates a module.
pub fn validate(wasm: &[u8]) -> Result<()> {
    check(wasm).map(drop)
}

fn read_with(wasm: &[u8], imports: Imports) -> Result<Module<'_>> {
    let (payloads, bodies) = check(wasm)?;
    let mut module = Module::empty(imports);
    for payload in payloads {
        module.take(payload)?;
    }
    for (body, resources) in bodies {
        module.body(body, resources)?;
    }
    Outside::lay_out(&mut module)?;
    Ok(module)
}

/// The sections of a valid module, and its functions.
type Parts<'a> = (Vec<Payload<'a>>, Vec<(FunctionBody<'a>, Resources)>);

fn check(wasm: &[u8]) -> Result<Parts<'_>> {
    const MAGIC: &[u8] = b"\0asm";
    let begins = &wasm[..wasm.len().min(MAGIC.len())];
    if !MAGIC.starts_with(begins) || wasm.is_empty() {
        return Err(WasmError::NotWasm { begins: begins.to_vec() });
    }
    let truncated = |error: wasmparser::Error| match error.offset() >= wasm.len() as u64 {
        true => WasmError::Truncated { offset: wasm.len() as u64 },
        false => error.into(),
    };
    let features = WasmFeatures::WASM2 | WasmFeatures::EXTENDED_CONST;
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut validator = Validator::new_with_features(features);
    let (mut payloads, mut bodies) = (Vec::new(), Vec::new());
    for payload in parser.parse_all(wasm) {
        let payload = payload.map_err(truncated)?;
        match validator.payload(&payload).map_err(truncated)? {
            ValidPayload::Func(function, body) => bodies.push((body, Resources(function))),
            _ => payloads.push(payload),
        }
    }
    let mut allocations = FuncValidatorAllocations::default();
    for (body, resources) in &bodies {
        let mut validator = resources.again().into_validator(allocations);
        validator.validate(body).map_err(truncated)?;
        allocations = validator.into_allocations();
    }
    Ok((payloads, bodies))
}
