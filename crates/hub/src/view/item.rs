//! What the transcript is made of.

use std::sync::Arc;

use groundlink_protocol::api::Device;

use super::stream::StreamText;
use super::text::Capped;

/// One visible thing of the transcript.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its place: counts up by one from the session's beginning and never changes.
    pub n: u64,
    /// The stored event that told of it; `None` while only events did that are not kept.
    pub seq: Option<u64>,
    /// The revision of the view that brought it.
    pub first_rev: u64,
    /// The revision of the view that changed it last.
    pub last_rev: u64,
    /// When it happened, RFC 3339; empty if the exporter did not say.
    pub at: String,
    /// It belongs to a sub-agent.
    pub nested: bool,
    /// The item of the tool call that started that sub-agent, if it is kept.
    pub parent: Option<u64>,
    /// What it is.
    pub body: Body,
}

/// The kinds of [`Item`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Body {
    /// What a person said.
    User(UserText),
    /// What the agent says, Markdown.
    Assistant(Prose),
    /// What the agent thinks, Markdown.
    Reasoning(Prose),
    /// A tool call.
    Tool(Box<ToolCall>),
    /// A request that belongs to no tool call the exporter told of.
    Request(AskRow),
    /// Something the session tells.
    Notice(Notice),
}

/// What a person said.
#[derive(Clone, Debug)]
pub struct UserText {
    /// The words.
    pub text: Capped,
    /// Where they were typed.
    pub source: Source,
    /// What was sent along.
    pub attached: Attached,
    /// Why the agent did not take the message, if it did not.
    pub failed: Option<String>,
}

/// What was sent along with a message.
#[derive(Clone, Debug, Default)]
pub struct Attached {
    /// Pictures that are kept.
    pub images: Vec<Image>,
    /// The names of everything else.
    pub files: Vec<String>,
}

/// Where a message was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Where the CLI runs.
    Local,
    /// At this session's link.
    Link(Sender),
    /// By the CLI itself, which continues in autopilot mode.
    Autopilot,
    /// By the agent, for a sub-agent.
    Agent,
}

/// Who gave a command at the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The command's id.
    pub command: String,
    /// The device, if it said which it is; by its id a page knows what is its own.
    pub device: Option<Device>,
}

/// Markdown of the agent, growing or whole.
#[derive(Clone, Debug)]
pub struct Prose {
    /// The text.
    pub text: ProseText,
    /// It was cut short by an abort.
    pub interrupted: bool,
}

/// See [`Prose`].
#[derive(Clone, Debug)]
pub enum ProseText {
    /// Still being written.
    Streaming(StreamText),
    /// As it stays.
    Whole(Capped),
}

/// What sort of work a tool does, for its icon and its summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolKind {
    /// Runs a command.
    Shell,
    /// Creates or changes a file.
    Write,
    /// Reads a file or a directory.
    Read,
    /// Looks for text or files.
    Search,
    /// Goes to the network.
    Web,
    /// Asks the person something.
    Ask,
    /// Hands in a plan.
    Plan,
    /// Starts a sub-agent.
    Agent,
    /// Keeps a list of things to do.
    Todo,
    /// Anything else.
    Other,
}

/// How far a tool call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolState {
    /// It was started.
    Running,
    /// It ended well.
    Done,
    /// It ended badly.
    Failed,
    /// A person, or a rule, said no.
    Denied,
    /// The turn ended under it.
    Interrupted,
}

