//! The page's words in Japanese and English.

use serde::Deserialize;

/// The page's language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    /// Japanese.
    #[default]
    Ja,
    /// English.
    En,
}

impl Language {
    /// The code of the `lang` attribute.
    pub fn code(self) -> &'static str {
        self.pick("ja", "en")
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Ja => Self::En,
            Self::En => Self::Ja,
        }
    }

    /// The other one's name for itself.
    pub fn other_name(self) -> &'static str {
        self.pick("English", "日本語")
    }

    /// The words of this language, of both.
    pub fn pick(self, japanese: &'static str, english: &'static str) -> &'static str {
        match self {
            Self::Ja => japanese,
            Self::En => english,
        }
    }
}
