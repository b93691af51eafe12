//! The card of an approval: everything that somebody decides about, and what the decision covers.

use groundlink_tests::bridged::Bridged;
use groundlink_tests::browser::{Browser, DESKTOP, Device, PHONE, Page, hook};

const LIVE: &str = "[data-testid=\"connection\"][data-state=\"live\"]";

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
        let mut page = browser.open(device.name, live.link(), device).await;
        page.see(LIVE).await;
        every_kind(&live, &mut page, device).await;
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
