//! How long handlers may take.

use std::time::Duration;

/// What a handler answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandlerKind {
    /// Permission requests.
    Permission,
    /// Calls of the client's own tools.
    Tool,
    /// Questions to the user.
    UserInput,
    /// Forms.
    Elicitation,
    /// Plans to approve.
    Plan,
    /// Offers to go on with another model.
    AutoModeSwitch,
    /// Sessions that have used up their limit.
    SessionLimits,
    /// Model calls that an MCP server asks for.
    Sampling,
    /// Slash commands of the client's own.
    Command,
    /// Hooks.
    Hook,
    /// Sections of the system message.
    Transform,
    /// Tokens for a model provider.
    ProviderToken,
    /// Tokens for GitHub.
    GitHubToken,
    /// The session's files.
    SessionFs,
    /// Signing in to MCP servers.
    McpAuth,
    /// Canvases.
    Canvas,
    /// Skills.
    Skills,
    /// Requests to models: the beginning of an answer, and each piece of it.
    ModelRequest,
    /// Installations to confirm.
    Installation,
    /// Extensions to start.
    ExtensionLaunch,
    /// Requests that have no handler of their own.
    Request,
}

const KINDS: usize = HandlerKind::Request as usize + 1;

/// How long each kind of handler may take before it is answered in its place, as if it had failed.
///
/// | Kind | Default | Then |
/// |---|---|---|
/// | permission, user input, form, plan, other model, session limit | none: people take as long as they take | rejected; "nobody answered"; cancelled; not approved; no; cancelled |
/// | installation | none, but the CLI withdraws it | an error: nothing is installed |
/// | tool, slash command | 1 hour | the tool has failed; the command has failed |
/// | sampling | 10 minutes | refused |
/// | hook | 1 minute | `preToolUse` and `permissionRequest` deny, every other lets things be |
/// | section of the system message | 30 seconds | the section stays as it is |
/// | tokens | 1 minute | an error; cancelled |
/// | file system | 1 minute | an error |
/// | signing in to an MCP server | 10 minutes | nobody is signed in |
/// | canvas | 1 minute | an error, which the model reads |
/// | skills | 30 seconds | there are none |
/// | request to a model, each piece of its answer | 10 minutes | the request has failed |
/// | extension to start | 1 minute | an error |
/// | any other request | 1 minute | an error |
///
/// A handler past its deadline is dropped at its next `await`.
#[derive(Debug, Clone)]
pub struct Deadlines([Option<Duration>; KINDS]);

impl Default for Deadlines {
    fn default() -> Self {
        use HandlerKind as K;
        const MINUTE: Duration = Duration::from_mins(1);
        Self([None; KINDS])
            .within(K::Tool, 60 * MINUTE)
            .within(K::Command, 60 * MINUTE)
            .within(K::Sampling, 10 * MINUTE)
            .within(K::Hook, MINUTE)
            .within(K::Transform, MINUTE / 2)
            .within(K::ProviderToken, MINUTE)
            .within(K::GitHubToken, MINUTE)
            .within(K::SessionFs, MINUTE)
            .within(K::McpAuth, 10 * MINUTE)
            .within(K::Canvas, MINUTE)
            .within(K::Skills, MINUTE / 2)
            .within(K::ModelRequest, 10 * MINUTE)
            .within(K::ExtensionLaunch, MINUTE)
            .within(K::Request, MINUTE)
    }
}

impl Deadlines {
    /// Gives a kind of handler so long.
    #[must_use]
    pub fn within(mut self, kind: HandlerKind, time: Duration) -> Self {
        self.0[kind as usize] = Some(time);
        self
    }

    /// Lets a kind of handler take for ever. An aborted turn still ends it.
    #[must_use]
    pub fn without(mut self, kind: HandlerKind) -> Self {
        self.0[kind as usize] = None;
        self
    }

    /// How long a kind of handler may take; `None` is for ever.
    pub fn of(&self, kind: HandlerKind) -> Option<Duration> {
        self.0[kind as usize]
    }
}
