//! See `groundlink_transport::fuzzing::decoder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groundlink_transport::fuzzing::decoder(data));
