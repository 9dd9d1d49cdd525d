//! The server: requests against the router without a port, and its life on a real one.

mod access;
mod batching;
mod fixture;
mod folder;
mod hostile;
mod life;
mod limits;
mod mlflow;
mod packing;
mod page;
mod predict;
mod protocol;
mod recorded;
mod tls;
mod versions;
