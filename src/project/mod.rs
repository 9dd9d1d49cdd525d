//! The project: what the user decided and the reports worth keeping, as plain data on disk.
pub mod brief;
pub mod contract;
pub mod documents;
