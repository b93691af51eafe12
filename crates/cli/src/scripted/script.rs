//! Words in the prompt, and what the script does on each.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::conversation::Conversation;
use super::demo;
use super::reply::{Call, Reply, Steps};

/// What a reply may need to know.
pub(super) struct Ask<'a> {
    pub(super) conversation: &'a Conversation,
    /// Where files go.
    pub(super) directory: PathBuf,
    /// The address the CLI reached the script at, for links to itself.
    pub(super) base_url: &'a str,
}

/// A word and what the script does when the prompt has it.
type Entry = (&'static str, fn(&Ask<'_>) -> Reply);

/// The table. The first word that occurs in the prompt decides.
const WORDS: &[Entry] = &[
    ("run-shell", |_| {
        Reply::say("I will run a command.")
            .shell("echo shell-was-here >> shell-proof.txt && cat shell-proof.txt", "Append a line to shell-proof.txt")
    }),
    ("two-shells", |_| {
        Reply::say("I will run two commands at once.")
            .shell("touch two-a && echo first", "First of two")
            .shell("touch two-b && echo second", "Second of two")
    }),
    ("create-file", |ask| {
        let path = ask.file("made-by-model.txt");
        Reply::say("I will create a file.").call("create", json!({"path": path, "file_text": "one\ntwo\nthree\n"}))
    }),
    ("edit-file", |ask| {
        let path = ask.file("made-by-model.txt");
        Reply::say("I will edit a file.").call("edit", json!({"path": path, "old_str": "two", "new_str": "TWO"}))
    }),
    ("fetch-url", |ask| {
        let url = format!("{}/page", ask.base_url);
        Reply::say("I will fetch a page.").call("web_fetch", json!({"url": url}))
    }),
    ("ask-two", |_| {
        Reply::say("Two questions.").ask("Which color?", &["red", "blue"]).ask("Which size?", &["small", "large"])
    }),
    ("ask-free", |_| Reply::say("I need to know something.").ask("What is your name?", &[])),
    ("ask-choice", |_| Reply::say("I need you to choose.").ask("Which color?", &["red", "blue"])),
    ("exit-plan", |_| {
        Reply::say("Here is my plan.")
            .call("exit_plan_mode", json!({"summary": "1. Look around\n2. Change one file\n3. Test it"}))
    }),
    ("slow-tool", |ask| {
        let seconds = ask.number("slow-tool", 20);
        Reply::say("This takes a while.").call(
            "bash",
            json!({
                "command": format!("echo started; sleep {seconds}; echo finished"),
                "description": format!("Sleep {seconds} seconds"),
                "initial_wait": seconds.saturating_add(30),
            }),
        )
    }),
    ("huge-output", |ask| {
        let bytes = ask.number("huge-output", 1024).saturating_mul(1024);
        Reply::say("This prints a lot.")
            .shell(&format!("head -c {bytes} /dev/zero | tr '\\0' 'x' | fold -w 99"), "Print a lot")
    }),
    ("huge-text", |ask| {
        let kib = ask.number("huge-text", 1024).min(64 * 1024);
        let lines = usize::try_from(kib * 1024 / 100).unwrap_or_default();
        Reply::say(format!("{}\n", "y".repeat(99)).repeat(lines)).paced(Duration::ZERO)
    }),
    ("many-steps", |ask| Reply::steps(ask.number("many-steps", 5), 1)),
    ("fast-steps", |ask| Reply::steps(ask.number("fast-steps", 20), 0)),
    ("think-first", |ask| Reply {
        thought: numbered_words(ask.number("think-first", 20)),
        ..Reply::say("I have thought about it.").paced(Duration::from_millis(50))
    }),
    ("slow-model", |ask| Reply {
        delay: Duration::from_secs(ask.number("slow-model", 15)),
        ..Reply::say("Sorry for the wait.")
    }),
    ("slow-stream", |ask| Reply::say(numbered_words(ask.number("slow-stream", 20))).paced(Duration::from_millis(500))),
    ("burst-text", |ask| Reply::say(numbered_words(ask.number("burst-text", 1000))).paced(Duration::from_nanos(1))),
    ("stream-text", |ask| Reply::say(numbered_words(ask.number("stream-text", 40))).paced(Duration::from_millis(50))),
    ("held-text", |ask| Reply {
        until: Some(ask.file(ask.name("held-text")).into()),
        ..Reply::say(numbered_words(20)).paced(Duration::from_millis(50))
    }),
    ("rate-limited", |ask| Reply {
        error: Some(429),
        retry_after: Some(ask.number("rate-limited", 7200)),
        ..Reply::default()
    }),
    ("costly-text", |ask| Reply { credits: ask.number("costly-text", 50), ..Reply::say("That was not cheap.") }),
    ("model-error", |ask| Reply {
        error: Some(u16::try_from(ask.number("model-error", 400)).unwrap_or(400)),
        ..Reply::default()
    }),
];

