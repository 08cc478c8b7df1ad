//! The statement as a table for people.

use domain::{IntentState, Statement};
use ledger::Difference;

use crate::arguments::Lang;

/// The table of one statement.
pub fn table(title: &str, statement: &Statement, differences: &[Difference], lang: Lang) -> String {
    let mut lines = vec![title.to_owned(), row(word(None, lang), statement.audience)];
    for state in IntentState::ALL {
        lines.push(format!("  {}", row(word(Some(state), lang), statement.of(state))));
    }
    lines.push(row(pick(lang, "difference", "差額"), statement.difference()));
    if statement.duplicates > 0 {
        lines.push(row(pick(lang, "sent twice", "二重送信"), statement.duplicates));
    }
    for difference in differences {
        lines.push(format!("! {}: {} ≠ {}", difference.what, difference.expected, difference.found));
    }
    lines.push(verdict(statement, differences, lang).to_owned());
    lines.join("\n")
}

fn verdict(statement: &Statement, differences: &[Difference], lang: Lang) -> &'static str {
    if statement.difference() != 0 || !differences.is_empty() {
        pick(
            lang,
            "The books do not balance: run `hikyaku check`.",
            "帳簿が一致しません。`hikyaku check` を実行してください。",
        )
    } else if statement.is_settled() {
        pick(
            lang,
            "The books balance; every mail is accounted for.",
            "帳簿は一致し、全通の結果が確定しています。",
        )
    } else {
        pick(
            lang,
            "The books balance; some mails are not settled.",
            "帳簿は一致していますが、結果が確定していないメールがあります。",
        )
    }
}

fn pick(lang: Lang, en: &'static str, ja: &'static str) -> &'static str {
    if lang == Lang::Ja { ja } else { en }
}

fn word(state: Option<IntentState>, lang: Lang) -> &'static str {
    let Some(state) = state else { return pick(lang, "audience", "配信対象") };
    let ja = match state {
        IntentState::Pending => "未送信",
        IntentState::Accepted => "受理",
        IntentState::Rejected => "拒否",
        IntentState::Suppressed => "対象外",
        IntentState::Cancelled => "取消",
        IntentState::Expired => "期限切れ",
        IntentState::Unknown => "不明",
    };
    pick(lang, state.word(), ja)
}

/// A label and a number, aligned for both narrow and wide characters.
fn row(label: &str, number: impl ToString) -> String {
    let width: usize = label.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    format!("{label}{}{:>12}", " ".repeat(14_usize.saturating_sub(width)), grouped(&number.to_string()))
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let check = |digits: &str, expected: &str| assert_eq!(grouped(digits), expected);
        check("0", "0");
        check("999", "999");
        check("1000", "1,000");
        check("-16322862", "-16,322,862");
    }

    #[test]
    fn the_table_says_whether_all_is_settled() {
        let check = |statement: Statement, lang, expected: &str| {
            let text = table("news", &statement, &[], lang);
            assert!(text.contains(expected), "{text}");
        };
        let settled = Statement { audience: 2, accepted: 1, rejected: 1, ..Statement::default() };
        check(settled, Lang::En, "every mail is accounted for");
        check(settled, Lang::Ja, "受理");
        check(Statement { audience: 1, unknown: 1, ..Statement::default() }, Lang::En, "not settled");
        check(Statement { audience: 2, accepted: 1, ..Statement::default() }, Lang::En, "do not balance");
    }
}
