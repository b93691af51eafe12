//! What a connection goes through, with the page open all the time: it says how it stands, and converges without a reload.

use std::time::Duration;

use groundlink_testkit::Proxy;
use groundlink_tests::bridged::Bridged;
use groundlink_tests::browser::{Browser, DESKTOP, LIVE, PHONE, Page, hook};
use groundlink_tests::uploaded::Uploaded;
use serde_json::json;

/// A connection in this state.
fn connection(state: &str) -> String {
    format!("[data-testid=\"connection\"][data-state=\"{state}\"]")
}

/// From now on the page keeps the states that its connection goes through, and would forget them if it were loaded anew.
async fn watch(page: &mut Page<'_>) {
    page.evaluate(
        "(() => { const shown = document.querySelector('[data-testid=connection]'); window.went = [];
            new MutationObserver(() => window.went.push(`${shown.dataset.state}: ${shown.textContent}`))
                .observe(shown, { attributes: true, childList: true, characterData: true, subtree: true }); })()",
    )
    .await;
}

/// What the connection said since [`watch`]; fails when the page was loaded anew.
async fn went(page: &mut Page<'_>) -> Vec<String> {
    let went = page.evaluate("window.went").await;
    serde_json::from_value(went).expect("the page is the same as before")
}

/// What people have said, as the page shows it.
async fn said(page: &mut Page<'_>) -> Vec<String> {
    page.texts("[data-testid=\"item-user\"] .bubble").await
}

#[tokio::test]
async fn a_frozen_tab_catches_up() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, live.link(), device).await;
        watch(&mut page).await;
        page.freeze(true).await;
    }
    for text in ["said to a frozen tab", "and once more"] {
        viewer.say(text).await;
        viewer.until_idle().await;
    }
    for name in ["phone", "desktop"] {
        let mut page = browser.page(name);
        page.freeze(false).await;
        page.see_text(&hook("item-user"), "and once more").await;
        page.until_live().await;
        assert_eq!(said(&mut page).await, ["said to a frozen tab", "and once more"]);
        went(&mut page).await;
        page.has_no_problems().await;
    }
    live.stop().await;
}

#[tokio::test]
async fn offline_and_back_says_how_long_and_how_much() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, live.link(), device).await;
        watch(&mut page).await;

        page.offline(true).await;
        page.see(&connection("offline")).await;
        let text = format!("said in the tunnel of a {}", device.name);
        viewer.say(&text).await;
        viewer.until_idle().await;
        page.see_text(&connection("offline"), "Offline for ").await;
        page.pictures(&format!("{}-connection-offline", device.name)).await;
        page.offline(false).await;
        page.see_text(&hook("item-user"), &text).await;
        page.until_live().await;
        let went = went(&mut page).await;
        let caught_up = went.iter().any(|state| {
            state.starts_with("catching-up: Catching up, ") && state.contains(" event") && !state.contains(" 0 ")
        });
        assert!(caught_up, "{went:?}");
        // Who listens to the page has been told of both.
        assert_eq!(page.evaluate("document.getElementById('polite').textContent").await, "Connected again.");
        // The age of it all is in the details.
        page.click(&hook("details-open")).await;
        page.see_text(&hook("connection-facts"), "Live, since ").await;
    }
    live.stop().await;
}

#[tokio::test]
async fn a_half_open_socket_is_noticed() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let hub = live.rig.hub.handle().local_addr().to_string();
    let radio = Proxy::start(&hub).await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open(device.name, &live.link().replace(&hub, &radio.address()), device).await;
        page.until_live().await;
        watch(&mut page).await;
    }
    radio.deafen();
    viewer.say("said into a dead socket").await;
    viewer.until_idle().await;
    // Nobody tells the pages; they miss the hub's sign of life.
    for name in ["phone", "desktop"] {
        browser.page(name).see_text(LIVE, "Live, heard 2").await;
    }
    for name in ["phone", "desktop"] {
        let mut page = browser.page(name);
        page.until("the message", "document.body.innerText.includes('said into a dead socket')").await;
        page.until_live().await;
        assert_eq!(said(&mut page).await, ["said into a dead socket"]);
        let went = went(&mut page).await;
        assert!(went.iter().any(|state| state.starts_with("offline: Offline for ")), "{went:?}");
    }
    // What the person does now arrives, too.
    for name in ["phone", "desktop"] {
        let mut page = browser.page(name);
        let text = format!("said over the new one on a {name}");
        page.fill(&hook("composer"), &text).await;
        page.click(&hook("send")).await;
        page.see_text(&hook("item-user"), &text).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn a_hub_that_restarts_within_a_turn_is_followed() {
    let mut live = Bridged::start().await;
    let mut browser = Browser::start().await;
    let link = live.link().to_owned();
    for device in [PHONE, DESKTOP] {
        browser.open_live(device.name, &link, device).await;
        watch(&mut browser.page(device.name)).await;
    }
    let mut phone = browser.page("phone");
    phone.fill(&hook("composer"), "slow-stream-16").await;
    phone.click(&hook("send")).await;
    phone.see_text(&hook("item-assistant"), "word3").await;
    // A draft, and where the reader is, outlive the hub.
    phone.fill(&hook("composer"), "a thought, half written").await;

    live.rig.hub.stop().await;
    phone.see(&connection("reconnecting")).await;
    phone.pictures("connection-reconnecting").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    live.rig.hub.start_again().await;

    for name in ["phone", "desktop"] {
        let mut page = browser.page(name);
        page.until_live().await;
        page.see_text(&hook("item-assistant"), "word15").await;
        page.see("[data-testid=\"status\"][data-status=\"idle\"]").await;
        assert_eq!(said(&mut page).await, ["slow-stream-16"], "once each, on the {name}");
        let answers = page.texts(&hook("item-assistant")).await;
        assert_eq!(answers.len(), 1, "{answers:?}");
        let words: Vec<String> = (0..16).map(|n| format!("word{n}")).collect();
        assert_eq!(answers[0].split_whitespace().filter(|word| word.starts_with("word")).collect::<Vec<_>>(), words);
        went(&mut page).await;
    }
    let mut phone = browser.page("phone");
    assert_eq!(phone.evaluate("document.getElementById('composer').value").await, "a thought, half written");
    live.stop().await;
}

#[tokio::test]
async fn a_computer_that_falls_silent_is_told_from_one_that_works() {
    let mut session = Uploaded::start(json!({"name": "groundlink"})).await;
    session.say("user.message", json!({"content": "go"})).await;
    session.say("assistant.turn_start", json!({"turnId": "1"})).await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, session.link(), device).await;
        watch(&mut page).await;
    }
    for name in ["phone", "desktop"] {
        let mut page = browser.page(name);
        // The hub is heard, the computer is not any more: no stale "working" without a word about it.
        let banner = page.see(&hook("presence")).await;
        assert!(banner.contains("has been silent since ") && banner.contains("It was working then"), "{banner}");
        page.see_text(&hook("status"), "Offline").await;
        page.pictures(&format!("{name}-silent-computer")).await;
        page.fits_its_width().await;
    }
    session.say("assistant.message", json!({"messageId": "m", "content": "back again"})).await;
    for name in ["phone", "desktop"] {
        let mut page = browser.page(name);
        page.see_text(&hook("item-assistant"), "back again").await;
        page.gone(&hook("presence")).await;
        assert_eq!(page.see(&hook("status")).await, "Working");
        went(&mut page).await;
    }
}
