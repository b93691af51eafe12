//! Writing to the agent: queue and steer, mode and model, stop, drafts.

use groundlink_testkit::Viewer;
use groundlink_tests::bridged::{Bridged, OTHER_MODEL};
use groundlink_tests::browser::{Browser, DESKTOP, Device, PHONE, Page, hook};
use groundlink_tests::native::said;

async fn send(page: &mut Page<'_>, text: &str) {
    page.fill(&hook("composer"), text).await;
    page.click(&hook("send")).await;
}

#[tokio::test]
async fn messages_wait_visibly_and_can_be_changed_taken_back_and_hurried() {
    for device in [PHONE, DESKTOP] {
        let live = Bridged::start().await;
        let mut browser = Browser::start().await;
        let mut page = browser.open(device.name, live.link(), device).await;
        the_queue(&live, &mut page, device).await;
        live.stop().await;
    }
}

async fn the_queue(live: &Bridged, page: &mut Page<'_>, device: Device) {
    let viewer = live.viewer().await;
    send(page, "run-shell").await;
    page.see(&hook("card-permission")).await;

    // While the agent works the composer says what Send will do; queueing is what it does unless told otherwise.
    page.fill(&hook("composer"), "first of the queue").await;
    page.see_text(&hook("delivery"), "Goes out when this turn ends").await;
    assert_eq!(page.attribute(&hook("send"), "aria-label").await.as_deref(), Some("Queue"));
    page.click(&hook("send")).await;
    page.see_text(&hook("item-queued"), "first of the queue").await;
    for text in ["second of the queue", "never mind", "this is urgent"] {
        send(page, text).await;
        page.see_text(&hook("item-queued"), text).await;
    }
    page.pictures(&format!("{}-queue", device.name)).await;
    page.fits_its_width().await;

    // Other words for the second.
    page.click_within(&hook("item-queued"), "second of the queue", &hook("queue-edit")).await;
    page.fill("[data-testid=\"item-queued\"] form:not([hidden]) textarea", "second, with other words").await;
    page.click("[data-testid=\"item-queued\"] form:not([hidden]) [data-testid=\"queue-save\"]").await;
    page.see_text(&hook("item-queued"), "second, with other words").await;
    // The third is taken back.
    page.click_within(&hook("item-queued"), "never mind", &hook("queue-cancel")).await;
    page.until("three messages", "document.querySelectorAll('[data-testid=item-queued]').length === 3").await;
    // The last is hurried: it goes to the agent at once, in the same turn.
    page.click_within(&hook("item-queued"), "this is urgent", &hook("queue-steer")).await;
    page.until("two that wait", "document.querySelectorAll('[data-testid=queue-cancel]').length === 2").await;
    // And one is meant for the running turn from the start.
    page.fill(&hook("composer"), "steered from the composer").await;
    page.click("[data-testid=\"delivery\"] label:nth-of-type(2)").await;
    assert_eq!(page.attribute(&hook("send"), "aria-label").await.as_deref(), Some("Steer now"));
    page.click(&hook("send")).await;
    viewer
        .until("the steering message's way", |snapshot| {
            snapshot["queue"].as_array().is_none_or(|queue| !queue.is_empty())
        })
        .await;

    page.approve().await;
    page.see_text(&hook("item-user"), "second, with other words").await;
    viewer.until_idle().await;
    page.until("an empty queue", "!document.querySelector('[data-testid=item-queued]')").await;
    let events = viewer.events().await;
    let texts = ["this is urgent", "steered from the composer", "first of the queue", "second, with other words"];
    let place = |text: &str| events.iter().position(|event| event["event"]["data"]["content"] == text);
    let places: Vec<_> =
        texts.iter().map(|text| place(text).unwrap_or_else(|| panic!("{text} was never said"))).collect();
    assert!(places.is_sorted(), "the steered ones join the turn, the others begin their own: {places:?}");
    assert_eq!((said(&events, "never mind"), said(&events, "second of the queue")), (0, 0));
    for text in texts {
        assert_eq!(said(&events, text), 1, "{text}");
        page.see_text(&hook("item-user"), text).await;
    }
    page.has_no_problems().await;
}

