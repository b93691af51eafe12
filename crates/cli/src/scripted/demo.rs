//! The four prompts a person is offered, and the friendly words around them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::conversation::Conversation;
use super::reply::Reply;
use super::script::Ask;

/// Shown where the session is: nobody should mistake the script for an AI.
pub const NOTICE: &str = "The model here is a script, not an AI. Commands and file edits are real: they run in \
     this session's directory once you approve them.";

/// A prompt to offer as a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggestion {
    /// What the button says.
    pub label: &'static str,
    /// What it sends.
    pub prompt: &'static str,
}

/// The prompts the script has something to show for.
pub const SUGGESTIONS: [Suggestion; 4] = [
    Suggestion { label: "Run a command", prompt: "Run a command" },
    Suggestion { label: "Edit a file", prompt: "Edit a file" },
    Suggestion { label: "Ask me a question", prompt: "Ask me a question" },
    Suggestion { label: "Stream a long answer", prompt: "Stream a long answer" },
];

/// What the four prompts do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    Command,
    Edit,
    Question,
    LongAnswer,
}

impl Show {
    fn of(prompt: &str) -> Option<Self> {
        let words: Vec<&str> = prompt.split_whitespace().collect();
        let prompt = words.join(" ").to_lowercase();
        let shows = [Self::Command, Self::Edit, Self::Question, Self::LongAnswer];
        let prompts = SUGGESTIONS.iter().map(|suggestion| suggestion.prompt.to_lowercase());
        prompts.zip(shows).find(|(phrase, _)| prompt.contains(phrase)).map(|(_, show)| show)
    }
}

/// The reply to a prompt that has none of the test words.
pub(super) fn reply(ask: &Ask<'_>) -> Reply {
    match Show::of(&ask.conversation.prompt) {
        Some(Show::Command) => Reply::say("I will add a line with the time to `groundlink-demo.txt`. May I?").shell(
            "date '+%F %T  a command you approved' >> groundlink-demo.txt && cat groundlink-demo.txt",
            "Write the time into groundlink-demo.txt",
        ),
        Some(Show::Edit) => edit(&ask.directory),
        Some(Show::Question) => Reply::say("Gladly: choose one, or write your own answer.").call(
            "ask_user",
            json!({
                "question": "Where are you reading this?",
                "choices": ["On my phone", "In a browser on my computer", "In a terminal"],
                "allow_freeform": true,
            }),
        ),
        Some(Show::LongAnswer) => Reply::say(LONG_ANSWER).paced(Duration::from_millis(80)),
        None => Reply::say(introduction(&ask.conversation.prompt)),
    }
}

/// The closing words after one of the four prompts' tools has answered.
pub(super) fn after_tools(conversation: &Conversation) -> Option<Reply> {
    let show = Show::of(&conversation.prompt)?;
    let result = conversation.results.last()?;
    // The CLI ends a command's output with a line about its shell.
    let lines: Vec<&str> = result.lines().filter(|line| !line.starts_with("<shellId:")).collect();
    let shown: String = lines.join("\n").trim().chars().take(600).collect();
    let refused = ["rejected", "denied", "could not respond"].iter().any(|word| result.contains(word));
    Some(Reply::say(match show {
        _ if refused => format!("All right, I left it. The CLI told me: {shown}"),
        Show::Command => format!("Done. The command ran on the session's machine and printed:\n\n```\n{shown}\n```"),
        Show::Edit => {
            "Done. The file has changed on the session's machine. Ask again, and I will edit it once more.".into()
        }
        Show::Question | Show::LongAnswer => {
            let answer = shown.split_once(": ").map_or(shown.as_str(), |(_, answer)| answer);
            format!("Thank you. Your answer reached me: “{answer}”.")
        }
    }))
}

/// What the CLI asks on its own account: titles (without offering tools) and summaries of long conversations.
pub(super) fn housekeeping(conversation: &Conversation) -> Option<Reply> {
    let prompt = conversation.prompt.to_lowercase();
    if prompt.contains("summary of the conversation") {
        return Some(Reply::say(
            "The person tried out groundlink with its scripted model, which runs a command, edits a file, asks a \
             question or streams a long answer when asked to. Nothing is left to do.",
        ));
    }
    conversation.tools.is_empty().then(|| Reply::say("A session with a scripted model"))
}

fn introduction(prompt: &str) -> String {
    // The CLI goes on by itself after a plan was approved.
    if prompt.is_empty() {
        return "I go on. A plan of a script's has nothing in it to do, though.".to_owned();
    }
    let prompt: String = prompt.chars().take(200).collect();
    format!(
        "You said: “{prompt}”\n\nI am a script, not an AI, so that is all I can say about it. \
         Everything else here is real. Try one of these:\n\n\
         - **Run a command**: a shell command, once you approve it\n\
         - **Edit a file**: a file edit, with its diff for you to approve\n\
         - **Ask me a question**: a question you answer\n\
         - **Stream a long answer**: half a minute of text you can stop"
    )
}

