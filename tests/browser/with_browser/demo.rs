//! The main job: `groundlink demo`, its link opened on a phone and on a laptop.

use groundlink_testkit::Viewer;
use groundlink_tests::browser::{Browser, DESKTOP, Device, PHONE, Page, hook};
use groundlink_tests::demo::Demo;

#[tokio::test]
async fn a_person_steers_the_session_from_a_phone_and_from_a_laptop() {
    let demo = Demo::start().await;
    let viewer = demo.viewer().await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open(device.name, demo.link(), device).await;
        opens(&mut page, device).await;
        answer_streams_in(&mut page, &viewer).await;
        approved_command_runs(&mut page, &viewer, &demo, device).await;
        denied_command_does_not(&mut page, &viewer, &demo, device).await;
        edit_shows_its_diff(&mut page, &viewer, &demo, device).await;
        questions_are_answered(&mut page, &viewer, device).await;
        long_turn_is_aborted(&mut page, &viewer).await;
        history_survives_a_reload(&mut page, device).await;
        page.fits_its_width().await;
        page.has_no_problems().await;
        page.close().await;
    }
    demo.ctrl_c().await;
}

async fn opens(page: &mut Page<'_>, device: Device) {
    page.see(&hook("composer")).await;
    page.see(&hook("status")).await;
    // The page says that the model is a script, and offers something to try.
    let notice = page.see(&hook("notice")).await;
    assert!(notice.to_lowercase().contains("script"), "{notice}");
    let suggestions = page.texts(&hook("suggestion")).await;
    assert_eq!(suggestions.len(), 4, "{suggestions:?}");
    page.pictures(&format!("{}-1-opened", device.name)).await;
}

async fn send(page: &mut Page<'_>, text: &str) {
    page.fill(&hook("composer"), text).await;
    page.click(&hook("send")).await;
    page.see_text(&hook("item-user"), text).await;
}

async fn answer_streams_in(page: &mut Page<'_>, viewer: &Viewer) {
    page.watch(&hook("item-assistant"), "word39").await;
    send(page, "stream-text-40").await;
    let lengths = page.grown().await;
    assert!(lengths.len() >= 8, "the text did not grow before the eyes of the person: {lengths:?}");
    // At first, the answer before.
    assert!(lengths[1..].is_sorted(), "the text only grows: {lengths:?}");
    viewer.until_idle().await;
}

async fn approved_command_runs(page: &mut Page<'_>, viewer: &Viewer, demo: &Demo, device: Device) {
    let file = format!("approved-on-{}", device.name);
    send(page, &format!(r#"tool:bash {{"command":"echo yes > {file}","description":"Write a file"}}"#)).await;
    let card = page.see(&hook("card-permission")).await;
    assert!(card.contains(&format!("echo yes > {file}")), "the very command is shown: {card}");
    assert!(!demo.repo.has(&file), "nothing runs before the approval");
    page.pictures(&format!("{}-2-permission", device.name)).await;
    page.fits_its_width().await;
    page.approve().await;
    page.gone(&hook("approve")).await;
    viewer.until_idle().await;
    assert_eq!(demo.repo.read(&file).as_deref(), Some("yes\n"));
}

async fn denied_command_does_not(page: &mut Page<'_>, viewer: &Viewer, demo: &Demo, device: Device) {
    let file = format!("denied-on-{}", device.name);
    send(page, &format!(r#"tool:bash {{"command":"echo no > {file}","description":"Write a file"}}"#)).await;
    page.see_text(&hook("card-permission"), &file).await;
    page.click(&hook("deny")).await;
    page.gone(&hook("approve")).await;
    viewer.until_idle().await;
    assert!(!demo.repo.has(&file), "a denied command does not run");
}

async fn edit_shows_its_diff(page: &mut Page<'_>, viewer: &Viewer, demo: &Demo, device: Device) {
    let file = format!("edited-on-{}.txt", device.name);
    let path = demo.repo.path().join(&file);
    send(page, &format!(r#"tool:create {{"path":"{}","file_text":"first line\n"}}"#, path.display())).await;
    let card = page.see_text(&hook("card-permission"), &file).await;
    assert!(card.contains("first line"), "what would be written is shown: {card}");
    page.pictures(&format!("{}-3-edit", device.name)).await;
    page.approve().await;
    viewer.until_idle().await;
    assert_eq!(demo.repo.read(&file).as_deref().map(str::trim_end), Some("first line"));
}

async fn questions_are_answered(page: &mut Page<'_>, viewer: &Viewer, device: Device) {
    send(page, "ask-choice").await;
    let card = page.see(&hook("card-question")).await;
    assert!(card.contains("Which color?"), "{card}");
    page.pictures(&format!("{}-4-question", device.name)).await;
    page.click_text(&hook("choice"), "blue").await;
    page.see_text(&hook("item-assistant"), "blue").await;
    viewer.until_idle().await;

    send(page, "ask-free").await;
    page.see_text(&hook("card-question"), "What is your name?").await;
    page.fill(&hook("answer-text"), "Ada of the test").await;
    page.click(&hook("answer-send")).await;
    page.see_text(&hook("item-assistant"), "Ada of the test").await;
    viewer.until_idle().await;
}

async fn long_turn_is_aborted(page: &mut Page<'_>, viewer: &Viewer) {
    page.watch(&hook("item-assistant"), "word3").await;
    send(page, "slow-stream-600").await;
    page.grown().await;
    page.click(&hook("stop")).await;
    let snapshot = viewer.until_idle().await;
    assert_eq!(snapshot["pending"], serde_json::json!([]));
    let texts = page.texts(&hook("item-assistant")).await;
    assert!(!texts.iter().any(|text| text.contains("word599")), "{texts:?}");
    viewer.event("the abort", |event| event["type"] == "abort").await;
}

async fn history_survives_a_reload(page: &mut Page<'_>, device: Device) {
    let before = page.texts(&hook("item-user")).await;
    page.reload().await;
    page.see_text(&hook("item-assistant"), "Ada of the test").await;
    assert_eq!(page.texts(&hook("item-user")).await, before, "a reload shows the same history");
    page.pictures(&format!("{}-5-history", device.name)).await;
}
