//! Plans against the reference: `../src/plan_agreement.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hardmax_fuzz::plan_agreement::check(data);
});
