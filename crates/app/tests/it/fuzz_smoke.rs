//! The fuzz target of lists, briefly: rows made of the characters that matter to a reader of CSV.

use app::list::fuzzing::any_octets;
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_list_is_refused_or_every_row_is_accounted_for(
        body in prop::collection::vec(prop::sample::select(b"a@.,\"\r\n\0\x81\x40\xe3\x81\x82\xef\xbb\xbf j-".to_vec()), 0..200),
        with_header in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().map_err(|error| TestCaseError::fail(error.to_string()))?;
        let header: &[u8] = if with_header { b"email,name\r\n" } else { b"" };
        let octets = [header, &body].concat();
        any_octets(folder.path(), &octets).map_err(|error| TestCaseError::fail(error.to_string()))?;
    }
}
