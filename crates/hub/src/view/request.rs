//! Requests that wait for a person: what the cards show.

use serde_json::Value;

use super::fields::Fields;
use super::form::{self, Field};

/// Requests with more text than this are shown in part and cannot be approved from a page: nobody
/// should approve what they have not been shown.
const MAX_REQUEST: usize = 1024 * 1024;

/// An open request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The wire's id, which an answer must name.
    pub id: String,
    /// Its place among all requests of the session; never changes.
    pub n: u64,
    /// The transcript item that tells of it.
    pub item: u64,
    /// The tool call it is about.
    pub tool_call: Option<String>,
    /// The revision of the view that changed it last.
    pub last_rev: u64,
    /// When it was asked, RFC 3339.
    pub at: String,
    /// What is asked.
    pub ask: Ask,
    /// Stands for everything that is asked; an answer names it, so that nothing else is approved by it.
    pub digest: String,
    /// An answer that was given at the link and has not taken effect yet.
    pub answer: Option<Answer>,
}

/// An answer on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The command that carries it.
    pub command: String,
    /// Why it did not take effect; the request is then still open.
    pub failed: Option<String>,
}

/// What is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Ask {
    /// May the agent do this?
    Permission(Permission),
    /// A question in words.
    Question(Question),
    /// A form.
    Elicitation(Elicitation),
    /// A plan.
    Plan(Plan),
}

/// What the agent wants to do.
#[derive(Clone, Debug)]
pub struct Permission {
    /// The kind of request on the wire.
    pub kind: String,
    /// Why, in the agent's words.
    pub intention: Option<String>,
    /// Exactly what, in parts.
    pub parts: Vec<Part>,
    /// Where a command runs.
    pub folder: Option<String>,
    /// Whether the question is if something outside of the session's folder may be reached. The thing itself is asked after it.
    pub elsewhere: bool,
    /// What the CLI warns of.
    pub warnings: Vec<String>,
    /// Whether "for this session" may be offered.
    pub session_scope: bool,
    /// The parts are not complete, see [`MAX_REQUEST`].
    pub too_large: bool,
}

/// A piece of what exactly would be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A command line.
    Command(String),
    /// A unified diff.
    Diff {
        /// The file.
        path: String,
        /// The change.
        diff: String,
    },
    /// A labelled value in one line or many, such as a path, a URL or arguments.
    Value {
        /// What it is.
        label: &'static str,
        /// The value.
        value: String,
    },
    /// A labelled list.
    List {
        /// What they are.
        label: &'static str,
        /// The values.
        values: Vec<String>,
    },
}

/// A question in words.
#[derive(Clone, Debug)]
pub struct Question {
    /// The question, Markdown.
    pub text: String,
    /// Offered answers.
    pub choices: Vec<String>,
    /// Whether another answer is welcome.
    pub freeform: bool,
}

/// A form.
#[derive(Clone, Debug)]
pub struct Elicitation {
    /// What is asked, Markdown.
    pub message: String,
    /// Who asks, if it is not the agent itself.
    pub source: Option<String>,
    /// The fields; `None` if the form has something that the page cannot show.
    pub fields: Option<Vec<Field>>,
    /// A page to visit instead of a form.
    pub url: Option<String>,
}

/// A plan that waits for approval.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The plan, Markdown.
    pub content: String,
    /// How to go on; the wire's words.
    pub actions: Vec<String>,
    /// The action that the agent recommends.
    pub recommended: Option<String>,
}

impl Ask {
    /// What is asked, in one line.
    pub fn summary(&self) -> String {
        use super::text::first_line;
        match self {
            Self::Permission(permission) => {
                let part = permission.parts.iter().find_map(|part| match part {
                    Part::Command(text) | Part::Value { value: text, .. } => Some(text.as_str()),
                    Part::Diff { path, .. } => Some(path.as_str()),
                    Part::List { values, .. } => values.first().map(String::as_str),
                });
                first_line(part.unwrap_or(&permission.kind), 200)
            }
            Self::Question(question) => first_line(&question.text, 200),
            Self::Elicitation(form) => first_line(&form.message, 200),
            Self::Plan(plan) => first_line(&plan.content, 200),
        }
    }
}

