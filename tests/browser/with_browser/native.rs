//! The page of a session that the CLI exports by itself.

use groundlink::remote::RemoteExt;
use groundlink_testkit::Viewer;
use groundlink_tests::browser::{Browser, PHONE, hook};
use groundlink_tests::native::Rig;

#[tokio::test]
async fn the_page_steers_the_clis_own_exporter() {
    let rig = Rig::start().await;
    let client = rig.client().start().await.expect("the CLI starts");
    let session = client.create_session(rig.config()).await.expect("a session");
    let link = session.remote().enable().await.expect("enabled").link.expect("a link");
    let viewer = Viewer::open_live(link.url().as_str()).await;

    let mut browser = Browser::start().await;
    let mut page = browser.open("native", link.url().as_str(), PHONE).await;
    page.fill(&hook("composer"), "run-shell").await;
    page.click(&hook("send")).await;
    let card = page.see(&hook("card-permission")).await;
    assert!(card.contains("echo shell-was-here >> shell-proof.txt"), "{card}");
    page.approve().await;
    page.gone(&hook("card-permission")).await;
    page.see_text(&hook("item-assistant"), "Done.").await;
    viewer.until_idle().await;
    assert_eq!(rig.repo.read("shell-proof.txt").as_deref(), Some("shell-was-here\n"));
    page.fits_its_width().await;
    page.has_no_problems().await;
    page.pictures("native").await;
    client.stop().await;
}
