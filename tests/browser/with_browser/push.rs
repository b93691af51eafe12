//! Notifications on a device: turned on in the page, sent by the hub to a stand-in for the browser's push service, shown
//! by the page's worker. What a browser does in between, at its maker's service, is stood in for: to subscribe there, and
//! to hand the worker a message from there. The worker is the real one.

use std::time::Duration;

use groundlink::protocol::api::PushReason;
use groundlink_testkit::{PushService, Subscriber, TestHub, Viewer};
use groundlink_tests::bridged::Bridged;
use groundlink_tests::browser::{Browser, DESKTOP, PHONE, Page, hook};
use groundlink_tests::native::Rig;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// A session whose hub sends to the stand-in.
async fn start(service: &PushService) -> Bridged {
    let hub = TestHub::notifying(service.settings().gap(Duration::ZERO)).await;
    Bridged::at(Rig::at(hub).await).await
}

/// Lets the page subscribe without its browser's maker, who is out of reach.
async fn stand_in(page: &mut Page<'_>, device: &Subscriber) {
    let subscription = device.subscription();
    let script = format!(
        "(() => {{
            let given = null;
            const told = {subscription};
            const subscription = {{
                endpoint: told.endpoint,
                toJSON: () => told,
                unsubscribe: async () => {{ given = null; return true; }},
            }};
            PushManager.prototype.getSubscription = async () => given;
            PushManager.prototype.subscribe = async ({{ userVisibleOnly, applicationServerKey }}) => {{
                if (!userVisibleOnly || applicationServerKey.byteLength !== 65) throw new Error('not as it must be');
                return given = subscription;
            }};
        }})()"
    );
    page.evaluate(&script).await;
}

/// Turns notifications on, and leaves the window open.
async fn turn_on(page: &mut Page<'_>, device: &Subscriber) {
    page.until_live().await;
    page.permit("notifications").await;
    stand_in(page, device).await;
    page.click(&hook("bell")).await;
    page.see_text(&hook("notify-state"), "Off").await;
    page.click(&hook("notify-on")).await;
    page.see_text(&hook("notify-state"), "On").await;
    page.see("#bell[data-state=\"on\"]").await;
}

/// Puts another page in front.
async fn leave(page: &mut Page<'_>) {
    page.focus(false).await;
    page.until("another page in front", "!document.hasFocus()").await;
}

/// Changes a wish, and waits until the hub knows it.
async fn tick(page: &mut Page<'_>, name: &str) {
    page.click(&hook(name)).await;
    page.see(&format!("{}:checked:not(:disabled)", hook(name))).await;
}

/// Waits for what the device shows: titles and texts.
async fn shows(page: &mut Page<'_>, expected: Value) {
    let script = "(async () => {
        const shown = [];
        for (const registration of await navigator.serviceWorker.getRegistrations()) {
            for (const { title, body } of await registration.getNotifications()) shown.push(`${title} / ${body}`);
        }
        return shown;
    })()";
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let shown = page.evaluate(script).await;
        if shown == expected {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "shown: {shown}; expected: {expected}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Presses the notification that is shown, and says where that leads. The browser lets a worker open windows only where a
/// person has really pressed, so the last step is looked at and not taken.
async fn pressed(page: &mut Page<'_>, scope: &str) -> Value {
    let script = "(async () => {
        const [notification] = await self.registration.getNotifications();
        let done;
        let led;
        self.clients.openWindow = async (path) => { led = `opens ${path}`; };
        WindowClient.prototype.focus = async function () { led = `goes to ${new URL(this.url).pathname}`; };
        const event = new NotificationEvent('notificationclick', { notification });
        event.waitUntil = (promise) => { done = promise; };
        self.dispatchEvent(event);
        await done;
        return led;
    })()";
    page.in_worker(scope, script).await
}

fn path(link: &str) -> String {
    format!("/{}", link.splitn(4, '/').nth(3).expect("a path"))
}

