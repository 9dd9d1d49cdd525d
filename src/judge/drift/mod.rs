//! Drift against the project's settings.

use std::cmp::Ordering;

use crate::project::documents::DriftSettings;
use crate::project::reports::{
    Bins, ColumnDrift, ColumnKind, ColumnRole, DriftReport, Judgement, QualityCheck, Unexpected, Verdict,
};

/// Share of values from which unseen categories, or values outside of the reference's range, fail their check: one in a
/// hundred is no slip of a pen.
const UNEXPECTED_SHARE: f64 = 0.01;

/// Names in a sentence; more are counted.
const NAMES_TOLD: usize = 4;

/// How much a column has drifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftState {
    /// No more than two samples of one distribution differ.
    Noise,
    /// More than chance explains, and less than matters.
    Small,
    /// Enough to matter.
    Material,
    /// A side has no values, so nothing can be said.
    Unknown,
}

impl DriftState {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::Small => "real but small",
            Self::Material => "drifted",
            Self::Unknown => "no values",
        }
    }
}

/// How much a column has drifted: its PSI beside the noise level and the limit.
pub fn drift_state(column: &ColumnDrift, settings: &DriftSettings) -> DriftState {
    match column.psi {
        None => DriftState::Unknown,
        Some(psi) if psi <= column.psi_noise => DriftState::Noise,
        Some(psi) if psi < psi_limit(settings) => DriftState::Small,
        Some(_) => DriftState::Material,
    }
}

/// Whether a column has drifted materially.
pub fn drifted(column: &ColumnDrift, settings: &DriftSettings) -> bool {
    drift_state(column, settings) == DriftState::Material
}

/// The PSI from which a column has drifted materially; a setting that is no limit counts as the default.
pub fn psi_limit(settings: &DriftSettings) -> f64 {
    limit(settings.psi, DriftSettings::default().psi)
}

/// The share of drifted columns from which the data as a whole has drifted.
pub fn share_limit(settings: &DriftSettings) -> f64 {
    limit(settings.share, DriftSettings::default().share)
}

fn limit(value: f64, default: f64) -> f64 {
    if value.is_finite() && 0.0 <= value { value } else { default }
}

/// A check of a column's quality: its name, and whether it holds.
type Held = (&'static str, bool);

const MISSING: &str = "missing values";
const UNSEEN: &str = "unseen categories";
const RANGE: &str = "range";
const NOT_NUMBERS: &str = "values that are no numbers";

/// The checks of a column's quality, each of which is apart from its drift.
pub fn quality_checks(column: &ColumnDrift, settings: &DriftSettings) -> Vec<QualityCheck> {
    let check =
        |(name, pass): Held| QualityCheck { name: name.to_owned(), pass, detail: detail(name, column, settings) };
    held(column, settings).map(check).collect()
}

/// The checks that apply, without their words.
fn held(column: &ColumnDrift, settings: &DriftSettings) -> impl Iterator<Item = Held> + use<> {
    let missing = (MISSING, missing_holds(column, settings));
    let others = match column.kind {
        ColumnKind::Categorical => [Some((UNSEEN, unseen_share(column) < unseen_limit(column))), None],
        ColumnKind::Numeric => [
            outside_limit(column).map(|most| (RANGE, outside_share(column) < most)),
            (0 < column.not_numbers.n_values).then_some((NOT_NUMBERS, false)),
        ],
    };
    std::iter::once(missing).chain(others.into_iter().flatten())
}

fn failed(column: &ColumnDrift, settings: &DriftSettings) -> impl Iterator<Item = &'static str> + use<> {
    held(column, settings).filter(|(_, holds)| !holds).map(|(name, _)| name)
}

/// What a check saw, with its limit.
fn detail(check: &str, column: &ColumnDrift, settings: &DriftSettings) -> String {
    match check {
        MISSING => {
            let (before, now) = missing_shares(column);
            let most = points(missing_limit(settings));
            format!("{} missing, {} in the reference; limit {most} more", share_text(now), share_text(before))
        }
        UNSEEN if column.unseen.n_values == 0 => "every category is in the reference".to_owned(),
        UNSEEN => {
            let (share, most) = (share_text(unseen_share(column)), share_text(unseen_limit(column)));
            format!("{share} ({}); limit {most}", examples(&column.unseen))
        }
        RANGE => {
            let Bins::Numeric { range: (low, high), .. } = &column.bins else { return String::new() };
            let (low, high) = (value_text(*low), value_text(*high));
            let most = share_text(outside_limit(column).unwrap_or_default());
            format!("{} outside {low} to {high} of the reference; limit {most}", share_text(outside_share(column)))
        }
        _ => format!("{} ({})", values(column.not_numbers.n_values), examples(&column.not_numbers)),
    }
}

