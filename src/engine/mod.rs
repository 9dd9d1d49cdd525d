//! Loading and running models; the only module that names tract.
mod convert;
mod error;
mod file;
mod guard;
mod inspect;
mod magic;
mod model;
mod operators;
mod proto;
mod registry;
mod rewrite;
pub mod tensor;

pub use error::EngineError;
pub use inspect::inspect;
pub use model::Model;
