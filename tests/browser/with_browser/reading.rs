//! Reading: the end is followed unless the reader is further up, and what is older comes by scrolling.

use groundlink_tests::bridged::Bridged;
use groundlink_tests::browser::{Browser, DESKTOP, PHONE, hook};
use groundlink_tests::uploaded::Uploaded;
use serde_json::json;

use super::work::PICTURE;

const AT_END: &str = "document.documentElement.scrollHeight - innerHeight - scrollY < 90";

#[tokio::test]
async fn the_end_is_followed_until_the_reader_scrolls_up() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    // Enough to scroll in.
    viewer.say("huge-text-12").await;
    viewer.until_idle().await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, live.link(), device).await;
        page.until("the end", AT_END).await;
        viewer.say("stream-text-60").await;
        page.see_text(&hook("item-assistant"), "word59").await;
        viewer.until_idle().await;
        page.until("the end, followed", AT_END).await;
        assert_eq!(page.count("[data-testid=\"new-below\"]:not([hidden])").await, 0);

        page.wheel(-500).await;
        page.until("further up", &format!("!({AT_END})")).await;
        page.until(
            "rest",
            "(() => { window.still = scrollY === window.seen ? (window.still ?? 0) + 1 : 0; window.seen = scrollY;
                return window.still > 8; })()",
        )
        .await;
        let before = page.evaluate("Math.round(scrollY)").await;
        viewer.say("something new at the end").await;
        viewer.until_idle().await;
        let button = page.see(&hook("new-below")).await;
        assert!(button.contains("New below"), "{button}");
        page.until("how many", "Number(document.querySelector('[data-testid=new-below] .number').textContent) >= 2")
            .await;
        assert_eq!(page.evaluate("Math.round(scrollY)").await, before, "nothing moves under the reader's eyes");
        page.pictures(&format!("{}-new-below", device.name)).await;
        page.click(&hook("new-below")).await;
        page.until("the end again", AT_END).await;
        page.gone(&hook("new-below")).await;
        page.has_no_problems().await;
        page.close().await;
    }
    live.stop().await;
}

#[tokio::test]
async fn ten_thousand_events_open_at_their_end_and_the_older_come_by_scrolling() {
    let mut long = Uploaded::start(json!({"name": "groundlink"})).await;
    let picture = json!({"type": "blob", "displayName": "first.png", "data": PICTURE});
    let mut events = vec![long.event("user.message", json!({"content": "the very first", "attachments": [picture]}))];
    for turn in 0..2_500 {
        events.push(long.event("user.message", json!({"content": format!("question {turn}")})));
        let call = format!("call-{turn}");
        let arguments = json!({"command": format!("cargo test case_{turn}")});
        events.push(
            long.event("tool.execution_start", json!({"toolCallId": call, "toolName": "bash", "arguments": arguments})),
        );
        let result = json!({"content": "running 1 test\ntest result: \u{1b}[32mok\u{1b}[0m. 1 passed"});
        events.push(
            long.event("tool.execution_complete", json!({"toolCallId": call, "success": true, "result": result})),
        );
        let words = format!("Answer **{turn}**: the case passes.\n\n- it is fast\n- it is `green`\n");
        events.push(long.event("assistant.message", json!({"messageId": format!("m{turn}"), "content": words})));
    }
    long.upload(&events).await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open(device.name, long.link(), device).await;
        page.see_text(&hook("item-assistant"), "Answer 2499").await;
        let opened =
            page.evaluate("Math.round(performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd)").await;
        let bytes = page.evaluate("performance.getEntriesByType('navigation')[0].encodedBodySize").await;
        page.until("the end", AT_END).await;
        let first = "Number(document.querySelector('#log > [data-n]').getAttribute('data-n'))";
        let start = page.evaluate(first).await.as_u64().expect("a number");

        // Up, as a person scrolls: a part at a time, and what is looked at stays where it is.
        page.evaluate(
            "(() => { window.slow = []; new PerformanceObserver((list) => { for (const entry of list.getEntries())
                window.slow.push(Math.round(entry.duration)); }).observe({ entryTypes: ['longtask'] }); })()",
        )
        .await;
        for part in 1..=4_u64 {
            page.evaluate("window.scrollTo(0, 600)").await;
            page.until("an older part", &format!("{first} <= {}", start.saturating_sub(100 * part))).await;
        }
        let numbers = "[...document.querySelectorAll('#log > [data-n]')].map((item) => Number(item.dataset.n))";
        let in_order = format!("{numbers}.every((n, index, all) => index === 0 || n === all[index - 1] + 1)");
        assert_eq!(page.evaluate(&in_order).await, true, "every item once, in its order");
        let slow = page.evaluate("window.slow").await;
        // Down again as by a thumb, a little in each frame: how long the frames take. Told, not held against a figure: it
        // says as much about the machine as about the page.
        let frames = "(async () => {
            const took = [];
            let last = await new Promise(requestAnimationFrame);
            for (let frame = 0; frame < 60; frame += 1) {
                window.scrollBy(0, 270);
                const now = await new Promise(requestAnimationFrame);
                took.push(now - last);
                last = now;
            }
            took.sort((one, other) => one - other);
            return { moved: Math.round(scrollY), median: took[30], p95: took[57], longest: took[59] };
        })()";
        page.evaluate("window.scrollTo(0, 1200)").await;
        let frames = page.evaluate(frames).await;
        assert!(frames["moved"].as_u64() > Some(10_000), "it scrolls: {frames}");
        eprintln!(
            "{}: 10,000 events open in {opened} ms ({bytes} bytes); long tasks while scrolling: {slow}; frames: {frames}",
            device.name
        );
        page.fits_its_width().await;
        page.has_no_problems().await;
        page.close().await;
    }
    // To the very beginning, which the hub has to read from the log again: with every item once, and with its pictures.
    // Out of sight until all is there: else the browser lays out the longer page for each of fifty parts.
    let mut page = browser.open("beginning", long.link(), DESKTOP).await;
    page.see(&hook("older")).await;
    let up = "(async () => {
        const log = document.getElementById('log');
        log.hidden = true;
        const first = () => log.querySelector(':scope > [data-n]').id;
        for (let part = 0; part < 80 && document.getElementById('older'); part += 1) {
            const top = first();
            document.querySelector('[data-testid=older-load]').click();
            for (let wait = 0; wait < 1000 && first() === top; wait += 1) await new Promise((soon) => { setTimeout(soon, 5); });
        }
        log.hidden = false;
        return document.getElementById('older') === null;
    })()";
    assert_eq!(page.evaluate(up).await, true, "there is a beginning");
    let numbers = "[...document.querySelectorAll('#log > [data-n]')].map((item) => Number(item.dataset.n))";
    let all = format!(
        "(() => {{ const all = {numbers}; return all.length === 7501 && all.every((n, index) => n === index); }})()"
    );
    assert_eq!(page.evaluate(&all).await, true, "every item once, from the first on");
    page.evaluate("window.scrollTo(0, 0)").await;
    page.see_text("#log > [data-n='0']", "the very first").await;
    let drawn = "(() => { const image = document.querySelector('[data-testid=picture]');
        return image.complete && image.naturalWidth === 32; })()";
    page.until("its picture", drawn).await;
    page.pictures("the-beginning").await;
    page.has_no_problems().await;
}

