//! The outcome as a table for people.

use super::figures::Row;

const HEADS: [&str; 12] = [
    "scenario",
    "mails",
    "seconds",
    "per second",
    "of ceiling",
    "x Postfix",
    "CPU s/1000",
    "peak MiB",
    "of SQLite",
    "of one node",
    "writes/mail",
    "bytes/mail",
];

/// Draws it, with the targets that were missed below.
pub fn draw(rows: &[Row]) -> String {
    let mut lines = vec![HEADS.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(cells));
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<_> = (0..HEADS.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let padded = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    for row in rows {
        row.missed.iter().for_each(|words| text.push_str(&format!("missed: {} {words}\n", row.scenario)));
    }
    text
}

fn cells(row: &Row) -> Vec<String> {
    let optional =
        |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |v| format!("{v:.digits$}"));
    vec![
        row.scenario.clone(),
        row.messages.to_string(),
        format!("{:.2}", row.seconds),
        format!("{:.0}", row.per_second),
        optional(row.ratio_to_ceiling, 2),
        optional(row.ratio_to_postfix, 1),
        optional(row.cpu_s_per_1000, 4),
        optional(row.peak_mib, 0),
        optional(row.ratio_to_sqlite, 2),
        optional(row.ratio_to_one_node, 2),
        optional(row.writes_per_mail, 2),
        optional(row.bytes_per_mail, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_misses_show() {
        let row = Row {
            scenario: "campaign".to_owned(),
            messages: 200_000,
            per_second: 25_000.4,
            ratio_to_ceiling: Some(0.41),
            ratio_to_postfix: None,
            cpu_s_per_1000: Some(0.031),
            peak_mib: Some(64.2),
            ratio_to_sqlite: None,
            ratio_to_one_node: None,
            writes_per_mail: Some(5.21),
            bytes_per_mail: Some(391.0),
            seconds: 8.0,
            missed: vec!["MiB 300, wanted 256 or less".to_owned()],
        };
        let text = draw(&[row]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0].len(), lines[1].len());
        assert_eq!(
            lines[1].split_whitespace().collect::<Vec<_>>(),
            ["campaign", "200000", "8.00", "25000", "0.41", "-", "0.0310", "64", "-", "-", "5.21", "391"]
        );
        assert_eq!(lines[2], "missed: campaign MiB 300, wanted 256 or less");
    }
}
