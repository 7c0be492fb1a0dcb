//! Servers side by side, over real sockets: ours, the one that is written by
//! hand on Tokio, that one with a shared buffer, and Twisted's where there is a
//! Python that has it.
//!
//! ```text
//! cargo bench -p reactor-compat --bench net [-- WORKLOAD [ROUNDS]]
//! ```
//!
//! Each server is a process of its own on the first core; the load comes from
//! the second. In each round every server has its turn, so that what disturbs
//! one disturbs all; the ratio of a row is the median over the rounds of each
//! round's ratio to the server by hand. Rates say how fast it went; CPU is the
//! server's time for one request, which is steadier.

mod by_hand;
mod load;
mod ours;
mod report;
mod server;
mod workload;

use std::io;

use report::Report;
use server::{Kind, Server};
use workload::Workload;

/// How many rounds there are unless the command says otherwise.
const ROUNDS: usize = 9;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [mode, kind, role] = &args[..]
        && mode == "serve"
    {
        return server::serve(kind, role);
    }
    let wanted = args.first().map_or("", String::as_str);
    let rounds = args.get(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    server::pin(1)?;
    for workload in Workload::all().into_iter().filter(|load| load.name().contains(wanted)) {
        run(&workload, rounds)?;
    }
    Ok(())
}

fn run(workload: &Workload, rounds: usize) -> io::Result<()> {
    let mut report = Report::default();
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| kind.there()).collect();
    for _ in 0..rounds {
        for kind in &kinds {
            let server = Server::start(*kind, workload.role())?;
            report.add(*kind, workload.measure(&server)?);
        }
    }
    report.print(workload);
    Ok(())
}
