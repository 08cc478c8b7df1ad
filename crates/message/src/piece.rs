//! A text as pieces: literals that are ready to be copied, and values with their escape.
//!
//! The only thing that runs once per mail and placeholder, so it allocates nothing of its own.

use crate::escape::{self, Escape};
use crate::expression::{Expressions, ValueOf};
use crate::limits::PART_OCTETS_MAX;
use crate::placeholder::Run;
use crate::template::{RenderError, TemplateError};

/// One piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Copied as it is.
    Literal(Box<str>),
    /// A value of the record.
    Value(ValueOf, Escape),
}

/// A whole text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Pieces(pub(crate) Vec<Piece>);

/// The values of one record.
pub(crate) struct Values<'a, S> {
    /// The fields, in the columns' order.
    pub(crate) record: &'a [S],
    /// What the expressions gave.
    pub(crate) evaluated: &'a [String],
    /// For naming values in errors.
    pub(crate) expressions: &'a Expressions,
}

impl<S: AsRef<str>> Values<'_, S> {
    /// One value; empty when the record is too short, which was checked before.
    pub(crate) fn get(&self, of: ValueOf) -> &str {
        let found = match of {
            ValueOf::Column(index) => self.record.get(index).map(AsRef::as_ref),
            ValueOf::Expression(index) => self.evaluated.get(index).map(String::as_str),
        };
        found.unwrap_or_default()
    }
}

impl Pieces {
    /// Resolves the placeholders of a cut text that all stand in the same kind of place.
    pub(crate) fn of_runs(
        runs: &[Run<'_>],
        expressions: &mut Expressions,
        escape: Escape,
    ) -> Result<Self, TemplateError> {
        let piece = |run: &Run<'_>| match run {
            Run::Literal(text) => Ok(Piece::Literal((*text).into())),
            Run::Placeholder(inside, line) => Ok(Piece::Value(expressions.resolve(inside, *line)?, escape)),
        };
        Ok(Self(runs.iter().map(piece).collect::<Result<_, TemplateError>>()?))
    }

    /// The text itself when it has no placeholder.
    pub(crate) fn fixed(&self) -> Option<String> {
        let literal = |piece: &Piece| match piece {
            Piece::Literal(text) => Some(text.as_ref().to_owned()),
            Piece::Value(..) => None,
        };
        self.0.iter().map(literal).collect()
    }

    /// The values that it uses.
    pub(crate) fn values(&self) -> impl Iterator<Item = (ValueOf, Escape)> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Value(of, escape) => Some((*of, *escape)),
        })
    }

    /// The literals, for looking at what kind of text it is.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_ref()),
            Piece::Value(..) => None,
        })
    }

    /// The same text with its values in another kind of place.
    pub(crate) fn with_escape(&self, escape: Escape) -> Self {
        let piece = |piece: &Piece| match piece {
            Piece::Value(of, _) => Piece::Value(*of, escape),
            literal @ Piece::Literal(_) => literal.clone(),
        };
        Self(self.0.iter().map(piece).collect())
    }

    /// Appends the text for one record.
    pub(crate) fn write<S: AsRef<str>>(
        &self,
        values: &Values<'_, S>,
        out: &mut String,
    ) -> Result<(), RenderError> {
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Value(of, escape) => escape::push(*escape, values.get(*of), out)
                    .map_err(|_| RenderError::Link { name: values.expressions.label(*of) })?,
            }
            if out.len() > PART_OCTETS_MAX {
                return Err(RenderError::TooLarge);
            }
        }
        Ok(())
    }
}
