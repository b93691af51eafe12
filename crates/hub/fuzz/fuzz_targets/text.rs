//! See `groundlink_hub::fuzzing::text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groundlink_hub::fuzzing::text(data));
