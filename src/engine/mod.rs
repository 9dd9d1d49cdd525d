//! Loading and running models; the only module that names tract.
pub mod tensor;
