//! [`Sample`], what there is at one time, and [`Levels`], whether it grows.

use std::fmt;
use std::fs;
use std::io;

use reactor_compat::Reactor;

/// What there is at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    kib: u64,
    descriptors: u64,
    threads: u64,
    tasks: u64,
    delayed_calls: u64,
    connections: u64,
}

impl Sample {
    pub(crate) fn take(reactor: &Reactor) -> io::Result<Self> {
        let inventory = reactor.inventory();
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        Ok(Self {
            kib: status("VmRSS:")?,
            descriptors: fs::read_dir("/proc/self/fd")?.count() as u64,
            threads: status("Threads:")?,
            tasks: tasks as u64,
            delayed_calls: inventory.delayed_calls.len() as u64,
            connections: inventory.connections.len() as u64,
        })
    }

    /// Each figure with its name, and what two of it may differ by and be level: what
    /// the loads have under way changes from one moment to the next.
    fn figures(self) -> [(&'static str, u64, u64); 6] {
        [
            ("KiB", self.kib, self.kib / 20 + 2048),
            ("descriptors", self.descriptors, 60),
            ("threads", self.threads, 4),
            ("tasks", self.tasks, 120),
            ("delayed calls", self.delayed_calls, 400),
            ("connections", self.connections, 60),
        ]
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = self.figures().map(|(name, value, _)| format!("{value} {name}"));
        f.write_str(&figures.join(", "))
    }
}

/// A field of `/proc/self/status`.
fn status(field: &str) -> io::Result<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("/proc/self/status has no {field}")))
}

/// All samples of a run.
#[derive(Default)]
pub(crate) struct Levels {
    samples: Vec<Sample>,
}

impl Levels {
    pub(crate) fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    /// An error that says what there is more of in the last quarter than there was in
    /// the second: in the first, things warm up.
    pub(crate) fn verdict(self) -> Result<(), String> {
        let quarter = self.samples.len() / 4;
        let [_, early, .., late] = self.samples.chunks(quarter).collect::<Vec<_>>()[..] else {
            return Err("there are too few samples".to_owned());
        };
        for index in 0..late[0].figures().len() {
            let median = |samples: &[Sample]| {
                let mut values: Vec<_> =
                    samples.iter().map(|sample| sample.figures()[index]).collect();
                values.sort_by_key(|(_, value, _)| *value);
                values[values.len() / 2]
            };
            let ((name, before, margin), (_, after, _)) = (median(early), median(late));
            if after > before + margin {
                return Err(format!("{name} grew from {before} to {after}"));
            }
        }
        Ok(())
    }
}
