//! `demo` and `share`: a session of the Copilot CLI, shared through a hub in this process.

use std::path::{Path, PathBuf};

use groundlink::remote::{Bridge, BridgeHandle, HubEndpoint};
use groundlink::session::{CliCommand, Client, Provider, Session, SessionConfig};
use groundlink_hub::HubHandle;
use secrecy::ExposeSecret as _;

use super::announce;
use super::hub;
use super::model::Model;
use crate::args::{DemoArgs, HubArgs, SessionArgs, ShareArgs};
use crate::error::Error;
use crate::install::{self, InstallOptions};
use crate::output;
use crate::protocol::mc::{ExporterInfo, Suggestion};
use crate::scratch;
use crate::scripted::{self, ScriptOptions, ScriptedModel};
use crate::signals::Stop;
use crate::status::StatusLine;

/// What is to be shared, and how.
struct Plan {
    /// The command's name, which is also that of its place in the data directory.
    command: &'static str,
    model: Model,
    /// Unset: a repository made for the occasion.
    directory: Option<PathBuf>,
    /// Leave the state of the person's own CLI alone.
    separate_home: bool,
    cli_version: Option<String>,
    hub: HubArgs,
    json: bool,
}

/// Everything that runs, in the order in which it was started.
struct Running {
    hub: HubHandle,
    model: Option<ScriptedModel>,
    client: Client,
    session: Session,
    bridge: BridgeHandle,
    directory: PathBuf,
}

/// `groundlink demo`
pub(super) async fn demo(args: DemoArgs) -> Result<(), Error> {
    let model = if args.signed_in { Model::Account } else { Model::choose(&args.session, Model::Scripted)? };
    let separate_home = !matches!(model, Model::Account);
    run(Plan::new("demo", model, args.dir, separate_home, args.session)).await
}

/// `groundlink share`
pub(super) async fn share(args: ShareArgs) -> Result<(), Error> {
    let model = Model::choose(&args.session, Model::Account)?;
    run(Plan::new("share", model, Some(args.dir), false, args.session)).await
}

impl Plan {
    fn new(
        command: &'static str,
        model: Model,
        directory: Option<PathBuf>,
        separate_home: bool,
        args: SessionArgs,
    ) -> Self {
        let SessionArgs { cli_version, hub, json, .. } = args;
        Self { command, model, directory, separate_home, cli_version, hub, json }
    }
}

async fn run(plan: Plan) -> Result<(), Error> {
    let mut stop = Stop::listen().map_err(Error::Signals)?;
    let running = tokio::select! {
        // What has been started by then ends as it is dropped.
        () = stop.requested() => return Err(Error::StoppedEarly),
        started = start(&plan) => started?,
    };
    let attended = attend(&plan, &running, &mut stop).await;
    let ending = if plan.json { StatusLine::none() } else { StatusLine::new("Ending the session") };
    tokio::select! {
        () = running.stop() => {}
        // Somebody who asks twice is in a hurry.
        () = stop.requested() => {}
    }
    drop(ending);
    attended?;
    if plan.json {
        return output::json_line(&announce::Line::Ended {});
    }
    eprintln!("The session has ended.");
    Ok(())
}

async fn start(plan: &Plan) -> Result<Running, Error> {
    // Cheap checks first: an install of 100 MB should not end in "no such directory".
    let given = plan.directory.as_deref().map(usable_directory).transpose()?;
    let place = hub::start_beside_others(&plan.hub, plan.command).await?;
    let mut options = InstallOptions::from_env()?;
    options.version.clone_from(&plan.cli_version);
    let cli = install::ensure_cli(&options, &install::Terminal::default()).await?;
    let directory = match given {
        Some(directory) => directory,
        None => scratch::repository(&place.directory.join("projects")).await?,
    };
    let starting = if plan.json { StatusLine::none() } else { StatusLine::new("Starting the Copilot CLI") };

    let scripted = match plan.model {
        Model::Scripted => Some(start_script(&directory).await?),
        _ => None,
    };
    let client = start_client(plan, &cli, &place.directory, &directory).await?;
    let opened = open(plan, &client, scripted.as_ref(), &place.hub, &directory).await;
    drop(starting);
    match opened {
        Ok((session, bridge)) => Ok(Running { hub: place.hub, model: scripted, client, session, bridge, directory }),
        Err(error) => {
            client.stop().await;
            Err(error)
        }
    }
}

/// Opens a session and shares it.
async fn open(
    plan: &Plan,
    client: &Client,
    script: Option<&ScriptedModel>,
    hub: &HubHandle,
    directory: &Path,
) -> Result<(Session, BridgeHandle), Error> {
    if matches!(plan.model, Model::Account) && !client.auth_status().await?.is_authenticated {
        return Err(Error::NotSignedIn);
    }
    let session = client.create_session(session_config(plan, script, directory)).await?;
    let endpoint = HubEndpoint::new(hub.export_base(), hub.export_token().clone());
    let bridge = Bridge::builder(&session, endpoint).info(exporter(plan)).start().await?;
    Ok((session, bridge))
}

/// The absolute path of a directory a person named.
fn usable_directory(path: &Path) -> Result<PathBuf, Error> {
    let unusable = |reason: String| Error::NoDirectory { path: path.to_owned(), reason };
    let absolute = path.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unusable("there is no such directory".to_owned()),
        _ => unusable(error.to_string()),
    })?;
    if absolute.is_dir() { Ok(absolute) } else { Err(unusable("that is a file".to_owned())) }
}

async fn start_script(directory: &Path) -> Result<ScriptedModel, Error> {
    let options = ScriptOptions::new().working_directory(directory);
    ScriptedModel::start_with(options).await.map_err(Error::ScriptedModel)
}

