//! How the image is to be run: what is typed, until it is settings, and the same as a command of Docker's.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use egui::Ui;

use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::widgets::{
    Button, Field, Icon, Tone, check, code_block, columns, icon_button, notice, quiet_button, row, secondary_button,
    verdict_line,
};
use crate::project::running::{RunSettings, WrongSetting};

/// Port of the server inside the container.
const SERVER_PORT: u16 = 8080;

/// What was typed.
#[derive(Clone, Debug, Default)]
pub(super) struct RunForm {
    port: String,
    memory: String,
    cpus: String,
    open_to_all: bool,
    request_log: bool,
    variables: Vec<(String, String)>,
    command_shown: bool,
}

impl RunForm {
    /// The settings that were typed, or the first thing that is none.
    pub(super) fn settings(&self) -> Result<RunSettings, WrongSetting> {
        fn number<T: std::str::FromStr>(typed: &str, field: &'static str) -> Result<Option<T>, WrongSetting> {
            let typed = typed.trim().replace(',', ".");
            if typed.is_empty() {
                return Ok(None);
            }
            let reason = if field == "CPUs" { "a number such as 0.5" } else { "a whole number" };
            typed.parse().map(Some).map_err(|_no_number| WrongSetting { field, reason: reason.to_owned() })
        }
        let everywhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let used = |(name, value): &(String, String)| !name.trim().is_empty() || !value.is_empty();
        let settings = RunSettings {
            name: None,
            address: if self.open_to_all { everywhere } else { IpAddr::V4(Ipv4Addr::LOCALHOST) },
            // One that is too large is as wrong as none at all.
            port: number::<u32>(&self.port, "Port")?.map(|port| u16::try_from(port).unwrap_or(0)),
            memory_mebibytes: number(&self.memory, "Memory")?,
            cpus: number(&self.cpus, "CPUs")?,
            variables: self.variables.iter().filter(|pair| used(pair)).cloned().collect(),
            request_log: self.request_log,
        };
        settings.check()?;
        Ok(settings)
    }

    /// Shows the form; gives the settings when it is to be run.
    pub(super) fn ui(&mut self, ui: &mut Ui, image: &str, may_run: bool) -> Option<RunSettings> {
        let settings = self.settings();
        let wrong = settings.as_ref().err();
        let problem = |field: &str| wrong.filter(|wrong| wrong.field == field).map(|wrong| wrong.reason.as_str());
        columns(ui, &[1.0, 1.0, 1.0], |ui, column| {
            let (label, typed, field, placeholder) = match column {
                0 => ("Port", &mut self.port, "Port", "any free one"),
                1 => ("Memory, MiB", &mut self.memory, "Memory", "by the model's size"),
                _ => ("CPUs", &mut self.cpus, "CPUs", "no limit"),
            };
            Field::new(label, typed).placeholder(placeholder).problem(problem(field)).show(ui);
        });
        ui.add_space(space::XS);
        self.variables_ui(ui, problem("Environment"));
        row(ui, 24.0, |ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            check(ui, &mut self.request_log, "Keep a request log in the project");
            check(ui, &mut self.open_to_all, "Let other machines ask it");
        });
        if self.open_to_all {
            ui.add_space(space::XS);
            let words = "Everybody who reaches this machine may ask the model. Set TRESTLE_SERVE_INFERENCE_TOKEN_SHA256 \
                         to ask for a token.";
            notice(ui, Verdict::Warn, words);
        }
        ui.add_space(space::XS);
        let mut pressed = false;
        row(ui, 32.0, |ui| {
            let ready = may_run && settings.is_ok();
            pressed = ui.add_enabled_ui(ready, |ui| secondary_button(ui, &format!("Run {image}"))).inner.clicked();
            let label = if self.command_shown { "Hide the command" } else { "Show as a command" };
            if quiet_button(ui, label).clicked() {
                self.command_shown = !self.command_shown;
            }
        });
        if self.command_shown
            && let Ok(settings) = &settings
        {
            code_block(ui, "Command to run the image", &docker_command(image, settings));
        }
        settings.ok().filter(|_| pressed)
    }

    fn variables_ui(&mut self, ui: &mut Ui, problem: Option<&str>) {
        let mut removed = None;
        for (index, (name, value)) in self.variables.iter_mut().enumerate() {
            row(ui, 32.0, |ui| {
                let room = ui.available_width() - 48.0;
                ui.push_id(index, |ui| {
                    let n = index + 1;
                    let label = format!("Variable {n}, name");
                    Field::new(&label, name)
                        .unlabelled()
                        .mono()
                        .placeholder("TRESTLE_SERVE_MAX_IN_FLIGHT")
                        .width(room * 0.5)
                        .show(ui);
                    let label = format!("Variable {n}, value");
                    Field::new(&label, value).unlabelled().mono().placeholder("value").width(room * 0.5).show(ui);
                    if icon_button(ui, Icon::Close, &format!("Remove variable {n}")).clicked() {
                        removed = Some(index);
                    }
                });
            });
        }
        if let Some(index) = removed {
            self.variables.remove(index);
        }
        if let Some(problem) = problem {
            verdict_line(ui, Verdict::Fail, problem);
        }
        row(ui, 24.0, |ui| {
            let button = Button::new(Tone::Quiet, "Add a variable").icon(Icon::Plus).small().flush();
            if ui.add(button).clicked() {
                self.variables.push((String::new(), String::new()));
            }
            if self.variables.is_empty() {
                ui.label(text::small("for the server's settings, such as its limits"));
            }
        });
    }
}

