//! What tells a person that something waits, and the link handed on to a phone.

use groundlink_tests::bridged::Bridged;
use groundlink_tests::browser::{Browser, DESKTOP, PHONE, hook};
use groundlink_tests::demo::Demo;
use secrecy::ExposeSecret;
use serde_json::json;

#[tokio::test]
async fn title_and_icon_show_that_something_waits() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, live.link(), device).await;
        assert!(page.title().await.ends_with(" · groundlink"), "{}", page.title().await);
        let icon = "document.getElementById('icon').getAttribute('href')";
        assert!(page.evaluate(icon).await.as_str().is_some_and(|href| href.starts_with("/assets/icon.svg")));

        viewer.say("two-shells").await;
        page.until("two cards", "document.querySelectorAll('.card').length === 2").await;
        assert!(page.title().await.starts_with("(2) Needs you · "), "{}", page.title().await);
        assert!(page.evaluate(icon).await.as_str().is_some_and(|href| href.starts_with("/assets/icon-attention.svg")));
        // The drawing is there, and is one.
        let drawn = format!("fetch({icon}).then((answer) => answer.headers.get('content-type'))");
        assert_eq!(page.evaluate(&drawn).await, "image/svg+xml");

        viewer.permit(true).await;
        page.until("one card", "document.title.startsWith('(1) Needs you · ')").await;
        viewer.permit(false).await;
        viewer.until_idle().await;
        page.until("calm", "document.title.endsWith(' · groundlink') && !document.title.startsWith('(')").await;
        assert!(page.evaluate(icon).await.as_str().is_some_and(|href| href.starts_with("/assets/icon.svg")));
        page.has_no_problems().await;
    }
    live.stop().await;
}

#[tokio::test]
async fn the_pages_can_be_installed_as_apps() {
    let live = Bridged::start().await;
    let list = live.rig.hub.handle().sessions_link().expose_secret().to_owned();
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        for (name, link, what) in [("session", live.link(), "composer"), ("list", list.as_str(), "find")] {
            let mut page = browser.open(name, link, device).await;
            page.see(&hook(what)).await;
            let app = page.app().await;
            assert_eq!(app["errors"], json!([]), "{app}");
            assert_eq!(app["installabilityErrors"], json!([]), "{app}");
            assert_eq!(app["manifest"]["display"], "standalone", "{app}");
            // It opens where it was installed.
            let start = "fetch(document.querySelector('link[rel=manifest]').href).then((answer) => answer.json())
            .then((app) => new URL(app.start_url, document.querySelector('link[rel=manifest]').href).href)";
            assert_eq!(page.evaluate(start).await, link);
            // Every drawing that it names is one, of the size that it says.
            let sizes = "(async () => {
            const at = document.querySelector('link[rel=manifest]').href;
            const { icons } = await (await fetch(at)).json();
            const odd = [];
            for (const icon of icons) {
                const image = new Image();
                image.src = new URL(icon.src, at).href;
                await image.decode();
                if (icon.sizes !== 'any' && icon.sizes !== `${image.naturalWidth}x${image.naturalHeight}`) odd.push(icon.src);
            }
            return icons.length >= 3 ? odd : ['too few'];
        })()";
            assert_eq!(page.evaluate(sizes).await, json!([]));
            page.has_no_problems().await;
        }
    }
    live.stop().await;
}

#[tokio::test]
async fn the_link_is_handed_on_by_a_qr_code() {
    let demo = Demo::start().await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open(device.name, demo.link(), device).await;
        page.click(&hook("details-open")).await;
        page.see(&hook("details")).await;
        let place = page.place("[data-testid=\"qr\"] svg").await;
        let (width, height) = (place["width"].as_f64().unwrap_or(0.0), place["height"].as_f64().unwrap_or(0.0));
        assert!(width >= 160.0 && (width - height).abs() < 1.0, "{place}");
        assert_eq!(page.evaluate("document.getElementById('link').value").await, demo.link());
        // As a camera would read it, from what is on the screen.
        let read = page.read_qr("[data-testid=\"qr\"]").await;
        assert_eq!(read, demo.link());
        page.pictures(&format!("{}-link", device.name)).await;
        page.fits_its_width().await;
        page.has_no_problems().await;
    }
    demo.ctrl_c().await;
}