/// The reply to a conversation.
///
/// The last prompt chooses the script; a tool result after it moves the script on.
pub(super) fn reply(ask: &Ask<'_>) -> Reply {
    let conversation = ask.conversation;
    if let Some(housekeeping) = demo::housekeeping(conversation) {
        return housekeeping;
    }
    let scripted = first_reply(ask);
    if conversation.results.is_empty() {
        return if conversation.takes("ask_user", "requestedSchema") { in_form(scripted) } else { scripted };
    }
    let done = u64::try_from(conversation.replies).unwrap_or(u64::MAX);
    match scripted.steps {
        Some(steps) if done < steps.count => step(done + 1, steps.pause),
        _ => demo::after_tools(conversation).unwrap_or_else(|| said(&conversation.results)),
    }
}

fn first_reply(ask: &Ask<'_>) -> Reply {
    let prompt = &ask.conversation.prompt;
    if let Some(direct) = direct_calls(prompt) {
        return direct;
    }
    let word = WORDS.iter().find(|(word, _)| prompt.contains(word));
    word.map_or_else(|| demo::reply(ask), |(_, reply)| reply(ask))
}

/// `tool:NAME {json}` lines call any tool; several lines are parallel calls.
fn direct_calls(prompt: &str) -> Option<Reply> {
    let mut reply = Reply::say("Calling what you asked for.");
    for line in prompt.lines() {
        let Some((_, rest)) = line.split_once("tool:") else { continue };
        let Some((name, arguments)) = rest.split_once(char::is_whitespace) else { continue };
        let known = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        let arguments = arguments.trim();
        if name.is_empty() || !name.chars().all(known) || !arguments.starts_with('{') {
            continue;
        }
        match serde_json::from_str::<Value>(arguments) {
            Ok(arguments) => reply = reply.call(name, arguments),
            Err(error) => return Some(Reply::say(format!("The arguments of tool:{name} are not JSON: {error}"))),
        }
    }
    (!reply.calls.is_empty()).then_some(reply)
}

fn in_form(reply: Reply) -> Reply {
    Reply { calls: reply.calls.into_iter().map(Call::into_form).collect(), ..reply }
}

fn step(number: u64, pause: u64) -> Reply {
    Reply::say(format!("Step {number}."))
        .shell(&format!("sleep {pause}; echo step {number}"), &format!("Step {number}"))
}

impl Reply {
    fn steps(count: u64, pause: u64) -> Self {
        let first = Self::say("Step 1.").shell("echo step 1", "Step 1");
        Self { steps: Some(Steps { count, pause }), ..first }
    }
}

/// Repeats what the last tools said, a little of each.
fn said(results: &[String]) -> Reply {
    let from = results.len().saturating_sub(3);
    let parts: Vec<String> =
        results[from..].iter().map(|result| result.chars().take(150).collect::<String>().replace('\n', " ")).collect();
    Reply::say(format!("Done. The tool said: {}", parts.join(" | ")))
}

/// `word0 word1 ...`, at most 100,000 of them.
fn numbered_words(count: u64) -> String {
    let words: Vec<String> = (0..count.min(100_000)).map(|n| format!("word{n}")).collect();
    words.join(" ")
}

