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

/// What can be done about mails that did not arrive, one line a state.
pub fn remedies(release: &str, statement: &Statement, lang: Lang) -> Vec<String> {
    let remedy = |state: IntentState| {
        let text = match state {
            IntentState::Unknown => pick(
                lang,
                "may have arrived; under --policy hold they are never sent again by themselves",
                "届いた可能性があります（--policy hold では自動で再送しません）",
            ),
            IntentState::Expired => pick(
                lang,
                "were not sent by the deadline and will not be; send to them alone with --new, and give --deadline",
                "期限までに送れず、今後も送りません。その宛先だけを --new と --deadline で送ってください",
            ),
            IntentState::Cancelled => pick(
                lang,
                "were cancelled and will not be sent; --new begins the release anew",
                "取り消されており、今後も送りません。--new で改めて配信できます",
            ),
            IntentState::Pending => pick(
                lang,
                "are still owed; the same command goes on with them",
                "未送信です。同じコマンドをもう一度実行すると続きから送ります",
            ),
            IntentState::Accepted | IntentState::Rejected | IntentState::Suppressed => return None,
        };
        let count = statement.of(state);
        let ask = format!("`hikyaku recipients {release} --outcome {}`", state.word());
        (count > 0)
            .then(|| format!("{} {}: {text} ({ask})", grouped(&count.to_string()), word(Some(state), lang)))
    };
    IntentState::ALL.into_iter().filter_map(remedy).collect()
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
    fn each_state_that_did_not_arrive_has_a_remedy() {
        let statement = Statement {
            audience: 9,
            accepted: 4,
            rejected: 2,
            unknown: 1,
            expired: 2,
            ..Statement::default()
        };
        let said = remedies("news", &statement, Lang::En);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("2 expired: were not sent") && said[0].contains("--outcome expired"));
        assert!(said[1].starts_with("1 unknown: may have arrived"));
        assert!(remedies("news", &statement, Lang::Ja)[1].starts_with("1 不明: 届いた"));
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
