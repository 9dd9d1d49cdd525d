//! Containers of images that Trestle built: how one is asked for, and what is seen of those there are.
//!
//! None of it is kept on disk: the engine knows what runs, and is asked.

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use serde::Serialize;

/// Least and most memory that can be asked for, in MiB: the server alone fits the least.
pub const MEMORY_MEBIBYTES: std::ops::RangeInclusive<u64> = 32..=1 << 24;

/// How a container is run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSettings {
    /// Its name; `None` makes one of the project and the version that is free.
    pub name: Option<String>,
    /// The address of this machine that the port is bound to.
    pub address: IpAddr,
    /// The port there; `None` takes one that is free.
    pub port: Option<u16>,
    /// Most memory in MiB, without swap; `None` goes by the model's size.
    pub memory_mebibytes: Option<u64>,
    /// Processors that it may use, such as 0.5; `None` sets no limit.
    pub cpus: Option<f64>,
    /// Variables of its environment; the server reads `TRESTLE_SERVE_*`.
    pub variables: Vec<(String, String)>,
    /// Whether rows and answers are kept in the project, under `.trestle/requests/<version>/`.
    pub request_log: bool,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            name: None,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: None,
            memory_mebibytes: None,
            cpus: None,
            variables: Vec::new(),
            request_log: false,
        }
    }
}

/// Longest name of a container; engines take more, and rows do not.
pub const LONGEST_NAME: usize = 63;

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSetting {
    /// What it is called in the form.
    pub field: &'static str,
    /// Why it cannot be used.
    pub reason: String,
}

impl RunSettings {
    /// The first setting that cannot be used, if any.
    pub fn check(&self) -> Result<(), WrongSetting> {
        let wrong = |field: &'static str, reason: String| Err(WrongSetting { field, reason });
        if let Some(name) = &self.name {
            let begins = name.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
            if !begins || !name.chars().all(is_plain) || LONGEST_NAME < name.len() || name.len() < 2 {
                return wrong("Name", format!("`{name}` is not 2 to {LONGEST_NAME} letters, digits and . _ -"));
            }
        }
        if self.port == Some(0) {
            return wrong("Port", "ports go from 1 to 65535; leave it out to get a free one".to_owned());
        }
        if let Some(mebibytes) = self.memory_mebibytes
            && !MEMORY_MEBIBYTES.contains(&mebibytes)
        {
            let (least, most) = (MEMORY_MEBIBYTES.start(), MEMORY_MEBIBYTES.end());
            return wrong("Memory", format!("{mebibytes} MiB is not between {least} and {most}"));
        }
        if let Some(cpus) = self.cpus
            && !(0.01..=1024.0).contains(&cpus)
        {
            return wrong("CPUs", format!("{cpus} is not between 0.01 and 1024"));
        }
        for (index, (name, value)) in self.variables.iter().enumerate() {
            if let Err(reason) = check_variable(name, value) {
                return wrong("Environment", reason);
            }
            if self.variables[..index].iter().any(|(before, _)| before == name) {
                return wrong("Environment", format!("{name} is there twice"));
            }
        }
        Ok(())
    }
}

/// Whether a letter may stand in a container's name.
pub fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_.-".contains(letter)
}

/// Why a variable cannot be set in the container, if so.
pub fn check_variable(name: &str, value: &str) -> Result<(), String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let first_is_digit = name.chars().next().is_some_and(|first| first.is_ascii_digit());
    if name.is_empty() || first_is_digit || !name.chars().all(plain) {
        return Err(format!("`{name}` is no name: letters, digits and _ are, and no digit first"));
    }
    if value.contains('\0') {
        return Err(format!("the value of {name} has a zero byte"));
    }
    match name {
        "TRESTLE_SERVE_ADDRESS" => Err(format!("{name} is fixed inside the container: choose the port instead")),
        "TRESTLE_SERVE_REQUEST_LOG" => Err(format!("{name} is set by the switch for the request log")),
        _ if name.starts_with("LD_") => Err(format!("{name} would change what the executable loads")),
        _ => Ok(()),
    }
}

