//! libFuzzer's entry point for the target `arguments`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| framepool_fuzz::arguments(bytes));