fn missing_limit(settings: &DriftSettings) -> f64 {
    limit(settings.missing, DriftSettings::default().missing)
}

/// Rows of the reference and of the current data.
fn rows(column: &ColumnDrift) -> (f64, f64) {
    let n = column.n_reference + column.missing_reference;
    let m = column.n_current + column.not_numbers.n_values + column.missing_current;
    (n as f64, m as f64)
}

fn missing_shares(column: &ColumnDrift) -> (f64, f64) {
    let (n, m) = rows(column);
    (column.missing_reference as f64 / n.max(1.0), column.missing_current as f64 / m.max(1.0))
}

/// Growth of the missing share fails from its limit on, unless so few rows differ that chance explains it: one-sided
/// 5 % of the difference of two proportions.
fn missing_holds(column: &ColumnDrift, settings: &DriftSettings) -> bool {
    let ((n, m), (before, now)) = (rows(column), missing_shares(column));
    let pooled = (column.missing_reference + column.missing_current) as f64 / (n + m).max(1.0);
    let chance = 1.645 * (pooled * (1.0 - pooled) * (1.0 / n.max(1.0) + 1.0 / m.max(1.0))).sqrt();
    let growth = now - before;
    growth < missing_limit(settings) || growth <= chance
}

fn unseen_share(column: &ColumnDrift) -> f64 {
    column.unseen.n_values as f64 / column.n_current.max(1) as f64
}

/// A category of a share of 3/N is absent from N rows in 5 of 100 cases (rule of three), so that a small reference
/// widens the limit. Against an empty one everything is new, which the column's state says already.
fn unseen_limit(column: &ColumnDrift) -> f64 {
    if column.n_reference == 0 { f64::INFINITY } else { UNEXPECTED_SHARE.max(3.0 / column.n_reference as f64) }
}

fn outside_share(column: &ColumnDrift) -> f64 {
    column.outside as f64 / column.n_current.max(1) as f64
}

/// Even when nothing has changed, some values lie outside of the reference's range: N + M values in random order begin
/// and end with a run of the current ones. The share of both runs exceeds 4.74 · (1/N + 1/M) in 5 of 100 cases, as the
/// sum of two exponentials. `None` where there is nothing to compare.
fn outside_limit(column: &ColumnDrift) -> Option<f64> {
    let (n, m) = (column.n_reference as f64, column.n_current as f64);
    (0.0 < n && 0.0 < m).then(|| UNEXPECTED_SHARE.max(4.74 * (1.0 / n + 1.0 / m)))
}

/// Which columns count, and how many of them drifted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriftCount {
    /// Features that were compared and are not ignored.
    pub n: usize,
    /// Those that drifted materially.
    pub n_drifted: usize,
    /// Their share, 0 to 1.
    pub share: f64,
    /// Failed checks of columns that are not ignored, of every role.
    pub n_failed_checks: usize,
}

/// Counts the features that drifted, and the checks that failed; ignored columns count nowhere.
pub fn drift_count(report: &DriftReport, settings: &DriftSettings) -> DriftCount {
    let features = judged(report, settings).filter(|column| column.role == ColumnRole::Feature);
    let (mut n, mut n_drifted) = (0, 0);
    for column in features {
        n += 1;
        n_drifted += usize::from(drifted(column, settings));
    }
    let failed = judged(report, settings).flat_map(|column| failed(column, settings));
    let n_failed_checks = failed.count() + absent(report, settings).len();
    let share = if n == 0 { 0.0 } else { n_drifted as f64 / n as f64 };
    DriftCount { n, n_drifted, share, n_failed_checks }
}

/// What the comparison comes to.
pub fn drift(report: &DriftReport, settings: &DriftSettings) -> Judgement {
    let counted = drift_count(report, settings);
    let reasons = drift_reasons(report, settings);
    let measured = format!("{} of {} features drifted", counted.n_drifted, counted.n);
    let asked = format!("less than {} of the features drifted, every check holds", share_text(share_limit(settings)));
    let (verdict, reason) = if reasons.is_empty() {
        (Verdict::Pass, format!("{measured}, and every check of quality holds"))
    } else {
        (Verdict::Fail, reasons.join("; "))
    };
    Judgement { asked, measured, verdict, reason }
}

