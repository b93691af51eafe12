//! The command line and the environment of the CLI that we start.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::process::Command;

use crate::SessionError;
use crate::address;
use crate::builder::ClientBuilder;
use crate::cli::CliCommand;

/// The variable that carries the GitHub token to the CLI.
const TOKEN_VARIABLE: &str = "COPILOT_SDK_AUTH_TOKEN";

/// Offline, the CLI insists on a provider and a model of its own, which headless sessions then ignore: they bring
/// theirs. This address refuses connections, so that a session without one fails plainly.
const NO_PROVIDER: (&str, &str) = ("COPILOT_PROVIDER_BASE_URL", "http://127.0.0.1:9");
const NO_MODEL: (&str, &str) = ("COPILOT_MODEL", "none");

/// The variable that carries the secret of a server to it.
const CONNECTION_TOKEN: &str = "COPILOT_CONNECTION_TOKEN";

/// How much the CLI logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LogLevel {
    None,
    Error,
    Warning,
    Info,
    Debug,
    All,
}

impl LogLevel {
    fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::All => "all",
        }
    }
}

/// A Mission-Control-compatible server for the CLI to export to, such as a groundlink hub.
#[derive(Debug, Clone)]
pub struct MissionControl {
    /// Base of all requests, beginning with `http://` or `https://`.
    pub base_url: String,
    /// Base of the links shown to people, likewise.
    pub frontend_url: String,
    /// The server's own token. It keeps the user's GitHub token from being sent there.
    pub access_token: SecretString,
    /// What to call the repository (`owner/name`), and its owner's and its own number. By default what
    /// git says; the numbers are then made up, since nobody but GitHub could tell them.
    pub repository: Option<(String, u64, u64)>,
}

/// Where a CLI of ours is to listen (port 0: wherever it likes), and the secret it is to ask for.
pub(crate) type Listen<'a> = (u16, &'a SecretString);

/// Variables to set, or (`None`) to take away. Shown by name only: some are credentials.
#[derive(Clone, Default)]
pub(crate) struct Variables(pub(crate) BTreeMap<OsString, Option<OsString>>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is = |value: &Option<OsString>| if value.is_some() { "set" } else { "taken away" };
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, is(value)))).finish()
    }
}

/// The command that starts the CLI, on pipes or as a server.
pub(crate) fn command(
    builder: &ClientBuilder,
    cli: &CliCommand,
    listen: Option<Listen<'_>>,
) -> Result<Command, SessionError> {
    cli.check()?;
    if let Some(to) = &builder.mission_control {
        for (name, url) in [("base_url", &to.base_url), ("frontend_url", &to.frontend_url)] {
            address::check(url)
                .map_err(|reason| SessionError::invalid("mission_control", format!("{name} {reason}")))?;
        }
    }
    let mut command = Command::new(cli.program());
    command.args(cli.args()).args(arguments(builder, listen.map(|(port, _)| port)));
    if let Some((_, token)) = listen {
        command.env(CONNECTION_TOKEN, token.expose_secret());
    }
    if let Some(directory) = &builder.working_directory {
        if !directory.is_dir() {
            let reason = format!("`{}` is not a directory", directory.display());
            return Err(SessionError::invalid("working_directory", reason));
        }
        command.current_dir(directory);
    }
    for (name, value) in environment(builder, |name| std::env::var_os(name)) {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Ok(command)
}

fn arguments(builder: &ClientBuilder, port: Option<u16>) -> Vec<String> {
    let mut arguments = vec!["--headless".to_owned()];
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(|&word| word.to_owned()));
    match port {
        Some(port) => add(&["--port", &port.to_string()]),
        None => add(&["--stdio"]),
    }
    add(&["--no-auto-update"]);
    if let Some(level) = builder.log_level {
        add(&["--log-level", level.word()]);
    }
    if builder.github_token.is_some() {
        add(&["--auth-token-env", TOKEN_VARIABLE]);
    }
    if let Some(idle) = builder.session_idle_timeout {
        // Whole seconds, and never the 0 that might mean "at once" or "never".
        add(&["--session-idle-timeout", &idle.as_secs().max(1).to_string()]);
    }
    if !builder.auto_login.unwrap_or(builder.github_token.is_none()) {
        add(&["--no-auto-login"]);
    }
    arguments
}

