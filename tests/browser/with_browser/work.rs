//! What the real CLI tells beyond words: sub-agents, pictures, things to do, thoughts, a plan, what was used, trouble.

use groundlink::session::{Attachment, Message};
use groundlink_testkit::Viewer;
use groundlink_tests::bridged::Bridged;
use groundlink_tests::browser::{Browser, DESKTOP, Device, PHONE, Page, hook};
use serde_json::json;

const DEVICES: [Device; 2] = [PHONE, DESKTOP];
/// The transcript as a tree: what each item is, and within a sub-agent's call what it did.
const TREE: &str =
    "(() => { const walk = (list) => [...list.children].filter((item) => item.hasAttribute('data-n')).map((item) => {
        const kids = item.querySelector(':scope > .kids');
        return item.dataset.testid.slice(5) + (kids?.children.length ? `(${walk(kids)})` : '');
    }).join(' ');
    return walk(document.getElementById('log')); })()";
/// A blue rectangle, 32 by 16.
pub(super) const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAACAAAAAQCAIAAAD4YuoOAAAAHUlEQVR4nGPQqDhBU8QwasGoBaMWjFowasFQsAAAxdvQH47lFRoAAAAASUVORK5CYII=";

async fn open_on_all(browser: &mut Browser, link: &str) {
    for device in DEVICES {
        browser.open_live(device.name, link, device).await;
    }
}

/// What followed the stream shows what is drawn for somebody who comes now.
async fn same_when_drawn_anew(page: &mut Page<'_>, expression: &str) {
    let followed = page.evaluate(expression).await;
    page.reload().await;
    page.until_live().await;
    assert_eq!(page.evaluate(expression).await, followed);
}

async fn open_rows(page: &mut Page<'_>) {
    page.evaluate("document.querySelectorAll('#log details').forEach((row) => { row.open = true; })").await;
}

#[tokio::test]
async fn sub_agents_are_a_tree() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    open_on_all(&mut browser, live.link()).await;
    let model = viewer.snapshot().await["model"].clone();

    let task = json!({"agent_type": "general-purpose", "name": "worker", "description": "Write a file", "prompt": "run-shell"});
    viewer.say(&format!("tool:task {task}")).await;
    for device in DEVICES {
        let mut page = browser.page(device.name);
        assert_eq!(
            page.see(&hook("asker")).await.split_whitespace().collect::<Vec<_>>(),
            ["Asked", "by", "sub-agent", "worker"]
        );
        page.pictures(&format!("{}-sub-agent-asks", device.name)).await;
    }
    browser.page("phone").approve().await;
    viewer.until_idle().await;
    assert_eq!(live.rig.repo.read("shell-proof.txt").as_deref(), Some("shell-was-here\n"));
    assert_eq!(viewer.snapshot().await["model"], model, "a sub-agent's model is not the session's");
    for device in DEVICES {
        let mut page = browser.page(device.name);
        page.see("[data-testid=\"status\"][data-status=\"idle\"]").await;
        let tree = "user assistant tool(user assistant tool assistant) assistant";
        page.until("the tree", &format!("{TREE} === {tree:?}")).await;
        let told = page.evaluate("document.querySelector('.kids > [data-testid=item-user]').textContent").await;
        assert!(told.as_str().is_some_and(|told| told.contains("run-shell") && !told.contains("Terminal")), "{told}");
        let row = page.see("[data-kind=\"agent\"] > summary").await;
        assert!(row.contains("Sub-agent") && row.contains("Write a file") && row.contains("4 steps"), "{row}");
        same_when_drawn_anew(&mut page, TREE).await;
        open_rows(&mut page).await;
        page.see_text(".kids [data-testid=\"item-tool\"] pre.out", "shell-was-here").await;
        page.pictures(&format!("{}-sub-agent", device.name)).await;
        page.is_accessible("a sub-agent's work").await;
        page.fits_its_width().await;
        page.has_no_problems().await;
    }

    in_the_background(&live, &viewer, &mut browser).await;
    live.stop().await;
}

