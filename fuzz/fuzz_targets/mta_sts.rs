//! MTA-STS policy files and records: any text is read or refused.
#![no_main]

use domain::direct::mta_sts::{MtaStsPolicy, record_id};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(policy) = MtaStsPolicy::parse(text) {
        assert!(!policy.allows(""), "a policy allows no nameless host");
    }
    let _ = record_id(&[text.to_owned()]);
});