/// Variables set (or, `None`, taken away), in order; the caller's own come last and win.
fn environment(
    builder: &ClientBuilder,
    inherited: impl Fn(&str) -> Option<OsString>,
) -> Vec<(OsString, Option<OsString>)> {
    let mut list: Vec<(OsString, Option<OsString>)> = Vec::new();
    let mut set = |name: &str, value: OsString| list.push((name.into(), Some(value)));
    set("COPILOT_AUTO_UPDATE", "false".into());
    if let Some(home) = &builder.home {
        set("COPILOT_HOME", home.into());
    }
    if let Some(token) = &builder.github_token {
        set(TOKEN_VARIABLE, token.expose_secret().into());
    }
    if builder.offline {
        set("COPILOT_OFFLINE", "true".into());
        for (name, value) in [NO_PROVIDER, NO_MODEL] {
            if inherited(name).is_none() {
                set(name, value.into());
            }
        }
    }
    if let Some(to) = &builder.mission_control {
        set("COPILOT_MC_BASE_URL", trimmed(&to.base_url).into());
        set("COPILOT_MC_FRONTEND_URL", trimmed(&to.frontend_url).into());
        set("COPILOT_MC_ACCESS_TOKEN", to.access_token.expose_secret().into());
        match &to.repository {
            Some((name, owner, repository)) => {
                set("COPILOT_MC_REPO", name.into());
                set("COPILOT_MC_REPO_IDS", format!("{owner},{repository}").into());
            }
            // Without numbers the CLI asks api.github.com for them in every clone of a GitHub repository.
            None => set("COPILOT_MC_REPO_IDS", "1,1".into()),
        }
    }
    if let Some(telemetry) = &builder.telemetry {
        list.extend(telemetry.environment().into_iter().map(|(name, value)| (name.into(), Some(value))));
    }
    list.extend(builder.env.0.iter().map(|(name, value)| (name.clone(), value.clone())));
    list
}

/// The address that the CLI exports to, if it is told one.
pub(crate) fn export_base(builder: &ClientBuilder, inherited: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    const BASE: &str = "COPILOT_MC_BASE_URL";
    let set = environment(builder, |_| None).into_iter().rfind(|(name, _)| name == BASE);
    let base = set.map_or_else(|| inherited(BASE), |(_, value)| value)?;
    base.into_string().ok()
}

fn trimmed(url: &str) -> &str {
    url.trim_end_matches('/')
}

/// Says in the CLI's terms why a program could not be started.
pub(crate) fn not_spawned(error: groundlink_transport::Error) -> SessionError {
    match error {
        groundlink_transport::Error::Spawn { program, source } => {
            let reason = match source.kind() {
                std::io::ErrorKind::NotFound => "there is no such program".to_owned(),
                std::io::ErrorKind::PermissionDenied => "it may not be executed (chmod +x)".to_owned(),
                _ => source.to_string(),
            };
            SessionError::CliUnusable { path: program, reason }
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Client, OtlpProtocol, Telemetry};

    use super::*;

    fn told(builder: &ClientBuilder) -> String {
        let inherited = |name: &str| (name == "COPILOT_MODEL").then(|| "theirs".into());
        let mut lines = vec![arguments(builder, None).join(" ")];
        lines.extend(environment(builder, inherited).into_iter().map(|(name, value)| {
            let value = value.map_or("(removed)".to_owned(), |value| value.to_string_lossy().into_owned());
            format!("{}={value}", name.to_string_lossy())
        }));
        lines.join("\n")
    }

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    fn hub(repository: Option<(String, u64, u64)>) -> MissionControl {
        MissionControl {
            base_url: "http://127.0.0.1:8080/mc/".to_owned(),
            frontend_url: "http://127.0.0.1:8080".to_owned(),
            access_token: secret("hub-token"),
            repository,
        }
    }

    #[test]
    fn command_lines_and_environments() {
        let plain = Client::builder();
        insta::assert_snapshot!("plain", told(&plain));
        let offline = Client::builder()
            .offline(true)
            .auto_login(false)
            .log_level(LogLevel::Debug)
            .home("/h")
            .telemetry(Telemetry::file("/h/otel.jsonl"));
        insta::assert_snapshot!("offline", told(&offline));
        let full = Client::builder()
            .github_token(secret("canary"))
            .mission_control(hub(Some(("octo/demo".to_owned(), 7, 42))))
            .telemetry(
                Telemetry::otlp("http://localhost:4318")
                    .protocol(OtlpProtocol::HttpJson)
                    .source_name("my-app")
                    .capture_content(false),
            )
            .env("A", "1")
            .env_remove("GH_TOKEN");
        insta::assert_snapshot!("everything", told(&full));
        insta::assert_snapshot!("hub_without_repository", told(&Client::builder().mission_control(hub(None))));
    }

    #[test]
    fn secrets_are_neither_arguments_nor_printed() {
        let builder = Client::builder()
            .github_token(secret("canary-1"))
            .connection_token(secret("canary-2"))
            .mission_control(MissionControl { access_token: secret("canary-3"), ..hub(None) })
            .env("COPILOT_GITHUB_TOKEN", "canary-4");
        assert!(!arguments(&builder, None).join(" ").contains("canary"));
        assert!(!format!("{builder:?}").contains("canary"));
    }

    #[test]
    fn a_hub_that_has_no_address_is_refused_before_anything_starts() {
        let nowhere = MissionControl { frontend_url: "hub.example".to_owned(), ..hub(None) };
        let error =
            command(&Client::builder().mission_control(nowhere), &CliCommand::new("/bin/sh"), None).unwrap_err();
        insta::assert_snapshot!(error, @"`mission_control` cannot be used: frontend_url is not an http or https address (`https://host/...`)");
    }

    #[test]
    fn the_callers_variables_win() {
        let builder = Client::builder().home("/ours").env("COPILOT_HOME", "/theirs");
        let list = environment(&builder, |_| None);
        let winner = list.iter().rfind(|(name, _)| name == "COPILOT_HOME").unwrap();
        assert_eq!(winner.1.as_deref(), Some("/theirs".as_ref()));
    }
}
