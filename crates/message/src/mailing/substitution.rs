//! Literal substitution: keys become values in one pass, the longest key first, never within what was put in.
//!
//! Sections are the one exception, as at SendGrid: a key of a section in a substitution's value stands for the
//! section's text, in which substitutions are made. So there are three levels at most, and no loop.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::Personalization;
use crate::limits::PART_OCTETS_MAX;
use crate::template::RenderError;

/// Keys and values of one mail.
pub(super) struct Substitution {
    /// `None` without keys.
    matcher: Option<AhoCorasick>,
    values: Vec<String>,
}

/// What stands for links that the caller knows: tag to URL.
pub(super) type Tags<'a> = Vec<(&'a str, &'a str)>;

impl Substitution {
    /// The keys of a personalization over those of the sections over the tags.
    pub(super) fn of(
        personalization: &Personalization,
        sections: &BTreeMap<String, String>,
        tags: &Tags<'_>,
    ) -> Result<Self, RenderError> {
        let own = &personalization.substitutions;
        let mut pairs: BTreeMap<&str, Cow<'_, str>> =
            tags.iter().map(|(tag, url)| (*tag, Cow::Borrowed(*url))).collect();
        if sections.is_empty() {
            pairs.extend(own.iter().map(|(key, value)| (key.as_str(), Cow::Borrowed(value.as_str()))));
            return Self::new(pairs);
        }
        let own_matcher = Self::new(borrowed(own))?;
        let mut filled: BTreeMap<&str, Cow<'_, str>> = BTreeMap::new();
        for (key, text) in sections {
            filled.insert(key, own_matcher.apply(text)?);
        }
        let sections_matcher = Self::new(filled.clone())?;
        pairs.extend(filled);
        for (key, value) in own {
            pairs.insert(key, sections_matcher.apply(value)?);
        }
        Self::new(pairs)
    }

    fn new(pairs: BTreeMap<&str, Cow<'_, str>>) -> Result<Self, RenderError> {
        if pairs.is_empty() {
            return Ok(Self { matcher: None, values: Vec::new() });
        }
        // The smallest automaton: it is made for one mail and read once.
        let matcher = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            .build(pairs.keys())
            .map_err(|_| RenderError::TooLarge)?;
        Ok(Self { matcher: Some(matcher), values: pairs.into_values().map(Cow::into_owned).collect() })
    }

    /// The text with its keys replaced.
    pub(super) fn apply<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, RenderError> {
        let Some(matcher) = &self.matcher else { return Ok(Cow::Borrowed(text)) };
        let mut out = String::new();
        let mut done = 0;
        for found in matcher.find_iter(text) {
            out.push_str(text.get(done..found.start()).unwrap_or_default());
            out.push_str(self.values.get(found.pattern().as_usize()).map_or("", String::as_str));
            done = found.end();
            if out.len() > PART_OCTETS_MAX {
                return Err(RenderError::TooLarge);
            }
        }
        if done == 0 {
            return Ok(Cow::Borrowed(text));
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Ok(Cow::Owned(out))
    }
}

fn borrowed(map: &BTreeMap<String, String>) -> BTreeMap<&str, Cow<'_, str>> {
    map.iter().map(|(key, value)| (key.as_str(), Cow::Borrowed(value.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn check(substitutions: &[(&str, &str)], sections: &[(&str, &str)], text: &str, expected: &str) {
        let personalization =
            Personalization { substitutions: map(substitutions), ..Personalization::default() };
        let substitution = Substitution::of(&personalization, &map(sections), &Vec::new());
        let applied = substitution.and_then(|s| s.apply(text).map(Cow::into_owned));
        assert_eq!(applied.as_deref(), Ok(expected), "{text:?}");
    }

    #[test]
    fn the_longest_key_wins_and_values_are_not_read_again() {
        check(&[("-name-", "髙島"), ("-name-kana-", "ﾀｶｼﾏ")], &[], "-name--name-kana-", "髙島ﾀｶｼﾏ");
        check(&[("%a%", "%b%"), ("%b%", "%a%")], &[], "%a%%b%", "%b%%a%");
        check(&[("a", "aa")], &[], "aaa", "aaaaaa");
        check(&[("名", "👨‍👩‍👧‍👦")], &[], "氏名：名", "氏👨‍👩‍👧‍👦：👨‍👩‍👧‍👦");
        check(&[("x", "")], &[], "xaxbx", "ab");
        check(&[], &[], "%a%", "%a%");
    }

    #[test]
    fn sections_are_put_in_where_values_name_them() {
        let sections = [("%greeting%", "-name-様、こんにちは"), ("%loop%", "%loop% %greeting%")];
        check(&[("-name-", "太郎"), ("%g%", "%greeting%")], &sections, "%g%！", "太郎様、こんにちは！");
        check(&[("-name-", "太郎")], &sections, "%greeting%", "太郎様、こんにちは");
        check(&[], &sections, "%loop%", "%loop% %greeting%");
    }

    #[test]
    fn growth_is_bounded() {
        let personalization = Personalization {
            substitutions: map(&[("a", &"%s%".repeat(3000))]),
            ..Personalization::default()
        };
        let sections = map(&[("%s%", &"x".repeat(100_000))]);
        let substitution = Substitution::of(&personalization, &sections, &Vec::new());
        assert_eq!(substitution.err(), Some(RenderError::TooLarge));
    }
}
