//! The arguments of `serve`, which every build has.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::serve::ServeSettings;

/// What is served, and how. Flags are stronger than the environment, the environment than the file.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// A project or an ONNX file.
    pub model: PathBuf,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long)]
    pub address: Option<SocketAddr>,
    /// Versions or aliases to load, the first of them by default; `all` for every one. The champion without it.
    #[arg(long = "version", value_name = "VERSION,…", value_delimiter = ',')]
    pub versions: Vec<String>,
    /// Seconds that running requests get to finish after SIGTERM [default: 9].
    #[arg(long)]
    pub drain: Option<f64>,
    /// Threads that one run of the model uses; more help large networks that are asked one at a time [default: 1].
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// A file with settings, `(format: 1, max_in_flight: 64)`; see --set.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting; in the environment its name is `TRESTLE_SERVE_NAME`.
    #[arg(long = "set", value_name = "NAME=VALUE", long_help = set_help())]
    pub settings: Vec<String>,
    /// Keep rows and answers in this folder, as JSON lines.
    #[arg(long, value_name = "DIR")]
    pub request_log: Option<PathBuf>,
    /// Offer HTTPS with the certificate in this PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// The PEM file with its private key.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// What to do when a version does not answer its golden rows as expected.
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub golden: GoldenArg,
    /// Load everything, print the configuration that would be in force, and exit.
    #[arg(long)]
    pub check: bool,
    /// What is logged: error, warn, info, debug, or directives as in `TRESTLE_LOG` [default: info].
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// How the result of --check is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

fn set_help() -> String {
    format!(
        "Any setting, as often as needed; in the environment its name is TRESTLE_SERVE_NAME.\n\nThere are {}.",
        ServeSettings::NAMES.join(", ")
    )
}

/// What to do when a version does not answer its golden rows as expected.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum GoldenArg {
    /// Do not serve it.
    #[default]
    Refuse,
    /// Serve it, and say so in the log.
    Warn,
    /// Do not ask them.
    Skip,
}

/// How results are printed.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct OutputArgs {
    /// Print exactly one JSON object on standard output.
    #[arg(long)]
    pub json: bool,
}

/// Which server is asked, and how it is known.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// The address to ask, such as `http://127.0.0.1:8080/v2/health/ready`.
    pub url: String,
    /// The certificate that a server with TLS must present; on this machine the one it was configured with by
    /// `--config` or `TRESTLE_SERVE_TLS_CERTIFICATE` is found without.
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// The configuration of the server that is asked.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
