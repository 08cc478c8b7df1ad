//! Measurements, their medians and ratios, and the targets that they are held against.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Scenario;

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// What was measured.
    pub scenario: Scenario,
    /// Mails or rows.
    pub messages: u64,
    /// How long they took.
    pub elapsed: Duration,
    /// CPU time of the sender; `None` where it is not one process.
    pub cpu: Option<Duration>,
    /// The sender's peak memory in KiB; `None` where it is not one process.
    pub peak_kib: Option<u64>,
    /// What the books take after it; `None` where there are none, or nobody asked.
    pub books: Option<Extent>,
}

/// What books take, as `hikyaku` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Extent {
    /// Octets of tables and indexes on the disk.
    pub octets: u64,
    /// Rows that were inserted, changed or deleted.
    pub rows_written: u64,
}

impl Figure {
    fn per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "mails are fewer than 2^53")]
        let messages = self.messages as f64;
        messages / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// What 99 of 100 mails wait for their 250 at most.
const ANSWER_P99_US_MAX: u64 = 100_000;

/// All measurements of a run.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    measured: Vec<Figure>,
    /// Octets of a mail of the campaign on the wire; what the ceiling's are built to.
    pub octets: Option<u64>,
    /// What 99 of 100 mails that were handed in waited for their 250, in µs.
    pub answer_p99_us: Option<u64>,
}

/// One line of the outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What was measured.
    pub scenario: String,
    /// Mails or rows.
    pub messages: u64,
    /// Mails or rows a second.
    pub per_second: f64,
    /// This rate as a part of the ceiling's with mails of the same size.
    pub ratio_to_ceiling: Option<f64>,
    /// This rate as a multiple of Postfix'.
    pub ratio_to_postfix: Option<f64>,
    /// This rate as a part of that with the books in SQLite.
    pub ratio_to_sqlite: Option<f64>,
    /// This rate as a part of one node's.
    pub ratio_to_one_node: Option<f64>,
    /// Rows that the store inserted, changed or deleted for a mail.
    pub writes_per_mail: Option<f64>,
    /// Octets of tables and indexes for a mail.
    pub bytes_per_mail: Option<f64>,
    /// The sender's CPU seconds per 1,000 mails.
    pub cpu_s_per_1000: Option<f64>,
    /// The sender's peak memory in MiB.
    pub peak_mib: Option<f64>,
    /// Time in seconds.
    pub seconds: f64,
    /// Targets that were missed, in words.
    pub missed: Vec<String>,
}

impl Figures {
    /// Keeps a measurement.
    pub fn add(&mut self, figure: Figure) {
        let line = format!("{:.0}/s in {:.2} s", figure.per_second(), figure.elapsed.as_secs_f64());
        eprintln!("  {:<14} {line}", figure.scenario.name());
        self.measured.push(figure);
    }

    /// One row a scenario: the measurement of median rate.
    pub fn rows(&self) -> Vec<Row> {
        let mut scenarios: Vec<_> = self.measured.iter().map(|figure| figure.scenario).collect();
        scenarios.sort();
        scenarios.dedup();
        scenarios.into_iter().filter_map(|scenario| self.median(scenario)).map(|f| self.row(&f)).collect()
    }

    fn median(&self, scenario: Scenario) -> Option<Figure> {
        let mut all: Vec<_> = self.measured.iter().filter(|figure| figure.scenario == scenario).collect();
        all.sort_by(|a, b| a.per_second().total_cmp(&b.per_second()));
        all.get(all.len().saturating_sub(1) / 2).map(|figure| **figure)
    }

