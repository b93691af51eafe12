//! `watch`, `send`, `pending`, `respond` and `abort` from other processes against a demo's link.

use std::time::Duration;

use groundlink_testkit::process::Ended;
use groundlink_testkit::{Program, Viewer, eventually_or};
use groundlink_tests::demo::{Demo, Home};
use serde_json::Value;

const SOON: Duration = Duration::from_mins(1);

/// Another terminal, that has nothing but the link.
struct Terminal {
    home: Home,
    link: String,
}

impl Terminal {
    async fn run(&self, command: &str, rest: &[&str]) -> Ended {
        let mut arguments = vec![command, &self.link];
        arguments.extend(rest);
        Program::run(self.home.bare(&arguments), SOON).await
    }

    async fn ok(&self, command: &str, rest: &[&str]) -> Ended {
        let ended = self.run(command, rest).await;
        assert_eq!(ended.code, Some(0), "{command} {rest:?}: {ended:?}");
        ended
    }

    /// Asks `pending --json` until there is something, and gives its id.
    async fn pending(&self) -> String {
        let request = eventually_or("a pending request", SOON, || async {
            let ended = self.ok("pending", &["--json"]).await;
            let lines = ended.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.into_iter().find(|value| value["request_id"].is_string()).ok_or(ended.stdout.clone())
        })
        .await;
        request["request_id"].as_str().expect("checked above").to_owned()
    }
}

#[tokio::test]
async fn another_terminal_watches_and_steers() {
    let demo = Demo::start().await;
    let viewer = demo.viewer().await;
    let terminal = Terminal { home: Home::new(), link: demo.link().to_owned() };
    let mut watch = Program::start(terminal.home.bare(&["watch", demo.link(), "--json"]));
    let mut watch_as_text = Program::start(terminal.home.bare(&["watch", demo.link()]));

    terminal.ok("send", &["hello from another terminal"]).await;
    watch.json_line("user message", SOON, |line| line.to_string().contains("hello from another terminal")).await;
    viewer.until_idle().await;

    // Approve and deny.
    terminal.ok("send", &["run-shell"]).await;
    let request = terminal.pending().await;
    let listed = terminal.ok("pending", &[]).await.stdout;
    assert!(listed.contains("echo shell-was-here >> shell-proof.txt"), "the whole command is listed: {listed}");
    terminal.ok("respond", &[&request, "approve"]).await;
    viewer.until_idle().await;
    assert_eq!(demo.repo.read("shell-proof.txt").as_deref(), Some("shell-was-here\n"));
    let late = terminal.run("respond", &[&request, "approve"]).await;
    assert_eq!(late.code, Some(1), "a closed request: {late:?}");

    terminal.ok("send", &[r#"tool:bash {"command":"touch denied","description":"Make a file"}"#]).await;
    let request = terminal.pending().await;
    terminal.ok("respond", &[&request, "deny"]).await;
    viewer.until_idle().await;
    assert!(!demo.repo.has("denied"));

    // A question.
    terminal.ok("send", &["ask-choice"]).await;
    let request = terminal.pending().await;
    terminal.ok("respond", &[&request, "--answer", "blue"]).await;
    viewer.event("the answer's effect", |e| says(e, "assistant.message", "blue")).await;
    viewer.until_idle().await;

    // A long turn.
    terminal.ok("send", &["slow-stream-600"]).await;
    viewer.until("the turn", |snapshot| snapshot["status"] == "working").await;
    terminal.ok("abort", &[]).await;
    viewer.event("the abort", |e| e["type"] == "abort").await;
    viewer.until_idle().await;

    // The watchers saw it all, and end with Ctrl+C as with the end of their work.
    text_has(&watch_as_text, "hello from another terminal").await;
    for program in [&mut watch, &mut watch_as_text] {
        program.interrupt().await;
        let ended = program.ended(SOON).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    for line in watch.stdout() {
        assert!(serde_json::from_str::<Value>(&line).is_ok_and(|value| value.is_object()), "not a JSON object: {line}");
    }

    // The demo's own lines: one JSON object each, the link first, then states.
    let ended = demo.ctrl_c().await;
    let lines: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}")))
        .collect();
    assert_eq!(lines[0]["event"], "shared", "{lines:?}");
    assert_eq!(lines[0]["session_id"], viewer.session_id());
    assert!(lines.len() > 2, "states follow: {lines:?}");
    assert!(lines.iter().all(|line| line["event"].is_string()), "{lines:?}");
}

#[tokio::test]
async fn a_watcher_ends_when_the_demo_does() {
    let demo = Demo::start().await;
    let home = Home::new();
    let mut watch = Program::start(home.bare(&["watch", demo.link(), "--json"]));
    watch.json_line("line at all", SOON, |_| true).await;
    let viewer: Viewer = demo.viewer().await;
    viewer.until("the watcher", |snapshot| snapshot["viewers"].as_u64() >= Some(1)).await;
    demo.ctrl_c().await;
    let ended = watch.ended(SOON).await;
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}

#[tokio::test]
async fn a_person_gets_a_link_and_a_code_that_scans() {
    let home = Home::new();
    // No directory given: the demo makes one, so that nothing of the person's can be harmed.
    let mut demo = Program::start(home.groundlink(&["demo"]));
    let link = eventually_or("the end of the instructions", SOON, || async {
        let screen = demo.screen();
        let link = screen.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned);
        link.filter(|_| screen.contains("Ctrl+C")).ok_or(screen)
    })
    .await;
    assert_eq!(scan(&demo.screen()), link);
    // The link is there before the session's first event is.
    let snapshot = Viewer::open(&link).await.until("a working directory", |snapshot| snapshot["cwd"].is_string()).await;
    let directory = snapshot["cwd"].as_str().expect("a working directory").to_owned();
    assert!(demo.screen().contains(&directory), "the person is told where the agent works: {}", demo.screen());
    assert!(std::path::Path::new(&directory).join(".git").exists(), "it is a git repository");

    demo.interrupt().await;
    let ended = demo.ended(SOON).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    demo.nothing_left(Duration::from_secs(10)).await;
}

/// Reads the QR code on a screen, as a phone's camera would: half blocks, black on white by explicit colours.
fn scan(screen: &str) -> String {
    const BLACK_ON_WHITE: &str = "\u{1b}[38;5;16;48;5;231m";
    /// Pixels a module.
    const SCALE: usize = 4;
    let rows: Vec<Vec<char>> = screen
        .lines()
        .filter_map(|line| line.strip_prefix(BLACK_ON_WHITE)?.split('\u{1b}').next())
        .map(|line| line.chars().collect())
        .collect();
    let width = rows.first().map_or(0, Vec::len);
    let dark = |x: usize, y: usize| match rows[y / 2][x] {
        '█' => true,
        '▀' => y.is_multiple_of(2),
        '▄' => !y.is_multiple_of(2),
        _ => false,
    };
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width * SCALE, rows.len() * 2 * SCALE, |x, y| {
        if dark(x / SCALE, y / SCALE) { 0 } else { 255 }
    });
    let codes = picture.detect_grids();
    assert_eq!(codes.len(), 1, "one QR code on the screen:\n{screen}");
    codes[0].decode().expect("a code that can be read").1
}

async fn text_has(program: &Program, text: &str) {
    eventually_or(text, SOON, || async {
        let all = program.stdout().join("\n");
        if all.contains(text) { Ok(()) } else { Err(all) }
    })
    .await;
}

fn says(event: &Value, kind: &str, text: &str) -> bool {
    event["type"] == kind && event["data"]["content"].as_str().is_some_and(|content| content.contains(text))
}
