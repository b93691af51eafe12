//! For every person and every device: no faults for axe-core, the keyboard, those who listen, fingers, less motion,
//! text from right to left.

use groundlink_testkit::Viewer;
use groundlink_tests::bridged::Bridged;
use groundlink_tests::browser::{Browser, DESKTOP, Device, PHONE, Page, hook};
use groundlink_tests::uploaded::Uploaded;
use serde_json::json;

/// The page as it is now, looked at by axe-core, by a finger and by a ruler.
async fn looked_at(page: &mut Page<'_>, state: &str, finger: bool) {
    page.is_accessible(state).await;
    if finger {
        page.fits_a_finger(state).await;
    }
    page.fits_its_width().await;
}

#[tokio::test]
async fn a_fault_is_found_where_there_is_one() {
    let session = Uploaded::start(json!({"name": "groundlink"})).await;
    let mut browser = Browser::start().await;
    let mut page = browser.open_live("faulty", session.link(), PHONE).await;
    assert_eq!(page.faults().await, Vec::<String>::new());
    page.evaluate(
        "document.querySelector('main').append(document.createElement('img'), document.createElement('button'))",
    )
    .await;
    let faults = page.faults().await.join("\n");
    assert!(faults.contains("image-alt") && faults.contains("button-name"), "{faults}");
}

#[tokio::test]
async fn every_state_of_a_real_session_is_accessible() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, live.link(), device).await;
        looked_at(&mut page, "at rest", device.mobile).await;
        page.click(&hook("details-open")).await;
        looked_at(&mut page, "details", device.mobile).await;
        page.pictures(&format!("{}-details", device.name)).await;
        // On a low screen, too, the way to the keyboard's help is in sight without scrolling.
        page.resize(device.width, 500).await;
        let keys = page.place("#details-dialog [data-act=\"open-keys\"]").await;
        let (top, height) = (keys["y"].as_f64().expect("a place"), keys["height"].as_f64().expect("a size"));
        assert!(top >= 0.0 && top + height <= 500.0, "{}: {keys}", device.name);
        page.resize(device.width, device.height).await;
        page.click("#details-dialog [data-act=\"open-keys\"]").await;
        looked_at(&mut page, "keyboard help", device.mobile).await;
        page.keys(&["Escape", "Escape"]).await;
    }

    // The turn goes on while both are looked at.
    viewer.say("slow-stream-2000").await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.page(device.name);
        page.see_text(&hook("item-assistant"), "word2").await;
        page.fill(&hook("composer"), "and then this").await;
        page.see(&hook("delivery")).await;
        looked_at(&mut page, "while the agent writes", device.mobile).await;
        page.click(&hook("send")).await;
        page.see(&hook("item-queued")).await;
        page.click(&hook("queue-edit")).await;
        looked_at(&mut page, "with a queue", device.mobile).await;
        page.click("[data-act=\"queue-keep\"]").await;
        page.click(&hook("queue-cancel")).await;
        page.gone(&hook("item-queued")).await;
    }
    stop_on(&mut browser, &viewer, PHONE).await;

    for (prompt, card) in [
        ("run-shell", "card-permission"),
        ("create-file", "card-permission"),
        ("ask-choice", "card-"),
        ("exit-plan", "card-plan"),
    ] {
        if prompt == "exit-plan" {
            viewer.apply(json!({"type": "mode_switch", "mode": "plan"})).await;
            viewer.until("plan mode", |snapshot| snapshot["mode"] == "plan").await;
        }
        viewer.say(prompt).await;
        for device in [PHONE, DESKTOP] {
            let mut page = browser.page(device.name);
            page.see(&format!("[data-testid^=\"{card}\"]:not([data-fresh])")).await;
            looked_at(&mut page, prompt, device.mobile).await;
            page.pictures(&format!("{}-card-{prompt}", device.name)).await;
            if prompt == "exit-plan" {
                // The ways to go on fill their lines, what is recommended first.
                assert_eq!(page.evaluate(PLAN_LINES).await, json!("filled"), "{}", device.name);
                assert_eq!(page.count("[data-testid=\"plan-action\"]:first-child.primary").await, 1, "{}", device.name);
            }
        }
        stop_on(&mut browser, &viewer, DESKTOP).await;
    }
    viewer.apply(json!({"type": "mode_switch", "mode": "interactive"})).await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.page(device.name);
        page.until("no card", "!document.querySelector('.card')").await;
        page.evaluate("document.querySelectorAll('details').forEach((row) => { row.open = true; })").await;
        looked_at(&mut page, "everything opened", device.mobile).await;
        page.has_no_problems().await;
    }
    live.stop().await;
}

