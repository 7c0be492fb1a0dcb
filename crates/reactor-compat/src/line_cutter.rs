//! [`LineCutter`]: bytes that come in pieces, as lines for the log.
//!
//! Tested here, and in `tests/processes/monitor.rs` and
//! `tests/network/process_endpoint.rs`.

/// The longest line that is given in one piece.
const LONGEST: usize = 16 * 1024;

/// Cuts what a program writes into lines, without their ends. A line that is longer than
/// 16 KiB comes in several.
#[derive(Default)]
pub(crate) struct LineCutter {
    /// The beginning of the next line.
    partial: Vec<u8>,
}

impl LineCutter {
    /// Gives `line` each line that is whole now.
    pub(crate) fn push(&mut self, data: &[u8], mut line: impl FnMut(&[u8])) {
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.partial.len() > LONGEST {
                line(self.partial.strip_suffix(b"\n").unwrap_or(&self.partial));
                self.partial.clear();
            }
        }
    }

    /// Gives `line` the last one, if it has no end.
    pub(crate) fn finish(self, line: impl FnOnce(&[u8])) {
        if !self.partial.is_empty() {
            line(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&str]) -> Vec<String> {
        let (mut cutter, mut lines) = (LineCutter::default(), Vec::new());
        let mut keep = |line: &[u8]| lines.push(String::from_utf8_lossy(line).into_owned());
        pieces.iter().for_each(|piece| cutter.push(piece.as_bytes(), &mut keep));
        cutter.finish(&mut keep);
        lines
    }

    #[test]
    fn lines_are_put_together_and_the_last_needs_no_end() {
        assert_eq!(lines(&["one\ntw", "o\n\nth", "ree"]), ["one", "two", "", "three"]);
        assert_eq!(lines(&["one\n"]), ["one"]);
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn one_without_end_comes_in_pieces() {
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(lines(&[&long, "y\n"]), [long.as_str(), "y"]);
    }
}