/// What is done with a container that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerAction {
    /// Start it again, and wait until it is ready.
    Start,
    /// Ask it to stop, and let it finish what it answers.
    Stop,
    /// Stop and start.
    Restart,
    /// Take it away; it must have stopped.
    Remove,
}

impl ContainerAction {
    /// What is being done, for a job's name.
    pub fn doing(self) -> &'static str {
        match self {
            Self::Start => "Starting",
            Self::Stop => "Stopping",
            Self::Restart => "Restarting",
            Self::Remove => "Removing",
        }
    }
}

/// Who made a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Maker {
    /// Trestle, to run an image.
    Run,
    /// Trestle, to verify an image that is being built.
    Build,
    /// A swarm, for a task of a service; it starts another one for each that is stopped.
    Swarm,
    /// Somebody else, from an image of Trestle's.
    Other,
}

impl Maker {
    /// Whose it is; empty for an ordinary run.
    pub fn words(self) -> &'static str {
        match self {
            Self::Run => "",
            Self::Build => "of a build",
            Self::Swarm => "a task of the swarm",
            Self::Other => "not started by Trestle",
        }
    }
}

/// Where a container is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Made and never started.
    Created,
    /// It runs.
    Running,
    /// It is held.
    Paused,
    /// The engine starts it again.
    Restarting,
    /// It ended.
    Exited,
    /// It is being removed, or cannot be.
    Removing,
}

/// What the image's own check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// There was no result yet.
    Starting,
    /// The server is ready.
    Healthy,
    /// It is not, again and again.
    Unhealthy,
}

/// A container as its engine describes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContainerInfo {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who made it.
    pub maker: Maker,
    /// Whether its maker is gone and nobody will take it away.
    pub orphan: bool,
    /// The image's reference, or its identity when it has none.
    pub image: String,
    /// The project's name for machines.
    pub project: String,
    /// The version of the model.
    pub version: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// What the image's own check says; `None` when it does not run or there is none.
    pub health: Option<Health>,
    /// How it ended.
    pub exit_code: Option<i64>,
    /// Whether it was ended because it wanted more memory than it may have.
    pub out_of_memory: bool,
    /// Where its port is published, as `host:port`.
    pub addresses: Vec<String>,
    /// When it was started last.
    pub started: Option<Timestamp>,
    /// When it ended last.
    pub finished: Option<Timestamp>,
    /// Most memory it may have, in bytes.
    pub memory_limit_bytes: Option<u64>,
    /// Processors it may use.
    pub cpu_limit: Option<f64>,
}

impl ContainerInfo {
    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Paused | Phase::Restarting)
    }

    /// The page on which the server describes itself, while it can be reached.
    pub fn docs_url(&self) -> Option<String> {
        let address = self.addresses.first().filter(|_| self.phase == Phase::Running)?;
        Some(format!("http://{address}/docs"))
    }

    /// How it stands, in a few words.
    pub fn words(&self) -> String {
        match (self.phase, self.health, self.exit_code) {
            (Phase::Created, ..) => "never started".to_owned(),
            (Phase::Running, Some(Health::Starting), _) => "starting".to_owned(),
            (Phase::Running, Some(Health::Unhealthy), _) => "not healthy".to_owned(),
            (Phase::Running, Some(Health::Healthy), _) => "healthy".to_owned(),
            (Phase::Running, None, _) => "running".to_owned(),
            (Phase::Paused, ..) => "paused".to_owned(),
            (Phase::Restarting, ..) => "restarting".to_owned(),
            (Phase::Exited, ..) if self.out_of_memory => "out of memory".to_owned(),
            (Phase::Exited, _, Some(0)) => "stopped".to_owned(),
            (Phase::Exited, _, Some(code)) => format!("ended with {code}"),
            (Phase::Exited, _, None) => "ended".to_owned(),
            (Phase::Removing, ..) => "being removed".to_owned(),
        }
    }
}