/// One that goes on when the agent has said its last word: the page says that work goes on, and takes messages.
async fn in_the_background(live: &Bridged, viewer: &Viewer, browser: &mut Browser) {
    let task = json!({"agent_type": "general-purpose", "name": "reader", "description": "Read slowly",
        "mode": "background", "prompt": "held-text:may-end"});
    viewer.say(&format!("tool:task {task}")).await;
    for name in ["phone", "desktop"] {
        let mut page = browser.page(name);
        page.see_text(&hook("item-assistant"), "Agent started in background").await;
        page.see_text("[data-kind=\"agent\"][data-state=\"running\"] > summary", "Read slowly").await;
        assert_eq!(page.see(&hook("status")).await, "Working");
    }
    // The agent has nothing to do itself: a message is for it at once, and not for the end of the helper's work.
    viewer.say("and what about you?").await;
    viewer.event("the message", |event| event["data"]["content"] == "and what about you?").await;
    assert_eq!(viewer.snapshot().await["status"], "working");
    live.rig.repo.write("may-end", "");
    for name in ["phone", "desktop"] {
        let mut page = browser.page(name);
        page.see_text(&hook("item-user"), "and what about you?").await;
        page.see_text("[data-kind=\"agent\"][data-state=\"done\"] > summary", "Read slowly").await;
        page.see("[data-testid=\"status\"][data-status=\"idle\"]").await;
        same_when_drawn_anew(&mut page, TREE).await;
    }
    viewer.until_idle().await;
}

#[tokio::test]
async fn pictures_of_a_tool_and_of_a_message_are_shown() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let picture = data_encoding::BASE64.decode(PICTURE.as_bytes()).expect("Base64");
    live.rig.repo.write("shot.png", picture);
    live.rig.repo.write("notes.txt", "some words\n");
    let mut browser = Browser::start().await;
    open_on_all(&mut browser, live.link()).await;

    let path = live.rig.repo.path().join("shot.png");
    viewer.say(&format!("tool:view {}", json!({"path": path}))).await;
    viewer.permit(true).await;
    viewer.until_idle().await;
    let message = Message::text("look at these")
        .attach(&Attachment::file(&path))
        .attach(&Attachment::file(live.rig.repo.path().join("notes.txt")))
        .attach(&Attachment::blob("pasted.png", "image/png", PICTURE));
    live.session.send(message).await.expect("sent");
    viewer.event("the message", |event| event["data"]["content"] == "look at these").await;
    viewer.until_idle().await;

    for device in DEVICES {
        let mut page = browser.page(device.name);
        page.see_text("[data-testid=\"item-tool\"] .count", "1").await;
        page.click("[data-testid=\"item-tool\"] > summary").await;
        page.see_text(&hook("item-user"), "look at these").await;
        let drawn = "(() => { const all = [...document.querySelectorAll('[data-testid=picture]')];
            return all.length === 3 && all.every((image) => image.complete && image.naturalWidth === 32 && image.alt); })()";
        page.until("three pictures", drawn).await;
        assert_eq!(page.texts(&hook("attached")).await, ["notes.txt"]);
        page.pictures(&format!("{}-pictures", device.name)).await;
        page.is_accessible("pictures").await;
        page.fits_its_width().await;
        page.has_no_problems().await;
    }
    live.stop().await;
}

#[tokio::test]
async fn the_list_of_things_to_do_is_kept_current() {
    let mut live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    open_on_all(&mut browser, live.link()).await;
    let sql = async |query: &str| {
        viewer.say(&format!("tool:sql {}", json!({"description": "Keep the list", "query": query}))).await;
        viewer.until_idle().await;
    };
    sql("INSERT INTO todos (id, title, status) VALUES ('a', 'Find the slow part', 'in_progress'), \
         ('b', 'Make it fast', 'pending'), ('c', 'Measure again', 'pending')")
    .await;
    for device in DEVICES {
        let mut page = browser.page(device.name);
        let summary = page.see("[data-testid=\"tasks\"] > summary").await;
        assert!(summary.contains("Find the slow part") && summary.contains("0 of 3"), "{summary}");
        page.click("[data-testid=\"tasks\"] > summary").await;
        page.see_text("[data-testid=\"tasks\"] li[data-state=\"open\"]", "Measure again").await;
    }
    sql("UPDATE todos SET status = 'done' WHERE id = 'a'; UPDATE todos SET status = 'in_progress', updated_at = \
         datetime('now') WHERE id = 'b'")
    .await;
    for device in DEVICES {
        let mut page = browser.page(device.name);
        page.see_text("[data-testid=\"tasks\"] > summary", "1 of 3").await;
        let states = "[...document.querySelectorAll('[data-testid=tasks] li')].map((task) => `${task.dataset.state} ${task.textContent}`)";
        let expected =
            json!(["done Done: Find the slow part", "doing At it: Make it fast", "open To do: Measure again"]);
        assert_eq!(page.evaluate(states).await, expected, "it stays open, too");
        page.pictures(&format!("{}-things-to-do", device.name)).await;
        page.is_accessible("things to do").await;
        page.fits_its_width().await;
        page.has_no_problems().await;
    }
    // It is in what the hub keeps.
    live.rig.hub.restart().await;
    let mut page = browser.page("phone");
    page.reload().await;
    page.see_text("[data-testid=\"tasks\"] > summary", "1 of 3").await;
    live.stop().await;
}

