//! A hostile server against the SMTP client.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| smtp::fuzzing::client_replies(data));