    #[expect(clippy::cast_precision_loss, reason = "mails, KiB, rows and octets are fewer than 2^53")]
    fn row(&self, figure: &Figure) -> Row {
        let rate = |scenario| self.median(scenario).map(|other| other.per_second());
        let ceiling = match figure.scenario {
            Scenario::Campaign
            | Scenario::CampaignPostgres
            | Scenario::OneNode
            | Scenario::TwoNodes
            | Scenario::Dkim
            | Scenario::Postfix
            | Scenario::Ceiling => Scenario::Ceiling,
            Scenario::Campaign30k | Scenario::Ceiling30k => Scenario::Ceiling30k,
            Scenario::Submission
            | Scenario::Freeze
            | Scenario::Statement
            | Scenario::Memory
            | Scenario::Census => figure.scenario,
        };
        let is_sending = matches!(ceiling, Scenario::Ceiling | Scenario::Ceiling30k);
        let compares = matches!(
            figure.scenario,
            Scenario::Campaign | Scenario::Dkim | Scenario::Ceiling | Scenario::Submission
        );
        let per_second = figure.per_second();
        let (messages, peak_kib) = (figure.messages as f64, figure.peak_kib.map(|kib| kib as f64));
        let mut row = Row {
            scenario: figure.scenario.name(),
            messages: figure.messages,
            per_second: rounded(per_second),
            ratio_to_ceiling: rate(ceiling).filter(|_| is_sending).map(|other| rounded(per_second / other)),
            ratio_to_sqlite: rate(Scenario::Campaign)
                .filter(|_| figure.scenario == Scenario::CampaignPostgres)
                .map(|other| rounded(per_second / other)),
            ratio_to_one_node: rate(Scenario::OneNode)
                .filter(|_| figure.scenario == Scenario::TwoNodes)
                .map(|other| rounded(per_second / other)),
            writes_per_mail: figure.books.map(|books| rounded(books.rows_written as f64 / messages)),
            bytes_per_mail: figure.books.map(|books| rounded(books.octets as f64 / messages)),
            ratio_to_postfix: rate(Scenario::Postfix).filter(|_| compares).map(|o| rounded(per_second / o)),
            cpu_s_per_1000: figure.cpu.map(|cpu| rounded(cpu.as_secs_f64() * 1000.0 / messages)),
            peak_mib: peak_kib.map(|kib| rounded(kib / 1024.0)),
            seconds: rounded(figure.elapsed.as_secs_f64()),
            missed: Vec::new(),
        };
        row.missed = missed(figure.scenario, &row);
        let late = self.answer_p99_us.filter(|us| *us >= ANSWER_P99_US_MAX);
        if let Some(late) = late.filter(|_| figure.scenario == Scenario::Submission) {
            row.missed.push(format!("p99 of the 250 {late} µs, wanted under {ANSWER_P99_US_MAX}"));
        }
        row
    }
}

