//! The names of columns: each is there, and each once.

use std::path::Path;

use super::TableError;

/// Names an unnamed column after its position, and refuses a name that is there twice.
pub(super) fn settled(path: &Path, mut names: Vec<String>) -> Result<Vec<String>, TableError> {
    // A row index saved without a name.
    for (column, name) in names.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
        *name = format!("column_{}", column + 1);
    }
    let mut sorted: Vec<(&str, usize)> = names.iter().map(String::as_str).zip(1..).collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let name = pair[0].0.to_owned();
        return Err(TableError::DuplicateColumn { path: path.to_owned(), name, first: pair[0].1, second: pair[1].1 });
    }
    Ok(names)
}
