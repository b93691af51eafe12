//! What comes to its end, or was never there to be pressed: requests that nobody answered in time, sessions that have
//! ended, sessions that are shared for reading only.

use groundlink::remote::{Bridge, HubEndpoint, RemoteMode};
use groundlink::session::{Client, PermissionDecision};
use groundlink_testkit::Viewer;
use groundlink_tests::bridged::Bridged;
use groundlink_tests::browser::{Browser, DESKTOP, Device, PHONE, Page, hook};
use groundlink_tests::native::Rig;

const DEVICES: [Device; 2] = [PHONE, DESKTOP];
/// What can be pressed or written to outside of windows and of rows that merely open, and is not for reading.
const PRESSABLE: &str =
    "[...document.querySelectorAll('main button, main input, .foot :is(button, select, textarea, input)')]
    .filter((control) => control.checkVisibility() && !control.matches(':disabled'))
    .map((control) => control.dataset.testid ?? control.id ?? control.textContent)";

async fn ask_everywhere(browser: &mut Browser, viewer: &Viewer) {
    viewer.say("run-shell").await;
    for device in DEVICES {
        browser.page(device.name).see("[data-testid=\"card-permission\"] fieldset:not([disabled])").await;
    }
}

/// The card is gone, and both the note and the call's own row say that nobody answered, and when.
async fn has_expired(page: &mut Page<'_>) {
    let note = page.see(&hook("settled")).await;
    assert!(note.starts_with("Closed without an answer") && note.contains("shell-was-here"), "{note}");
    assert!(note.contains(':'), "when: {note}");
    page.gone(&hook("card-permission")).await;
    let row = "(() => { const rows = document.querySelectorAll('[data-testid=item-tool]');
        return rows[rows.length - 1].querySelector('[data-testid=outcome]')?.textContent.replace(/\\s+/g, ' ').trim(); })()";
    let outcome = page.evaluate(row).await;
    assert!(
        outcome.as_str().is_some_and(|words| words.starts_with("Closed without an answer") && words.contains(':')),
        "{outcome}"
    );
}

#[tokio::test]
async fn a_request_that_nobody_answered_in_time_is_told_on_every_device() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    for device in DEVICES {
        browser.open_live(device.name, live.link(), device).await;
    }
    ask_everywhere(&mut browser, &viewer).await;
    // Where the session runs, somebody stops the turn. A finger is on the button at that moment.
    browser.page("phone").click(&hook("approve")).await;
    live.session.abort().await.expect("the turn is stopped");
    for device in DEVICES {
        let mut page = browser.page(device.name);
        has_expired(&mut page).await;
        page.pictures(&format!("{}-expired", device.name)).await;
        page.see("[data-testid=\"status\"][data-status=\"idle\"]").await;
        page.fits_its_width().await;
    }
    viewer.until_idle().await;
    assert!(!live.rig.repo.has("shell-proof.txt"), "half an approval is none");
    // Who comes later reads it in its place.
    let mut late = browser.open_live("late", live.link(), PHONE).await;
    late.click("[data-testid=\"item-tool\"] > summary").await;
    assert!(late.see(&hook("outcome")).await.contains("Closed without an answer"));
    late.see_text(&hook("item-notice"), "Stopped").await;
    late.has_no_problems().await;
    live.stop().await;
}

#[tokio::test]
async fn what_has_ended_offers_nothing_that_it_cannot_do() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    for device in DEVICES {
        browser.open_live(device.name, live.link(), device).await;
    }
    ask_everywhere(&mut browser, &viewer).await;
    // A message that waits, and one that is being written.
    let mut phone = browser.page("phone");
    phone.fill(&hook("composer"), "afterwards").await;
    phone.click(&hook("send")).await;
    phone.see_text(&hook("item-queued"), "afterwards").await;
    browser.page("desktop").fill(&hook("composer"), "a thought, half written").await;
    live.session.destroy().await.expect("the session ends");
    for device in DEVICES {
        let mut page = browser.page(device.name);
        has_expired(&mut page).await;
        ended(&mut page, device).await;
    }
    // The same for who comes now, and after the hub was away.
    let mut late = browser.open_live("late", live.link(), PHONE).await;
    ended(&mut late, PHONE).await;
    late.click(&hook("queue-cancel")).await;
    for name in ["late", "phone", "desktop"] {
        let mut page = browser.page(name);
        page.gone(&hook("item-queued")).await;
        assert_eq!(page.evaluate(PRESSABLE).await, serde_json::json!([]), "{name}");
        page.has_no_problems().await;
    }
    live.stop().await;
}

