//! The executable of the smallest image: it serves a model, and tells whether a server is ready.

use std::process::ExitCode;

use clap::Parser as _;
use trestle::cli::small::{self, SmallCli};
use trestle::{cli, identity};

fn main() -> ExitCode {
    identity::keep();
    let arguments = SmallCli::parse();
    if let Err(code) = cli::start_log(arguments.command.serve()) {
        return code;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("network").build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    let code = small::run(arguments.command, runtime.handle());
    // A model that never returns must not keep the process.
    runtime.shutdown_background();
    code
}
