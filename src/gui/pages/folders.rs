//! The projects that scenes stand on, each made anew below the pictures' folder.

use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// Makes folders for scenes.
pub(super) struct Folders {
    root: PathBuf,
}

impl Folders {
    pub(super) fn new(out: &Path) -> Self {
        Self { root: out.join(".projects") }
    }

    /// A folder that does not exist.
    pub(super) fn absent(&self, name: &str) -> Result<PathBuf, Problem> {
        let folder = self.root.join(name);
        // A second run starts from scratch.
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(failed("Clearing", &folder))?;
        }
        Ok(folder)
    }

    /// A copy of the example.
    pub(super) fn example(&self, name: &str) -> Result<PathBuf, Problem> {
        let folder = self.absent(name)?;
        crate::example::unpack(&folder)?;
        Ok(folder)
    }

    /// A copy of the example with one file written over.
    pub(super) fn example_with(&self, name: &str, file: &str, content: &[u8]) -> Result<PathBuf, Problem> {
        let folder = self.example(name)?;
        let path = folder.join(file);
        std::fs::write(&path, content).map_err(failed("Writing", &path))?;
        Ok(folder)
    }

    /// An empty project.
    pub(super) fn project(&self, name: &str) -> Result<PathBuf, Problem> {
        let folder = self.absent(name)?;
        crate::project::Project::create(&folder, "Leaf doctor")?;
        Ok(folder)
    }

    /// A file beside the projects.
    pub(super) fn file(&self, name: &str, content: &[u8]) -> Result<PathBuf, Problem> {
        let path = self.root.join(name);
        std::fs::create_dir_all(&self.root).map_err(failed("Making", &self.root))?;
        std::fs::write(&path, content).map_err(failed("Writing", &path))?;
        Ok(path)
    }
}

/// A text file of a project.
pub(super) fn text_of(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(failed("Reading", path))
}

pub(super) fn failed(doing: &str, path: &Path) -> impl Fn(std::io::Error) -> Problem {
    let (doing, place) = (doing.to_owned(), path.display().to_string());
    move |error| Problem::new(format!("{doing} failed: {error}"), place.clone(), "")
}