#[tokio::test]
async fn mode_and_model_are_switched_and_stop_is_always_there() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open(device.name, live.link(), device).await;
        controls(&viewer, &mut page, device).await;
        page.close().await;
    }
    live.stop().await;
}

async fn controls(viewer: &Viewer, page: &mut Page<'_>, device: Device) {
    page.select(&hook("model"), OTHER_MODEL).await;
    viewer.until("the other model", |snapshot| snapshot["model"] == OTHER_MODEL).await;
    page.see_attached(&format!("[data-testid=\"model\"] option[value=\"{OTHER_MODEL}\"][selected]")).await;
    page.select(&hook("model"), groundlink_testkit::github::MODEL).await;
    viewer.until("the first model", |snapshot| snapshot["model"] == groundlink_testkit::github::MODEL).await;
    page.select(&hook("mode"), "plan").await;
    viewer.until("plan mode", |snapshot| snapshot["mode"] == "plan").await;
    page.select(&hook("mode"), "interactive").await;
    viewer.until("interactive mode", |snapshot| snapshot["mode"] == "interactive").await;
    page.pictures(&format!("{}-controls", device.name)).await;

    // Stop is in view while the agent works: with a long answer, with a card, scrolled up, with the keyboard open.
    let in_view = "(() => { const { top, bottom, width } = document.getElementById('stop').getBoundingClientRect();
        return width > 0 && top >= 0 && bottom <= innerHeight; })()";
    assert_eq!(page.count(&hook("stop")).await, 0, "nothing to stop");
    send(page, "slow-stream-600").await;
    page.see(&hook("stop")).await;
    page.until("stop in view beside the answer", in_view).await;
    page.wheel(-3000).await;
    page.until("stop in view further up", in_view).await;
    page.click(&hook("stop")).await;
    viewer.until_idle().await;
    page.gone(&hook("stop")).await;
    page.see_text(&hook("item-notice"), "Stopped from this device").await;

    send(page, "two-shells").await;
    page.until("two cards", "document.querySelectorAll('.card').length === 2").await;
    page.resize(device.width, 520).await;
    page.until("stop in view below the cards", in_view).await;
    page.pictures(&format!("{}-low-window", device.name)).await;
    page.fits_its_width().await;
    page.click(&hook("stop")).await;
    viewer.until_idle().await;
    page.gone(&hook("card-permission")).await;
    page.has_no_problems().await;
}

#[tokio::test]
async fn each_session_keeps_its_draft() {
    let live = Bridged::start().await;
    let (_session, other) = live.another().await;
    for device in [PHONE, DESKTOP] {
        let mut browser = Browser::start().await;
        let mut page = browser.open("one", live.link(), device).await;
        let first = format!("a draft for the first, on a {}", device.name);
        page.fill(&hook("composer"), &first).await;
        let other_link = other.link().url().to_string();
        let mut page = browser.open_beside("one", "two", &other_link).await;
        page.see(&hook("composer")).await;
        assert_eq!(page.evaluate("document.getElementById('composer').value").await, "");
        page.fill(&hook("composer"), "a draft for the second").await;
        page.reload().await;
        page.until("its draft", "document.getElementById('composer').value === 'a draft for the second'").await;
        let mut page = browser.page("one");
        page.reload().await;
        page.until("its draft", &format!("document.getElementById('composer').value === '{first}'")).await;
        // What was sent is no draft any more.
        page.click(&hook("send")).await;
        page.see_text(&hook("item-user"), &first).await;
        page.reload().await;
        page.see_text(&hook("item-user"), &first).await;
        assert_eq!(page.evaluate("document.getElementById('composer').value").await, "");
    }
    other.stop().await;
    live.stop().await;
}
