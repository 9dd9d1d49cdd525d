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
                // Items that were typed as a list are not listed twice.
                let typed_mark = line.strip_prefix(['-', '*', '•']).filter(|rest| rest.starts_with(' '));
                let line = typed_mark.filter(|_| as_list).map_or(line, str::trim);
                page.push_str(&format!("{}{}\n", if as_list { "- " } else { "" }, escape(line)));
            }
            if let Some(understood) = field.understood(brief) {
                page.push_str(&format!("\nUnderstood as: {}\n", escape(&understood)));
            }
            if let Some(hint) = hint(*field, brief) {
                page.push_str(&format!("\n> {}\n", escape(&hint)));
            }
        }
    }
    page
}

/// Text that Markdown shows as it is.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, letter) in text.char_indices() {
        let special = matches!(letter, '\\' | '`' | '*' | '_' | '<' | '[' | ']' | '|' | '&' | '~' | '$')
            || index == 0 && matches!(letter, '#' | '-' | '+' | '>' | '=');
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
    #[test]
    fn the_whole_page_stays_as_it_is() {
        let mut brief = Brief::default();
        for (field, words) in [
            (BriefField::Problem, "Predict who *leaves* next month"),
            (BriefField::EndUser, "everyone"),
            (BriefField::Input, "JSON with customer_id and recent activity"),
            (BriefField::Output, "Churn probability (0-1) and risk level"),
            (BriefField::Latency, "< 200ms at 50 requests per second"),
            (BriefField::Retraining, "weekly with new data"),
            (BriefField::Success, "AUC-ROC > 0.85, high precision"),
            (BriefField::InScope, "- EU\n- monthly plans"),
        ] {
            field.answer(&mut brief, words.to_owned());
        }
        insta::assert_snapshot!(markdown("Churn & Co", &brief), @r#"
        # Churn \& Co: project brief

        7 of 8 questions answered.

        ## Purpose

        **What problem does the model solve**

        Predict who \*leaves\* next month

        **Who is the end user**

        everyone

        > Name a role and where they see the answer, such as “support agents, in the ticket view”.

        **What data is needed**

        _Not answered yet._

        **Minimum viable model**

        _Not answered yet._

        ## Input and output

        **Expected input**

        JSON with customer\_id and recent activity

        Understood as: JSON naming customer\_id

        **Expected output**

        Churn probability (0-1) and risk level

        Understood as: probability of the last class, bands low \< 0.3 ≤ medium \< 0.7 ≤ high

        ## Limits

        **Latency per prediction**

        \< 200ms at 50 requests per second

        Understood as: p95 ≤ 200 ms at 50 requests/s

        **Retraining**

        weekly with new data

        Understood as: every 7 days, or on new data

        **Success metric**

        AUC-ROC > 0.85, high precision

        Understood as: ROC-AUC > 0.85

        > No value was understood for precision.

        ## Scope

        **In scope**

        - EU
        - monthly plans

        **Out of scope**

        _Not answered yet._
        "#);
    }
}
