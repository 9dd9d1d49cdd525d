//! What is served: a model under a name and a version, with its feature mapping and the brief's reading of its answer.

use std::path::Path;

use crate::engine;
use crate::engine::tensor::Tensor;
use crate::features::{self, FeatureError, Mapping, output_for};
use crate::problem::Problem;
use crate::project::brief::OutputSpec;
use crate::project::contract::ModelContract;
use crate::project::documents::{FeatureContract, GoldenRows};
use crate::project::evidence::file_sha256;
use crate::project::{DocumentKind, DocumentState, ModelVersion, Project, ProjectError};

use super::ServeError;

/// Version of a model file outside a project.
const BARE_VERSION: &str = "1";

/// Whatever answers tensors with tensors.
pub trait Infer: Send + Sync {
    /// Inputs and outputs.
    fn contract(&self) -> &ModelContract;

    /// Answers inputs, given by name in any order, with the outputs in graph order; the error is for a log.
    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String>;
}

impl Infer for engine::Model {
    fn contract(&self) -> &ModelContract {
        &self.inspection().contract
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
        Self::run(self, inputs).map_err(|error| error.to_string())
    }
}

/// A loaded model with everything that is needed to serve it.
pub struct ServedModel {
    /// Name in addresses: the project's slug or the file's stem.
    pub name: String,
    /// Version in addresses.
    pub version: String,
    /// Other names of the version in addresses.
    pub aliases: Vec<String>,
    /// The model.
    pub model: Box<dyn Infer>,
    /// How named features become tensors; `None` when the model has no features a person could name.
    pub mapping: Option<Mapping>,
    /// How its answer is read.
    pub output: OutputSpec,
    /// One sentence for people.
    pub description: String,
}

impl std::fmt::Debug for ServedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServedModel").field("name", &self.name).field("version", &self.version).finish_non_exhaustive()
    }
}

impl ServedModel {
    /// Loads the model at `path`.
    ///
    /// `output` is the brief's reading of the answer; without one, what the outputs suggest.
    /// Without features, one is made for each column of its inputs; a model that no such feature fits, an image
    /// network for instance, is served without `/predict`.
    pub fn load(
        name: impl Into<String>,
        version: impl Into<String>,
        path: &Path,
        features: Option<&FeatureContract>,
        output: Option<&OutputSpec>,
        description: impl Into<String>,
    ) -> Result<Self, ServeError> {
        let model = engine::Model::load(path)?;
        let contract = &model.inspection().contract;
        let output = output_for(contract, output);
        check_positive_class(contract, &output)
            .map_err(|source| ServeError::Features { path: path.to_owned(), source })?;
        let mapping = match features {
            Some(features) => Some(
                Mapping::new(features, contract)
                    .map_err(|source| ServeError::Features { path: path.to_owned(), source })?,
            ),
            None => Mapping::new(&features::contract_from_model(contract), contract).ok(),
        };
        Ok(Self {
            name: name.into(),
            version: version.into(),
            aliases: Vec::new(),
            model: Box::new(model),
            mapping,
            output,
            description: description.into(),
        })
    }
}

/// A brief that asks for a class the model does not have would be an error of every answer.
fn check_positive_class(contract: &ModelContract, output: &OutputSpec) -> Result<(), FeatureError> {
    let Some(wanted) = output.positive_class.as_ref().map(ToString::to_string) else { return Ok(()) };
    let mut with_classes = contract.outputs.iter().filter(|spec| !spec.classes.is_empty()).peekable();
    if with_classes.peek().is_none()
        || with_classes.clone().any(|spec| spec.classes.iter().any(|class| class.to_string() == wanted))
    {
        return Ok(());
    }
    let known = with_classes.flat_map(|spec| spec.classes.iter().map(ToString::to_string)).collect();
    Err(FeatureError::UnknownClass { wanted, known })
}

/// Stands for every version of a project.
const ALL_VERSIONS: &str = "all";

/// Loads what `path` holds: a project folder, an image's `/model` folder (the same layout), or an `.onnx` file.
///
/// `version` is a version or an alias; without one it is the champion, else the highest.
///
/// A version that does not answer its golden rows as expected is not served.
pub fn served_folder(path: &Path, version: Option<&str>) -> Result<ServedModel, ServeError> {
    if path.is_file() {
        return served_file(path, version);
    }
    let project = open(path)?;
    let chosen = project.select(version).map_err(|source| in_project(path, source))?;
    served_version(&project, chosen, GoldenAtStart::Refuse)
}

/// What is done about a version that does not answer its golden rows as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoldenAtStart {
    /// It is not served.
    Refuse,
    /// It is served, and the log says so.
    Warn,
    /// They are not asked.
    Skip,
}

/// The number of a version of what `path` holds, without loading it.
pub fn served_version_name(path: &Path, version: Option<&str>) -> Result<String, ServeError> {
    if path.is_file() {
        return Ok(BARE_VERSION.to_owned());
    }
    let project = open(path)?;
    let chosen = project.select(version).map_err(|source| in_project(path, source))?;
    Ok(chosen.record.version.to_string())
}

