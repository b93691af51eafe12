//! The page of all sessions: what it shows of each, live, and what is done there.

use groundlink::protocol::mc::ExporterInfo;
use groundlink::remote::{Bridge, BridgeHandle, HubEndpoint};
use groundlink::session::{Client, Session};
use groundlink_testkit::Viewer;
use groundlink_tests::bridged::Bridged;
use groundlink_tests::browser::{Browser, DESKTOP, PHONE, hook};
use groundlink_tests::native::Rig;
use secrecy::ExposeSecret;
use serde_json::json;

async fn share(rig: &Rig, session: &Session, machine: &str) -> BridgeHandle {
    let hub = rig.hub.handle();
    let mut info = ExporterInfo::new("groundlink");
    info.machine = Some(machine.to_owned());
    let endpoint = HubEndpoint::new(hub.export_base(), hub.export_token().clone());
    Bridge::builder(session, endpoint).info(info).start().await.expect("the bridge starts")
}

/// Something within the row of a session.
fn within(session: &Session, group: &str, what: &str) -> String {
    format!("[data-testid=\"group-{group}\"] [data-id=\"{}\"] [data-testid=\"{what}\"]", session.id())
}

#[tokio::test]
async fn all_sessions_on_one_page() {
    let rig = Rig::start().await;
    let list = rig.hub.handle().sessions_link().expose_secret().to_owned();
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, &list, device).await;
        page.see(&hook("empty")).await;
        page.pictures(&format!("{}-sessions-0-none", device.name)).await;
    }

    // Two sessions appear as they are shared.
    let client = rig.signed_in(Client::builder()).start().await.expect("the CLI starts");
    let first = client.create_session(rig.config()).await.expect("a session");
    let second = client.create_session(rig.config()).await.expect("another session");
    let (first_shared, second_shared) = (share(&rig, &first, "desk").await, share(&rig, &second, "build server").await);
    let viewer = Viewer::open_live(first_shared.link().url().as_str()).await;
    Viewer::open_live(second_shared.link().url().as_str()).await.until_idle().await;
    for name in ["phone", "desktop"] {
        let row = browser.page(name).see(&within(&second, "idle", "open")).await;
        assert!(row.contains("build server"), "{row}");
        browser.page(name).see(&within(&first, "idle", "open")).await;
    }

    // What waits is on top, with the very command; the title and the tab say so.
    viewer.say("run-shell").await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.page(device.name);
        let waits = page.see(&within(&first, "needs", "waits")).await;
        assert!(waits.contains("echo shell-was-here >> shell-proof.txt"), "{waits}");
        assert!(page.title().await.starts_with("(1) "), "{}", page.title().await);
        page.pictures(&format!("{}-sessions-1-needs-you", device.name)).await;
        page.fits_its_width().await;
        page.is_accessible("all sessions").await;
    }

    // To the session, where it is answered, and back.
    let mut phone = browser.page("phone");
    phone.click(&within(&first, "needs", "open")).await;
    phone.see(&hook("card-permission")).await;
    phone.see(&hook("back")).await;
    phone.pictures("phone-sessions-2-way-back").await;
    phone.approve().await;
    phone.gone(&hook("card-permission")).await;
    viewer.until_idle().await;
    phone.click(&hook("back")).await;
    for name in ["phone", "desktop"] {
        browser.page(name).see(&within(&first, "idle", "open")).await;
        browser.page(name).gone(&hook("group-needs")).await;
    }
    assert_eq!(rig.repo.read("shell-proof.txt").as_deref(), Some("shell-was-here\n"));

    names_and_search(&mut browser, &first, &second).await;
    the_archive(&mut browser, &second).await;
    deletion(&mut browser, &second, second_shared).await;

    for name in ["phone", "desktop"] {
        browser.page(name).has_no_problems().await;
        browser.page(name).fits_its_width().await;
    }
    first_shared.stop().await;
    client.stop().await;
}

async fn names_and_search(browser: &mut Browser, first: &Session, second: &Session) {
    let mut phone = browser.page("phone");
    phone.click(&within(second, "idle", "menu")).await;
    phone.see(&hook("session-menu")).await;
    phone.is_accessible("a session's menu").await;
    phone.fits_a_finger("a session's menu").await;
    phone.pictures("phone-sessions-3-menu").await;
    phone.fill(&hook("name"), "Release <b>2.0</b>").await;
    phone.click(&hook("rename")).await;
    phone.gone(&hook("session-menu")).await;
    for name in ["phone", "desktop"] {
        browser.page(name).see_text(&within(second, "idle", "open"), "Release <b>2.0</b>").await;
    }
    let mut desktop = browser.page("desktop");
    desktop.fill(&hook("find"), "RELEASE 2.0 server").await;
    desktop.gone(&within(first, "idle", "open")).await;
    desktop.see(&within(second, "idle", "open")).await;
    desktop.pictures("desktop-sessions-4-search").await;
    desktop.fill(&hook("find"), "nothing like it").await;
    desktop.see(&hook("nothing")).await;
    desktop.press(&hook("find"), "Escape").await;
    desktop.see(&within(first, "idle", "open")).await;
}

