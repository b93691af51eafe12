//! The command line.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

use crate::install;

const AFTER_HELP: &str = "\
Start with `groundlink demo`: it needs no account and no key.

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// Connects a Copilot session on this machine to any browser or phone, by link and QR code.
#[derive(Debug, Parser)]
#[command(name = "groundlink", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Share a session with a scripted model: no account, no key, no configuration
    Demo(DemoArgs),
    /// Share a session of your own, signed-in Copilot CLI in your directory
    Share(ShareArgs),
    /// Run the hub alone, for a `copilot` terminal or another SDK to share to
    Serve(ServeArgs),
    /// Follow a session: what was said, and what is being said
    Watch(WatchArgs),
    /// Follow a session in this terminal, answer it by keys and write to it
    Attach(AttachArgs),
    /// Send a message to a session
    Send(SendArgs),
    /// List what a session is waiting for
    Pending(PendingArgs),
    /// Answer what a session is waiting for
    #[command(override_usage = "groundlink respond <LINK> <REQUEST> <approve|deny>\n       \
                                groundlink respond <LINK> <REQUEST> --answer <TEXT>")]
    Respond(RespondArgs),
    /// Stop the turn that is running
    Abort(AbortArgs),
    /// Find out what stands in the way of sharing, and who can change it
    ///
    /// Towards GitHub it shares a session for a moment and deletes it again: nothing else shows what the policies of
    /// organisations allow.
    Doctor(DoctorArgs),
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Work in this directory [default: a new git repository made for the demo]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Use the account your Copilot CLI is signed in with, instead of the scripted model
    #[arg(long, conflicts_with = "model_provider")]
    pub signed_in: bool,
    /// How to share.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Options of `share`.
#[derive(Debug, Args)]
pub struct ShareArgs {
    /// Work in this directory
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// How to share.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// What `demo` and `share` have in common.
#[derive(Debug, Args)]
pub struct SessionArgs {
    /// Use your own model: the base URL of an OpenAI-compatible endpoint [default: your
    /// `COPILOT_PROVIDER_*` variables]
    #[arg(long, value_name = "URL", value_parser = parse_http_url, requires = "model")]
    pub model_provider: Option<Url>,
    /// The environment variable that holds the endpoint's key
    #[arg(long, value_name = "VARIABLE", requires = "model_provider")]
    pub model_key_env: Option<String>,
    /// The model's name
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Use exactly this version of the Copilot CLI, installed when missing [default: the one you have, else 1.0.102]
    #[arg(long, value_name = "VERSION", value_parser = install::parse_version)]
    pub cli_version: Option<String>,
    /// Where the hub listens and keeps its data.
    #[command(flatten)]
    pub hub: HubArgs,
    /// Print one JSON object a line, for programs
    #[arg(long)]
    pub json: bool,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where the hub listens and keeps its data.
    #[command(flatten)]
    pub hub: HubArgs,
    /// The address people reach the hub at, when a proxy stands before it
    #[arg(long, value_name = "URL", value_parser = parse_http_url)]
    pub public_url: Option<Url>,
    /// Keep so much of each session's events, in MiB; the oldest go first
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    pub keep_per_session: u64,
    /// Keep so much of all events together, in MiB; those of sessions long over go first
    #[arg(long, value_name = "MIB", default_value_t = 8192)]
    pub keep: u64,
    /// Print one JSON object a line, for programs
    #[arg(long)]
    pub json: bool,
}

/// Where a hub listens and keeps its data.
#[derive(Debug, Clone, Args)]
pub struct HubArgs {
    /// Let other devices on the local network open the link
    #[arg(long, conflicts_with = "listen")]
    pub lan: bool,
    /// Listen on this address; port 0 means any free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Keep data here [default: groundlink in your platform's data directory]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

impl HubArgs {
    /// The address to bind.
    pub fn address(&self) -> SocketAddr {
        if self.lan { (Ipv4Addr::UNSPECIFIED, 0).into() } else { self.listen }
    }
}

/// Options of `watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The session's link
    #[arg(value_parser = parse_http_url)]
    pub link: Url,
    /// Print one JSON object a line, for programs
    #[arg(long)]
    pub json: bool,
}

/// Options of `attach`.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// The session's link
    #[arg(value_parser = parse_http_url)]
    pub link: Url,
    /// Who attaches.
    #[command(flatten)]
    pub device: DeviceArgs,
}

/// Options of `send`.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The session's link
    #[arg(value_parser = parse_http_url)]
    pub link: Url,
    /// The message
    #[arg(value_parser = parse_text)]
    pub text: String,
    /// Send it into a running turn, instead of waiting until the session is idle
    #[arg(long)]
    pub steer: bool,
    /// Who sends it.
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Print one JSON object a line, for programs
    #[arg(long)]
    pub json: bool,
}

/// Options of `pending`.
#[derive(Debug, Args)]
pub struct PendingArgs {
    /// The session's link
    #[arg(value_parser = parse_http_url)]
    pub link: Url,
    /// Print one JSON object a line, for programs
    #[arg(long)]
    pub json: bool,
}

