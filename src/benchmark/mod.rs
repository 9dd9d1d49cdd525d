//! The benchmark step: how fast a version answers, measured in the worker.