/// Creates the notes file, or edits the one that an earlier reply created.
fn edit(directory: &Path) -> Reply {
    let name = |n: u32| if n == 1 { "groundlink-notes.md".to_owned() } else { format!("groundlink-notes-{n}.md") };
    for n in 1..100 {
        let path = directory.join(name(n));
        let shown = path.display().to_string();
        // The script runs beside the CLI, so it can look for itself instead of spending a tool call.
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Reply::say(format!("I will create `{}`. May I?", name(n)))
                    .call("create", json!({"path": shown, "file_text": NOTES}));
            }
            Ok(text) => {
                let Some(edits) = edits_so_far(&text) else { continue };
                let (old, new) = (format!("Edits so far: {edits}"), format!("Edits so far: {}", edits + 1));
                return Reply::say(format!("I will edit `{}`. May I?", name(n)))
                    .call("edit", json!({"path": shown, "old_str": old, "new_str": new}));
            }
            Err(_) => {}
        }
    }
    Reply::say("There are too many notes here that are not mine; I would rather not touch them.")
}

/// The count in a notes file of ours.
fn edits_so_far(text: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.strip_prefix("Edits so far: "))?;
    line.trim().parse().ok().filter(|count| *count < u32::MAX)
}

const NOTES: &str = "# Notes from the groundlink demo

This file was written by the real Copilot CLI
after somebody approved it through a link.

Edits so far: 0
";

const LONG_ANSWER: &str = "# A long answer

This text comes word by word so that you can watch it arrive, on every device that has this link open. \
You can stop it at any moment: press **Stop**, and the CLI ends the turn.

## What happens on the way

1. The script writes a word. The Copilot CLI reads it from its model endpoint, as it would from a real model.
2. The CLI tells everybody who listens to the session that there is a new piece of text.
3. groundlink passes the piece on to the hub at once, without waiting for the sentence to end.
4. The hub hands it to each page that is open. A page that was asleep gets what it missed, once, and in order.

## What you can do meanwhile

| You do | The CLI does |
| --- | --- |
| send a message | takes it as the next turn, or steers the running one |
| press Stop | ends the turn at the next word |
| close the page | goes on working; the link still opens the session |
| open the link on a phone | shows the same session there too |

## A little code, for its looks

```rust
fn main() {
    let answer: Vec<_> = (1..=10).filter(|n| n % 2 == 0).collect();
    println!(\"even numbers: {answer:?}\");
}
```

## Why it is this long

A short answer is over before you can look for the button that stops it. So here are a few more sentences, \
which say nothing of importance. A session belongs to the machine it runs on: the files, the commands and the \
keys stay there. What travels is what you see here, and what you type. When you approve a command, it runs \
there, in the session's directory, and its output comes back to you. When you deny it, it does not run.

Several people may have the link open at the same time. The first answer to a question counts, and everybody \
sees who was first. If the connection drops, nothing is lost: every event has a number, and a page asks for \
the ones after the last it has seen. That is all there is to it.

> If you read this line, you let it run to the end. Thank you for your patience.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_what_it_created_and_leaves_other_files_alone() {
        let dir = tempfile::tempdir().unwrap();
        let tool = |dir: &Path| edit(dir).calls.remove(0);
        assert_eq!(tool(dir.path()).name, "create");
        fs::write(dir.path().join("groundlink-notes.md"), NOTES).unwrap();
        assert_eq!(tool(dir.path()).arguments["new_str"], "Edits so far: 1");
        fs::write(dir.path().join("groundlink-notes.md"), "mine").unwrap();
        let second = tool(dir.path());
        assert_eq!(second.name, "create");
        assert!(second.arguments["path"].as_str().unwrap().ends_with("groundlink-notes-2.md"));
    }

    #[test]
    fn the_long_answer_takes_about_half_a_minute() {
        let words = LONG_ANSWER.split_whitespace().count();
        assert!((320..450).contains(&words), "{words} words");
    }

    #[test]
    fn says_that_it_is_a_script() {
        let words = introduction("hi");
        assert!(words.contains("script, not an AI"));
        for suggestion in SUGGESTIONS {
            assert!(words.contains(suggestion.label), "{}", suggestion.label);
        }
    }

    #[test]
    fn a_refusal_is_taken_as_one() {
        let mut asked = Conversation { prompt: "run a command".into(), ..Conversation::default() };
        asked.results.push("The user rejected this tool call.".into());
        assert!(after_tools(&asked).unwrap().text.starts_with("All right"));
    }
}