/// Options of `respond`.
#[derive(Debug, Args)]
pub struct RespondArgs {
    /// The session's link
    #[arg(value_parser = parse_http_url)]
    pub link: Url,
    /// The request's id as `groundlink pending` prints it, or its first characters
    #[arg(value_parser = parse_text)]
    pub request: String,
    /// The answer to a permission request, a plan or a form
    #[arg(value_name = "approve|deny", required_unless_present = "answer", conflicts_with = "answer")]
    pub verdict: Option<Verdict>,
    /// With `approve`: also for whatever is like it, until the session ends
    #[arg(long, requires = "verdict")]
    pub session: bool,
    /// The answer to a question
    #[arg(long, value_name = "TEXT")]
    pub answer: Option<String>,
    /// With `deny`: words for the agent
    #[arg(long, value_name = "TEXT", requires = "verdict")]
    pub feedback: Option<String>,
    /// Who answers.
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Print one JSON object a line, for programs
    #[arg(long)]
    pub json: bool,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Verdict {
    /// Let it happen
    Approve,
    /// Do not let it happen
    Deny,
}

/// Who gives a command.
#[derive(Debug, Clone, Args)]
pub struct DeviceArgs {
    /// What the other devices call this terminal [default: terminal on MACHINE]
    #[arg(long = "device", value_name = "NAME", env = "GROUNDLINK_DEVICE", hide_env_values = true, value_parser = parse_text)]
    pub name: Option<String>,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Look at sharing from this directory
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Look at sharing to this hub instead of GitHub: its export address, as `groundlink serve` prints it. The token is
    /// taken from `GROUNDLINK_HUB_TOKEN`, or else `COPILOT_MC_ACCESS_TOKEN`
    #[arg(long, value_name = "URL", value_parser = parse_http_url)]
    pub hub: Option<Url>,
    /// Print one JSON object, for programs
    #[arg(long)]
    pub json: bool,
}

/// Options of `abort`.
#[derive(Debug, Args)]
pub struct AbortArgs {
    /// The session's link
    #[arg(value_parser = parse_http_url)]
    pub link: Url,
    /// Who stops it.
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Print one JSON object a line, for programs
    #[arg(long)]
    pub json: bool,
}

fn parse_http_url(text: &str) -> Result<Url, String> {
    let expected = "expected an address that begins with http:// or https://";
    let url = Url::parse(text).map_err(|_| expected.to_owned())?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err(expected.to_owned()) }
}

fn parse_text(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn help() {
        let mut command = Cli::command();
        command.build();
        let mut pages = vec![command.render_help().to_string()];
        for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
            let page = sub.render_help();
            pages.push(format!("## {}\n\n{page}", sub.get_name()));
        }
        let pages = pages.join("\n");
        assert!(pages.contains(&format!("else {}]", install::DEFAULT_VERSION)), "the help names the default version");
        insta::assert_snapshot!(pages);
    }

    /// Arguments, and a word of the complaint; nothing when they are right.
    const LINES: &[(&str, &str)] = &[
        ("demo", ""),
        ("demo --dir . --lan --json", ""),
        ("demo --model-provider http://127.0.0.1:1 --model m --model-key-env K", ""),
        ("demo --model-provider http://127.0.0.1:1", "--model"),
        ("demo --model-key-env K", "--model-provider"),
        ("demo --signed-in --model-provider http://h --model m", "--signed-in"),
        ("demo --lan --listen 127.0.0.1:1", "--lan"),
        ("demo --listen 80", "--listen"),
        ("demo --cli-version latest", "in full"),
        ("share --signed-in", "--signed-in"),
        ("serve --public-url https://hub.example", ""),
        ("attach http://h/t/k --device desk", ""),
        ("attach", "LINK"),
        ("watch", "LINK"),
        ("watch not-a-link", "http://"),
        ("watch file:///etc/passwd", "http://"),
        ("send http://h/t/k hello", ""),
        ("send http://h/t/k hello --steer --device desk", ""),
        ("serve --keep 100 --keep-per-session 10", ""),
        ("serve --keep much", "--keep"),
        ("send http://h/t/k", "TEXT"),
        ("respond http://h/t/k r approve", ""),
        ("respond http://h/t/k r deny --feedback no", ""),
        ("respond http://h/t/k r --answer red", ""),
        ("respond http://h/t/k r", "--answer"),
        ("respond http://h/t/k r perhaps", "approve"),
        ("respond http://h/t/k r approve --answer red", "--answer"),
        ("abort http://h/t/k", ""),
        ("doctor", ""),
        ("doctor --dir . --hub http://h/mc --json", ""),
        ("doctor --hub here", "--hub"),
        ("heal", "heal"),
    ];

    #[test]
    fn command_lines() {
        for (line, complaint) in LINES {
            let parsed = Cli::try_parse_from(std::iter::once("groundlink").chain(line.split(' ')));
            match parsed {
                Ok(_) => assert!(complaint.is_empty(), "{line} was taken"),
                Err(error) => {
                    assert_eq!(error.exit_code(), 2, "{line}");
                    assert!(!complaint.is_empty() && error.to_string().contains(complaint), "{line}: {error}");
                }
            }
        }
    }

    #[test]
    fn an_empty_message_is_wrong_usage() {
        for line in [["send", "http://h/t/k", " "], ["respond", "http://h/t/k", ""]] {
            let error = Cli::try_parse_from(std::iter::once("groundlink").chain(line)).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line:?}");
        }
    }
}
