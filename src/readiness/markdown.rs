//! The checklist as a page for a reviewer.

use crate::project::reports::{ChecklistItem, ReadinessReport};

/// The report as Markdown.
pub fn markdown(project: &str, report: &ReadinessReport) -> String {
    let version = report.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let mut page = format!("# Readiness of {}{version}\n\n", plain(project));
    page.push_str(&format!("{}.\n\n", plain(&report.judged.reason)));
    page.push_str(&format!("Checked {}", report.time.strftime("%Y-%m-%d %H:%M UTC")));
    for (name, hash) in
        [("model", &report.evidence.model), ("code", &report.evidence.code), ("commit", &report.evidence.commit)]
    {
        if !hash.is_empty() {
            page.push_str(&format!(", {name} `{}`", hash.get(..12).unwrap_or(hash)));
        }
    }
    page.push_str(".\n");
    let mut category = None;
    for item in report.items.iter().chain(&report.brief) {
        if category != Some(item.category) {
            category = Some(item.category);
            page.push_str(&format!("\n## {}\n\n", item.category.label()));
        }
        item_lines(&mut page, item);
    }
    page
}

fn item_lines(page: &mut String, item: &ChecklistItem) {
    page.push_str(&format!("- **{}**: {}. {}.\n", plain(&item.label), item.status.word(), plain(&item.reason)));
    for line in &item.evidence {
        page.push_str(&format!("  - {}: {}\n", plain(&line.kind), plain(&line.detail)));
    }
    if !item.fix.is_empty() {
        page.push_str(&format!("  - *How to fix:* {}.\n", plain(&item.fix)));
    }
}

/// Words of a person or a tool on one line, that make no heading, list, link or tag.
fn plain(words: &str) -> String {
    let mut plain = String::new();
    for letter in words.chars() {
        match letter {
            '\n' | '\r' | '\t' => plain.push(' '),
            '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' => plain.extend(['\\', letter]),
            _ => plain.push(letter),
        }
    }
    plain
}
