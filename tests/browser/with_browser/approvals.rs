//! The card of an approval: everything that somebody decides about, and what the decision covers.

use groundlink::protocol::Method;
use groundlink_tests::bridged::Bridged;
use groundlink_tests::browser::{Browser, DESKTOP, Device, PHONE, Page, hook};
use reqwest::StatusCode;
use serde_json::value::RawValue;
use serde_json::{Value, json};

async fn say(page: &mut Page<'_>, text: &str) {
    page.fill(&hook("composer"), text).await;
    page.click(&hook("send")).await;
    page.see_text(&hook("item-user"), text).await;
}

async fn card(page: &mut Page<'_>) -> String {
    let card = page.see(&hook("card-permission")).await;
    page.see("[data-testid=\"card-permission\"]:not([data-fresh])").await;
    card.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_card_shows_what_is_decided_and_an_approval_for_the_session_lasts() {
    for device in [PHONE, DESKTOP] {
        let live = Bridged::start().await;
        let mut browser = Browser::start().await;
        let mut page = browser.open_live(device.name, live.link(), device).await;
        every_kind(&live, &mut page, device).await;
        a_form(&live, &mut page, device).await;
        page.fits_its_width().await;
        page.has_no_problems().await;
        live.stop().await;
    }
}

async fn every_kind(live: &Bridged, page: &mut Page<'_>, device: Device) {
    let viewer = live.viewer().await;
    let folder = live.rig.repo.path().display().to_string();

    // A command: the very words, where it runs, what an approval covers. Deny is as large as Approve, and beside it.
    say(page, "run-shell").await;
    let shown = card(page).await;
    for part in [
        "Run this command?",
        "echo shell-was-here >> shell-proof.txt && cat shell-proof.txt",
        &folder,
        "this command, this once",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // It is in the flow as well, where it was asked.
    page.see_text("[data-testid=\"item-tool\"][data-state=\"waiting\"] > summary", "Needs you").await;
    let (approve, deny) = (page.place(&hook("approve")).await, page.place(&hook("deny")).await);
    for side in ["y", "height"] {
        assert_eq!(approve[side], deny[side], "{approve} {deny}");
    }
    let (wide, narrow) = (approve["width"].as_f64(), deny["width"].as_f64());
    assert!(narrow.zip(wide).is_some_and(|(deny, approve)| deny * 1.6 >= approve), "{approve} {deny}");
    page.click(&hook("deny")).await;
    page.gone(&hook("card-permission")).await;
    viewer.until_idle().await;

    // An address.
    say(page, "fetch-url").await;
    let shown = card(page).await;
    assert!(
        shown.contains("Fetch this address?") && shown.contains("http://127.0.0.1:") && shown.contains("/page"),
        "{shown}"
    );
    page.pictures(&format!("{}-address", device.name)).await;
    page.click(&hook("deny")).await;
    page.gone(&hook("card-permission")).await;
    viewer.until_idle().await;

    // A change: the file and the whole of the change; and from now on all of them.
    say(page, "create-file").await;
    let shown = card(page).await;
    for part in [
        "Create this file?",
        "made-by-model.txt",
        "one",
        "two",
        "three",
        "every change of files, until the session ends",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    page.click(&hook("approve-session")).await;
    if device.mobile {
        assert!(!live.rig.repo.has("made-by-model.txt"), "one tap is not enough");
        page.see_text("[data-testid=\"approve-session\"][data-armed]", "Tap again to approve").await;
        page.click(&hook("approve-session")).await;
    }
    page.gone(&hook("card-permission")).await;
    viewer.until_idle().await;
    page.see_attached("[data-testid=\"outcome\"]").await;
    let outcome = "[...document.querySelectorAll('[data-testid=outcome]')].at(-1).textContent";
    page.until("the outcome", &format!("{outcome}.startsWith('Approved for this session')")).await;
    say(page, "edit-file").await;
    viewer.until_idle().await;
    assert_eq!(live.rig.repo.read("made-by-model.txt").as_deref(), Some("one\nTWO\nthree\n"), "it was not asked again");
    // The change is in the row: its size in the line, the change itself within.
    let row = page.see_text("[data-testid=\"item-tool\"] > summary", "Edit").await;
    assert!(row.contains("+1") && row.contains("−1"), "{row}");
    page.evaluate("[...document.querySelectorAll('[data-testid=item-tool]')].at(-1).open = true").await;
    page.see_text("[data-testid=\"item-tool\"][open] .diff", "TWO").await;
    page.pictures(&format!("{}-change", device.name)).await;
}

/// Asks by a form, in the very text.
struct AskByForm;

impl Method for AskByForm {
    const NAME: &'static str = "session.ui.elicitation";
    type Params = Box<RawValue>;
    type Output = Value;
}

/// The fields stand in the order of the form, take what the form takes, and nothing else gets through.
async fn a_form(live: &Bridged, page: &mut Page<'_>, device: Device) {
    let viewer = live.viewer().await;
    let schema = r#"{"type": "object", "required": ["zip", "when"], "properties": {
        "zip": {"type": "string", "title": "Postcode", "minLength": 4, "maxLength": 8},
        "when": {"type": "string", "format": "date-time", "default": "2026-03-02T09:00:00Z"},
        "days": {"type": "integer", "minimum": 1, "maximum": 9},
        "extras": {"type": "array", "items": {"type": "string", "enum": ["tent", "stove", "map"]}, "minItems": 2},
        "alone": {"type": "boolean"}}}"#;
    let params =
        format!(r#"{{"sessionId": "{}", "message": "Where to?", "requestedSchema": {schema}}}"#, live.session.id());
    let session = live.session.clone();
    let asked = tokio::spawn(async move {
        let params = RawValue::from_string(params).expect("JSON");
        session.call::<AskByForm>(&params).await.expect("an answer")
    });
    let request = viewer.pending("elicitation").await;
    let order = ["zip", "when", "days", "extras", "alone"];
    assert_eq!(request["field_order"], json!(order), "{request}");
    let short = json!({"type": "elicitation_response", "request_id": request["request_id"], "action": "accept",
        "content": {"zip": "123", "when": "2026-03-02T09:00:00Z"}});
    let refused = viewer.post(short).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    assert_eq!(refused.body["detail"], "this does not fit the form: `zip` needs at least 4 characters");

    page.see(&hook("card-elicitation")).await;
    page.see("[data-testid=\"card-elicitation\"]:not([data-fresh])").await;
    let names = "[...new Set([...document.querySelectorAll('[data-testid=field]')].map((field) => field.name))]";
    assert_eq!(page.evaluate(names).await, json!(order));
    let rightly = "[...document.querySelectorAll('[data-testid=field]')].map((field) => field.checkValidity())";
    page.fill("[name=\"zip\"]", "12").await;
    page.fill("[name=\"days\"]", "10").await;
    assert_eq!(page.evaluate(rightly).await, json!([false, true, false, true, true, true, true]));
    page.click(&hook("elicit-accept")).await;
    page.fill("[name=\"zip\"]", "12345").await;
    page.fill("[name=\"days\"]", "3").await;
    page.click("[name=\"extras\"][value=\"tent\"]").await;
    page.click(&hook("elicit-accept")).await;
    page.until("what is wrong", "document.querySelector('[name=extras]').validationMessage === 'Choose at least 2.'")
        .await;
    page.pictures(&format!("{}-form", device.name)).await;
    page.is_accessible("a form").await;
    page.click("[name=\"extras\"][value=\"map\"]").await;
    page.click(&hook("elicit-accept")).await;
    page.gone(&hook("card-elicitation")).await;
    let answer = asked.await.expect("answered");
    let content = json!({"zip": "12345", "when": "2026-03-02T09:00:00.000Z", "days": 3, "extras": ["tent", "map"],
        "alone": false});
    assert_eq!((&answer["action"], &answer["content"]), (&json!("accept"), &content), "{answer}");
}
