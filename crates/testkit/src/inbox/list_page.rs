//! The list of the newest mails, with search, paging and the sink's counts.

use crate::sink::{KeptMail, SinkReader, Snapshot, Verdict};

use super::Asked;
use super::decode;
use super::page::{escape, frame, japan_time, query_value, size};

/// Mails on a page.
const PAGE_MAILS: usize = 50;
/// Characters of a search.
const QUERY_MAX: usize = 200;

/// The mails of one page, and how many there are on all.
pub(super) struct Found {
    mails: Vec<KeptMail>,
    total: usize,
    page: usize,
}

/// The kept mails whose recipient holds the searched text, newest first.
pub(super) fn find(reader: &SinkReader, asked: &Asked) -> Found {
    let query: String = asked.q.trim().chars().take(QUERY_MAX).collect::<String>().to_lowercase();
    let fits =
        |mail: &&KeptMail| query.is_empty() || mail.to.iter().any(|to| to.to_lowercase().contains(&query));
    reader.with_kept(|mails| {
        let all: Vec<&KeptMail> = mails.rev().filter(fits).collect();
        let page = asked.page.min(all.len().saturating_sub(1) / PAGE_MAILS);
        let mails = all.iter().skip(page * PAGE_MAILS).take(PAGE_MAILS).map(|mail| (*mail).clone()).collect();
        Found { mails, total: all.len(), page }
    })
}

/// The page.
pub(super) fn render(snapshot: &Snapshot, found: &Found, asked: &Asked) -> String {
    let language = asked.lang;
    let search = language.pick("宛先で探す", "Search by recipient");
    let find = language.pick("検索", "Search");
    let (lang, query) = (language.code(), escape(&asked.q));
    let mut body = counts(snapshot, asked);
    body.push_str(&format!(
        r#"<form action="/" role="search"><input type="hidden" name="lang" value="{lang}"><input type="search"
name="q" value="{query}" placeholder="{search}" aria-label="{search}" maxlength="200"><button>{find}</button></form>"#
    ));
    if found.mails.is_empty() {
        let none = language.pick("メールはまだありません。", "No mails yet.");
        let none = if asked.q.is_empty() {
            none
        } else {
            language.pick("見つかりません。", "Nothing found.")
        };
        body.push_str(&format!(r#"<p class="empty">{none}</p>"#));
    } else {
        body.push_str(&table(found, asked));
        body.push_str(&pager(found, asked));
    }
    let title = language.pick("受信箱 — Hikyaku", "Inbox — Hikyaku");
    let other = format!("/?lang={}&q={}", language.other().code(), query_value(&asked.q));
    frame(language, title, &other, &body)
}

/// The sink's counts, as a row of tiles.
fn counts(snapshot: &Snapshot, asked: &Asked) -> String {
    let count = |verdicts: &[Verdict]| verdicts.iter().map(|verdict| snapshot.count(*verdict)).sum::<u64>();
    let tiles = [
        ("good", asked.lang.pick("受信", "Received"), snapshot.kept),
        ("bad", asked.lang.pick("拒否", "Refused"), count(&[Verdict::RefusedRcpt, Verdict::RefusedData])),
        (
            "wait",
            asked.lang.pick("一時拒否", "Deferred"),
            count(&[Verdict::DeferredRcpt, Verdict::DeferredData, Verdict::Storm]),
        ),
        (
            "torn",
            asked.lang.pick("応答なく切断", "Cut without a reply"),
            count(&[Verdict::CutAfterDot, Verdict::CutBeforeDot, Verdict::NoReply, Verdict::Garbage]),
        ),
    ];
    let tile = |(class, name, number): &(&str, &str, u64)| {
        format!(r#"<li class="{class}"><b>{}</b> {name}</li>"#, thousands(*number))
    };
    format!(r#"<ul class="counts">{}</ul>"#, tiles.iter().map(tile).collect::<String>())
}

fn table(found: &Found, asked: &Asked) -> String {
    let lang = asked.lang;
    let heads = [
        lang.pick("宛先", "Recipient"),
        lang.pick("件名", "Subject"),
        lang.pick("差出人", "From"),
        lang.pick("大きさ", "Size"),
        lang.pick("受信日時（日本）", "Received (Japan)"),
    ];
    let heads: String = heads.iter().map(|head| format!(r#"<th scope="col">{head}</th>"#)).collect();
    let rows: String = found.mails.iter().map(|mail| row(mail, asked)).collect();
    format!("<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
}

fn row(mail: &KeptMail, asked: &Asked) -> String {
    let (subject, from) = decode::summary(&mail.content);
    let none = asked.lang.pick("（件名なし）", "(no subject)");
    let subject = if subject.is_empty() { none.to_owned() } else { escape(&subject) };
    let to = escape(&mail.to.first().cloned().unwrap_or_default());
    let more = if mail.to.len() > 1 { format!(" +{}", mail.to.len() - 1) } else { String::new() };
    format!(
        r#"<tr><td class="to">{to}{more}</td><td class="subject"><a href="/mail/{}?lang={}">{subject}</a></td>
<td class="from">{}</td><td class="size">{}</td><td class="time">{}</td></tr>"#,
        mail.seq,
        asked.lang.code(),
        escape(&from),
        size(mail.octets),
        japan_time(mail.at_ms),
    )
}

fn pager(found: &Found, asked: &Asked) -> String {
    let pages = found.total.div_ceil(PAGE_MAILS);
    let link = |page: usize, text: &str| {
        format!(
            r#"<a href="/?lang={}&amp;q={}&amp;page={page}">{text}</a>"#,
            asked.lang.code(),
            query_value(&asked.q)
        )
    };
    let newer = (found.page > 0).then(|| link(found.page - 1, asked.lang.pick("← 新しい", "← Newer")));
    let older = (found.page + 1 < pages).then(|| link(found.page + 1, asked.lang.pick("古い →", "Older →")));
    let shown = match asked.lang.code() {
        "ja" => format!("{} 通中 {} / {pages} ページ", thousands(found.total as u64), found.page + 1),
        _ => format!("{} mails, page {} of {pages}", thousands(found.total as u64), found.page + 1),
    };
    format!("<nav>{}<span>{shown}</span>{}</nav>", newer.unwrap_or_default(), older.unwrap_or_default())
}

/// Digits in groups of three.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
