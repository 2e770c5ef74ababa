//! Binary traces: `../src/binary_traces.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hardmax_fuzz::binary_traces::check(data);
});