#[tokio::test]
async fn the_reader_stays_in_place_when_all_is_drawn_anew() {
    let mut long = Uploaded::start(json!({"name": "groundlink"})).await;
    let events: Vec<_> =
        (0..900).map(|n| long.event("user.message", json!({"content": format!("message {n}")}))).collect();
    long.upload(&events).await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, long.link(), device).await;
        page.until("the end", AT_END).await;
        let first = "Number(document.querySelector('#log > [data-n]').getAttribute('data-n'))";
        for least in [700, 550, 400] {
            page.evaluate("window.scrollTo(0, 500)").await;
            page.until("an older part", &format!("{first} <= {least}")).await;
        }
        let looked_at = "(() => { const item = [...document.querySelectorAll('#log > [data-n]')]
            .find((item) => item.getBoundingClientRect().top > 100); return [item.id, Math.round(item.getBoundingClientRect().top)]; })()";
        page.evaluate("window.scrollTo(0, 1500)").await;
        // What comes into view has its size only once it is drawn.
        let still = format!(
            "(() => {{ const now = JSON.stringify({looked_at}); window.still = now === window.seen ? (window.still ?? 0) + 1 : 0;
                window.seen = now; return window.still > 8; }})()"
        );
        page.until("rest", &still).await;
        let before = page.evaluate(looked_at).await;
        page.evaluate("window.same = true").await;
        long.hub.restart().await;
        // The cursor's epoch tells that everything was drawn anew.
        let after = format!(
            "(() => {{ const item = document.getElementById({}); return item
            && Math.abs(item.getBoundingClientRect().top - {}) <= 2; }})()",
            before[0], before[1]
        );
        page.until(
            "a new connection",
            "window.same && document.querySelector('[data-testid=connection]').dataset.state !== 'live'",
        )
        .await;
        page.until_live().await;
        page.until("the same place", &after).await;
        let in_order = "[...document.querySelectorAll('#log > [data-n]')].map((item) => Number(item.dataset.n))
            .every((n, index, all) => index === 0 || n === all[index - 1] + 1)";
        assert_eq!(page.evaluate(in_order).await, true, "every item once, in its order");
        page.close().await;
    }
}
