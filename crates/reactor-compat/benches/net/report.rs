//! What came of it, as a table.

use crate::server::Kind;
use crate::workload::{Outcome, Workload};

/// What came of one workload.
#[derive(Default)]
pub(crate) struct Report {
    outcomes: Vec<(Kind, Outcome)>,
}

impl Report {
    pub(crate) fn add(&mut self, kind: Kind, outcome: Outcome) {
        self.outcomes.push((kind, outcome));
    }

    pub(crate) fn print(&self, workload: &Workload) {
        println!("{}", workload.name());
        for kind in Kind::ALL {
            let rates = self.of(kind, |outcome| outcome.rate);
            if rates.is_empty() {
                continue;
            }
            let cpus = self.of(kind, |outcome| outcome.cpu);
            println!(
                "  {:<13} {:>12.0} ({:.2})  CPU {:>8.3} us ({:.2})",
                kind.name(),
                median(&rates),
                self.ratio(&rates, |outcome| outcome.rate),
                median(&cpus),
                self.ratio(&cpus, |outcome| outcome.cpu),
            );
        }
    }

    fn of(&self, kind: Kind, what: impl Fn(&Outcome) -> f64) -> Vec<f64> {
        let mine = self.outcomes.iter().filter(|(other, _)| *other == kind);
        mine.map(|(_, outcome)| what(outcome)).collect()
    }

    /// The median of each round's ratio to the server by hand.
    fn ratio(&self, mine: &[f64], what: impl Fn(&Outcome) -> f64) -> f64 {
        let hand = self.of(Kind::Hand, what);
        let ratios: Vec<f64> = mine.iter().zip(&hand).map(|(mine, hand)| mine / hand).collect();
        median(&ratios)
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
