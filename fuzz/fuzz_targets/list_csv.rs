//! Lists: any octets are refused, or every row is in the audience or rejected.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let folder = std::env::temp_dir().join(format!("hikyaku-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    app::list::fuzzing::any_octets(&folder, file).expect("the temporary folder can be written");
});
