//! See `groundlink_protocol::fuzzing::event`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groundlink_protocol::fuzzing::event(data));
