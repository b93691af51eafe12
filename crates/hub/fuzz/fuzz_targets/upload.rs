//! See `groundlink_hub::fuzzing::upload`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groundlink_hub::fuzzing::upload(data));
