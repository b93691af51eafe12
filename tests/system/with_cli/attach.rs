//! `groundlink attach`: a session of the real CLI in a terminal, answered by keys.

use std::process::Stdio;
use std::time::Duration;

use groundlink_testkit::{Program, eventually_or};
use groundlink_tests::demo::Demo;
use groundlink_tests::parts;
use tokio::process::Command;

const SOON: Duration = Duration::from_mins(1);
/// Longer than keys are ignored after something was asked.
const READING: Duration = Duration::from_secs(1);

/// The viewer on a terminal of its own, and how much of its screen has been looked at.
struct Terminal {
    program: Program,
    seen: usize,
}

impl Terminal {
    fn attach(demo: &Demo) -> Self {
        let shell = format!(
            "stty cols 100 rows 40; exec '{}' attach '{}' --device desk",
            parts::groundlink().display(),
            demo.link()
        );
        // `script` gives it a terminal; it comes with every Debian.
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--flush", "--command", &shell, "/dev/null"]);
        command.env("TERM", "xterm-256color").env("HOME", demo.home.path()).env("NO_PROXY", "127.0.0.1,localhost");
        // Somebody who wants no colours; with them, they stand between a speaker and the words.
        command.env("XDG_DATA_HOME", demo.home.path().join("attach")).env("NO_COLOR", "1");
        Self { program: Program::start_with_stdin(command, Stdio::piped()), seen: 0 }
    }

    /// Waits until the screen shows this after what was seen last.
    async fn see(&mut self, text: &str) {
        let at = eventually_or(&format!("{text:?} on the screen"), SOON, || async {
            let screen = self.program.screen();
            let new = screen.get(self.seen..).unwrap_or_default();
            new.find(text).map(|at| self.seen + at + text.len()).ok_or_else(|| new.to_owned())
        })
        .await;
        self.seen = at;
    }

    async fn press(&mut self, keys: &str) {
        self.program.write(keys).await;
    }

    async fn say(&mut self, text: &str) {
        self.press(&format!("{text}\r")).await;
        self.see(&format!("you> {text}")).await;
    }

    /// Answers what waits, as somebody who reads it first.
    async fn answer(&mut self, hint: &str, keys: &str) {
        self.see(hint).await;
        tokio::time::sleep(READING).await;
        self.press(keys).await;
    }
}

#[tokio::test]
async fn a_terminal_follows_answers_by_keys_and_writes() {
    let demo = Demo::start().await;
    let viewer = demo.viewer().await;
    let mut terminal = Terminal::attach(&demo);
    terminal.see("message> ").await;

    // A message, and the answer as it is written.
    terminal.say("hello from the terminal").await;
    terminal.see("copilot> ").await;
    viewer.until_idle().await;

    // Yes.
    terminal.say(r#"tool:bash {"command":"echo yes > approved","description":"Write"}"#).await;
    terminal.see("? [shell] echo yes > approved").await;
    terminal.answer("y approve", "y").await;
    terminal.see("= approved").await;
    viewer.until_idle().await;
    assert_eq!(demo.repo.read("approved").as_deref(), Some("yes\n"));

    // What an edit would write is shown before it can be approved; no, and why.
    let path = demo.repo.path().join("edited.txt");
    let create = format!(r#"tool:create {{"path":"{}","file_text":"first line\n"}}"#, path.display());
    terminal.press(&format!("{create}\r")).await;
    terminal.see("first line").await;
    terminal.answer("d deny and say why", "d").await;
    terminal.see("why not> ").await;
    terminal.press("keep your hands off\r").await;
    terminal.see("= denied").await;
    viewer
        .event("the agent hears why", |event| {
            event["type"] == "tool.execution_complete" && event.to_string().contains("keep your hands off")
        })
        .await;
    viewer.until_idle().await;
    assert!(!demo.repo.has("edited.txt"));

    // A choice by its number, an answer in words.
    terminal.say("ask-choice").await;
    let request = viewer.pending("user_input").await;
    let blue = request["choices"].as_array().expect("choices").iter().position(|choice| choice == "blue");
    let number = blue.expect("blue is a choice") + 1;
    terminal.see(&format!("  {number} blue")).await;
    terminal.answer("choose", &number.to_string()).await;
    terminal.see("= blue").await;
    viewer.until_idle().await;
    terminal.say("ask-free").await;
    terminal.answer("a answer in words", "a").await;
    terminal.press("Ada of the terminal\r").await;
    terminal.see("= Ada of the terminal").await;
    viewer.until_idle().await;

    // A long turn is stopped.
    terminal.say("slow-stream-600").await;
    terminal.see("word3").await;
    terminal.press("\u{18}").await;
    terminal.see("* stopped").await;
    viewer.until_idle().await;

    // An answer from elsewhere takes the question away.
    terminal.say(r#"tool:bash {"command":"echo no > elsewhere","description":"Write"}"#).await;
    terminal.see("y approve").await;
    viewer.permit(false).await;
    terminal.see("= denied").await;
    terminal.see("message> ").await;
    viewer.until_idle().await;

    // Yes, and for the whole session: the next change of a file is not asked about.
    let create = |name: &str| {
        let path = demo.repo.path().join(name);
        format!(r#"tool:create {{"path":"{}","file_text":"x\n"}}"#, path.display())
    };
    terminal.press(&format!("{}\r", create("first.txt"))).await;
    terminal.answer("s for the session", "s").await;
    terminal.see("= approved").await;
    viewer.until_idle().await;
    viewer.say(&create("second.txt")).await;
    viewer.until_idle().await;
    assert!(demo.repo.has("first.txt") && demo.repo.has("second.txt"), "both are there");

    // Ctrl+C leaves; the session does not mind.
    terminal.press("\u{3}").await;
    let ended = terminal.program.ended(SOON).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(ended.stdout.contains("Detached; the session goes on."), "{}", ended.stdout);
    let coloured = (30..38).any(|colour| ended.stdout.contains(&format!("\u{1b}[{colour}m")));
    assert!(!coloured, "{}", ended.stdout);
    viewer.say("still there").await;
    viewer.until_idle().await;
    demo.ctrl_c().await;
}

#[tokio::test]
async fn without_a_terminal_it_says_what_to_use() {
    let home = groundlink_tests::demo::Home::new();
    let ended = Program::run(home.bare(&["attach", "http://127.0.0.1:9/t/x"]), SOON).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("groundlink watch LINK"), "{}", ended.stderr);
}
