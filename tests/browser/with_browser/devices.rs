//! Several devices on one link, a radio that goes away, text that tries to be more than text.

use groundlink_tests::browser::{Browser, DESKTOP, PHONE, hook};
use groundlink_tests::demo::Demo;

const NOT_LIVE: &str = "[data-testid=\"connection\"]:not([data-state=\"live\"])";

#[tokio::test]
async fn devices_share_one_session() {
    let demo = Demo::start().await;
    let viewer = demo.viewer().await;
    let mut browser = Browser::start().await;
    browser.open_live("phone", demo.link(), PHONE).await;
    browser.open_live("desktop", demo.link(), DESKTOP).await;

    // A suggestion tapped on one device asks on both; the answer of one closes the card of the other.
    browser.page("phone").click_text(&hook("suggestion"), "Run a command").await;
    for name in ["phone", "desktop"] {
        browser.page(name).see_text(&hook("card-permission"), "groundlink-demo.txt").await;
    }
    browser.page("desktop").approve().await;
    for name in ["phone", "desktop"] {
        browser.page(name).gone(&hook("card-permission")).await;
        browser.page(name).see_text(&hook("item-assistant"), "Done.").await;
    }
    viewer.until_idle().await;
    assert!(demo.repo.read("groundlink-demo.txt").is_some_and(|text| text.contains("a command you approved")));

    // A refusal with words reaches the agent, and the words with it.
    let mut phone = browser.page("phone");
    phone.fill(&hook("composer"), r#"tool:bash {"command":"touch refused","description":"Make a file"}"#).await;
    phone.click(&hook("send")).await;
    phone.see_text(&hook("card-permission"), "touch refused").await;
    phone.fill(&hook("deny-message"), "please leave my files alone").await;
    phone.click(&hook("deny")).await;
    phone.gone(&hook("card-permission")).await;
    viewer
        .event("the agent hears why", |event| {
            event["type"] == "tool.execution_complete" && event.to_string().contains("please leave my files alone")
        })
        .await;
    viewer.until_idle().await;
    assert!(!demo.repo.has("refused"));

    // The mode, set on one device, shows on the other.
    browser.page("desktop").select(&hook("mode"), "plan").await;
    viewer.until("plan mode", |snapshot| snapshot["mode"] == "plan").await;
    browser.page("phone").see_attached("[data-testid=\"mode\"] option[value=\"plan\"][selected]").await;
    browser.page("desktop").select(&hook("mode"), "interactive").await;
    viewer.until("interactive mode", |snapshot| snapshot["mode"] == "interactive").await;

    a_phone_without_a_radio_misses_nothing(&demo, &mut browser).await;
    text_stays_text(&demo, &mut browser).await;

    browser.page("desktop").has_no_problems().await;
    for name in ["phone", "desktop"] {
        browser.page(name).fits_its_width().await;
    }
    demo.ctrl_c().await;
}

async fn a_phone_without_a_radio_misses_nothing(demo: &Demo, browser: &mut Browser) {
    let viewer = demo.viewer().await;
    browser.page("phone").offline(true).await;
    browser.page("phone").see(NOT_LIVE).await;
    for text in ["said in the tunnel, first", "said in the tunnel, second"] {
        viewer.say(text).await;
        viewer.until_idle().await;
    }
    browser.page("desktop").see_text(&hook("item-user"), "said in the tunnel, second").await;
    browser.page("phone").offline(false).await;
    browser.page("phone").until_live().await;
    browser.page("phone").see_text(&hook("item-user"), "said in the tunnel, second").await;
    let said = "[data-testid=\"item-user\"] .bubble";
    let (desktop, phone) = (browser.page("desktop").texts(said).await, browser.page("phone").texts(said).await);
    assert!(desktop.len() >= 4, "{desktop:?}");
    assert_eq!(phone, desktop, "both show the same, once each");
}

async fn text_stays_text(demo: &Demo, browser: &mut Browser) {
    let viewer = demo.viewer().await;
    let hostile = concat!(
        "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>",
        "<form><button data-testid=\"approve\">x</button></form> [a link](javascript:document.title='pwned')",
    );
    viewer.say(hostile).await;
    viewer.until_idle().await;
    // In a file name, a command and a tool's output, too.
    let command =
        r#"tool:bash {"command":"echo '<img src=x onerror=alert(1)>'","description":"<script>alert(1)</script>"}"#;
    viewer.say(command).await;
    browser.page("desktop").see_text(&hook("card-permission"), "<img src=x onerror=alert(1)>").await;
    viewer.permit(true).await;
    viewer.until_idle().await;
    for name in ["phone", "desktop"] {
        let mut page = browser.page(name);
        page.see_text(&hook("item-assistant"), "The tool said").await;
        for planted in ["main img", "main form form", "a[href^=\"javascript:\"]", "[onerror]"] {
            assert_eq!(page.count(planted).await, 0, "{planted} on the {name}");
        }
        assert_eq!(page.count("[data-testid=\"approve\"]").await, 0, "a planted button on the {name}");
        assert_ne!(page.title().await, "pwned");
    }
}