async fn ended(page: &mut Page<'_>, device: Device) {
    page.see("[data-testid=\"status\"][data-status=\"ended\"]").await;
    let why = page.see(&hook("closed")).await;
    assert!(why.starts_with("The session has ended.") && why.contains(':'), "since when: {why}");
    page.gone(&hook("composer")).await;
    page.gone(&hook("send")).await;
    for gone in ["stop", "mode", "model", "suggestion", "presence", "queue-steer", "queue-edit"] {
        assert_eq!(page.count(&hook(gone)).await, 0, "{gone}");
    }
    let waiting = page.see(&hook("item-queued")).await;
    assert!(waiting.contains("the session has ended") && !waiting.contains("when this turn ends"), "{waiting}");
    assert_eq!(page.evaluate(PRESSABLE).await, serde_json::json!(["queue-cancel"]));
    page.pictures(&format!("{}-ended", device.name)).await;
    page.is_accessible("an ended session").await;
    page.fits_its_width().await;
    // It can still be read, and handed on.
    page.click(&hook("details-open")).await;
    page.see(&hook("details")).await;
    page.keys(&["Escape"]).await;
}

#[tokio::test]
async fn what_is_shared_for_reading_offers_nothing_to_press() {
    let rig = Rig::start().await;
    let client = rig.signed_in(Client::builder()).start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let hub = rig.hub.handle();
    let endpoint = HubEndpoint::new(hub.export_base(), hub.export_token().clone());
    let shared = Bridge::builder(&session, endpoint).mode(RemoteMode::Export).start().await.expect("the bridge starts");
    let link = shared.link().url().to_string();
    let viewer = Viewer::open(&link).await;
    let mut browser = Browser::start().await;
    for device in DEVICES {
        let mut page = browser.open_live(device.name, &link, device).await;
        assert_eq!(page.see(&hook("closed")).await, "This session is shared for reading only.");
    }
    session.send("run-shell").await.expect("sent");
    for device in DEVICES {
        let mut page = browser.page(device.name);
        let card = page.see(&hook("card-permission")).await;
        assert!(
            card.contains("echo shell-was-here >> shell-proof.txt") && card.contains("Answer where it runs."),
            "{card}"
        );
        page.see("[data-testid=\"card-permission\"]:not([data-fresh])").await;
        assert_eq!(page.evaluate(PRESSABLE).await, serde_json::json!([]));
        page.gone(&hook("composer")).await;
        assert_eq!(page.count(&hook("stop")).await, 0);
        page.pictures(&format!("{}-read-only", device.name)).await;
        page.is_accessible("a session for reading").await;
        page.fits_its_width().await;
    }
    // Answered where it runs, it goes on everywhere.
    let request = viewer.pending("permission").await;
    let id = request["request_id"].as_str().expect("an id");
    session.respond_permission(id, PermissionDecision::ApproveOnce).await.expect("answered");
    for device in DEVICES {
        let mut page = browser.page(device.name);
        page.gone(&hook("card-permission")).await;
        page.see_text(&hook("item-assistant"), "Done.").await;
        page.has_no_problems().await;
    }
    viewer.until_idle().await;
    assert_eq!(rig.repo.read("shell-proof.txt").as_deref(), Some("shell-was-here\n"));
    shared.stop().await;
    client.stop().await;
}
