//! A real Chromium, driven one command at a time through `browser/driver.mjs`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::parts;

/// How long an element may take to appear. The real CLI thinks in between.
const PATIENCE: Duration = Duration::from_secs(30);

/// One browser with any number of pages. It ends when dropped.
#[derive(Debug)]
pub struct Browser {
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    // Last: its pipes are closed first, which is how the driver learns that it is over.
    _driver: Child,
}

/// The size of the window and what kind of device it is.
#[derive(Debug, Clone, Copy)]
pub struct Device {
    /// Name for files.
    pub name: &'static str,
    /// CSS pixels.
    pub width: u32,
    /// CSS pixels.
    pub height: u32,
    /// Touch, mobile viewport rules.
    pub mobile: bool,
}

/// A phone held upright.
pub const PHONE: Device = Device { name: "phone", width: 390, height: 844, mobile: true };
/// A laptop's window.
pub const DESKTOP: Device = Device { name: "desktop", width: 1280, height: 800, mobile: false };

/// A CSS selector for a `data-testid`.
pub fn hook(name: &str) -> String {
    format!("[data-testid=\"{name}\"]")
}

impl Browser {
    /// Starts Chromium.
    pub async fn start() -> Self {
        let (node, playwright, chromium) = parts::browser();
        let mut driver = Command::new(node)
            .arg(parts::package().join("browser/driver.mjs"))
            .arg(playwright)
            .arg(chromium)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let stdin = driver.stdin.take().expect("a piped stdin");
        let stdout = BufReader::new(driver.stdout.take().expect("a piped stdout")).lines();
        let mut browser = Self { stdin, stdout, _driver: driver };
        let ready = browser.answer("start").await;
        assert_eq!(ready["ready"], true, "the browser did not start: {ready}");
        browser
    }

