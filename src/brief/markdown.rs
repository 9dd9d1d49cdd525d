//! The brief as one Markdown page.

use super::{completeness, hint, question};
use crate::command::BriefField;
use crate::project::brief::Brief;

/// The page's parts, in order.
const PARTS: [(&str, &[BriefField]); 4] = [
    ("Purpose", &[BriefField::Problem, BriefField::EndUser, BriefField::Data, BriefField::MinimumViableModel]),
    ("Input and output", &[BriefField::Input, BriefField::Output]),
    ("Limits", &[BriefField::Latency, BriefField::Retraining, BriefField::Success]),
    ("Scope", &[BriefField::InScope, BriefField::OutOfScope]),
];

/// The brief as Markdown: every question, its answer, what was understood, and what is still vague.
pub fn markdown(name: &str, brief: &Brief) -> String {
    let completeness = completeness(brief);
    let mut page = format!(
        "# {}: project brief\n\n{} of {} questions answered.\n",
        escape(name),
        completeness.n_answered,
        completeness.n_questions
    );
    for (title, fields) in PARTS {
        page.push_str(&format!("\n## {title}\n"));
        for field in fields {
            page.push_str(&format!("\n**{}**\n", question(*field).label));
            let words = field.words(brief).trim();
            if words.is_empty() {
                page.push_str("\n_Not answered yet._\n");
                continue;
            }
            let as_list = matches!(field, BriefField::InScope | BriefField::OutOfScope);
            page.push('\n');
            for line in words.lines().map(str::trim).filter(|line| !line.is_empty()) {
                page.push_str(&format!("{}{}\n", if as_list { "- " } else { "" }, escape(line)));
            }
            if let Some(understood) = field.understood(brief) {
                page.push_str(&format!("\nUnderstood as: {}\n", escape(&understood)));
            }
            if let Some(hint) = hint(*field, brief) {
                page.push_str(&format!("\n> {hint}\n"));
            }
        }
    }
    page
}

/// Text that Markdown shows as it is.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, letter) in text.char_indices() {
        let special = matches!(letter, '\\' | '`' | '*' | '_' | '<' | '[' | ']' | '|')
            || index == 0 && matches!(letter, '#' | '-' | '+' | '>');
        if special {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_words_values_gaps_and_hints() {
        let mut brief = Brief::default();
        BriefField::Problem.answer(&mut brief, "Predict who *leaves* next month".to_owned());
        BriefField::Latency.answer(&mut brief, "< 200ms".to_owned());
        BriefField::Retraining.answer(&mut brief, "regularly".to_owned());
        BriefField::InScope.answer(&mut brief, "EU\nmonthly plans".to_owned());
        let page = markdown("Churn", &brief);
        for part in [
            "# Churn: project brief\n\n3 of 8 questions answered.\n",
            "Predict who \\*leaves\\* next month\n",
            "\\< 200ms\n\nUnderstood as: p95 ≤ 200 ms\n",
            "regularly\n\n> Say how often",
            "- EU\n- monthly plans\n",
            "**Who is the end user**\n\n_Not answered yet._\n",
        ] {
            assert!(page.contains(part), "{part:?} is not in\n{page}");
        }
    }
}
