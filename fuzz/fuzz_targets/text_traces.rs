//! Text traces: `../src/text_traces.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hardmax_fuzz::text_traces::check(data);
});
