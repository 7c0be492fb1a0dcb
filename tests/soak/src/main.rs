//! A mixed load: connections of each kind, calls of AMP, datagrams, threads,
//! timers, reconnects and faults, all on one reactor, for so many minutes.
//!
//! ```text
//! cargo run --release -p soak [-- MINUTES]
//! ```
//!
//! Twenty times in that time it says how much memory, how many descriptors and what
//! tasks there are, and how many rounds each load has made. It ends with an error if
//! a round fails, if a load stands still from one sample to the next, or if there is
//! more of anything in the last quarter than there was in the second.

mod level;
mod load;
mod loads;
mod servers;

use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use deferred::Failure;
use reactor_compat::Reactor;
use reactor_compat::task::react;

use level::{Levels, Sample};
use load::Load;
use servers::Servers;

/// How often the level is taken.
const SAMPLES: u32 = 20;

fn main() -> ExitCode {
    react(soak)
}

async fn soak(reactor: Reactor) -> Result<(), Failure> {
    let minutes = std::env::args().nth(1).map_or(Ok(1.0), |minutes| minutes.parse())?;
    let time = Duration::try_from_secs_f64(minutes * 60.0)?;
    let servers = Rc::new(Servers::start(&reactor)?);
    let loads = loads::all(&reactor, &servers);
    let levels = RefCell::new(Levels::default());
    for _ in 0..SAMPLES {
        tokio::time::sleep(time / SAMPLES).await;
        let sample = Sample::take(&reactor)?;
        println!("{sample}; rounds: {}", progress(&loads)?);
        levels.borrow_mut().add(sample);
    }
    for load in &loads {
        load.stop().await?;
    }
    drop(servers);
    println!("at the end: {}", Sample::take(&reactor)?);
    levels.take().verdict().map_err(Failure::msg)?;
    Ok(())
}

/// The rounds of each load, or an error if one made none since it was asked last.
fn progress(loads: &[Load]) -> Result<String, Failure> {
    let mut all = Vec::new();
    for load in loads {
        all.push(format!("{} {}", load.name(), load.rounds()?));
    }
    Ok(all.join(", "))
}