#[tokio::test]
async fn a_device_is_notified_while_nobody_looks() {
    let service = PushService::start().await;
    let live = start(&service).await;
    let viewer = live.viewer().await;
    let (device, witness) = (service.subscriber("phone"), service.subscriber("witness"));
    let (_other, shared) = live.another().await;
    let other = Viewer::open_live(shared.link().url().as_str()).await;
    witness.subscribe(other.api(), "witness").await;

    let mut browser = Browser::start().await;
    let mut page = browser.open("push", live.link(), PHONE).await;
    turn_on(&mut page, &device).await;
    page.is_accessible("notifications").await;
    page.fits_a_finger("notifications").await;
    page.fits_its_width().await;
    page.pictures("phone-notifications").await;
    page.keys(&["Escape"]).await;

    // Somebody looks at it: nobody is told. What another session asks later is told, so this would have been.
    viewer.say("run-shell").await;
    page.see(&hook("card-permission")).await;
    other.say("run-shell").await;
    assert_eq!(witness.open(&service.next().await).session_id, other.session_id());
    // They leave. They have seen it.
    leave(&mut page).await;
    viewer.permit(true).await;
    viewer.until_idle().await;
    other.permit(true).await;
    other.until_idle().await;

    // Nobody looks at it: one message, which says that and nothing else.
    viewer.say("run-shell").await;
    let pushed = service.next().await;
    let message = device.open(&pushed);
    assert_eq!((message.session_id.as_str(), message.reason), (viewer.session_id(), PushReason::NeedsYou));
    assert_eq!(message.content, None);
    assert_eq!(pushed.headers["content-encoding"], "aes128gcm");
    assert_eq!(pushed.headers["urgency"], "high");
    assert!(service.waiting().await.is_none());

    // The page's worker shows it, and a press leads back to the page that is open.
    let scope = format!("{}/", path(live.link()));
    let bare = serde_json::to_string(&message).expect("JSON");
    page.push(&scope, &bare).await;
    shows(&mut page, json!(["A session needs you / Open it to see what it asks."])).await;
    assert_eq!(pressed(&mut page, &scope).await, json!(format!("goes to {}", path(live.link()))));
    shows(&mut page, json!([])).await;

    // Answered elsewhere, it is taken away.
    page.push(&scope, &bare).await;
    shows(&mut page, json!(["A session needs you / Open it to see what it asks."])).await;
    viewer.permit(true).await;
    viewer.until_idle().await;
    shows(&mut page, json!([])).await;

    // With content, for who wants it.
    page.focus(true).await;
    page.click(&hook("bell")).await;
    tick(&mut page, "notify-content").await;
    page.keys(&["Escape"]).await;
    leave(&mut page).await;
    viewer.say("run-shell").await;
    let message = device.open(&service.next().await);
    let content = message.content.clone().expect("what is asked");
    assert_eq!(content.tool.as_deref(), Some("shell"));
    assert!(content.text.as_deref().is_some_and(|text| text.contains("shell-proof.txt")), "{content:?}");
    page.push(&scope, &serde_json::to_string(&message).expect("JSON")).await;
    let words = format!("{} needs you / Run: {}", content.session, content.text.unwrap_or_default());
    shows(&mut page, json!([words])).await;

    // Who comes back has seen it.
    page.focus(true).await;
    shows(&mut page, json!([])).await;
    page.click(&hook("bell")).await;
    tick(&mut page, "notify-done").await;
    page.keys(&["Escape"]).await;
    leave(&mut page).await;
    viewer.permit(true).await;
    // A push service that sends elsewhere is not followed.
    service.answers(302);
    assert_eq!(device.open(&service.next().await).reason, PushReason::Done);
    service.answers(201);
    viewer.until_idle().await;
    viewer.say("run-shell").await;
    assert_eq!(device.open(&service.next().await).reason, PushReason::NeedsYou);

    // Turned off, nothing comes any more.
    viewer.permit(true).await;
    assert_eq!(device.open(&service.next().await).reason, PushReason::Done);
    page.focus(true).await;
    page.click(&hook("bell")).await;
    page.click(&hook("notify-on")).await;
    page.see_text(&hook("notify-state"), "Off").await;
    leave(&mut page).await;
    viewer.say("run-shell").await;
    viewer.pending("permission").await;
    other.say("run-shell").await;
    assert_eq!(witness.open(&service.next().await).session_id, other.session_id());
    assert!(service.waiting().await.is_none());
    page.has_no_problems().await;
    live.stop().await;
}

#[tokio::test]
async fn the_list_notifies_of_every_session() {
    let service = PushService::start().await;
    let live = start(&service).await;
    let viewer = live.viewer().await;
    let list = live.rig.hub.handle().sessions_link().expose_secret().to_owned();
    let device = service.subscriber("laptop");
    let mut browser = Browser::start().await;
    let mut page = browser.open("push-list", &list, DESKTOP).await;
    turn_on(&mut page, &device).await;
    page.is_accessible("notifications of all").await;
    page.fits_its_width().await;
    page.pictures("desktop-notifications").await;
    page.keys(&["Escape"]).await;
    leave(&mut page).await;

    viewer.say("ask-choice").await;
    let message = device.open(&service.next().await);
    assert_eq!((message.session_id.as_str(), &message.content), (viewer.session_id(), &None));
    let scope = format!("{}/", path(&list));
    page.push(&scope, &serde_json::to_string(&message).expect("JSON")).await;
    shows(&mut page, json!(["A session needs you / Open it to see what it asks."])).await;
    // Its page is not open yet.
    assert_eq!(pressed(&mut page, &scope).await, json!(format!("opens {}", path(live.link()))));

    // What is none of ours is shown, too: a browser wants something to be seen for each message.
    page.push(&scope, "not JSON").await;
    shows(&mut page, json!(["A session needs you / Open it to see what it asks."])).await;
    page.has_no_problems().await;
    live.stop().await;
}

#[tokio::test]
async fn where_it_cannot_be_turned_on_the_page_says_why() {
    let live = Bridged::start().await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, live.link(), device).await;
        let cases = [
            (
                "Object.defineProperty(Notification, 'permission', { get: () => 'denied', configurable: true })",
                "Blocked",
            ),
            ("delete window.PushManager", "This browser cannot be notified"),
            (
                "Object.defineProperty(navigator, 'userAgent', { get: () => 'Mozilla/5.0 (iPhone)', configurable: true })",
                "add this page to the home screen",
            ),
            ("Object.defineProperty(window, 'isSecureContext', { get: () => false })", "HTTPS"),
        ];
        for (n, (script, words)) in cases.into_iter().enumerate() {
            page.evaluate(&format!("({script}, 0)")).await;
            page.click(&hook("bell")).await;
            page.see_text(&hook("notify-state"), words).await;
            assert_eq!(page.count(&format!("{}:disabled", hook("notify-on"))).await, 1, "{words}");
            page.is_accessible(words).await;
            page.fits_its_width().await;
            if n == 0 {
                page.pictures(&format!("{}-notifications-blocked", device.name)).await;
            }
            page.keys(&["Escape"]).await;
        }
        page.has_no_problems().await;
    }
    live.stop().await;
}
