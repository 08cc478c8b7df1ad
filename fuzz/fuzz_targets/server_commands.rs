//! A hostile client against the SMTP server.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| smtp::fuzzing::server_commands(data));
