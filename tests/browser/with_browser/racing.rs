//! One request, and three who answer it: a phone, a laptop, and the terminal where the session runs.

use groundlink_testkit::Viewer;
use groundlink_tests::browser::{Browser, DESKTOP, PHONE, hook};
use groundlink_tests::native::Rig;
use groundlink_tests::terminal::Terminal;
use serde_json::Value;

/// What the row of the last tool call says of its request.
const OUTCOME: &str = "(() => { const rows = document.querySelectorAll('[data-testid=item-tool]');
    return rows[rows.length - 1].querySelector('[data-testid=outcome]')?.textContent.replace(/\\s+/g, ' ').trim(); })()";

/// What may become of an answer that two others compete with.
const ENDS: [&str; 3] = ["applied", "superseded", "refused"];

struct Race {
    rig: Rig,
    terminal: Terminal,
    viewer: Viewer,
    browser: Browser,
}

impl Race {
    /// How often the command has run.
    fn ran(&self) -> usize {
        self.rig.repo.read("shell-proof.txt").unwrap_or_default().lines().count()
    }

    /// The agent wants to run a command; everybody sees that, and the phone has its finger on the button.
    async fn ask(&mut self) -> usize {
        let from = self.terminal.program.screen().len();
        self.viewer.say("run-shell").await;
        self.viewer.pending("permission").await;
        for name in ["phone", "desktop"] {
            let mut page = self.browser.page(name);
            page.see(&hook("card-permission")).await;
            page.see_attached("[data-testid=\"card-permission\"] fieldset:not([disabled])").await;
        }
        self.terminal.shows("1. Yes", from).await;
        from
    }

    /// Everybody has come to the same end; what the two pages say of it.
    async fn ends(&mut self) -> (String, String) {
        self.viewer
            .until("no open request", |snapshot| snapshot["pending"].as_array().is_some_and(Vec::is_empty))
            .await;
        self.viewer.until_idle().await;
        let mut said = Vec::new();
        for name in ["phone", "desktop"] {
            let mut page = self.browser.page(name);
            page.gone(&hook("card-permission")).await;
            page.see("[data-testid=\"status\"][data-status=\"idle\"]").await;
            page.until("the outcome", OUTCOME).await;
            said.push(page.evaluate(OUTCOME).await.as_str().expect("an outcome in words").to_owned());
        }
        let desktop = said.pop().expect("what the desktop says");
        (said.pop().expect("what the phone says"), desktop)
    }

    /// What became of the answers given so far, each with its device, in their order.
    async fn answers(&self) -> Vec<(String, String)> {
        let url = format!("{}/audit?limit=1000", self.viewer.api().as_str().trim_end_matches('/'));
        let page: Value = reqwest::get(&url).await.expect("an answer").json().await.expect("an audit");
        let mut answers: Vec<(String, String, String)> = Vec::new();
        for entry in page["entries"].as_array().expect("entries") {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (command, outcome) = (word(&entry["command"]), word(&entry["outcome"]));
            if entry["type"] != "permission_response" {
                continue;
            }
            match answers.iter_mut().find(|(known, ..)| !command.is_empty() && *known == command) {
                Some((.., last)) => *last = outcome,
                None => answers.push((command, word(&entry["device"]["name"]), outcome)),
            }
        }
        answers.into_iter().map(|(_, device, outcome)| (device, outcome)).collect()
    }
}

#[tokio::test]
async fn two_browsers_and_the_terminal_answer_once() {
    let rig = Rig::start().await;
    let terminal = Terminal::start(&rig).await;
    let viewer = Viewer::open_live(&terminal.link).await;
    let mut browser = Browser::start().await;
    for (device, called) in [(PHONE, "Ann's phone"), (DESKTOP, "The desk")] {
        let mut page = browser.open_live(device.name, &terminal.link, device).await;
        page.click(&hook("details-open")).await;
        page.fill(&hook("device-name"), called).await;
        page.keys(&["Escape", "Escape"]).await;
        page.gone(&hook("device-name")).await;
    }
    let mut race = Race { rig, terminal, viewer, browser };
    all_at_once(&mut race).await;
    two_browsers(&mut race).await;
    the_terminal_alone(&mut race).await;
    everybody_says_something(&mut race).await;
    for name in ["phone", "desktop"] {
        let mut page = race.browser.page(name);
        page.fits_its_width().await;
    }
    race.terminal.program.terminate().await;
}

