//! The model step: examine a file, propose its version, try a row, ask the golden rows.
//!
//! A user's model runs only in the worker; the functions here block and belong in a job.

mod bump;
mod examine;
mod golden;
mod import;

pub use bump::{Proposal, contract_change, propose};
pub use examine::{Examination, ExamineRequest, Previous, ReferenceData, examine, reference_table};
pub use golden::{GoldenCheck, check_golden, made_golden};
pub use import::{FRAMEWORK_TOLERANCE, Imported, import_golden};
