//! What stands inside a placeholder: the name of a column, or an expression over columns.
//!
//! A name is compared with white space runs (full-width too) taken as one space, so `{{ First  Name }}` finds the
//! column `First Name`. Anything else is a Jinja expression, e.g. `{{ 氏名 | default("お客様", true) }}` or
//! `{{ row["First Name"] | upper }}`. No loops, no includes, no loader; each evaluation has a fuel limit and an
//! unknown name is an error.

use std::sync::Arc;

use minijinja::value::{Object, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};

use crate::limits::EXPRESSION_FUEL;
use crate::template::{RenderError, TemplateError};

/// Where a placeholder's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueOf {
    /// A column, by its index.
    Column(usize),
    /// An expression, by its index in [`Expressions`].
    Expression(usize),
}

/// The list's columns and every expression that a release uses.
pub(crate) struct Expressions {
    environment: Environment<'static>,
    columns: Arc<[String]>,
    sources: Vec<String>,
}

/// One record as expressions see it.
#[derive(Debug)]
struct Row {
    columns: Arc<[String]>,
    fields: Vec<String>,
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let key = normalised(key);
        match self.columns.iter().position(|c| *c == key) {
            Some(index) => self.fields.get(index).map(|f| Value::from(f.as_str())),
            None => (key == "row").then(|| Value::from_dyn_object(Arc::clone(self))),
        }
    }
}

