//! Finding a line by a few of its letters.

/// Letters of a query that are looked at; more than anyone types.
pub(super) const MAX_QUERY: usize = 64;

/// How well a line answers, and by which of its letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// More is better.
    pub(super) score: i32,
    /// Positions of the letters, counted in characters, ascending.
    pub(super) positions: Vec<usize>,
}

/// A letter at the beginning of a word.
const WORD: i32 = 8;
/// A letter right after the one before it.
const NEXT: i32 = 6;
/// A letter at all.
const LETTER: i32 = 1;

/// Finds the letters of `query` in `line` in their order, spaces and case aside; the best of all ways.
///
/// A subsequence alignment by dynamic programming, O(query × line). `None` where a letter is missing.
pub(super) fn find(query: &str, line: &str) -> Option<Match> {
    let query: Vec<char> = query.chars().filter(|letter| !letter.is_whitespace()).take(MAX_QUERY).map(lower).collect();
    let line: Vec<char> = line.chars().collect();
    if query.is_empty() {
        return Some(Match { score: 0, positions: Vec::new() });
    }
    // `best[i][j]`: the best score with letter i of the query on letter j of the line, and where letter i - 1 was.
    let mut best: Vec<Vec<Option<(i32, usize)>>> = Vec::with_capacity(query.len());
    for (i, wanted) in query.iter().enumerate() {
        let mut scores = vec![None; line.len()];
        // The best of the row above, up to the letter before the last one.
        let mut before: Option<(i32, usize)> = None;
        for j in 0..line.len() {
            if 0 < i
                && 2 <= j
                && let Some((score, _)) = best[i - 1][j - 2]
                && before.is_none_or(|(other, _)| other < score)
            {
                before = Some((score, j - 2));
            }
            if lower(line[j]) != *wanted {
                continue;
            }
            let here = LETTER + if is_word_start(&line, j) { WORD } else { 0 };
            if i == 0 {
                scores[j] = Some((here, 0));
                continue;
            }
            let apart = before.map(|(score, at)| (score + here, at));
            let next = j.checked_sub(1).and_then(|at| best[i - 1][at].map(|(score, _)| (score + here + NEXT, at)));
            scores[j] = match (apart, next) {
                (Some(apart), Some(next)) => Some(if apart.0 <= next.0 { next } else { apart }),
                (one, other) => one.or(other),
            };
        }
        best.push(scores);
    }
    let last = best.last()?;
    // Of equal ends the first, as what stands before is read before.
    let (mut at, score) = last.iter().enumerate().filter_map(|(at, end)| Some((at, end.as_ref()?.0))).fold(
        None,
        |found: Option<(usize, i32)>, (at, score)| match found {
            Some((_, other)) if score <= other => found,
            _ => Some((at, score)),
        },
    )?;
    let mut positions = vec![at];
    for i in (1..query.len()).rev() {
        at = best[i][at]?.1;
        positions.push(at);
    }
    positions.reverse();
    // Of the same letters, those nearer to the beginning say more.
    Some(Match { score: score * 100 - positions[0].min(99) as i32, positions })
}

fn lower(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

fn is_word_start(line: &[char], at: usize) -> bool {
    at == 0 || (!line[at - 1].is_alphanumeric() && line[at].is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line with the letters found in capitals between stars, or `-`.
    #[track_caller]
    fn check(query: &str, line: &str, expected: &str) {
        let shown = find(query, line).map_or_else(
            || "-".to_owned(),
            |found| {
                let mark = |(at, letter): (usize, char)| {
                    if found.positions.contains(&at) { format!("*{letter}") } else { letter.to_string() }
                };
                line.chars().enumerate().map(mark).collect()
            },
        );
        assert_eq!(shown, expected, "{query:?} in {line:?}");
    }

    #[test]
    fn letters_are_found_in_their_order_where_they_say_most() {
        check("", "Undo", "Undo");
        check("undo", "Undo", "*U*n*d*o");
        check("odnu", "Undo", "-");
        check("undoo", "Undo", "-");
        check("gb", "Go to Benchmark", "*Go to *Benchmark");
        check("bench", "Run a quick benchmark", "Run a quick *b*e*n*c*hmark");
        check("quick run", "Run a quick benchmark", "-");
        check("run bench", "Run a quick benchmark", "*R*u*n a quick *b*e*n*c*hmark");
        check("ÉTÉ", "l'été", "l'*é*t*é");
        check("ab", "Learn: A/B test", "Learn: *A/*B test");
        check("a", "", "-");
    }

    #[test]
    fn the_nearer_line_scores_higher() {
        let score = |query, line| find(query, line).unwrap().score;
        assert!(score("canary", "Learn: canary") < score("canary", "Canary"));
        assert!(score("build", "Learn: blue, until dawn") < score("build", "Build the image"));
        assert!(score("un", "Run a benchmark") < score("un", "Undo"));
    }

    #[test]
    fn a_long_query_is_cut_and_a_long_line_is_searched() {
        let line = "a".repeat(5_000);
        assert_eq!(find(&"a".repeat(1_000), &line).unwrap().positions.len(), MAX_QUERY);
    }

    #[test]
    fn positions_rise_and_hold_the_letters_asked_for() {
        let lines = ["Go to Readiness", "Make golden rows from the reference data", "Learn: ROC-AUC", "Save now"];
        for line in lines {
            let letters: Vec<char> = line.chars().collect();
            for query in ["a", "go", "re", "ea", "rc", "ow", "s n"] {
                let Some(found) = find(query, line) else { continue };
                let asked: String = query.split_whitespace().collect();
                let there: String = found.positions.iter().map(|at| lower(letters[*at])).collect();
                assert_eq!(asked, there, "{query:?} in {line:?}");
                assert!(found.positions.is_sorted_by(|one, other| one < other));
            }
        }
    }
}