/// A tool call: one line that opens to its arguments and output.
#[derive(Clone, Debug)]
pub struct ToolCall {
    /// The wire's id of the call.
    pub call_id: String,
    /// The tool's name.
    pub name: String,
    /// What it does, in a few words, from the exporter.
    pub title: Option<String>,
    /// What sort of work it is.
    pub kind: ToolKind,
    /// What it does it to: a command, a path, a question.
    pub summary: String,
    /// Why, in the agent's words.
    pub intention: Option<String>,
    /// What it was called with.
    pub input: Input,
    /// How far it has come.
    pub state: ToolState,
    /// What it printed, the last of it while it runs.
    pub output: Option<Capped>,
    /// The change it made to a file, as a unified diff.
    pub diff: Option<Capped>,
    /// Pictures it answered with.
    pub images: Vec<Image>,
    /// The sub-agent that it started.
    pub agent: Option<Agent>,
    /// Why it failed.
    pub error: Option<String>,
    /// A shell that runs on in the background, although the call is over.
    pub runs_on: bool,
    /// A shell's exit code.
    pub exit_code: Option<i64>,
    /// When it began, in milliseconds since 1970.
    pub started_ms: Option<i64>,
    /// How long it took, in milliseconds.
    pub took_ms: Option<i64>,
    /// A request about it is open.
    pub waiting: bool,
    /// What became of the request about it.
    pub outcome: Option<Outcome>,
}

/// A picture: one of the kinds that cannot hold a script.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its media type: PNG, JPEG, GIF or WebP, by its first bytes.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Arc<[u8]>,
}

/// A sub-agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// What it is called.
    pub name: String,
    /// The model it thinks with.
    pub model: Option<String>,
    /// How many items of the transcript are its own, so far.
    pub steps: u64,
    /// It is at work, whether the call that started it is over or not.
    pub running: bool,
    /// How many tokens it used, once it is done.
    pub tokens: Option<u64>,
}

/// A tool's arguments, as far as they are worth showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Nothing beyond the summary.
    None,
    /// A command line.
    Command(Capped),
    /// Anything else, indented JSON.
    Json(Capped),
}

/// A request without a tool call.
#[derive(Clone, Debug)]
pub struct AskRow {
    /// What was asked, in one line.
    pub summary: String,
    /// It is still open.
    pub waiting: bool,
    /// What became of it.
    pub outcome: Option<Outcome>,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was said.
    pub verdict: Verdict,
    /// Where it was said.
    pub by: By,
    /// When it was heard of, RFC 3339; empty if the exporter did not say.
    pub at: String,
}

/// What was said to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, this time.
    Approved,
    /// Yes, and for the rest of the session.
    ApprovedForSession,
    /// No.
    Denied,
    /// An answer in words.
    Answered(String),
    /// The question was not answered, on purpose.
    Declined,
    /// The turn ended before anybody answered.
    Cancelled,
}

/// Where a request was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Where the CLI runs.
    Local,
    /// At this session's link.
    Link(Sender),
    /// By a rule, or nobody.
    Nobody,
}

/// How a [`Notice`] is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something to look at.
    Warning,
    /// Something went wrong.
    Error,
    /// The turn was stopped.
    Stopped,
}

/// Something the session tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How it is meant.
    pub level: Level,
    /// What it says.
    pub text: Capped,
    /// Whose doing it was, if somebody's at the link.
    pub by: Option<Sender>,
    /// What to do about it.
    pub advice: Option<String>,
    /// Where more is said; `http` or `https`.
    pub url: Option<String>,
}

impl Body {
    /// Whether the agent begins another turn with it. One that never reached the agent changes nothing.
    pub(super) fn begins_turn(&self) -> bool {
        matches!(self, Self::User(user) if user.failed.is_none())
    }

    /// What became of the request about it.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Tool(tool) => tool.outcome.as_ref(),
            Self::Request(row) => row.outcome.as_ref(),
            _ => None,
        }
    }

    pub(super) fn outcome_mut(&mut self) -> Option<&mut Outcome> {
        match self {
            Self::Tool(tool) => tool.outcome.as_mut(),
            Self::Request(row) => row.outcome.as_mut(),
            _ => None,
        }
    }

    /// The growing text, while it grows.
    pub fn streaming(&self) -> Option<&StreamText> {
        match self {
            Self::Assistant(Prose { text: ProseText::Streaming(stream), .. })
            | Self::Reasoning(Prose { text: ProseText::Streaming(stream), .. }) => Some(stream),
            _ => None,
        }
    }
}
