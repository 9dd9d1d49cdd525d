//! Drift against the project's settings.

use crate::project::documents::DriftSettings;
use crate::project::reports::{ColumnDrift, DriftReport, Judgement};

/// Whether a column has drifted materially.
pub fn drifted(_column: &ColumnDrift, _settings: &DriftSettings) -> bool {
    false
}

/// What the comparison comes to.
pub fn drift(_report: &DriftReport, _settings: &DriftSettings) -> Judgement {
    Judgement::default()
}
