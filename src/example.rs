//! The churn example, carried compressed inside the executable.

use std::path::Path;

use rust_embed::Embed;

use crate::problem::Problem;
use crate::project::ProjectError;
use crate::project::disk::{RealDisk, write_atomic};

/// `projects/churn` without what machines and runs leave behind.
#[derive(Embed)]
#[folder = "projects/churn"]
#[exclude = ".trestle/*"]
#[exclude = "reports/*"]
#[exclude = "*.pyc"]
#[exclude = "*__pycache__*"]
#[exclude = "*.pytest_cache*"]
struct Example;

/// Writes the example into a folder that is empty or does not exist.
pub(crate) fn unpack(root: &Path) -> Result<(), Problem> {
    let occupied = std::fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some()) || root.is_file();
    if occupied {
        return Err(ProjectError::Occupied { root: root.to_owned() }.into());
    }
    // `project.ron` makes the folder a project, so it comes last: a half-written copy is never opened as one.
    let mut names: Vec<_> = Example::iter().collect();
    names.sort_by_key(|name| (name == crate::project::PROJECT_FILE, name.to_string()));
    for name in names {
        let path = root.join(name.as_ref());
        let content = Example::get(&name).map(|file| file.data).unwrap_or_default();
        write_atomic(&RealDisk, &path, &content).map_err(ProjectError::io("Writing the example", &path))?;
    }
    Ok(())
}
