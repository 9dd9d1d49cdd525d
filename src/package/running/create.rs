//! What is asked of the engine for a container: the settings, checked, and the same lock-down as in the verification.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, PortBinding};

use super::error::RunError;
use crate::package::container::memory_for;
use crate::package::dockerfile::PORT;
use crate::package::leftovers::OWNER_LABEL;
use crate::project::running::{LONGEST_NAME, RunSettings, WrongSetting, is_plain};

/// Where the request log is inside the container.
const LOG_FOLDER: &str = "/log";

/// What is run, and how.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// The image's reference.
    pub image: String,
    /// The project's name for machines.
    pub slug: String,
    /// The version of the model.
    pub version: String,
    /// Size of the model file, by which memory is limited.
    pub model_bytes: u64,
    /// The folder for the request log, if one is kept.
    pub request_log: Option<PathBuf>,
    /// How it is run.
    pub settings: RunSettings,
}

impl RunPlan {
    /// The name it gets when none was chosen; after the first, `n` is part of it.
    pub(super) fn name(&self, n: usize) -> String {
        let plain = |letter: char| if is_plain(letter) { letter } else { '-' };
        let ending = if n < 2 { String::new() } else { format!("-{n}") };
        let name: String = format!("trestle-{}-{}", self.slug, self.version).chars().map(plain).collect();
        let cut: String = name.chars().take(LONGEST_NAME - ending.len()).collect();
        [cut, ending].concat()
    }

    /// Most memory it may have, in bytes.
    pub(super) fn memory_bytes(&self) -> i64 {
        let chosen = self.settings.memory_mebibytes.map(|mebibytes| i64::try_from(mebibytes << 20).unwrap_or(i64::MAX));
        chosen.unwrap_or_else(|| memory_for(self.model_bytes))
    }

    /// What is wrong with the settings, if anything: told before anything is made.
    pub(super) fn check(&self) -> Result<(), RunError> {
        self.settings.check().map_err(|WrongSetting { field, reason }| RunError::Setting { field, reason })
    }

