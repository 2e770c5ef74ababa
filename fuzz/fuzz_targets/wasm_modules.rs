//! Modules against an independent engine: `../src/wasm_modules.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hardmax_fuzz::wasm_modules::check(data);
});
