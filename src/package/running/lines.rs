//! Lines out of the pieces of a container's log: bounded, and fit to be shown.

use bollard::container::LogOutput;

/// Longest line that is kept, in bytes of the log; the rest of it is left out.
const LONGEST: usize = 8 << 10;

/// Puts the lines of both streams together.
#[derive(Debug, Default)]
pub(super) struct Lines {
    out: Partial,
    error: Partial,
}

/// A line that has not ended.
#[derive(Debug, Default)]
struct Partial {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Lines {
    /// The lines that this piece ends.
    pub(super) fn take(&mut self, output: &LogOutput) -> Vec<String> {
        let (partial, message) = match output {
            LogOutput::StdErr { message } => (&mut self.error, message),
            LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
                (&mut self.out, message)
            }
        };
        let mut lines = Vec::new();
        for piece in message.split_inclusive(|byte| *byte == b'\n') {
            let ends = piece.last() == Some(&b'\n');
            partial.add(if ends { &piece[..piece.len() - 1] } else { piece });
            if ends {
                lines.extend(partial.end());
            }
        }
        lines
    }

    /// What is left without an end of line.
    pub(super) fn end(&mut self) -> Vec<String> {
        [self.out.end(), self.error.end()].into_iter().flatten().collect()
    }
}

impl Partial {
    fn add(&mut self, piece: &[u8]) {
        let room = LONGEST.saturating_sub(self.bytes.len());
        self.is_cut |= room < piece.len();
        self.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// The line without what a terminal would act on; `None` when it is empty.
    fn end(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.bytes);
        let is_cut = std::mem::take(&mut self.is_cut);
        let text = String::from_utf8_lossy(&bytes);
        let mut line: String = text.chars().map(|letter| if letter == '\t' { ' ' } else { letter }).collect();
        line.retain(|letter| !letter.is_control());
        if is_cut {
            line.push('…');
        }
        (!line.trim().is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn out(text: &'static [u8]) -> LogOutput {
        LogOutput::StdOut { message: Bytes::from_static(text) }
    }

    fn error(text: &'static [u8]) -> LogOutput {
        LogOutput::StdErr { message: Bytes::from_static(text) }
    }

    #[test]
    fn lines_are_put_together_by_stream() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(&out(b"one\ntw")), ["one"]);
        assert_eq!(lines.take(&error(b"other\n")), ["other"]);
        assert_eq!(lines.take(&out(b"o\r\n\n  \nthree")), ["two"]);
        assert_eq!(lines.end(), ["three"]);
        assert_eq!(lines.end(), Vec::<String>::new());
    }

    #[test]
    fn what_a_terminal_would_act_on_is_left_out() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(&out(b"\x1b[31mred\x07\tand\0 \xff\n")), ["[31mred and \u{fffd}"]);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut lines = Lines::default();
        let piece = LogOutput::StdOut { message: Bytes::from(vec![b'x'; LONGEST]) };
        for _ in 0..3 {
            assert_eq!(lines.take(&piece), Vec::<String>::new());
        }
        let line = lines.take(&out(b"\nnext\n"));
        assert_eq!((line[0].chars().count(), line[1].as_str()), (LONGEST + 1, "next"));
        assert!(line[0].ends_with('…'));
    }
}