    /// The body of the request that makes it; `owner` tells which process asked.
    pub(super) fn body(&self, owner: &str) -> ContainerCreateBody {
        let settings = &self.settings;
        let port = settings.port.map(|port| port.to_string()).unwrap_or_default();
        let binding = PortBinding { host_ip: Some(settings.address.to_string()), host_port: Some(port) };
        let mut variables: Vec<String> =
            settings.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if self.request_log.is_some() {
            variables.push(format!("TRESTLE_SERVE_REQUEST_LOG={LOG_FOLDER}"));
        }
        let mounts = self.request_log.as_deref().map(|folder| vec![log_mount(folder)]);
        let memory = self.memory_bytes();
        ContainerCreateBody {
            image: Some(self.image.clone()),
            env: (!variables.is_empty()).then_some(variables),
            labels: Some(HashMap::from([(OWNER_LABEL.to_owned(), owner.to_owned())])),
            host_config: Some(HostConfig {
                readonly_rootfs: Some(true),
                cap_drop: Some(vec!["ALL".to_owned()]),
                security_opt: Some(vec!["no-new-privileges".to_owned()]),
                memory: Some(memory),
                // As much as the memory: no swap, where a server only looks alive.
                memory_swap: Some(memory),
                nano_cpus: settings.cpus.map(|cpus| (cpus * 1e9).round() as i64),
                pids_limit: Some(1_024),
                port_bindings: Some(HashMap::from([(format!("{PORT}/tcp"), Some(vec![binding]))])),
                mounts,
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }
}

fn log_mount(folder: &Path) -> Mount {
    Mount {
        target: Some(LOG_FOLDER.to_owned()),
        source: Some(folder.display().to_string()),
        typ: Some(MountType::BIND),
        ..Mount::default()
    }
}

/// Makes the folder of the request log so that the image's user, who is nobody here, may write to it.
pub(super) fn make_log_folder(folder: &Path) -> Result<(), RunError> {
    let failed = |source| RunError::Folder { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder).map_err(failed)?.permissions().mode() & 0o7777;
        // As for /tmp: anybody may add a file, and only its owner and the folder's take it away.
        if mode & 0o003 != 0o003 {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o1777)).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(settings: RunSettings) -> RunPlan {
        RunPlan {
            image: "churn:1.0.0".to_owned(),
            slug: "churn".to_owned(),
            version: "1.0.0+a".to_owned(),
            model_bytes: 1 << 20,
            request_log: None,
            settings,
        }
    }

    #[test]
    fn without_settings_it_is_locked_down_and_reached_from_this_machine_alone() {
        let body = plan(RunSettings::default()).body("me");
        assert_eq!(body.user, None, "the image's own user");
        assert_eq!(body.env, None);
        assert_eq!(body.labels.unwrap()[OWNER_LABEL], "me");
        let host = body.host_config.unwrap();
        assert_eq!(host.readonly_rootfs, Some(true));
        assert_eq!(host.cap_drop.unwrap(), ["ALL"]);
        assert_eq!(host.security_opt.unwrap(), ["no-new-privileges"]);
        assert_eq!(host.pids_limit, Some(1_024));
        assert_eq!((host.privileged, host.mounts, host.nano_cpus), (None, None, None));
        assert_eq!((host.memory, host.memory_swap), (Some(514 << 20), Some(514 << 20)));
        let binding = host.port_bindings.unwrap()["8080/tcp"].clone().unwrap().remove(0);
        assert_eq!((binding.host_ip.as_deref(), binding.host_port.as_deref()), (Some("127.0.0.1"), Some("")));
    }

    #[test]
    fn each_setting_reaches_the_engine() {
        let settings = RunSettings {
            name: Some("mine".to_owned()),
            address: "0.0.0.0".parse().unwrap(),
            port: Some(9_000),
            memory_mebibytes: Some(128),
            cpus: Some(1.5),
            variables: vec![("TRESTLE_SERVE_MAX_IN_FLIGHT".to_owned(), "8".to_owned())],
            request_log: true,
        };
        let folder = PathBuf::from("/project/.trestle/requests/1.0.0");
        let body = RunPlan { request_log: Some(folder), ..plan(settings) }.body("me");
        assert_eq!(body.env.unwrap(), ["TRESTLE_SERVE_MAX_IN_FLIGHT=8", "TRESTLE_SERVE_REQUEST_LOG=/log"]);
        let host = body.host_config.unwrap();
        assert_eq!((host.memory, host.nano_cpus), (Some(128 << 20), Some(1_500_000_000)));
        let binding = host.port_bindings.unwrap()["8080/tcp"].clone().unwrap().remove(0);
        assert_eq!((binding.host_ip.as_deref(), binding.host_port.as_deref()), (Some("0.0.0.0"), Some("9000")));
        let mount = host.mounts.unwrap().remove(0);
        assert_eq!(mount.source.as_deref(), Some("/project/.trestle/requests/1.0.0"));
        assert_eq!((mount.target.as_deref(), mount.typ), (Some("/log"), Some(MountType::BIND)));
    }

    #[test]
    fn a_name_is_made_of_the_project_and_the_version() {
        let plan = plan(RunSettings::default());
        assert_eq!(plan.name(1), "trestle-churn-1.0.0-a");
        assert_eq!(plan.name(2), "trestle-churn-1.0.0-a-2");
        let long = RunPlan { slug: "x".repeat(100), ..plan };
        assert_eq!(long.name(12).len(), LONGEST_NAME);
        assert!(long.name(12).ends_with("-12"));
    }

    #[test]
    fn what_cannot_be_run_is_told_by_its_field() {
        let error = plan(RunSettings { port: Some(0), ..RunSettings::default() }).check().unwrap_err();
        assert!(error.to_string().starts_with("Port: "), "{error}");
        assert!(plan(RunSettings::default()).check().is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn the_image_s_user_may_write_the_request_log() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("requests/1.0.0");
        make_log_folder(&log).unwrap();
        assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o7777, 0o1777);
        make_log_folder(&log).unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let error = make_log_folder(&folder.path().join("file/below")).unwrap_err();
        assert!(error.to_string().contains("cannot be made"), "{error}");
    }
}