async fn start_client(plan: &Plan, cli: &Path, place: &Path, directory: &Path) -> Result<Client, Error> {
    let mut builder = Client::builder().cli(CliCommand::new(cli)).working_directory(directory);
    if plan.separate_home {
        let home = place.join("copilot-home");
        scratch::empty_directory(&home)?;
        builder = builder.home(home);
    }
    if !matches!(plan.model, Model::Account) {
        // The model is not GitHub's, so the CLI needs no account; without one it cannot leak one either.
        builder = builder.offline(true).auto_login(false);
        for variable in TOKENS {
            builder = builder.env_remove(variable);
        }
    }
    // The session gets them another way; the commands that the agent runs have no use for them.
    for variable in plan.model.secret_variables() {
        builder = builder.env_remove(variable);
    }
    if plan.model.is_local() {
        // It is on this machine, where a proxy cannot reach it.
        for variable in ["NO_PROXY", "no_proxy"] {
            let excepted = std::env::var(variable).unwrap_or_default();
            let separator = if excepted.is_empty() { "" } else { "," };
            builder = builder.env(variable, format!("{excepted}{separator}127.0.0.1,localhost"));
        }
    }
    // The hub of this session is ours; the CLI must not export it a second time, to wherever these lead.
    for variable in EXPORT {
        builder = builder.env_remove(variable);
    }
    Ok(builder.start().await?)
}

/// Where the CLI finds a GitHub account besides its own store.
const TOKENS: [&str; 3] = ["GH_TOKEN", "GITHUB_TOKEN", "COPILOT_GITHUB_TOKEN"];

/// Where the CLI exports to.
const EXPORT: [&str; 3] = ["COPILOT_MC_BASE_URL", "COPILOT_MC_FRONTEND_URL", "COPILOT_MC_ACCESS_TOKEN"];

/// A session whose questions are all left to the people who have the link.
fn session_config(plan: &Plan, script: Option<&ScriptedModel>, directory: &Path) -> SessionConfig {
    let config = SessionConfig::new()
        .working_directory(directory)
        .streaming(true)
        .ask_permission(true)
        .ask_user(true)
        .ask_elicitation(true)
        .plan_approval(true);
    match (&plan.model, script) {
        (Model::Own(own), _) => config.model(&own.name).provider(own.provider.clone()),
        (_, Some(script)) => config
            .name("groundlink demo")
            .model(scripted::MODEL)
            .provider(Provider::openai_completions(script.base_url())),
        _ => config,
    }
}

/// What the page says about where the session comes from.
fn exporter(plan: &Plan) -> ExporterInfo {
    let mut info = ExporterInfo::new("groundlink");
    info.version = Some(env!("CARGO_PKG_VERSION").to_owned());
    info.machine = machine_name();
    if matches!(plan.model, Model::Scripted) {
        info.notice = Some(scripted::NOTICE.to_owned());
        info.suggestions =
            scripted::SUGGESTIONS.iter().map(|offer| Suggestion::new(offer.label, offer.prompt)).collect();
    }
    info
}

/// This machine's name, to tell several sessions apart.
fn machine_name() -> Option<String> {
    let file = |path: &str| std::fs::read_to_string(path).ok();
    let variable = |name: &str| std::env::var(name).ok();
    let name = file("/proc/sys/kernel/hostname")
        .or_else(|| file("/etc/hostname"))
        .or_else(|| variable("COMPUTERNAME"))
        .or_else(|| variable("HOSTNAME"))?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.chars().take(64).collect())
}

/// Shows the link, and then how the session is doing, until somebody wants it to stop.
async fn attend(plan: &Plan, running: &Running, stop: &mut Stop) -> Result<(), Error> {
    announce::shared(&announce::Shared {
        link: &running.bridge.link(),
        sessions_link: running.hub.sessions_link().expose_secret(),
        session_id: running.session.id(),
        directory: &running.directory,
        scripted: running.model.is_some(),
        lan: plan.hub.lan,
        json: plan.json,
    })?;
    let mut summaries = running.hub.watch(running.session.id());
    let mut states = announce::States::new(plan.json);
    loop {
        let summary = summaries.borrow_and_update().clone();
        states.show(&summary)?;
        tokio::select! {
            () = stop.requested() => return Ok(()),
            reason = running.client.closed() => return Err(Error::CliEnded { reason: reason.to_string() }),
            changed = summaries.changed() => if changed.is_err() {
                return Err(Error::HubEnded);
            },
        }
    }
}

impl Running {
    /// Ends everything, the last started first, so that the hub hears of the session's end.
    async fn stop(self) {
        if let Err(error) = self.session.destroy().await {
            tracing::debug!(%error, "the session did not end in good order");
        }
        self.bridge.stop().await;
        self.client.stop().await;
        self.hub.shutdown().await;
        if let Some(model) = self.model {
            model.stop().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories() {
        let dir = tempfile::tempdir().unwrap();
        assert!(usable_directory(dir.path()).unwrap().is_absolute());
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        for (path, want) in [(dir.path().join("absent"), "there is no such directory"), (file, "that is a file")] {
            let error = usable_directory(&path).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn the_script_introduces_itself() {
        let plan = |model| Plan {
            command: "demo",
            model,
            directory: None,
            separate_home: true,
            cli_version: None,
            hub: HubArgs { lan: false, listen: ([127, 0, 0, 1], 0).into(), data: None },
            json: false,
        };
        let info = exporter(&plan(Model::Scripted));
        assert!(info.notice.unwrap().contains("script"));
        assert_eq!(info.suggestions.len(), 4);
        assert!(exporter(&plan(Model::Account)).notice.is_none());
    }
}