/// Whether the last button of every line of a plan's card ends where the card's field of buttons does.
const PLAN_LINES: &str = "(() => {
    const field = document.querySelector('.card[data-kind=plan] .actions');
    const boxes = [...field.querySelectorAll('button')].map((button) => button.getBoundingClientRect());
    const ends = new Map(boxes.map((box) => [box.top, box.right]));
    const right = field.getBoundingClientRect().right;
    return [...ends.values()].every((end) => Math.abs(end - right) < 1) ? 'filled' : JSON.stringify(boxes);
})()";

/// Stops the turn on one device, and waits until nothing of it is left on any.
async fn stop_on(browser: &mut Browser, viewer: &Viewer, device: Device) {
    browser.page(device.name).click(&hook("stop")).await;
    viewer.until_idle().await;
    for device in [PHONE, DESKTOP] {
        browser.page(device.name).until("no card", "!document.querySelector('.card')").await;
    }
}

#[tokio::test]
async fn everything_that_a_session_may_show_is_accessible() {
    let session = Uploaded::start(json!({"name": "groundlink", "machine": "ann-laptop"})).await;
    // The fixture of the fragments' snapshots: sub-agents, pictures, changes, a to-do list, trouble.
    let fixture = include_str!("../../../crates/hub/src/web/fixtures/rich.jsonl");
    let events: Vec<_> = fixture.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
    session.upload(&events).await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, session.link(), device).await;
        looked_at(&mut page, "a rich session", device.mobile).await;
        page.pictures(&format!("{}-rich", device.name)).await;
        page.evaluate("document.querySelectorAll('details').forEach((row) => { row.open = true; })").await;
        page.until("the pictures", "[...document.querySelectorAll('[data-testid=picture]')].every((image) => image.complete && image.naturalWidth > 0)").await;
        looked_at(&mut page, "a rich session, opened", device.mobile).await;
        // Old and new side by side where there is room; the steps of a sub-agent within its call.
        let layout = "getComputedStyle(document.querySelector('[data-testid=item-tool] .diff.two .dx')).display";
        assert_eq!(page.evaluate(layout).await == "grid", !device.mobile, "{}", device.name);
        let steps = "[...document.querySelectorAll('[data-kind=agent] > .kids')].map((kids) => kids.children.length)";
        assert_eq!(page.evaluate(steps).await, json!([2, 1]));
        for (part, share) in [("top", 0.0), ("middle", 0.4), ("lower", 0.75)] {
            page.evaluate(&format!("window.scrollTo(0, document.body.scrollHeight * {share})")).await;
            page.pictures(&format!("{}-rich-{part}", device.name)).await;
        }
        page.has_no_problems().await;
    }
}

#[tokio::test]
async fn everything_can_be_done_by_the_keyboard_and_is_said_to_those_who_listen() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    for (ran, device) in [PHONE, DESKTOP].into_iter().enumerate() {
        let mut page = browser.open(device.name, live.link(), device).await;
        by_keyboard(&live, &viewer, &mut page, device, ran + 1).await;
        page.close().await;
    }
    live.stop().await;
}

/// What has the focus, by its name for tests.
const FOCUS: &str = "document.activeElement.dataset.testid ?? document.activeElement.tagName";

/// Moves the focus on until it is there.
async fn tab_to(page: &mut Page<'_>, wanted: &str) {
    for _ in 0..8 {
        if page.evaluate(FOCUS).await == wanted {
            // What has the focus is in view, and shows it.
            let shown = "(() => { const { top, bottom } = document.activeElement.getBoundingClientRect();
                const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
                return top >= 0 && bottom <= innerHeight && outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2; })()";
            assert_eq!(page.evaluate(shown).await, true, "{wanted}");
            return;
        }
        page.keys(&["Tab"]).await;
    }
    panic!("{wanted} is not a few steps away: {}", page.evaluate(FOCUS).await);
}