/// The same run as a command of Docker's, except that the request log's folder is the reader's.
fn docker_command(image: &str, settings: &RunSettings) -> String {
    let mut command = "docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges".to_owned();
    let RunSettings { name: _, address, port, memory_mebibytes, cpus, variables, request_log } = settings;
    let mut add = |words: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _written = command.write_fmt(words);
    };
    if let Some(mebibytes) = memory_mebibytes {
        add(format_args!(" --memory {mebibytes}m"));
    }
    if let Some(cpus) = cpus {
        add(format_args!(" --cpus {cpus}"));
    }
    add(format_args!(" -p {address}:{}:{SERVER_PORT}", port.unwrap_or(SERVER_PORT)));
    for (name, value) in variables {
        add(format_args!(" -e {}", shell_word(&format!("{name}={value}"))));
    }
    if *request_log {
        add(format_args!(" -v \"$PWD/requests:/log\" -e TRESTLE_SERVE_REQUEST_LOG=/log"));
    }
    add(format_args!(" {image}"));
    command
}

/// A word that a shell takes as it is.
fn shell_word(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.,:/=@%+".contains(letter);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(port: &str, memory: &str, cpus: &str) -> RunForm {
        let [port, memory, cpus] = [port, memory, cpus].map(str::to_owned);
        RunForm { port, memory, cpus, ..RunForm::default() }
    }

    #[test]
    fn what_is_typed_is_settings_when_it_can_be() {
        let settings = typed(" 8081 ", "256", "0,5").settings().unwrap();
        assert_eq!((settings.port, settings.memory_mebibytes, settings.cpus), (Some(8081), Some(256), Some(0.5)));
        assert_eq!(typed("", "", "").settings(), Ok(RunSettings::default()));
        let wrong = |form: RunForm| form.settings().unwrap_err().field;
        assert_eq!(wrong(typed("eighty", "", "")), "Port");
        assert_eq!(wrong(typed("65536", "", "")), "Port");
        assert_eq!(wrong(typed("", "1", "")), "Memory");
        assert_eq!(wrong(typed("", "", "many")), "CPUs");
        assert_eq!(wrong(typed("", "", "inf")), "CPUs");
        let named = |name: &str| RunForm {
            variables: vec![(String::new(), String::new()), (name.to_owned(), "1".to_owned())],
            ..RunForm::default()
        };
        assert_eq!(wrong(named("A B")), "Environment");
        assert_eq!(
            named("A").settings().unwrap().variables,
            [("A".to_owned(), "1".to_owned())],
            "an empty row is none"
        );
    }

    #[test]
    fn the_command_does_the_same() {
        assert_eq!(
            docker_command("churn:1.0.0", &RunSettings::default()),
            "docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges -p 127.0.0.1:8080:8080 churn:1.0.0"
        );
        let form = RunForm {
            open_to_all: true,
            request_log: true,
            variables: vec![("A".to_owned(), "it's $HOME".to_owned())],
            ..typed("9000", "128", "1.5")
        };
        let command = docker_command("churn:1.0.0", &form.settings().unwrap());
        assert!(command.contains("--memory 128m --cpus 1.5 -p 0.0.0.0:9000:8080"), "{command}");
        assert!(command.contains(r"-e 'A=it'\''s $HOME'"), "{command}");
        assert!(command.contains("-v \"$PWD/requests:/log\""), "{command}");
    }
}
