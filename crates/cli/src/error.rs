//! What can go wrong, in words that say what to do next.

use std::path::PathBuf;
use std::process::ExitStatus;

/// The command's errors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `COPILOT_CLI_PATH` does not name an executable.
    #[error(
        "COPILOT_CLI_PATH is set to {path}, but {reason}. Correct it, or unset it to let groundlink find or install \
         the Copilot CLI."
    )]
    WrongCliPath {
        /// The variable's value.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The doctor has found something.
    #[error("sessions cannot be shared from here; what failed, and what to do about it, is in the report")]
    Unhealthy,
    /// A hub was named, and no token for it.
    #[error("the hub's export token is not known; put it into GROUNDLINK_HUB_TOKEN (`groundlink serve` prints it)")]
    NoHubToken,
    /// There is no `npm` to install the CLI with.
    #[error(
        "the GitHub Copilot CLI is not installed, and npm, which would install it, was not found on PATH. \
         Install Node.js with npm (Debian and Ubuntu: `apt install npm`; macOS: `brew install node`; \
         others: https://nodejs.org) and run groundlink again, or set COPILOT_CLI_PATH to a copilot you already have."
    )]
    NpmMissing,
    /// `npm install` failed.
    #[error(
        "npm could not install @github/copilot {version} ({status}). Its last lines were:\n\n{tail}\n\n\
         Check the network connection and npm's registry setting, then run groundlink again."
    )]
    NpmFailed {
        /// The version that was asked for.
        version: String,
        /// How npm ended.
        status: ExitStatus,
        /// The end of what it printed.
        tail: String,
    },
    /// npm succeeded, but there is no binary for this platform.
    #[error(
        "npm installed @github/copilot {version}, but without a binary for this machine ({os}, {arch}). \
         Check that npm does not leave out optional packages (`npm config get omit`), or choose another --cli-version."
    )]
    NoBinary {
        /// The version that was installed.
        version: String,
        /// The operating system.
        os: &'static str,
        /// The processor.
        arch: &'static str,
    },
    /// Neither a home directory nor the variable that replaces it is known.
    #[error("no home directory is known; set HOME, or set {variable} to a directory that may be used instead")]
    NoHome {
        /// The variable that would do.
        variable: &'static str,
    },
    /// The directory to work in cannot be used.
    #[error("cannot work in {path}: {reason}. Choose another one with --dir.")]
    NoDirectory {
        /// What was named.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The variable that should hold the model's key is empty.
    #[error("--model-key-env names {variable}, but that variable is not set. Set it to your endpoint's key.")]
    NoModelKey {
        /// The variable's name.
        variable: String,
    },
    /// The Copilot CLI has no account.
    #[error(
        "the Copilot CLI is not signed in. Sign in with `copilot login` and try again; or use your own model with \
         --model-provider; or see how it works without any account: `groundlink demo`."
    )]
    NotSignedIn,
    /// The CLI ended by itself.
    #[error("the Copilot CLI ended: {reason}")]
    CliEnded {
        /// How.
        reason: String,
    },
    /// The hub ended by itself.
    #[error("the hub ended")]
    HubEnded,
    /// Somebody wanted to stop before there was a link.
    #[error("stopped before the session was shared")]
    StoppedEarly,
    /// The hub could not start or work.
    #[error(transparent)]
    Hub(#[from] groundlink_hub::HubError),
    /// The session could not start or work.
    #[error(transparent)]
    Session(#[from] groundlink::session::SessionError),
    /// The session could not be shared.
    #[error(transparent)]
    Remote(#[from] groundlink::remote::RemoteError),
    /// The scripted model could not start.
    #[error("cannot start the scripted model: {0}")]
    ScriptedModel(#[source] std::io::Error),
    /// No port is to be had.
    #[error("cannot open a port: {0}")]
    Network(#[source] std::io::Error),
    /// Signals cannot be caught.
    #[error("cannot listen for Ctrl+C: {0}")]
    Signals(#[source] std::io::Error),
    /// The link's host does not answer.
    #[error("cannot reach the hub at {host}: {reason}. Is groundlink still running there?")]
    HubUnreachable {
        /// Host and port.
        host: String,
        /// Why not.
        reason: String,
    },
    /// The hub knows no such link.
    #[error(
        "there is no session behind this link at {host}. Check that you copied all of it; a link ends with the hub \
         that made it."
    )]
    NoSuchLink {
        /// Host and port.
        host: String,
    },
    /// The link leads to all sessions of a hub.
    #[error(
        "this is the link to all sessions at {host}, and the link of one session is needed. Open it in a browser, go to \
         the session, and copy the address from there."
    )]
    NotOneSession {
        /// Host and port.
        host: String,
    },
    /// The link's host is something else than a hub.
    #[error("{host} did not answer as a groundlink hub does. Use a link that groundlink printed.")]
    NotAHub {
        /// Host and port.
        host: String,
    },
    /// The hub refused a request, and said why.
    #[error("{said}")]
    Refused {
        /// The hub's words.
        said: String,
    },
    /// A command came to its end without effect.
    #[error("{outcome}{reason}")]
    NotApplied {
        /// What became of it.
        outcome: &'static str,
        /// The reason, with what separates it from the outcome; empty when none is known.
        reason: String,
    },
    /// `respond` names no open request.
    #[error("no open request is called {request}. See what is open with `groundlink pending LINK`.")]
    NoSuchRequest {
        /// What was named.
        request: String,
    },
    /// `respond` names several open requests.
    #[error("several open requests begin with {request}. Write more of the id; `groundlink pending LINK` lists them.")]
    AmbiguousRequest {
        /// What was named.
        request: String,
    },
    /// The request wants another kind of answer.
    #[error("this request wants another answer: {hint}")]
    WrongAnswer {
        /// What would fit.
        hint: &'static str,
    },
    /// `attach` without a terminal.
    #[error(
        "attach needs a terminal to read keys from and to draw on. Without one, use `groundlink watch LINK`, and \
         `groundlink pending`, `respond` and `send`."
    )]
    NoTerminal,
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client: {0}")]
    Http(#[source] reqwest::Error),
    /// Output could not be written.
    #[error("cannot write to the standard output: {0}")]
    Output(#[source] std::io::Error),
    /// A file system operation failed.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried, as the beginning of the sentence.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl Error {
    /// Wraps an I/O error with what was tried on which path.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages that no other test shows.
    #[test]
    fn messages_say_what_to_do() {
        let errors = [
            Error::NoBinary { version: "1.2.3".into(), os: "linux", arch: "riscv64" },
            Error::NoHome { variable: "XDG_DATA_HOME" },
            Error::NoDirectory { path: "/project".into(), reason: "there is no such directory".into() },
            Error::NoModelKey { variable: "MY_KEY".into() },
            Error::NotSignedIn,
            Error::CliEnded { reason: "exit status: 1".into() },
            Error::StoppedEarly,
            Error::NoSuchRequest { request: "ab1".into() },
            Error::AmbiguousRequest { request: "ab".into() },
            Error::WrongAnswer { hint: "`approve` or `deny`" },
            Error::NoTerminal,
        ];
        let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }
}
