//! Model files: `../src/model_loader.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hardmax_fuzz::model_loader::check(data);
});
