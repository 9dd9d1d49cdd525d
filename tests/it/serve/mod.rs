//! The server: requests against the router without a port, and its life on a real one.

mod fixture;
mod folder;
mod life;
mod limits;
mod page;
mod predict;
mod protocol;