/// A whole conversation without a pointer; the shell's command has run so often at its end.
async fn by_keyboard(live: &Bridged, viewer: &Viewer, page: &mut Page<'_>, device: Device, ran: usize) {
    page.until_live().await;
    page.keys(&["?"]).await;
    page.see(&hook("keys")).await;
    page.keys(&["Escape"]).await;
    page.gone(&hook("keys")).await;
    page.keys(&["/"]).await;
    assert_eq!(page.evaluate(FOCUS).await, "composer");
    page.type_text("run-shell").await;
    page.keys(&["Shift+Enter"]).await;
    page.type_text(device.name).await;
    if device.mobile {
        // On a phone's keyboard Enter is a new line.
        tab_to(page, "send").await;
    }
    page.keys(&["Enter"]).await;
    page.see_text(&hook("item-user"), device.name).await;

    // The request interrupts what is being read out, with the command in it.
    page.see(&hook("card-permission")).await;
    page.until("the spoken request", "document.getElementById('assertive').textContent.includes('shell-was-here')")
        .await;
    assert_eq!(page.attribute("#assertive", "aria-live").await.as_deref(), Some("assertive"));
    assert_eq!(page.attribute("#polite", "aria-live").await.as_deref(), Some("polite"));
    page.see("[data-testid=\"card-permission\"]:not([data-fresh])").await;
    page.keys(&["Escape", "w"]).await;
    page.until("the card's focus", "document.activeElement.classList.contains('card')").await;
    tab_to(page, "approve").await;
    page.keys(&["Enter"]).await;
    if device.mobile {
        // The second tap that a finger needs is asked for aloud.
        page.until("the second tap", "document.getElementById('assertive').textContent.includes('again to approve')")
            .await;
        assert_eq!(page.evaluate(FOCUS).await, "approve");
        page.keys(&["Enter"]).await;
    }
    // The answer is read out when it is whole, without interrupting.
    page.until("the spoken answer", "document.getElementById('polite').textContent.includes('Done. The tool said')")
        .await;
    viewer.until_idle().await;
    let proof = "shell-was-here\n".repeat(ran);
    assert_eq!(live.rig.repo.read("shell-proof.txt").as_deref(), Some(proof.as_str()));

    // Steering, and a refusal with words.
    viewer.say("run-shell").await;
    page.see("[data-testid=\"card-permission\"]:not([data-fresh])").await;
    page.fill(&hook("composer"), "by the keyboard").await;
    page.press(&hook("composer"), "Control+Enter").await;
    page.until(
        "a steering message",
        "!document.querySelector('[data-testid=queue-cancel]') && document.getElementById('composer').value === ''",
    )
    .await;
    page.press(&hook("deny-message"), "n").await;
    page.see_text(&hook("deny"), "Deny with message").await;
    page.press(&hook("deny"), "Enter").await;
    viewer.until_idle().await;
    assert_eq!(live.rig.repo.read("shell-proof.txt"), Some(proof), "it did not run again");
    page.has_no_problems().await;
}

#[tokio::test]
async fn motion_and_direction_are_as_the_reader_needs_them() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open(device.name, live.link(), device).await;
        motion_and_direction(&viewer, &mut page, device).await;
        page.close().await;
    }
    live.stop().await;
}

async fn motion_and_direction(viewer: &Viewer, page: &mut Page<'_>, device: Device) {
    page.until_live().await;
    viewer.say("slow-stream-600").await;
    page.see_text("[data-testid=\"item-assistant\"][data-state=\"streaming\"]", "word2").await;
    let moving = "document.getAnimations().filter((motion) => motion.playState === 'running').length";
    assert_ne!(page.evaluate(moving).await, 0, "something shows that the agent works");
    page.reduce_motion(true).await;
    page.until("rest", &format!("{moving} === 0")).await;
    page.see(&hook("stop")).await;
    page.reduce_motion(false).await;
    page.click(&hook("stop")).await;
    viewer.until_idle().await;

    // Each text runs as its own first letter says; code always from left to right.
    let arabic = format!("مرحبا بالعالم ({})", device.name);
    page.fill(&hook("composer"), &arabic).await;
    let direction =
        |selector: &str| format!("getComputedStyle([...document.querySelectorAll('{selector}')].at(-1)).direction");
    assert_eq!(page.evaluate(&direction("#composer")).await, "rtl");
    page.click(&hook("send")).await;
    page.see_text("[data-testid=\"item-user\"] .bubble", &arabic).await;
    assert_eq!(page.evaluate(&direction("[data-testid=item-user] .bubble")).await, "rtl");
    viewer.until_idle().await;
    viewer.say("tool:bash {\"command\":\"echo مرحبا > out.txt\",\"description\":\"اكتب ملفا\"}").await;
    page.see(&hook("card-permission")).await;
    assert_eq!(page.evaluate(&direction(".card .why")).await, "rtl");
    assert_eq!(page.evaluate(&direction(".card .cmd")).await, "ltr");
    page.pictures(&format!("{}-right-to-left", device.name)).await;
    page.fits_its_width().await;
    // And so does the whole page, for those whose browser is set so.
    page.evaluate("document.documentElement.dir = 'rtl'").await;
    page.fits_its_width().await;
    page.pictures(&format!("{}-right-to-left-page", device.name)).await;
    page.evaluate("document.documentElement.dir = 'ltr'").await;
    page.click(&hook("deny")).await;
    viewer.until_idle().await;
    page.has_no_problems().await;
}