/// Five digits are more than a machine repeats.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// Holds a row against what it has to reach. A figure that was not measured misses nothing.
fn missed(scenario: Scenario, row: &Row) -> Vec<String> {
    let least = |what: &str, value: Option<f64>, least: f64| {
        value.filter(|value| *value < least).map(|value| format!("{what} {value}, wanted {least} or more"))
    };
    let most = |what: &str, value: Option<f64>, most: f64| {
        value.filter(|value| *value > most).map(|value| format!("{what} {value}, wanted {most} or less"))
    };
    let of_ceiling = least("of the ceiling", row.ratio_to_ceiling, 0.4);
    let memory = most("MiB", row.peak_mib, 256.0);
    let size = most("octets of books a mail", row.bytes_per_mail, 400.0);
    let found = match scenario {
        Scenario::CampaignPostgres => {
            vec![least("of the SQLite figure", row.ratio_to_sqlite, 0.6), size, memory]
        }
        Scenario::Ceiling
        | Scenario::Ceiling30k
        | Scenario::Postfix
        | Scenario::OneNode
        | Scenario::Census => vec![],
        Scenario::TwoNodes => vec![least("of one node's", row.ratio_to_one_node, 1.0)],
        Scenario::Campaign => vec![
            of_ceiling,
            least("times Postfix", row.ratio_to_postfix, 40.0),
            most("CPU s per 1,000", row.cpu_s_per_1000, 0.04),
            size,
            memory,
        ],
        Scenario::Campaign30k => vec![of_ceiling, memory],
        Scenario::Dkim => vec![least("mails a second", Some(row.per_second), 6500.0), memory],
        Scenario::Freeze => vec![most("seconds", Some(row.seconds), 4.0), memory],
        Scenario::Statement => vec![most("seconds", Some(row.seconds), 1.0), memory],
        Scenario::Memory => vec![memory],
        Scenario::Submission => vec![
            least("mails a second", Some(row.per_second), 6000.0),
            least("times Postfix", row.ratio_to_postfix, 6.0),
            memory,
        ],
    };
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(scenario: Scenario, elapsed_ms: u64) -> Figure {
        Figure {
            scenario,
            messages: 1000,
            elapsed: Duration::from_millis(elapsed_ms),
            cpu: Some(Duration::from_millis(30)),
            peak_kib: Some(102_400),
            books: None,
        }
    }

    fn rows(measured: &[(Scenario, u64)]) -> Vec<Row> {
        let mut figures = Figures::default();
        measured.iter().for_each(|(scenario, ms)| figures.add(figure(*scenario, *ms)));
        figures.rows()
    }

    #[test]
    fn medians_and_ratios() {
        let turns = [(Scenario::Ceiling, 10), (Scenario::Campaign, 20), (Scenario::Ceiling, 1)];
        let more = [(Scenario::Campaign, 500), (Scenario::Ceiling, 99), (Scenario::Campaign, 25)];
        let rows = rows(&[turns, more, [(Scenario::Postfix, 2000); 3]].concat());
        let campaign = &rows[1];
        assert_eq!((rows[0].per_second, rows[0].ratio_to_ceiling), (100_000.0, Some(1.0)));
        assert_eq!((campaign.per_second, campaign.ratio_to_ceiling), (40_000.0, Some(0.4)));
        assert_eq!(campaign.ratio_to_postfix, Some(80.0));
        assert_eq!((campaign.cpu_s_per_1000, campaign.peak_mib), (Some(0.03), Some(100.0)));
        assert_eq!(campaign.missed, Vec::<String>::new());
        assert_eq!(rows[2].scenario, "postfix");
    }

    #[test]
    fn targets_can_be_missed() {
        let check = |measured: &[(Scenario, u64)], expected: usize| {
            let missed: Vec<_> = rows(measured).into_iter().flat_map(|row| row.missed).collect();
            assert_eq!(missed.len(), expected, "{missed:?}");
        };
        check(&[(Scenario::Ceiling, 10), (Scenario::Campaign, 26)], 1);
        check(&[(Scenario::Campaign, 26), (Scenario::Postfix, 26 * 39)], 1);
        check(&[(Scenario::Ceiling30k, 10), (Scenario::Campaign30k, 26)], 1);
        check(&[(Scenario::Freeze, 4001), (Scenario::Statement, 1001)], 2);
        check(&[(Scenario::Dkim, 160)], 1);
        check(&[(Scenario::Dkim, 150), (Scenario::Freeze, 4000), (Scenario::Campaign, 5)], 0);
    }

    #[test]
    fn books_are_held_against_their_targets() {
        let books = Extent { octets: 401_000, rows_written: 5_500 };
        let mut figures = Figures::default();
        figures.add(figure(Scenario::Campaign, 59));
        figures.add(Figure { books: Some(books), ..figure(Scenario::CampaignPostgres, 100) });
        let row = &figures.rows()[1];
        assert_eq!((row.ratio_to_sqlite, row.writes_per_mail), (Some(0.59), Some(5.5)));
        assert_eq!((row.bytes_per_mail, row.missed.len()), (Some(401.0), 2), "{:?}", row.missed);
    }

    #[test]
    fn two_nodes_are_held_against_one() {
        let rows = rows(&[(Scenario::OneNode, 99), (Scenario::TwoNodes, 100)]);
        assert_eq!((rows[0].ratio_to_one_node, rows[1].ratio_to_one_node), (None, Some(0.99)));
        assert_eq!((rows[0].missed.len(), rows[1].missed.len()), (0, 1));
    }

    #[test]
    fn the_columns_have_the_names_that_others_read() {
        let json = serde_json::to_value(rows(&[(Scenario::Campaign30k, 5)])).expect("JSON");
        let row = json[0].as_object().expect("an object");
        for name in ["scenario", "messages", "per_second", "ratio_to_ceiling", "cpu_s_per_1000", "peak_mib"] {
            assert!(row.contains_key(name), "{name}");
        }
        assert_eq!(row["scenario"], "campaign-30k");
    }
}