impl Expressions {
    /// No expression yet, over these columns.
    pub(crate) fn new(columns: &[String]) -> Self {
        let mut environment = Environment::new();
        environment.set_fuel(Some(EXPRESSION_FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_debug(false);
        Self { environment, columns: columns.iter().map(|c| normalised(c)).collect(), sources: Vec::new() }
    }

    /// How many columns a record has.
    pub(crate) fn column_count(&self) -> usize {
        self.columns.len()
    }

    /// Finds out what the inside of a placeholder means.
    pub(crate) fn resolve(&mut self, inside: &str, line: usize) -> Result<ValueOf, TemplateError> {
        let name = normalised(inside);
        if let Some(index) = self.columns.iter().position(|c| *c == name) {
            return Ok(ValueOf::Column(index));
        }
        if let Some(index) = self.sources.iter().position(|s| s == inside) {
            return Ok(ValueOf::Expression(index));
        }
        let index = self.sources.len();
        let added = self.environment.add_template_owned(index.to_string(), format!("{{{{ {inside} }}}}"));
        if let Err(error) = added {
            let looks_like_name = !inside.contains(['|', '"', '\'', '(', ')', '[', ']', '~', '+', '=', '.']);
            return Err(if looks_like_name || inside.is_empty() {
                self.unknown(inside, line)
            } else {
                TemplateError::Expression { line, expression: inside.to_owned(), reason: short(&error) }
            });
        }
        self.check_names(index, line)?;
        self.sources.push(inside.to_owned());
        self.try_once(index, line)?;
        Ok(ValueOf::Expression(index))
    }

    /// The value of every expression for one record.
    pub(crate) fn evaluate<S: AsRef<str>>(&self, record: &[S]) -> Result<Vec<String>, RenderError> {
        if self.sources.is_empty() {
            return Ok(Vec::new());
        }
        let fields = record.iter().map(|f| f.as_ref().to_owned()).collect();
        let row = Value::from_object(Row { columns: Arc::clone(&self.columns), fields });
        let one = |index: usize| {
            let failed = |_| RenderError::Expression { expression: self.label(ValueOf::Expression(index)) };
            let template = self.environment.get_template(&index.to_string()).map_err(failed)?;
            template.render(row.clone()).map_err(failed)
        };
        (0..self.sources.len()).map(one).collect()
    }

    /// How a value is named in errors: its column or its expression, never its content.
    pub(crate) fn label(&self, of: ValueOf) -> String {
        let found = match of {
            ValueOf::Column(index) => self.columns.get(index),
            ValueOf::Expression(index) => self.sources.get(index),
        };
        found.cloned().unwrap_or_default()
    }

    /// Refuses an expression over names that are no columns.
    fn check_names(&self, index: usize, line: usize) -> Result<(), TemplateError> {
        let Ok(template) = self.environment.get_template(&index.to_string()) else { return Ok(()) };
        let known = |name: &String| name == "row" || self.columns.iter().any(|c| c == name);
        let mut unknown: Vec<String> =
            template.undeclared_variables(false).into_iter().filter(|n| !known(n)).collect();
        unknown.sort();
        match unknown.first() {
            Some(name) => Err(self.unknown(name, line)),
            None => Ok(()),
        }
    }

    /// Evaluates a new expression over empty fields, to find unknown filters and columns before anything is sent.
    fn try_once(&self, index: usize, line: usize) -> Result<(), TemplateError> {
        let fields = vec![String::new(); self.columns.len()];
        let row = Value::from_object(Row { columns: Arc::clone(&self.columns), fields });
        let Ok(template) = self.environment.get_template(&index.to_string()) else { return Ok(()) };
        let Err(error) = template.render(row) else { return Ok(()) };
        let depends_on_data =
            matches!(error.kind(), ErrorKind::InvalidOperation | ErrorKind::BadSerialization);
        if depends_on_data {
            return Ok(());
        }
        let expression = self.label(ValueOf::Expression(index));
        Err(TemplateError::Expression { line, expression, reason: short(&error) })
    }

    fn unknown(&self, name: &str, line: usize) -> TemplateError {
        let wanted = name.to_lowercase();
        let distance = |c: &&String| strsim::damerau_levenshtein(&c.to_lowercase(), &wanted);
        let nearest = self.columns.iter().min_by_key(distance);
        let suggestion = nearest.filter(|c| distance(c) <= 1 + wanted.chars().count() / 3).cloned();
        let known = self.columns.iter().take(50).cloned().collect::<Vec<_>>().join(", ");
        TemplateError::UnknownColumn { line, name: name.chars().take(80).collect(), suggestion, known }
    }
}

/// A name with its white space runs as single spaces.
fn normalised(name: &str) -> String {
    let mut words = name.trim_start_matches('\u{feff}').split_whitespace();
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        out.push(' ');
        out.push_str(word);
    }
    out
}

/// The engine's reason without its template name and line, which mean nothing to the author.
fn short(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<String> {
        ["email", "会社名", "First\u{3000}Name", "point-no"].map(str::to_owned).to_vec()
    }

    fn check(inside: &str, expected: &str) {
        let mut expressions = Expressions::new(&columns());
        let of = expressions.resolve(inside, 7);
        let record = ["a@example.jp", "さくら", "Taro", "12"];
        let shown = match of {
            Ok(ValueOf::Column(index)) => format!("column {index}"),
            Ok(ValueOf::Expression(index)) => match expressions.evaluate(&record) {
                Ok(values) => values.get(index).cloned().unwrap_or_default(),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        assert!(shown.contains(expected), "{inside:?}: {shown}");
    }

    #[test]
    fn names_and_expressions_resolve() {
        check("会社名", "column 1");
        check("First  Name", "column 2");
        check("point-no", "column 3");
        check("会社名 ~ \"様\"", "さくら様");
        check("row[\"First Name\"] | upper", "TARO");
        check("\"{{\"", "{{");
        check("'' or 会社名", "さくら");
    }

    #[test]
    fn unknown_names_are_named_with_the_nearest() {
        check("会杜名", "line 7: there is no column `会杜名`; did you mean `会社名`?");
        check("emial", "did you mean `email`?");
        check("Last Name", "there is no column `Last Name`");
        check("nobody | upper", "there is no column `nobody`");
        check("row['nobody']", "line 7");
        check("email | nofilter", "line 7");
        check("range(9)", "there is no column `range`");
        check("email |", "line 7");
        check("", "line 7");
    }

    #[test]
    fn endless_work_is_stopped() {
        check("[1,2,3,4,5,6,7,8,9]|map('string')|list|join('x'*9999999)|length", "line 7");
    }
}
