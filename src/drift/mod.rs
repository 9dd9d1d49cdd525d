//! The drift step: how current data differs from the reference.
