//! `conformance`: programs on standard input, their traces on standard output.
//!
//! One line of JSON each way, in the same order. A program that cannot be run
//! is named on standard error and leaves no line; the others still run, and the
//! exit code is 1 at the end. Each trace is flushed as it is made, so that a
//! driver may wait for one before it sends the next program.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use conformance::{Program, Reply};

fn main() -> ExitCode {
    match run(io::stdin().lock(), io::stdout().lock(), io::stderr().lock()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        // Whoever read the traces has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(2),
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs every program of `input` and says how many could not be run.
fn run(input: impl BufRead, mut output: impl Write, mut errors: impl Write) -> io::Result<usize> {
    let mut failed = 0;
    for (index, line) in input.split(b'\n').enumerate() {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match reply(&line) {
            Ok(Reply::Trace(text)) => {
                writeln!(output, "{text}")?;
                output.flush()?;
            }
            Ok(Reply::Skipped) => {}
            Err(complaint) => {
                failed += 1;
                writeln!(errors, "conformance: line {}: {complaint}", index + 1)?;
            }
        }
    }
    Ok(failed)
}

/// The answer to one line, as the text to print.
fn reply(line: &[u8]) -> Result<Reply<String>, String> {
    let program = Program::parse(line).map_err(|error| error.to_string())?;
    match program.run() {
        Ok(Reply::Trace(trace)) => {
            let line = serde_json::json!({"id": program.id(), "trace": trace});
            Ok(Reply::Trace(line.to_string()))
        }
        Ok(Reply::Skipped) => Ok(Reply::Skipped),
        Err(error) => Err(format!("program {}: {error}", program.id())),
    }
}