/// Loads several versions of what `path` holds, each by its number or an alias; the first is asked by default.
///
/// `all` stands for every version, from the champion, else the highest, down. None is the champion alone.
pub fn served_versions(
    path: &Path,
    versions: &[String],
    at_start: GoldenAtStart,
) -> Result<Vec<ServedModel>, ServeError> {
    if path.is_file() {
        let version = versions.first().filter(|version| *version != ALL_VERSIONS);
        return Ok(vec![served_file(path, version.map(String::as_str))?]);
    }
    let project = open(path)?;
    let select = |version| project.select(version).map_err(|source| in_project(path, source));
    let mut wanted: Vec<&ModelVersion> = Vec::new();
    if versions.is_empty() {
        wanted.push(select(None)?);
    }
    for version in versions {
        if version == ALL_VERSIONS {
            wanted.push(select(None)?);
            wanted.extend(project.versions().iter().rev());
        } else {
            wanted.push(select(Some(version))?);
        }
    }
    let mut chosen: Vec<&ModelVersion> = Vec::new();
    for version in wanted {
        if !chosen.iter().any(|known| known.record.version == version.record.version) {
            chosen.push(version);
        }
    }
    chosen.into_iter().map(|version| served_version(&project, version, at_start)).collect()
}

fn in_project(root: &Path, source: ProjectError) -> ServeError {
    ServeError::Project { root: root.to_owned(), source }
}

fn open(path: &Path) -> Result<Project, ServeError> {
    if !path.exists() {
        return Err(ServeError::Missing { path: path.to_owned() });
    }
    let project = Project::open(path).map_err(|source| in_project(path, source))?;
    for kind in DocumentKind::ALL {
        // Defaults in place of an unreadable document would be answers of another project.
        if let DocumentState::Protected { problem } = project.state(kind) {
            return Err(ServeError::Document { problem: problem.clone() });
        }
    }
    Ok(project)
}

fn served_version(
    project: &Project,
    chosen: &ModelVersion,
    at_start: GoldenAtStart,
) -> Result<ServedModel, ServeError> {
    let model = chosen.model_path();
    let found = file_sha256(&model).map_err(|source| {
        in_project(project.root(), ProjectError::Io { action: "Reading", path: model.clone(), source })
    })?;
    if found != chosen.record.model.sha256 {
        let problem = Problem::new(
            "The model file is not the one that was registered",
            model.display().to_string(),
            "Restore it from version control, or add the changed file as a new version.",
        );
        return Err(ServeError::Document { problem });
    }
    let documents = &project.documents;
    let features = (!documents.features.features.is_empty()).then_some(&*documents.features);
    let description =
        if documents.config.description.is_empty() { project.name() } else { documents.config.description.clone() };
    let mut served = ServedModel::load(
        project.slug(),
        chosen.record.version.to_string(),
        &model,
        features,
        documents.brief.output.value.as_ref(),
        description,
    )?;
    let aliases = project.registry().aliases.iter().filter(|(_, version)| *version == chosen.record.version);
    served.aliases = aliases.map(|(alias, _)| alias.clone()).collect();
    let golden = chosen.golden.as_ref().filter(|golden| !golden.rows.is_empty());
    if let (Some(golden), true) = (golden, at_start != GoldenAtStart::Skip) {
        ask_golden(&served, golden, &chosen.folder.join("golden.ron"), at_start)?;
    }
    Ok(served)
}

fn ask_golden(
    served: &ServedModel,
    golden: &GoldenRows,
    path: &Path,
    at_start: GoldenAtStart,
) -> Result<(), ServeError> {
    let Some(mapping) = &served.mapping else { return Ok(()) };
    let reason = match super::golden::ask(served.model.as_ref(), mapping, &served.output, golden) {
        Ok(None) => return Ok(()),
        Ok(Some(comparison)) if comparison.passed() => {
            tracing::info!(rows = comparison.n, "the golden rows agree");
            return Ok(());
        }
        Ok(Some(comparison)) => {
            let (n_agree, n) = (comparison.n_agree, comparison.n);
            let first = comparison.first_difference.unwrap_or_default();
            format!("{n_agree} of {n} agree; {first}")
        }
        Err(reason) => reason,
    };
    if at_start == GoldenAtStart::Warn {
        tracing::warn!(reason, "the golden rows are not answered as expected");
        return Ok(());
    }
    Err(ServeError::Golden { path: path.to_owned(), reason })
}

fn served_file(path: &Path, version: Option<&str>) -> Result<ServedModel, ServeError> {
    if let Some(version) = version.filter(|version| *version != BARE_VERSION) {
        return Err(ServeError::NoVersions { path: path.to_owned(), version: version.to_owned() });
    }
    let name = path.file_stem().map_or_else(|| "model".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let description = format!("The model file {name}, outside a project");
    ServedModel::load(name, BARE_VERSION, path, None, None, description)
}
