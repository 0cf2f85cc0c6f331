//! libFuzzer's entry point for the target `trace`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| framepool_fuzz::trace(bytes));
