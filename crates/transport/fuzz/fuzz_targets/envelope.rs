//! See `groundlink_transport::fuzzing::envelope`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groundlink_transport::fuzzing::envelope(data));
