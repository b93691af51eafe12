//! See `groundlink_transport::fuzzing::address`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groundlink_transport::fuzzing::address(data));
