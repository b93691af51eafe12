//! What a tool call is about, in one line.

use super::fields::Fields;
use super::item::{Input, ToolKind};
use super::text::{Capped, first_line};

const MAX_SUMMARY: usize = 240;
const INPUT_HEAD: usize = 24 * 1024;
const INPUT_TAIL: usize = 8 * 1024;

/// What sort of work a tool does. The CLI's tool names differ by platform and version; what is not
/// known is merely shown plainly.
pub(super) fn kind(name: &str) -> ToolKind {
    match name {
        "bash" | "powershell" | "shell" | "write_bash" | "write_powershell" | "stop_bash" | "stop_powershell"
        | "local_shell" => ToolKind::Shell,
        "create" | "edit" | "str_replace" | "insert" | "apply_patch" | "write" | "delete" => ToolKind::Write,
        "view" | "read" | "show_file" | "read_bash" | "read_powershell" | "list_bash" | "list_powershell" => {
            ToolKind::Read
        }
        "grep" | "glob" | "rg" | "search" | "lsp" => ToolKind::Search,
        "web_fetch" | "web_search" | "fetch" => ToolKind::Web,
        "ask_user" => ToolKind::Ask,
        "exit_plan_mode" => ToolKind::Plan,
        "task" | "agent" => ToolKind::Agent,
        "update_todo" | "todo_write" | "write_todos" => ToolKind::Todo,
        _ => ToolKind::Other,
    }
}

/// Whether a tool call is the agent's note to itself and not work to show.
pub(super) fn is_note(name: &str) -> bool {
    name == "report_intent"
}

/// What the call is about, and the arguments worth showing below it.
pub(super) fn describe(kind: ToolKind, arguments: Fields<'_>, cwd: Option<&str>) -> (String, Input) {
    let json = || match arguments.pretty() {
        text if text.is_empty() || text == "{}" => Input::None,
        text => Input::Json(Capped::new(&text, INPUT_HEAD, INPUT_TAIL)),
    };
    let line = |text: &str| first_line(text, MAX_SUMMARY);
    match kind {
        ToolKind::Shell => match arguments.opt("command") {
            Some(command) => {
                let input = Input::Command(Capped::new(command, INPUT_HEAD, INPUT_TAIL));
                (line(command), input)
            }
            None => (running(arguments).unwrap_or_else(|| any(arguments)), json()),
        },
        ToolKind::Write | ToolKind::Read => match arguments.opt("path") {
            // The diff, or the file's text, says the rest.
            Some(path) => (line(&relative(path, cwd)), if kind == ToolKind::Read { json() } else { Input::None }),
            None => (running(arguments).unwrap_or_else(|| any(arguments)), json()),
        },
        ToolKind::Ask => {
            let text = arguments.opt("question").or(arguments.opt("message"));
            (text.map_or_else(|| any(arguments), line), Input::None)
        }
        ToolKind::Plan => (String::new(), Input::None),
        ToolKind::Search => {
            let text = arguments.opt("pattern").or(arguments.opt("query"));
            (text.map_or_else(|| any(arguments), line), json())
        }
        ToolKind::Web => {
            let text = arguments.opt("url").or(arguments.opt("query"));
            (text.map_or_else(|| any(arguments), line), json())
        }
        ToolKind::Agent => (arguments.opt("description").map_or_else(|| any(arguments), line), json()),
        ToolKind::Todo if arguments.opt("query").is_some() => {
            (arguments.opt("description").map_or_else(String::new, line), json())
        }
        ToolKind::Todo => (super::progress::summary(arguments), Input::None),
        ToolKind::Other => (running(arguments).unwrap_or_else(|| any(arguments)), json()),
    }
}

/// Of a call about what was started before: the shell, and what is typed into it; or what a sub-agent is told. Its id says
/// nothing to a person.
fn running(arguments: Fields<'_>) -> Option<String> {
    let (what, text) = match (arguments.opt("shellId"), arguments.opt("agent_id")) {
        (Some(id), _) => (format!("shell {id}"), arguments.opt("input")),
        (None, Some(_)) => ("a sub-agent".to_owned(), arguments.opt("message")),
        (None, None) => return None,
    };
    Some(first_line(&text.map_or_else(|| what.clone(), |text| format!("{what}: {text}")), MAX_SUMMARY))
}

/// A path as seen from the working directory.
pub(crate) fn relative(path: &str, cwd: Option<&str>) -> String {
    let rest = cwd
        .filter(|cwd| cwd.len() > 1)
        .and_then(|cwd| path.strip_prefix(cwd.trim_end_matches(['/', '\\'])))
        .and_then(|rest| rest.strip_prefix(['/', '\\']))
        .filter(|rest| !rest.is_empty());
    rest.unwrap_or(path).to_owned()
}

/// The first text among the arguments.
fn any(arguments: Fields<'_>) -> String {
    let text = match arguments.0 {
        serde_json::Value::Object(map) => map.values().find_map(serde_json::Value::as_str),
        other => other.as_str(),
    };
    first_line(text.unwrap_or(""), MAX_SUMMARY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_is_summed_up_in_one_line() {
        let cwd = Some("/home/ann/app");
        let cases = [
            ("bash", json!({"command": "\nls -l\nrm x"}), "ls -l"),
            ("create", json!({"path": "/home/ann/app/src/a.rs", "file_text": "x"}), "src/a.rs"),
            ("view", json!({"path": "/home/ann/apple"}), "/home/ann/apple"),
            ("view", json!({"path": "/home/ann/app"}), "/home/ann/app"),
            ("grep", json!({"path": ".", "pattern": "fn main"}), "fn main"),
            ("ask_user", json!({"question": "Which?"}), "Which?"),
            ("ask_user", json!({"message": "Which?", "requestedSchema": {}}), "Which?"),
            ("read_bash", json!({"delay": 1, "shellId": "3"}), "shell 3"),
            ("write_bash", json!({"input": "y{enter}", "shellId": "3"}), "shell 3: y{enter}"),
            ("stop_bash", json!({"shellId": "3"}), "shell 3"),
            ("read_agent", json!({"agent_id": "24644fd0-8d33-465a-9cf9-092f4555ca65", "since_turn": 0}), "a sub-agent"),
            ("write_agent", json!({"agent_id": "2", "message": "go on\nplease"}), "a sub-agent: go on"),
            ("github-list", json!({"n": 1, "repo": "a/b"}), "a/b"),
            ("odd", json!(["x"]), ""),
        ];
        for (name, arguments, expected) in cases {
            let (summary, _) = describe(kind(name), Fields(&arguments), cwd);
            assert_eq!(summary, expected, "{name} {arguments}");
        }
    }
}
