//! The remaining documents of a project, as they stand on disk.
//!
//! Each is one RON file beginning with `format: N`; the number is handled by `store`, not by these types.

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::contract::{ClassLabel, Inspection};
use super::reports::ColumnKind;

/// `project.ron`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectConfig {
    /// Name for people.
    pub name: String,
    /// Name for machines: lower-case letters, digits and hyphens; the model's name on the server and the image's.
    pub slug: String,
    /// One sentence.
    pub description: String,
    /// The model's own code, relative to the project folder.
    pub code: String,
    /// The project's own commands.
    pub commands: Commands,
    /// Its data files.
    pub data: DataFiles,
    /// How drift is judged.
    pub drift: DriftSettings,
}

/// How drift is judged, and what the columns are taken for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriftSettings {
    /// Share of drifted columns from which the data as a whole has drifted.
    pub share: f64,
    /// PSI from which a column has drifted materially.
    pub psi: f64,
    /// Growth of the share of missing values from which a quality check fails.
    pub missing: f64,
    /// Columns that are not taken as guessed.
    pub columns: Vec<ColumnSettings>,
}

impl Default for DriftSettings {
    fn default() -> Self {
        Self { share: 0.5, psi: 0.1, missing: 0.05, columns: Vec::new() }
    }
}

impl DriftSettings {
    /// What is decided about the column of that name; the defaults when nothing is.
    pub fn column(&self, name: &str) -> ColumnSettings {
        let decided = self.columns.iter().find(|column| column.name == name).cloned();
        decided.unwrap_or_else(|| ColumnSettings { name: name.to_owned(), ..ColumnSettings::default() })
    }

    /// Whether a column is left out.
    pub fn is_ignored(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.ignored && column.name == name)
    }

    /// Whether a column's drift alone fails the verdict.
    pub fn is_critical(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.critical && column.name == name)
    }

    /// Decides about a column; what is as without a decision is not kept.
    pub fn decide(&mut self, settings: ColumnSettings) {
        self.columns.retain(|column| column.name != settings.name);
        if settings != (ColumnSettings { name: settings.name.clone(), ..ColumnSettings::default() }) {
            self.columns.push(settings);
            self.columns.sort_by(|a, b| a.name.cmp(&b.name));
        }
    }
}

/// What is decided about one column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColumnSettings {
    /// Its name.
    pub name: String,
    /// What it is taken for; `None` is as guessed.
    pub kind: Option<ColumnKind>,
    /// Whether its drift alone fails the verdict.
    pub critical: bool,
    /// Whether it is left out.
    pub ignored: bool,
}

/// The commands of the model's own code; an empty one is not declared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Commands {
    /// Static checks.
    pub lint: String,
    /// Format check.
    pub format: String,
    /// Unit tests.
    pub unit_tests: String,
    /// Integration tests.
    pub integration_tests: String,
    /// Training.
    pub train: String,
}

/// Where the project's data is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataFiles {
    /// What the model was trained to expect.
    pub reference: Option<DataFile>,
    /// What it sees now.
    pub current: Option<DataFile>,
    /// Held-out rows with the true answer.
    pub labelled: Option<DataFile>,
}

/// One data file and the meaning of its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataFile {
    /// Path relative to the project folder.
    pub path: String,
    /// Column with the true answer.
    pub target: Option<String>,
    /// Column with a model's answer.
    pub prediction: Option<String>,
    /// Column with the time of a row.
    pub time: Option<String>,
    /// Column that names a row.
    pub id: Option<String>,
}

/// `features.ron`: what each named feature is and where it goes in the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeatureContract {
    /// The features in the order of forms and tables.
    pub features: Vec<Feature>,
}

/// Type of a feature's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeatureType {
    /// A real number.
    #[default]
    Number,
    /// A whole number.
    Integer,
    /// Text, usually one of a few categories.
    Text,
    /// True or false.
    Bool,
}

/// One named feature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Feature {
    /// Its name in requests and data files.
    pub name: String,
    /// Its type.
    pub kind: FeatureType,
    /// Smallest and largest value seen in the reference data; NaN-free.
    pub range: Option<(f64, f64)>,
    /// Values seen in the reference data, most frequent first, when there are few.
    pub categories: Vec<String>,
    /// The category that stands for a missing text; `None` refuses a missing one.
    pub missing: Option<String>,
    /// Whether the value may be missing at all.
    pub nullable: bool,
    /// The model input it goes to.
    pub input: String,
    /// The column of that input; `None` when the input is this feature alone.
    pub column: Option<usize>,
}

/// `models/<version>/version.ron`: one registered version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRecord {
    /// Semantic version.
    pub version: Version,
    /// When it was registered.
    pub registered: Timestamp,
    /// Why, in words.
    pub why: String,
    /// Which part of the version was raised over `previous` and the reason; empty for the first.
    pub bump_reason: String,
    /// The version it was compared with.
    pub previous: Option<Version>,
    /// What was read from the file.
    pub model: Inspection,
    /// Hashes of what the version stands on at registration.
    pub evidence: Evidence,
}

/// Content hashes that evidence is keyed to, each SHA-256 in lower-case hexadecimal; empty when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The code tree.
    pub code: String,
    /// The model file.
    pub model: String,
    /// The reference data.
    pub data: String,
    /// The current data.
    pub current: String,
    /// The labelled data.
    pub labelled: String,
    /// The feature contract.
    pub features: String,
    /// The brief.
    pub brief: String,
    /// The image's id.
    pub image: String,
    /// The commit, recorded and not compared; empty outside a repository.
    pub commit: String,
}

/// `models/<version>/golden.ron`: rows with known answers, asked wherever the model runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GoldenRows {
    /// Where the expected answers come from: `this model, run locally` or a file name.
    pub source: String,
    /// Feature names, in the order of each row.
    pub features: Vec<String>,
    /// The rows.
    pub rows: Vec<GoldenRow>,
    /// Largest difference in a score that still agrees.
    pub tolerance: f64,
}

/// One golden row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GoldenRow {
    /// Values in the order of [`GoldenRows::features`].
    pub values: Vec<Value>,
    /// Expected label, for classifiers.
    pub label: Option<ClassLabel>,
    /// Expected scores: class probabilities in class order, or the one number of a regressor.
    pub scores: Vec<f64>,
}

/// A feature's value in a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Nothing was given.
    #[default]
    Missing,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
}

/// `models/registry.ron`: names for versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Registry {
    /// Alias and version, sorted by alias.
    pub aliases: Vec<(String, Version)>,
}

impl Registry {
    /// The version an alias stands for.
    pub fn resolve(&self, alias: &str) -> Option<&Version> {
        self.aliases.iter().find(|(name, _)| name == alias).map(|(_, version)| version)
    }

    /// Lets `alias` stand for `version`.
    pub fn point(&mut self, alias: &str, version: Version) {
        self.aliases.retain(|(name, _)| name != alias);
        self.aliases.push((alias.to_owned(), version));
        self.aliases.sort();
    }
}

/// One line of `ledger.ron`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRecord {
    /// Format of the line.
    pub format: u32,
    /// Unique within the ledger.
    pub id: String,
    /// When, in UTC.
    pub time: Timestamp,
    /// Who did it.
    pub who: String,
    /// What was done: `register 1.0.0`, `alias champion 1.0.0`, `build churn:1.0.0`.
    pub what: String,
    /// Why.
    pub why: String,
}
