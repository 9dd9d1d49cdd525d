//! The evaluation step: how a version answers rows whose true answer is known.