#[tokio::test]
async fn thoughts_a_plan_what_was_used_and_trouble() {
    let mut live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    open_on_all(&mut browser, live.link()).await;

    // Thoughts come as they are thought, folded, and once.
    viewer.say("think-first-30").await;
    viewer.until_idle().await;
    for name in ["phone", "desktop"] {
        let mut page = browser.page(name);
        page.see_text(&hook("item-assistant"), "I have thought about it.").await;
        page.see("[data-testid=\"item-reasoning\"][data-state=\"done\"]:not([open])").await;
        page.click("[data-testid=\"item-reasoning\"] > summary").await;
        page.see_text("[data-testid=\"item-reasoning\"] .md", "word0 word1").await;
        same_when_drawn_anew(&mut page, TREE).await;
        assert_eq!(page.count(&hook("item-reasoning")).await, 1);
    }

    // Words have their form and code its colours; a row is one line until it is opened.
    viewer.say("look:\n\n### A heading\n\n```rust\nfn main() {}\n```\n\nthat is all").await;
    viewer.until_idle().await;
    let print = json!({"command": "printf '\\033[32mgreen\\033[0m plain\\n'", "description": "Print in colour"});
    viewer.say(&format!("tool:bash {print}")).await;
    viewer.permit(true).await;
    viewer.until_idle().await;
    for device in DEVICES {
        let mut page = browser.page(device.name);
        page.see("[data-testid=\"item-assistant\"] .md h3").await;
        page.see_attached("[data-testid=\"item-assistant\"] .md pre code .hk").await;
        let row = page.see_text("[data-testid=\"item-tool\"]:not([open]) > summary", "Run").await;
        assert!(row.contains("printf"), "{row}");
        page.click("[data-testid=\"item-tool\"] > summary").await;
        page.see_text("[data-testid=\"item-tool\"] pre.cmd", "green").await;
        // The CLI takes the colours out of what a shell prints.
        page.see_text("[data-testid=\"item-tool\"] pre.out", "green plain").await;
        page.pictures(&format!("{}-words-and-colours", device.name)).await;
    }

    // A plan waits as a card, and can be read again when that is gone.
    viewer.apply(json!({"type": "mode_switch", "mode": "plan"})).await;
    viewer.until("plan mode", |snapshot| snapshot["mode"] == "plan").await;
    viewer.say("exit-plan").await;
    for device in DEVICES {
        let mut page = browser.page(device.name);
        page.see_text(&hook("card-plan"), "Change one file").await;
        page.pictures(&format!("{}-plan", device.name)).await;
    }
    browser.page("desktop").click("[data-testid=\"plan-action\"][data-value=\"interactive\"]").await;
    viewer.until_idle().await;
    for device in DEVICES {
        let mut page = browser.page(device.name);
        page.gone(&hook("card-plan")).await;
        let context = page.see(&hook("context")).await;
        assert!(context.trim_end().ends_with('%'), "{context}");
        let apart = "document.querySelector('.ctx').getBoundingClientRect().right
            < document.getElementById('connection').getBoundingClientRect().left";
        assert_eq!(page.evaluate(apart).await, true, "the head has room for both");
        page.click(&hook("details-open")).await;
        let facts = page.see("#details .facts").await;
        assert!(
            facts.contains("of 110k tokens") && facts.contains("tokens in") && facts.contains("model calls"),
            "{facts}"
        );
        page.click("#details-plan > summary").await;
        page.see_text("#details-plan .md", "Change one file").await;
        page.pictures(&format!("{}-plan-and-usage", device.name)).await;
        page.is_accessible("plan and usage").await;
        page.keys(&["Escape"]).await;
    }

    // Trouble says what to do.
    viewer.say("model-error-400").await;
    for device in DEVICES {
        let mut page = browser.page(device.name);
        page.see("[data-testid=\"item-notice\"][data-level=\"error\"] .advice").await;
        page.see("[data-testid=\"status\"][data-status=\"error\"]").await;
        // To the end, by its key: the reader was elsewhere.
        page.keys(&["e"]).await;
        page.pictures(&format!("{}-trouble", device.name)).await;
        page.fits_its_width().await;
    }

    // What was used is in what the hub keeps.
    let facts = "document.querySelector('#details .facts').textContent.replace(/\\s+/g, ' ')";
    let mut page = browser.page("phone");
    let before = page.evaluate(facts).await;
    live.rig.hub.restart().await;
    page.reload().await;
    page.until_live().await;
    assert_eq!(page.evaluate(facts).await, before);
    live.stop().await;
}