/// What a container uses, over the time since the measurement before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Usage {
    /// When it was measured, by the engine's clock.
    pub at: Timestamp,
    /// Processor time in percent of one processor; `None` for the first measurement.
    pub cpu_percent: Option<f64>,
    /// Memory without what the kernel would give back at once.
    pub memory_bytes: u64,
    /// Most memory it may have; that of the machine when there is no limit.
    pub memory_limit_bytes: u64,
    /// Bytes received a second; `None` for the first measurement.
    pub received_per_second: Option<f64>,
    /// Bytes sent a second; `None` for the first measurement.
    pub sent_per_second: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A container that runs and says nothing else.
    fn container() -> ContainerInfo {
        ContainerInfo {
            id: "1".to_owned(),
            name: "trestle-churn-1.0.0".to_owned(),
            maker: Maker::Run,
            orphan: false,
            image: "churn:1.0.0".to_owned(),
            project: "churn".to_owned(),
            version: "1.0.0".to_owned(),
            phase: Phase::Running,
            health: None,
            exit_code: None,
            out_of_memory: false,
            addresses: vec!["127.0.0.1:49153".to_owned()],
            started: None,
            finished: None,
            memory_limit_bytes: None,
            cpu_limit: None,
        }
    }

    #[test]
    fn how_a_container_ended_is_told_in_words() {
        #[track_caller]
        fn check(exit_code: Option<i64>, out_of_memory: bool, words: &str) {
            let ended = ContainerInfo { phase: Phase::Exited, exit_code, out_of_memory, ..container() };
            assert_eq!(ended.words(), words);
            assert_eq!(ended.docs_url(), None, "nothing answers there");
        }
        check(Some(0), false, "stopped");
        check(Some(2), false, "ended with 2");
        check(Some(137), true, "out of memory");
        check(None, false, "ended");
    }

    #[test]
    fn a_running_container_is_reached_at_its_published_port() {
        assert_eq!(container().docs_url().as_deref(), Some("http://127.0.0.1:49153/docs"));
        assert_eq!(ContainerInfo { addresses: Vec::new(), ..container() }.docs_url(), None);
        assert_eq!(ContainerInfo { health: Some(Health::Healthy), ..container() }.words(), "healthy");
    }

    #[test]
    fn what_cannot_be_run_is_told_before_anything_is_made() {
        #[track_caller]
        fn check(settings: RunSettings, says: &str) {
            let WrongSetting { field, reason } = settings.check().unwrap_err();
            assert!(format!("{field}: {reason}").contains(says), "{field}: {reason}");
        }
        let none = RunSettings::default();
        let variable = |name: &str, value: &str| RunSettings {
            variables: vec![(name.to_owned(), value.to_owned())],
            ..RunSettings::default()
        };
        assert!(none.check().is_ok());
        assert!(variable("TRESTLE_SERVE_THREADS", "2").check().is_ok());
        assert!(variable("empty_is_fine", "").check().is_ok());
        check(RunSettings { name: Some("-x".to_owned()), ..none.clone() }, "Name");
        check(RunSettings { name: Some("a b".to_owned()), ..none.clone() }, "Name");
        check(RunSettings { port: Some(0), ..none.clone() }, "Port");
        check(RunSettings { memory_mebibytes: Some(4), ..none.clone() }, "not between 32 and");
        check(RunSettings { memory_mebibytes: Some(u64::MAX), ..none.clone() }, "Memory");
        check(RunSettings { cpus: Some(0.0), ..none.clone() }, "CPUs");
        check(RunSettings { cpus: Some(f64::NAN), ..none }, "CPUs");
        check(variable("", "x"), "is no name");
        check(variable("1A", "x"), "is no name");
        check(variable("A=B", "x"), "is no name");
        check(variable("A", "x\0y"), "zero byte");
        check(variable("TRESTLE_SERVE_ADDRESS", "x"), "choose the port");
        check(variable("TRESTLE_SERVE_REQUEST_LOG", "x"), "switch");
        check(variable("LD_PRELOAD", "x"), "loads");
        let twice = vec![("A".to_owned(), "1".to_owned()), ("A".to_owned(), "2".to_owned())];
        check(RunSettings { variables: twice, ..RunSettings::default() }, "twice");
    }
}
