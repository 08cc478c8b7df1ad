//! Enums whose variants each have one word for people, and, where they stand in columns, one number.
//!
//! Word and number are written beside the variant, once; neither ever changes its meaning.

/// Declares an enum of words: `ALL`, `word`, `from_word` and `Display`.
///
/// ```
/// domain::worded! {
///     /// What a mail carriage can be.
///     pub enum Carriage {
///         /// Drawn.
///         Drawn => "drawn",
///         /// Carried by a runner.
///         Carried => "carried",
///     }
/// }
/// assert_eq!(Carriage::from_word("carried"), Some(Carriage::Carried));
/// assert_eq!(Carriage::ALL.map(Carriage::word), ["drawn", "carried"]);
/// ```
#[macro_export]
macro_rules! worded {
    (
        $(#[$of_enum:meta])*
        pub enum $name:ident { $($(#[$of_variant:meta])* $variant:ident => $word:literal,)+ }
    ) => {
        $(#[$of_enum])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$of_variant])* $variant,)+ }
        $crate::worded!(@words $name $($variant $word)+);
    };
    (@words $name:ident $($variant:ident $word:literal)+) => {
        impl $name {
            /// Every one, in order.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word that people read and write.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The inverse of [`Self::word`].
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.word() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

/// As [`worded!`](crate::worded), with a number for columns: `code` and `from_code` besides.
///
/// ```
/// domain::coded! {
///     /// How a courier fares.
///     pub enum Courier {
///         /// On the road.
///         Running = 1 => "running",
///         /// At the post station.
///         Resting = 2 => "resting",
///     }
/// }
/// assert_eq!((Courier::Resting.code(), Courier::from_code(3)), (2, None));
/// ```
#[macro_export]
macro_rules! coded {
    (
        $(#[$of_enum:meta])*
        pub enum $name:ident { $($(#[$of_variant:meta])* $variant:ident = $code:literal => $word:literal,)+ }
    ) => {
        $(#[$of_enum])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$of_variant])* $variant = $code,)+ }
        $crate::worded!(@words $name $($variant $word)+);

        impl $name {
            /// The number that stands in a column.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The inverse of [`Self::code`].
            #[must_use]
            pub fn from_code(code: u8) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.code() == code)
            }
        }
    };
}