impl Permission {
    /// Reads `permission.requested`.
    pub(crate) fn read(data: Fields<'_>) -> Self {
        let request = data.get("permissionRequest");
        let prompt = data.get("promptRequest");
        let mut parts = parts_of(request);
        if parts.is_empty() {
            // A kind that this version does not know: everything it says.
            let all = if request.is_null() { data } else { request };
            parts.push(Part::Value { label: "Request", value: all.pretty() });
        }
        let elsewhere = prompt.str("kind") == "path";
        if elsewhere {
            parts.push(Part::List { label: "Access outside of the folder", values: prompt.strings("paths") });
        }
        let mut warnings = Vec::new();
        warnings.extend(request.owned("warning"));
        if request.bool("requestSandboxBypass") == Some(true) {
            let reason = request.opt("requestSandboxBypassReason").unwrap_or("no reason given");
            warnings.push(format!("Asks to run outside of the sandbox: {reason}"));
        }
        let too_large = limit(&mut parts);
        Self {
            kind: request.opt("kind").unwrap_or("unknown").to_owned(),
            intention: request.owned("intention"),
            parts,
            folder: request.owned("resolvedWorkingDirectory"),
            elsewhere,
            warnings,
            session_scope: request.bool("canOfferSessionApproval") == Some(true),
            too_large,
        }
    }
}

fn parts_of(request: Fields<'_>) -> Vec<Part> {
    let value = |label, name: &str| {
        let value = request.get(name).pretty();
        (!value.is_empty()).then_some(Part::Value { label, value })
    };
    let list = |label, name: &str| {
        let values = request.strings(name);
        (!values.is_empty()).then_some(Part::List { label, values })
    };
    let parts: Vec<Option<Part>> = match request.str("kind") {
        "shell" => vec![request.owned("fullCommandText").map(Part::Command), list("Paths", "possiblePaths"), {
            let values: Vec<String> = request.list("possibleUrls").filter_map(|url| url.owned("url")).collect();
            (!values.is_empty()).then_some(Part::List { label: "Addresses", values })
        }],
        "write" => vec![Some(write_part(request))],
        "read" => vec![value("File", "resolvedPath").or_else(|| value("File", "path"))],
        "url" => vec![value("Address", "url"), value("Redirected from", "redirectedFrom")],
        "mcp" => vec![value("Server", "serverName"), value("Tool", "toolName"), value("Arguments", "args")],
        "custom-tool" => {
            vec![value("Tool", "toolName"), value("Description", "toolDescription"), value("Arguments", "args")]
        }
        "hook" => vec![value("Tool", "toolName"), value("Message", "hookMessage"), value("Arguments", "toolArgs")],
        "memory" => vec![value("Fact", "fact"), value("Subject", "subject"), value("Reason", "reason")],
        _ => Vec::new(),
    };
    parts.into_iter().flatten().collect()
}

fn write_part(request: Fields<'_>) -> Part {
    let path = request.opt("resolvedPath").unwrap_or(request.str("fileName")).to_owned();
    let diff = request.str("diff").trim_start_matches('\n');
    if !diff.trim().is_empty() {
        return Part::Diff { path, diff: diff.to_owned() };
    }
    let content = request.str("newFileContents");
    let lines: String = content.split_inclusive('\n').flat_map(|line| ["+", line]).collect();
    Part::Diff { path, diff: lines }
}

/// Cuts what is beyond [`MAX_REQUEST`]; says whether it did.
fn limit(parts: &mut [Part]) -> bool {
    let mut room = MAX_REQUEST;
    let mut cut = false;
    let mut keep = |text: &mut String| {
        if text.len() > room {
            text.truncate(super::text::floor(text, room));
            cut = true;
        }
        room -= text.len();
    };
    for part in parts {
        match part {
            Part::Command(text) | Part::Value { value: text, .. } => keep(text),
            Part::Diff { path, diff } => {
                keep(path);
                keep(diff);
            }
            Part::List { values, .. } => values.iter_mut().for_each(&mut keep),
        }
    }
    cut
}

impl Question {
    /// Reads `user_input.requested`, or the arguments of the tool that asks.
    pub(crate) fn read(data: Fields<'_>) -> Self {
        Self {
            text: data.str("question").to_owned(),
            choices: data.strings("choices"),
            freeform: data.bool("allowFreeform").unwrap_or(true),
        }
    }
}

impl Elicitation {
    /// Reads `elicitation.requested`, or the arguments of the tool that asks. `order`: of the fields, by their names.
    pub(crate) fn read(data: Fields<'_>, order: &[String]) -> Self {
        let schema = data.get("requestedSchema");
        let url = (data.str("mode") == "url").then(|| data.str("url").to_owned());
        let fields = match (&url, schema.0) {
            (Some(_), _) | (None, Value::Null) => Some(Vec::new()),
            _ => form::read(schema, order),
        };
        Self { message: data.str("message").to_owned(), source: data.owned("elicitationSource"), fields, url }
    }
}

impl Plan {
    /// Reads `exit_plan_mode.requested`, or the arguments of the tool that asks.
    pub(crate) fn read(data: Fields<'_>) -> Self {
        let content = data.opt("planContent").unwrap_or(data.str("summary"));
        let mut actions = data.strings("actions");
        if actions.is_empty() {
            actions.push("interactive".to_owned());
        }
        Self { content: content.to_owned(), actions, recommended: data.owned("recommendedAction") }
    }
}
