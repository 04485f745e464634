#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gridveil_fuzz::run("csv", input));
