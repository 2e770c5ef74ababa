//! Modules as text or bytes: `../src/wat_texts.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hardmax_fuzz::wat_texts::check(data);
});