/// Every rule that the comparison breaks, each in words with its columns; none when the verdict passes.
pub fn drift_reasons(report: &DriftReport, settings: &DriftSettings) -> Vec<String> {
    let mut reasons = Vec::new();
    let counted = drift_count(report, settings);
    let most = share_limit(settings);
    if 0 < counted.n_drifted && most <= counted.share {
        reasons.push(format!(
            "{} of {} features drifted, {} where the limit is {}",
            counted.n_drifted,
            counted.n,
            share_text(counted.share),
            share_text(most)
        ));
    }
    let moved = |column: &&ColumnDrift| drifted(column, settings);
    let critical: Vec<&str> = judged(report, settings)
        .filter(moved)
        .filter(|column| settings.is_critical(&column.name))
        .map(|column| column.name.as_str())
        .collect();
    if !critical.is_empty() {
        reasons.push(format!("critical and drifted: {}", names(&critical)));
    }
    for (role, word) in [(ColumnRole::Target, "label"), (ColumnRole::Prediction, "prediction")] {
        for column in judged(report, settings).filter(moved).filter(|column| column.role == role) {
            let psi = column.psi.unwrap_or(f64::NAN);
            reasons.push(format!("the {word} {} drifted (PSI {psi:.2})", column.name));
        }
    }
    let mut checks: Vec<(&str, Vec<&str>)> = Vec::new();
    for column in judged(report, settings) {
        for check in failed(column, settings) {
            match checks.iter_mut().find(|(name, _)| *name == check) {
                Some((_, columns)) => columns.push(&column.name),
                None => checks.push((check, vec![&column.name])),
            }
        }
    }
    reasons.extend(checks.iter().map(|(check, columns)| format!("{} in {}", broken(check), names(columns))));
    let absent = absent(report, settings);
    if !absent.is_empty() {
        reasons.push(format!("not in the current data: {}", names(&absent)));
    }
    reasons
}

/// The order in which columns deserve a look: what fails alone first, then by state and PSI; ignored ones last.
pub fn by_severity(a: &ColumnDrift, b: &ColumnDrift, settings: &DriftSettings) -> Ordering {
    let rank = |column: &ColumnDrift| {
        let failed = failed(column, settings).next().is_some();
        let state = drift_state(column, settings);
        let ignored = settings.is_ignored(&column.name);
        (!ignored, failed || DriftState::Material <= state, state.max(DriftState::Noise))
    };
    let psi = |column: &ColumnDrift| column.psi.unwrap_or(f64::INFINITY);
    rank(b).cmp(&rank(a)).then(psi(b).total_cmp(&psi(a))).then_with(|| a.name.cmp(&b.name))
}

/// The columns that are not ignored.
fn judged<'a>(report: &'a DriftReport, settings: &'a DriftSettings) -> impl Iterator<Item = &'a ColumnDrift> {
    report.columns.iter().filter(|column| !settings.is_ignored(&column.name))
}

/// Features that the current data lacks.
fn absent<'a>(report: &'a DriftReport, settings: &DriftSettings) -> Vec<&'a str> {
    let counts = |name: &&str| !settings.is_ignored(name);
    report.only_in_reference.iter().map(String::as_str).filter(counts).collect()
}

/// A failed check in a sentence.
fn broken(check: &'static str) -> &'static str {
    match check {
        MISSING => "more values missing",
        RANGE => "values outside of the reference's range",
        other => other,
    }
}

fn names(names: &[&str]) -> String {
    let told = names.iter().take(NAMES_TOLD).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

fn examples(unexpected: &Unexpected) -> String {
    let examples: Vec<String> = unexpected.examples.iter().map(|name| format!("“{}”", short(name))).collect();
    let told = examples.iter().map(String::as_str).take(NAMES_TOLD).collect::<Vec<_>>().join(", ");
    match (unexpected.n_distinct as usize).saturating_sub(NAMES_TOLD.min(examples.len())) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// A name that may be a whole document, cut for a sentence.
fn short(name: &str) -> String {
    const LETTERS: usize = 40;
    let mut letters = name.chars();
    let start: String = letters.by_ref().take(LETTERS).collect();
    if letters.next().is_some() { format!("{start}…") } else { start }
}

fn values(n: u64) -> String {
    if n == 1 { "1 value".to_owned() } else { format!("{n} values") }
}

/// A share in per cent: whole from 10 % on, with a digit below.
pub fn share_text(share: f64) -> String {
    format!("{} %", per_hundred(share))
}

/// A difference of shares in points.
fn points(share: f64) -> String {
    let value = per_hundred(share);
    format!("{value} {}", if value == "1" { "point" } else { "points" })
}

fn per_hundred(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 {
        "0".to_owned()
    } else if percent.abs() < 0.05 {
        "under 0.1".to_owned()
    } else if percent.abs() < 9.95 && 0.05 <= (percent - percent.round()).abs() {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    }
}

/// A number with as many digits as tell it apart, and no more than six.
pub fn value_text(value: f64) -> String {
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e7 {
        format!("{value:.0}")
    } else if !(1e-3..1e7).contains(&size) {
        format!("{value:.3e}")
    } else {
        let digits = (4 - size.log10().floor() as i32).clamp(0, 6) as usize;
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    }
}

#[cfg(test)]
mod tests;