async fn all_at_once(race: &mut Race) {
    let before = race.ran();
    race.ask().await;
    // The first of the phone's two taps; the second is in the race.
    race.browser.page("phone").click(&hook("approve")).await;
    race.browser.page("phone").see_text("[data-testid=\"approve\"][data-armed]", "Tap again to approve").await;
    assert_eq!(race.ran(), before, "one tap is not enough");
    assert_eq!(race.viewer.pending("permission").await["answering"], false);
    let (approve, deny) = (hook("approve"), hook("deny"));
    let clicks = [("phone", approve.as_str()), ("desktop", deny.as_str())];
    tokio::join!(race.browser.race(&clicks), race.terminal.program.write("\r"));
    let (phone, desktop) = race.ends().await;
    let approved = phone.starts_with("Approved");
    assert_eq!(approved, desktop.starts_with("Approved"), "{phone} / {desktop}");
    assert_eq!(race.ran() - before, usize::from(approved), "{phone}: it ran as often as it was approved");
    let answers = race.answers().await;
    let counted = answers.iter().filter(|(_, state)| state == "applied").count();
    assert!(counted <= 1, "{answers:?}");
    assert!(answers.iter().all(|(_, state)| ENDS.contains(&state.as_str())), "{answers:?}");
    // The pages name the one whose answer counted.
    let by = answers.iter().find(|(_, state)| state == "applied").map(|(device, _)| device.as_str());
    let (on_phone, on_desktop) = match by {
        Some("Ann's phone") => ("from this device", "from Ann's phone"),
        Some(_) => ("from The desk", "from this device"),
        None => ("in the terminal", "in the terminal"),
    };
    assert!(phone.contains(on_phone) && desktop.contains(on_desktop), "{phone} / {desktop}: {answers:?}");
}

async fn two_browsers(race: &mut Race) {
    let before = race.ran();
    let answered = race.answers().await.len();
    race.ask().await;
    race.browser.page("phone").click(&hook("approve")).await;
    let (approve, deny) = (hook("approve"), hook("deny"));
    race.browser.race(&[("desktop", deny.as_str()), ("phone", approve.as_str())]).await;
    let (phone, desktop) = race.ends().await;
    let approved = phone.starts_with("Approved");
    assert_eq!(race.ran() - before, usize::from(approved), "{phone}");
    let answers = race.answers().await.split_off(answered);
    assert_eq!(answers.iter().filter(|(_, state)| state == "applied").count(), 1, "{answers:?}");
    let (on_phone, on_desktop) =
        if approved { ("from this device", "from Ann's phone") } else { ("from The desk", "from this device") };
    assert!(phone.contains(on_phone) && desktop.contains(on_desktop), "{phone} / {desktop}: {answers:?}");
    // Whoever was slower is told who was faster, and when.
    let (slower, faster) = if approved { ("desktop", "Ann's phone") } else { ("phone", "The desk") };
    let note = race.browser.page(slower).see(&hook("settled")).await;
    assert!(note.contains(faster) && note.contains(':') && note.contains("shell-was-here"), "{note}");
    // An answer is bound to what was shown.
    for name in ["phone", "desktop"] {
        for sent in race.browser.page(name).sent().await {
            let answer = sent["type"] == "permission_response";
            assert!(!answer || sent["digest"].as_str().is_some_and(|digest| digest.len() >= 16), "{sent}");
            assert!(sent["device"]["name"].is_string(), "{sent}");
        }
    }
}

async fn the_terminal_alone(race: &mut Race) {
    let before = race.ran();
    race.ask().await;
    race.terminal.program.write("\r").await;
    for name in ["phone", "desktop"] {
        let note = race.browser.page(name).see_text(&hook("settled"), "in the terminal").await;
        assert!(note.starts_with("Approved in the terminal") && note.contains("shell-was-here"), "{note}");
        race.browser.page(name).pictures(&format!("{name}-answered-elsewhere")).await;
    }
    let (phone, desktop) = race.ends().await;
    assert!(phone.starts_with("Approved in the terminal"), "{phone}");
    assert_eq!(phone, desktop);
    assert_eq!(race.ran() - before, 1);
}

/// Each message says where it was typed.
async fn everybody_says_something(race: &mut Race) {
    let from = race.terminal.program.screen().len();
    race.terminal.program.write("typed by hand").await;
    race.terminal.shows("hand", from).await;
    race.terminal.program.write("\r").await;
    for name in ["phone", "desktop"] {
        let row = race
            .browser
            .page(name)
            .see_text("[data-testid=\"item-user\"][data-source=\"local\"]", "typed by hand")
            .await;
        assert!(row.contains("Terminal"), "{row}");
    }
    race.viewer.until_idle().await;
    let mut phone = race.browser.page("phone");
    phone.fill(&hook("composer"), "typed by thumb").await;
    phone.click(&hook("send")).await;
    for (name, source) in [("phone", "This device"), ("desktop", "Ann's phone")] {
        let row = race.browser.page(name).see_text(&hook("item-user"), "typed by thumb").await;
        assert!(row.contains(source), "{name}: {row}");
    }
    race.viewer.until_idle().await;
}
