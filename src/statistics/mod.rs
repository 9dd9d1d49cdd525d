//! Statistics shared by steps: distributions, two-sample tests, intervals, latency histograms. Pure functions.
