//! `serve` and `health`.

use std::path::PathBuf;
use std::process::ExitCode;

use tokio::runtime::Handle;

use super::report::{Report, finish, print_error};
use super::serve_args::{GoldenArg, HealthArgs, ServeArgs};
use crate::engine;
use crate::problem::Problem;
use crate::serve::{self, GoldenAtStart, ServeConfig, ServeError, ServeSettings, ServedModel};

pub(super) fn serve(runtime: &Handle, args: ServeArgs) -> ExitCode {
    if args.check {
        let output = args.output;
        return finish(output, || Ok(check(args).map_err(Problem::from)?));
    }
    let done = prepared(args).and_then(|(models, config)| runtime.block_on(serve::serve(models, config)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => print_error(&Problem::from(error).into(), false),
    }
}

fn prepared(args: ServeArgs) -> Result<(Vec<ServedModel>, ServeConfig), ServeError> {
    let ServeArgs {
        model,
        address,
        versions,
        drain,
        threads,
        config,
        settings,
        request_log,
        tls_certificate,
        tls_key,
        golden,
        ..
    } = args;
    let flags = ServeSettings {
        address,
        versions: (!versions.is_empty()).then_some(versions),
        drain_seconds: drain,
        threads,
        request_log,
        tls_certificate,
        tls_key,
        ..ServeSettings::default()
    };
    let set = ServeSettings::from_assignments(settings.iter().map(String::as_str))?;
    let environment = variables()?;
    let file = config.map_or_else(|| Ok(ServeSettings::default()), |path| ServeSettings::read(&path))?;
    let mut settings = flags.or(set).or(environment).or(file);
    let mut versions = settings.versions.take().unwrap_or_default();
    // What may have to answer is loaded, but never first.
    if let Some(fallback) = &settings.fallback_version {
        if versions.is_empty() {
            versions.push(serve::served_version_name(&model, None)?);
        }
        versions.push(fallback.clone());
    }
    let config = settings.into_config()?;
    engine::set_threads(config.threads)?;
    let at_start = match golden {
        GoldenArg::Refuse => GoldenAtStart::Refuse,
        GoldenArg::Warn => GoldenAtStart::Warn,
        GoldenArg::Skip => GoldenAtStart::Skip,
    };
    Ok((serve::served_versions(&model, &versions, at_start)?, config))
}

fn check(args: ServeArgs) -> Result<Report, ServeError> {
    let (models, config) = prepared(args)?;
    let mut report = Report::new("serve");
    if let Some(first) = models.first() {
        report.set("project", &first.name);
        report.set("version", &first.version);
    }
    let served: Vec<String> = models.iter().map(|model| format!("{} {}", model.name, model.version)).collect();
    serve::check(models, &config)?;
    report.set("served", &served);
    let shown = config.shown();
    report.say(format!("Can be served: {}", served.join(", ")));
    for (name, value) in shown.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        report.say(format!("  {name}: {value}"));
    }
    report.set("configuration", shown);
    Ok(report)
}

pub(super) fn health(runtime: &Handle, args: HealthArgs) -> ExitCode {
    let HealthArgs { url, tls_certificate, config } = args;
    let asked = certificate(&url, tls_certificate, config).and_then(|certificate| {
        let answered = runtime.block_on(serve::health_over(&url, certificate.as_deref()));
        answered.map_err(|reason| Problem::new(format!("The server is not ready: {reason}"), &url, ""))
    });
    match asked {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Its own code says that it could not be done; here there are only yes and no.
            print_error(&problem.into(), false);
            ExitCode::FAILURE
        }
    }
}

/// The certificate that the server must present: as given, else that of this machine's server by its configuration.
fn certificate(url: &str, given: Option<PathBuf>, config: Option<PathBuf>) -> Result<Option<PathBuf>, Problem> {
    if given.is_some() || !serve::is_loopback(url) {
        return Ok(given);
    }
    let file = config.map_or_else(|| Ok(ServeSettings::default()), |path| ServeSettings::read(&path))?;
    Ok(variables()?.or(file).tls_certificate)
}

/// The settings of the environment; a name or value that is no Unicode is none of ours.
fn variables() -> Result<ServeSettings, ServeError> {
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    ServeSettings::from_environment(variables)
}