impl Ask<'_> {
    /// The number in `word-12` or `word:12`.
    fn number(&self, word: &str, default: u64) -> u64 {
        let after = self.conversation.prompt.split_once(word).map_or("", |(_, after)| after);
        let digits = after.strip_prefix(['-', ':']).unwrap_or("");
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        digits[..end].parse().unwrap_or(default)
    }

    /// The name in `word:name`.
    fn name<'a>(&'a self, word: &'a str) -> &'a str {
        let after = self.conversation.prompt.split_once(word).map_or("", |(_, after)| after);
        after.strip_prefix(':').and_then(|name| name.split_whitespace().next()).unwrap_or(word)
    }

    pub(super) fn file(&self, name: &str) -> String {
        Path::new(&self.directory).join(name).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(prompt: &str) -> Conversation {
        let tool = |name: &str, parameter: &str| (name.to_owned(), vec![parameter.to_owned()]);
        Conversation {
            prompt: prompt.to_owned(),
            tools: vec![tool("bash", "command"), tool("ask_user", "question"), tool("create", "path")],
            ..Conversation::default()
        }
    }

    fn answer(conversation: &Conversation) -> Reply {
        reply(&Ask { conversation, directory: PathBuf::from("/w"), base_url: "http://127.0.0.1:9" })
    }

    /// Prompt, tools that are called, and something that text or arguments contain.
    const TABLE: &[(&str, &[&str], &str)] = &[
        ("hello", &[], "hello"),
        ("please run-shell now", &["bash"], "shell-proof.txt"),
        ("two-shells", &["bash", "bash"], "touch two-b"),
        ("create-file", &["create"], "/w/made-by-model.txt"),
        ("edit-file", &["edit"], "TWO"),
        ("fetch-url", &["web_fetch"], "http://127.0.0.1:9/page"),
        ("ask-two", &["ask_user", "ask_user"], "Which size?"),
        ("ask-free", &["ask_user"], "What is your name?"),
        ("ask-choice", &["ask_user"], "\"choices\":[\"red\",\"blue\"]"),
        ("exit-plan", &["exit_plan_mode"], "Look around"),
        ("slow-tool-7", &["bash"], "sleep 7;"),
        ("slow-tool", &["bash"], "sleep 20;"),
        ("huge-output-2", &["bash"], "head -c 2048 "),
        ("many-steps-3", &["bash"], "echo step 1"),
        ("stream-text-3", &[], "word0 word1 word2"),
        ("slow-stream:2", &[], "word0 word1"),
        ("slow-model-1", &[], "Sorry"),
        ("held-text:go on", &[], "word19"),
        ("tool:view {\"path\":\"/x\"}\ntool:bash {\"command\":\"id\"}", &["view", "bash"], "\"command\":\"id\""),
        ("tool:view {nonsense}", &[], "not JSON"),
        ("tool:bad/name {\"a\":1}", &[], "script"),
        ("Run a command", &["bash"], "groundlink-demo.txt"),
        ("please edit a file.", &["create"], "/w/groundlink-notes.md"),
        ("Ask me a question!", &["ask_user"], "choices"),
        ("stream a  long answer", &[], "# "),
    ];

    #[test]
    fn words_choose_the_reply() {
        for (prompt, tools, part) in TABLE {
            let reply = answer(&conversation(prompt));
            let called: Vec<&str> = reply.calls.iter().map(|call| call.name.as_str()).collect();
            assert_eq!(&called, tools, "{prompt}");
            let all: Vec<String> = reply.calls.iter().map(|call| call.arguments.to_string()).collect();
            let all = format!("{}\n{}", reply.text, all.join("\n"));
            assert!(all.contains(part), "{prompt}: {all}");
        }
    }

    #[test]
    fn a_tool_result_moves_the_script_on() {
        let mut asked = conversation("run-shell");
        asked.results.push("shell-was-here\n".into());
        asked.replies = 1;
        assert_eq!(answer(&asked).text, "Done. The tool said: shell-was-here ");

        let mut steps = conversation("fast-steps-3");
        for done in 1..3 {
            steps.results.push(format!("step {done}"));
            steps.replies = done;
            assert_eq!(answer(&steps).calls.len(), 1, "after {done}");
        }
        steps.results.push("step 3".into());
        steps.replies = 3;
        assert_eq!(answer(&steps).text, "Done. The tool said: step 1 | step 2 | step 3");
    }

    #[test]
    fn error_sizes_and_forms() {
        assert_eq!(answer(&conversation("model-error-503")).error, Some(503));
        assert_eq!(answer(&conversation("model-error")).error, Some(400));
        let limited = answer(&conversation("rate-limited-60"));
        assert_eq!((limited.error, limited.retry_after), (Some(429), Some(60)));
        assert_eq!(answer(&conversation("costly-text-7")).credits, 7);
        assert!(answer(&conversation("huge-text-10")).text.len() > 10_000);
        let mut form = conversation("ask-choice");
        form.tools = vec![("ask_user".into(), vec!["message".into(), "requestedSchema".into()])];
        let schema = &answer(&form).calls[0].arguments["requestedSchema"];
        assert_eq!(schema["properties"]["answer"]["enum"], json!(["red", "blue"]));
    }

    #[test]
    fn titles_and_summaries_call_no_tools() {
        let without_tools = Conversation { prompt: "Title for: run-shell".into(), ..Conversation::default() };
        let with_tools = conversation("Create a detailed summary of the conversation. It began with run-shell");
        for asked in [without_tools, with_tools] {
            let reply = answer(&asked);
            assert!(reply.calls.is_empty() && !reply.text.is_empty(), "{}", asked.prompt);
        }
    }
}
