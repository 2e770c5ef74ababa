//! Token programs: `../src/token_programs.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hardmax_fuzz::token_programs::check(data);
});
