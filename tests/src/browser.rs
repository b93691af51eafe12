//! A real Chromium, driven one command at a time through `browser/driver.mjs`.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::parts;

/// How long an element may take to appear. The real CLI thinks in between.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the browser may take to end.
const END: Duration = Duration::from_secs(10);

/// One browser with any number of pages. It has ended once this is dropped.
#[derive(Debug)]
pub struct Browser {
    /// Open until the end: the driver closes Chromium, and takes its files away, when there is nothing more to read.
    stdin: Option<ChildStdin>,
    stdout: Lines<BufReader<ChildStdout>>,
    driver: Child,
}

impl Drop for Browser {
    /// Waits for the end: a driver that is killed leaves a Chromium behind that goes when it likes, and its profile.
    fn drop(&mut self) {
        self.stdin = None;
        let started = Instant::now();
        while started.elapsed() < END {
            if !matches!(self.driver.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // Dropping it kills it.
        eprintln!("the browser did not end within {} s", END.as_secs());
    }
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

/// A page that is connected says so here.
pub const LIVE: &str = "[data-testid=\"connection\"][data-state=\"live\"]";

/// A CSS selector for a `data-testid`.
pub fn hook(name: &str) -> String {
    format!("[data-testid=\"{name}\"]")
}

impl Browser {
    /// Starts Chromium.
    pub async fn start() -> Self {
        let parts::BrowserParts { node, playwright, chromium, axe } = parts::browser();
        let mut driver = Command::new(node)
            .arg(parts::package().join("browser/driver.mjs"))
            .arg(playwright)
            .arg(chromium)
            .arg(axe)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let stdin = driver.stdin.take().expect("a piped stdin");
        let stdout = BufReader::new(driver.stdout.take().expect("a piped stdout")).lines();
        let mut browser = Self { stdin: Some(stdin), stdout, driver };
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

    /// Opens a page as [`open`](Self::open) does, and waits until it is connected.
    pub async fn open_live(&mut self, name: &'static str, url: &str, device: Device) -> Page<'_> {
        let mut page = self.open(name, url, device).await;
        page.until_live().await;
        page
    }

    /// Opens a page in the browser of another one: a second tab, with the same storage.
    pub async fn open_beside(&mut self, other: &'static str, name: &'static str, url: &str) -> Page<'_> {
        let opened = self
            .command(json!({"op": "open", "page": name, "beside": other, "url": url, "width": 0, "height": 0}))
            .await;
        assert_eq!(opened["status"], 200, "opening the page {name}: {opened}");
        Page { browser: self, name }
    }

    /// A page that was opened before.
    pub fn page(&mut self, name: &'static str) -> Page<'_> {
        Page { browser: self, name }
    }

    /// Clicks on several pages at the same moment, each given by its name and a selector.
    pub async fn race(&mut self, clicks: &[(&str, &str)]) {
        let clicks: Vec<Value> =
            clicks.iter().map(|(page, selector)| json!({"page": page, "selector": selector})).collect();
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        self.command(json!({"op": "race", "clicks": clicks, "timeout": patience})).await;
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
        let stdin = self.stdin.as_mut().expect("open until the end");
        stdin.write_all(format!("{command}\n").as_bytes()).await.map_err(|error| error.to_string())?;
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

    /// Waits until the page says that it is connected.
    pub async fn until_live(&mut self) {
        self.see(LIVE).await;
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

    /// Clicks or taps what is within the element that contains the text.
    pub async fn click_within(&mut self, selector: &str, text: &str, inner: &str) {
        self.run(json!({"op": "click_within", "selector": selector, "text": text, "inner": inner})).await;
    }

    /// What the page has posted to the hub since it was opened.
    pub async fn sent(&mut self) -> Vec<Value> {
        self.run(json!({"op": "sent"})).await["sent"].as_array().cloned().unwrap_or_default()
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

    /// Begins to watch the last element that fits, at every change, until it contains the text.
    pub async fn watch(&mut self, selector: &str, until: &str) {
        self.run(json!({"op": "watch", "selector": selector, "until": until})).await;
    }

    /// Waits until what is [watched](Self::watch) has come so far, and gives the lengths its text had on the way.
    pub async fn grown(&mut self) -> Vec<u64> {
        let answer = self.run(json!({"op": "grown"})).await;
        serde_json::from_value(answer["lengths"].clone()).expect("lengths")
    }

    /// Loads the page anew.
    pub async fn reload(&mut self) {
        self.run(json!({"op": "reload"})).await;
    }

    /// Freezes the tab, as a browser does that saves power, or wakes it.
    pub async fn freeze(&mut self, frozen: bool) {
        self.run(json!({"op": "freeze", "frozen": frozen})).await;
    }

    /// Lets the page's site do something, by the browser's name for it.
    pub async fn permit(&mut self, permission: &str) {
        self.run(json!({"op": "permit", "permissions": [permission]})).await;
    }

    /// Puts the page in front of the person, or another one.
    pub async fn focus(&mut self, focused: bool) {
        self.run(json!({"op": "focus", "focused": focused})).await;
    }

    /// Hands a message to the worker of a scope, as the browser does once it has decrypted it.
    pub async fn push(&mut self, scope: &str, data: &str) {
        self.run(json!({"op": "push", "scope": scope, "data": data})).await;
    }

    /// The value of a JavaScript expression within the worker of a scope.
    pub async fn in_worker(&mut self, scope: &str, expression: &str) -> Value {
        self.run(json!({"op": "worker", "scope": scope, "expression": expression})).await["value"].take()
    }

    /// The value of a JavaScript expression.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        self.run(json!({"op": "evaluate", "expression": expression})).await["value"].take()
    }

    /// Waits until a JavaScript expression is true.
    pub async fn until(&mut self, what: &str, expression: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE * 2;
        while self.evaluate(&format!("Boolean({expression})")).await != Value::Bool(true) {
            if tokio::time::Instant::now() > deadline {
                self.browser.leave_evidence(&json!({"page": self.name})).await;
                panic!("the page {} never came to {what}: {expression}", self.name);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Presses keys wherever the focus is.
    pub async fn keys(&mut self, keys: &[&str]) {
        self.run(json!({"op": "keys", "keys": keys})).await;
    }

    /// Types text wherever the focus is.
    pub async fn type_text(&mut self, text: &str) {
        self.run(json!({"op": "type", "text": text})).await;
    }

    /// Turns the mouse's wheel; down is positive.
    pub async fn wheel(&mut self, by: i32) {
        self.run(json!({"op": "wheel", "by": by})).await;
    }

    /// Where the first element that fits is, in CSS pixels of the window: `x`, `y`, `width`, `height`.
    pub async fn place(&mut self, selector: &str) -> Value {
        self.run(json!({"op": "box", "selector": selector})).await["box"].take()
    }

    /// Asks for less motion, as a person's settings may.
    pub async fn reduce_motion(&mut self, reduced: bool) {
        self.run(json!({"op": "motion", "reduced": reduced})).await;
    }

    /// The manifest by which the page can be installed, and what keeps the browser from offering it.
    pub async fn app(&mut self) -> Value {
        self.run(json!({"op": "app"})).await
    }

    /// Changes the window's size.
    pub async fn resize(&mut self, width: u32, height: u32) {
        self.run(json!({"op": "resize", "width": width, "height": height})).await;
    }

    /// Fails when axe-core finds a fault, in light or in dark.
    pub async fn is_accessible(&mut self, state: &str) {
        for dark in [false, true] {
            self.run(json!({"op": "dark", "dark": dark})).await;
            let faults = self.faults().await;
            assert!(faults.is_empty(), "{state} on {}, dark: {dark}:\n{}", self.name, faults.join("\n"));
        }
        self.run(json!({"op": "dark", "dark": false})).await;
    }

    /// What axe-core finds wrong with the page as it is.
    pub async fn faults(&mut self) -> Vec<String> {
        let found = self.run(json!({"op": "axe"})).await;
        serde_json::from_value(found["faults"].clone()).expect("a list of faults")
    }

    /// Fails when something to press is smaller than a finger.
    pub async fn fits_a_finger(&mut self, state: &str) {
        let found = self.run(json!({"op": "small", "least": 44})).await;
        assert_eq!(found["small"], json!([]), "{state} on {}", self.name);
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

    /// What the QR code within the element says, read off the screen as a camera would.
    pub async fn read_qr(&mut self, selector: &str) -> String {
        let shot = self.run(json!({"op": "pixels", "selector": selector})).await;
        let size = |name: &str| shot[name].as_u64().and_then(|size| usize::try_from(size).ok()).expect("a size");
        let (width, height) = (size("width"), size("height"));
        let bytes = data_encoding::BASE64.decode(shot["bytes"].as_str().unwrap_or_default().as_bytes()).expect("greys");
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| bytes[y * width + x]);
        let grids = image.detect_grids();
        let grid = grids.first().unwrap_or_else(|| panic!("{selector} on {} shows no QR code", self.name));
        grid.decode().expect("a QR code that can be read").1
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
