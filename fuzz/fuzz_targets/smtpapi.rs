//! X-SMTPAPI: any text is read or refused, and an error never holds a line break.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(error) = message::SmtpApi::parse(text) {
        assert!(!error.to_string().contains(['\r', '\n']));
    }
});