async fn the_archive(browser: &mut Browser, second: &Session) {
    let mut desktop = browser.page("desktop");
    desktop.click(&within(second, "idle", "menu")).await;
    desktop.click(&hook("archive")).await;
    desktop.see(&hook("group-archived")).await;
    desktop.click("#archived-list summary").await;
    desktop.see(&within(second, "archived", "open")).await;
    desktop.pictures("desktop-sessions-5-archive").await;
    // It is put away everywhere, and comes back.
    browser.page("phone").see(&hook("group-archived")).await;
    let mut desktop = browser.page("desktop");
    desktop.click(&within(second, "archived", "menu")).await;
    desktop.click(&hook("archive")).await;
    for name in ["phone", "desktop"] {
        browser.page(name).see(&within(second, "idle", "open")).await;
        browser.page(name).gone(&hook("group-archived")).await;
    }
}

async fn deletion(browser: &mut Browser, second: &Session, shared: BridgeHandle) {
    let link = shared.link().url().to_string();
    // What is connected cannot be deleted, and the window says why, and that it can be as soon as it can.
    let mut phone = browser.page("phone");
    phone.click(&within(second, "idle", "menu")).await;
    phone.see(&hook("delete-hint")).await;
    phone.see("[data-testid=\"delete\"]:disabled").await;
    second.destroy().await.expect("the session ends");
    phone.see("[data-testid=\"delete\"]:not(:disabled)").await;
    shared.stop().await;
    phone.gone(&hook("delete-hint")).await;
    phone.click(&hook("delete")).await;
    phone.see_text(&hook("delete-dialog"), "Release <b>2.0</b>").await;
    phone.is_accessible("the question before a deletion").await;
    phone.pictures("phone-sessions-6-delete").await;
    phone.click(&hook("delete-cancel")).await;
    phone.gone(&hook("delete-dialog")).await;
    phone.click(&hook("delete")).await;
    phone.click(&hook("delete-confirm")).await;
    let row = format!("[data-id=\"{}\"]", second.id());
    for name in ["phone", "desktop"] {
        browser.page(name).gone(&row).await;
    }
    let status = reqwest::get(&link).await.expect("an answer").status();
    assert_eq!(status, reqwest::StatusCode::NOT_FOUND, "the link of what was deleted");
}

#[tokio::test]
async fn sessions_move_between_their_groups() {
    let live = Bridged::start().await;
    let (second, second_shared) = live.another().await;
    let viewer = live.viewer().await;
    let list = live.rig.hub.handle().sessions_link().expose_secret().to_owned();
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, &list, device).await;
        page.see(&within(&live.session, "idle", "open")).await;
        page.see(&within(&second, "idle", "open")).await;
    }
    viewer.say("slow-stream-600").await;
    second.destroy().await.expect("the session ends");
    for device in [PHONE, DESKTOP] {
        let mut page = browser.page(device.name);
        page.see(&within(&live.session, "working", "open")).await;
        page.see(&within(&second, "ended", "open")).await;
        page.pictures(&format!("{}-sessions-7-groups", device.name)).await;
    }
    viewer.apply(json!({"type": "abort"})).await;
    for name in ["phone", "desktop"] {
        browser.page(name).see(&within(&live.session, "idle", "open")).await;
    }
    // The computer goes away without a word.
    let Bridged { rig, client, session, shared, .. } = live;
    drop(shared);
    for device in [PHONE, DESKTOP] {
        let mut page = browser.page(device.name);
        let offline = within(&session, "offline", "open").replace('"', "\\\"");
        page.until("an absent computer", &format!("document.querySelector(\"{offline}\")?.checkVisibility()")).await;
        page.pictures(&format!("{}-sessions-8-offline", device.name)).await;
        page.is_accessible("sessions that are over or away").await;
        page.fits_its_width().await;
        page.has_no_problems().await;
    }
    second_shared.stop().await;
    client.stop().await;
    drop(rig);
}
