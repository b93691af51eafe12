//! The real CLI without an account and without a network: the scripted model, a home, a repository.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use groundlink::ModelForwarder;
use groundlink::session::{CliCommand, Client, ClientBuilder, ModelRequest, Provider, Session, SessionConfig};
use groundlink_cli::scripted::ScriptedModel;
use groundlink_testkit::ScratchRepo;
use groundlink_testkit::signed_in::UNWANTED;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::parts;

/// The parts around sessions that need nobody.
#[derive(Debug)]
pub struct Offline {
    /// The model.
    pub model: ScriptedModel,
    /// Where the sessions work.
    pub repo: ScratchRepo,
    home: TempDir,
}

impl Offline {
    /// Sets everything up but the CLI.
    pub async fn new() -> Self {
        Self {
            model: ScriptedModel::start().await.expect("the scripted model starts"),
            repo: ScratchRepo::new(),
            home: tempfile::Builder::new().prefix("groundlink-home-").tempdir().expect("a temporary directory"),
        }
    }

    /// A client that starts a CLI of its own.
    pub fn builder(&self) -> ClientBuilder {
        let mut builder = Client::builder();
        for name in UNWANTED {
            builder = builder.env_remove(*name);
        }
        builder
            .cli(CliCommand::new(parts::copilot()))
            .home(self.home.path())
            .working_directory(self.repo.path())
            .offline(true)
    }

    /// A client whose CLI has been started.
    pub async fn client(&self) -> Client {
        self.builder().start().await.expect("the CLI starts")
    }

    /// A client whose requests to the model are noted on their way there.
    pub async fn overheard(&self) -> (Client, Overheard) {
        let (overheard, forwarder) = (Overheard::default(), ModelForwarder::new());
        let noting = overheard.clone();
        let builder = self.builder().on_model_request(move |request: ModelRequest| {
            noting.note(&request);
            let forwarder = forwarder.clone();
            async move { forwarder.send(request).await }
        });
        (builder.start().await.expect("the CLI starts"), overheard)
    }

    /// A session with the scripted model.
    pub fn config(&self) -> SessionConfig {
        SessionConfig::new()
            .working_directory(self.repo.path())
            .model("scripted")
            .provider(Provider::openai_completions(self.model.base_url().as_str()))
            .streaming(true)
    }

    /// A CLI that listens, for several clients at once.
    pub async fn server(&self) -> OfflineServer {
        let mut command = Command::new(parts::copilot());
        command.args(["--headless", "--port", "0", "--no-auto-update", "--no-auto-login"]);
        for name in UNWANTED {
            command.env_remove(name);
        }
        let mut child = command
            .current_dir(self.repo.path())
            .env("COPILOT_HOME", self.home.path())
            // An offline server wants a model of its own; the session brings another.
            .envs([
                ("COPILOT_OFFLINE", "true"),
                ("COPILOT_MODEL", "none"),
                ("COPILOT_PROVIDER_BASE_URL", "http://127.0.0.1:1"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the CLI starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
        while let Some(line) = lines.next_line().await.expect("readable output") {
            if let Some(port) = line.strip_prefix("CLI server listening on port ") {
                let address = format!("127.0.0.1:{}", port.trim());
                return OfflineServer { address, _lines: lines, _child: child };
            }
        }
        panic!("the server ended before it listened");
    }
}

/// What the model was asked.
#[derive(Debug, Clone, Default)]
pub struct Overheard(Arc<Mutex<Vec<Value>>>);

impl Overheard {
    fn note(&self, request: &ModelRequest) {
        // Lists of models are asked for without a body.
        if let Ok(body) = request.json() {
            self.0.lock().expect("a lock").push(body);
        }
    }

    /// The requests since the last time, with all that they say.
    pub fn take(&self) -> Requests {
        Requests(std::mem::take(&mut *self.0.lock().expect("a lock")))
    }
}

/// Requests to the model, in order.
#[derive(Debug)]
pub struct Requests(Vec<Value>);

impl Requests {
    /// Whether one of them says this anywhere, to be found as it is written in JSON.
    pub fn say(&self, words: &str) -> bool {
        self.0.iter().any(|request| request.to_string().contains(words))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether one of them offers the model this tool.
    pub fn offer(&self, tool: &str) -> bool {
        let tools = self.0.iter().filter_map(|request| request["tools"].as_array()).flatten();
        tools.into_iter().any(|offered| offered["function"]["name"] == tool)
    }
}

/// A CLI that listens. It ends when dropped.
#[derive(Debug)]
pub struct OfflineServer {
    address: String,
    _lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    _child: Child,
}

impl OfflineServer {
    /// Where it listens, as `HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// One more client.
    pub async fn client(&self) -> Client {
        Client::builder().cli_url(&self.address).start().await.expect("the server takes clients")
    }
}

/// Says something and waits until the agent is done with it; gives the last thing it said.
pub async fn turn(session: &Session, prompt: &str) -> String {
    let mut events = session.subscribe();
    session.send(prompt).await.expect("the message is taken");
    let mut said = String::new();
    let waiting = async {
        while let Some(item) = events.next().await {
            let Some(event) = item.event() else { continue };
            match event.kind() {
                "assistant.message" => {
                    let data: serde_json::Value = serde_json::from_str(event.data_raw().get()).expect("JSON");
                    data["content"].as_str().unwrap_or_default().clone_into(&mut said);
                }
                "session.idle" => return,
                _ => {}
            }
        }
    };
    let done = tokio::time::timeout(std::time::Duration::from_mins(2), waiting).await;
    assert!(done.is_ok(), "the turn `{prompt}` does not end; the agent's last words: {said}");
    said
}