    /// Opens a page in a browser context of its own.
    pub async fn open(&mut self, name: &'static str, url: &str, device: Device) -> Page<'_> {
        let Device { width, height, mobile, .. } = device;
        let opened = self
            .command(
                json!({"op": "open", "page": name, "url": url, "width": width, "height": height, "mobile": mobile}),
            )
            .await;
        assert_eq!(opened["status"], 200, "opening the page {name}: {opened}");
        Page { browser: self, name }
    }

    /// A page that was opened before.
    pub fn page(&mut self, name: &'static str) -> Page<'_> {
        Page { browser: self, name }
    }

    async fn command(&mut self, command: Value) -> Value {
        match self.try_command(&command).await {
            Ok(value) => value,
            Err(error) => {
                self.leave_evidence(&command).await;
                panic!("browser: {command}\n{error}");
            }
        }
    }

    async fn try_command(&mut self, command: &Value) -> Result<Value, String> {
        self.stdin.write_all(format!("{command}\n").as_bytes()).await.map_err(|error| error.to_string())?;
        let answer = self.answer(&command.to_string()).await;
        match answer.get("error") {
            Some(error) => Err(error.as_str().unwrap_or_default().to_owned()),
            None => Ok(answer["ok"].clone()),
        }
    }

    /// A picture and the page's text, so that a failure can be understood without running it again.
    async fn leave_evidence(&mut self, command: &Value) {
        let Some(name) = command["page"].as_str() else { return };
        let path = parts::output("screenshots").join(format!("failed-{name}.png"));
        let _ = self.try_command(&json!({"op": "screenshot", "page": name, "path": path})).await;
        if let Ok(texts) = self.try_command(&json!({"op": "texts", "page": name, "selector": "body"})).await {
            eprintln!("the page {name} says:\n{}", texts["texts"][0].as_str().unwrap_or_default());
        }
        if let Ok(problems) = self.try_command(&json!({"op": "problems", "page": name})).await {
            eprintln!("its problems: {problems}");
        }
        eprintln!("a picture of it: {}", path.display());
    }

    async fn answer(&mut self, what: &str) -> Value {
        let line = tokio::time::timeout(PATIENCE * 3, self.stdout.next_line())
            .await
            .unwrap_or_else(|_| panic!("the browser's driver does not answer {what}"))
            .expect("the driver's output")
            .unwrap_or_else(|| panic!("the browser's driver ended at {what}"));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the driver said {line:?}: {error}"))
    }
}

/// A page of the browser. Every method panics, with a picture left behind, when the page does not do what is asked.
#[derive(Debug)]
pub struct Page<'b> {
    browser: &'b mut Browser,
    name: &'static str,
}

impl Page<'_> {
    async fn run(&mut self, mut command: Value) -> Value {
        command["page"] = json!(self.name);
        if command.get("timeout").is_none() {
            command["timeout"] = json!(u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX));
        }
        self.browser.command(command).await
    }

    /// Waits for a visible element and gives its text.
    pub async fn see(&mut self, selector: &str) -> String {
        let answer = self.run(json!({"op": "wait", "selector": selector})).await;
        answer["text"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits for a visible element that contains the text, and gives the last such element's whole text.
    pub async fn see_text(&mut self, selector: &str, text: &str) -> String {
        let answer = self.run(json!({"op": "wait", "selector": selector, "text": text, "last": true})).await;
        answer["text"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits for an element that need not be visible.
    pub async fn see_attached(&mut self, selector: &str) {
        self.run(json!({"op": "wait", "selector": selector, "state": "attached"})).await;
    }

    /// The page's title.
    pub async fn title(&mut self) -> String {
        self.run(json!({"op": "title"})).await["title"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until no such element is visible.
    pub async fn gone(&mut self, selector: &str) {
        self.run(json!({"op": "wait", "selector": selector, "state": "hidden"})).await;
    }

    /// Clicks or taps.
    pub async fn click(&mut self, selector: &str) {
        self.run(json!({"op": "click", "selector": selector})).await;
    }

    /// Clicks or taps the element that contains the text.
    pub async fn click_text(&mut self, selector: &str, text: &str) {
        self.run(json!({"op": "click", "selector": selector, "text": text})).await;
    }

    /// Approves the first request, as a person does on this device: where a finger may slip, with a second tap.
    pub async fn approve(&mut self) {
        self.click(&hook("approve")).await;
        if self.count("[data-testid=\"approve\"][data-armed]").await > 0 {
            self.click(&hook("approve")).await;
        }
    }

    /// Types into a field.
    pub async fn fill(&mut self, selector: &str, value: &str) {
        self.run(json!({"op": "fill", "selector": selector, "value": value})).await;
    }

    /// Chooses from a list.
    pub async fn select(&mut self, selector: &str, value: &str) {
        self.run(json!({"op": "select", "selector": selector, "value": value})).await;
    }

    /// Presses a key in a field.
    pub async fn press(&mut self, selector: &str, key: &str) {
        self.run(json!({"op": "press", "selector": selector, "key": key})).await;
    }

    /// The texts of all elements that fit.
    pub async fn texts(&mut self, selector: &str) -> Vec<String> {
        let answer = self.run(json!({"op": "texts", "selector": selector})).await;
        serde_json::from_value(answer["texts"].clone()).unwrap_or_default()
    }

    /// How many elements fit, visible or not.
    pub async fn count(&mut self, selector: &str) -> u64 {
        self.run(json!({"op": "count", "selector": selector})).await["count"].as_u64().unwrap_or_default()
    }

    /// An attribute of the first element that fits.
    pub async fn attribute(&mut self, selector: &str, name: &str) -> Option<String> {
        let answer = self.run(json!({"op": "attribute", "selector": selector, "name": name})).await;
        answer["value"].as_str().map(str::to_owned)
    }

    /// Watches the last element that fits until it contains the text, and gives the lengths its text had on the way.
    pub async fn grow(&mut self, selector: &str, until: &str) -> Vec<u64> {
        let answer = self.run(json!({"op": "grow", "selector": selector, "until": until})).await;
        serde_json::from_value(answer["lengths"].clone()).unwrap_or_default()
    }

    /// Loads the page anew.
    pub async fn reload(&mut self) {
        self.run(json!({"op": "reload"})).await;
    }

    /// Cuts the page off from the network, or connects it again.
    pub async fn offline(&mut self, offline: bool) {
        self.run(json!({"op": "offline", "offline": offline})).await;
    }

    /// Closes the page.
    pub async fn close(mut self) {
        self.run(json!({"op": "close"})).await;
    }

    /// Fails when the page can be scrolled sideways.
    pub async fn fits_its_width(&mut self) {
        let layout = self.run(json!({"op": "layout"})).await;
        assert!(
            layout["scrollWidth"].as_u64() <= layout["clientWidth"].as_u64(),
            "the page {} scrolls sideways: {layout}",
            self.name
        );
    }

    /// Fails when the browser's console has errors or warnings, or a request failed.
    pub async fn has_no_problems(&mut self) {
        let answer = self.run(json!({"op": "problems"})).await;
        assert_eq!(answer["problems"], json!([]), "the page {}", self.name);
    }

    /// Pictures in light and dark, into `target/screenshots`.
    pub async fn pictures(&mut self, name: &str) {
        let folder = parts::output("screenshots");
        for dark in [false, true] {
            self.run(json!({"op": "dark", "dark": dark})).await;
            let path = folder.join(format!("{name}-{}.png", if dark { "dark" } else { "light" }));
            self.picture(&path).await;
        }
        self.run(json!({"op": "dark", "dark": false})).await;
    }

    async fn picture(&mut self, path: &Path) {
        self.run(json!({"op": "screenshot", "path": path})).await;
    }
}
