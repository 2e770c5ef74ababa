//! Verification of traces with wrong tokens: `../src/wrong_tokens.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hardmax_fuzz::wrong_tokens::check(data);
});
