//! What is written to a file in place of being built: for engines that are elsewhere, and for tools that run images.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::error::PackageError;
use super::reference::Reference;
use super::sizing::Sizing;
use super::{BuildPlan, context, manifests, oci, source};
use crate::command::ExportKind;
use crate::project::disk::temporary_path;

/// Writes the export to `target`, whole or not at all, and gives its size in bytes. No engine is needed.
pub fn export(plan: &BuildPlan, kind: ExportKind, sizing: &Sizing, target: &Path) -> Result<u64, PackageError> {
    let reference = Reference::parse(&plan.tag)?;
    let write = |fill: &dyn Fn(&mut dyn std::io::Write) -> std::io::Result<()>| write_whole(target, fill);
    let text = match kind {
        ExportKind::Context => {
            let archive = context::assemble(plan, "", "")?.archive;
            return write(&|to| archive.write_to(to));
        }
        ExportKind::Image => {
            let archive = oci::archive(plan, context::parts(plan, "", "")?, &reference)?;
            return write(&|to| archive.write_to(to));
        }
        ExportKind::Source => {
            let archive = source::context(plan)?;
            return write(&|to| archive.write_to(to));
        }
        ExportKind::Sbom => {
            let document = context::bill_of_materials(plan)?;
            return write(&|to| to.write_all(&document));
        }
        ExportKind::Compose => manifests::compose(plan, &reference, sizing)?,
        ExportKind::Kubernetes => manifests::kubernetes(plan, &reference, sizing)?,
        ExportKind::Kserve => manifests::kserve(plan, &reference, sizing)?,
    };
    write(&|to| to.write_all(text.as_bytes()))
}

fn write_whole(
    target: &Path,
    fill: &dyn Fn(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<u64, PackageError> {
    let failed = |source| PackageError::Write { path: target.to_owned(), source };
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let temporary = temporary_path(folder);
    let write = || -> io::Result<u64> {
        let mut file = BufWriter::new(File::create_new(&temporary)?);
        fill(&mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        let size_bytes = file.get_ref().metadata()?.len();
        fs::rename(&temporary, target)?;
        Ok(size_bytes)
    };
    write().map_err(|source| {
        // The first error is the one to report.
        drop(fs::remove_file(&temporary));
        failed(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn a_disk_that_gets_full_leaves_the_earlier_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("image.tar");
        fs::write(&target, "earlier").unwrap();
        let full = |to: &mut dyn io::Write| {
            to.write_all(&vec![0; 100_000])?;
            Err(io::ErrorKind::StorageFull.into())
        };
        let problem = Problem::from(write_whole(&target, &full).unwrap_err());
        assert!(problem.what.starts_with("Could not write the file (no storage space"), "{problem}");
        assert!(problem.place.ends_with("image.tar") && problem.fix.contains("room"), "{problem}");
        assert_eq!(fs::read(&target).unwrap(), b"earlier");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(write_whole(&target, &|to| to.write_all(b"later")).unwrap(), 5);
        assert_eq!(fs::read(&target).unwrap(), b"later");
    }
}
