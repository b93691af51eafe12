//! Text that tries to be more than text: from the agent, its tools, the session's names, other devices.

use groundlink_tests::bridged::Bridged;
use groundlink_tests::browser::{Browser, DESKTOP, PHONE, Page, hook};
use groundlink_tests::uploaded::Uploaded;
use serde_json::json;

/// Everything that runs something in a page that is not careful.
const MARKUP: &str = concat!(
    "<script>window.pwned = 1</script><img src=x onerror=\"window.pwned = 2\">",
    "<svg onload=\"window.pwned = 3\"><script>window.pwned = 4</script></svg>",
    "<iframe srcdoc=\"<script>parent.pwned = 5</script>\"></iframe><a href=\"javascript:window.pwned = 6\">a</a>",
    "<button data-testid=\"approve\" data-act=\"approve\">x</button><base href=\"http://elsewhere.example/\">",
    "<style>body { display: none }</style></textarea></script></title>",
);

/// Nothing of it has run, nothing of it is an element, nothing was fetched from elsewhere.
async fn is_inert(page: &mut Page<'_>, what: &str) {
    assert_eq!(page.evaluate("String(window.pwned)").await, "undefined", "{what}");
    let planted = "document.querySelectorAll(`main script, main svg:not(.ic), main iframe, main img:not([data-src]),
        main style, base, [onerror], [onload], a[href^=\"javascript:\" i], a[href^=\"data:\" i],
        main [data-testid=approve]`).length";
    assert_eq!(page.evaluate(planted).await, 0, "{what}");
    let origins = "performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin)
        .filter((origin) => origin !== location.origin)";
    assert_eq!(page.evaluate(origins).await, json!([]), "{what}");
    page.fits_its_width().await;
    page.has_no_problems().await;
}

#[tokio::test]
async fn what_the_session_says_is_inert() {
    let mut session = Uploaded::start(json!({"name": "groundlink", "notice": MARKUP, "machine": MARKUP,
        "suggestions": [{"label": MARKUP, "prompt": MARKUP}]}))
    .await;
    session.say("session.title_changed", json!({"title": MARKUP})).await;
    session.say("user.message", json!({"content": MARKUP})).await;
    let links = "[a](javascript:window.pwned=7) [b](JaVaScRiPt:window.pwned=8) [c](data:text/html,<script>x</script>) \
        ![d](http://elsewhere.example/e.png) <http://elsewhere.example/f>\n\n```html\n<script>window.pwned=9</script>\n```";
    session.say("assistant.message", json!({"messageId": "m1", "content": format!("{MARKUP}\n\n{links}")})).await;
    session.say("assistant.reasoning", json!({"reasoningId": "r1", "content": MARKUP})).await;
    let arguments = json!({"command": MARKUP, "description": MARKUP});
    session.say("tool.execution_start", json!({"toolCallId": "c1", "toolName": "bash", "arguments": arguments})).await;
    // Colours are drawn; a title, a link and the clipboard are not the terminal's to set.
    let output = format!(
        "\u{1b}[31mred\u{1b}[0m \u{1b}]0;pwned title\u{7}\u{1b}]8;;javascript:window.pwned=10\u{1b}\\link\u{1b}]8;;\u{1b}\\ \
         \u{1b}]52;c;cHduZWQ=\u{7}\u{1b}[2J\u{1b}[999;999H{MARKUP}\n{}",
        "w".repeat(200_000)
    );
    session
        .say("tool.execution_complete", json!({"toolCallId": "c1", "success": true, "result": {"content": output}}))
        .await;
    let diff = format!(
        "diff --git a/{MARKUP} b/{MARKUP}\n--- a/{MARKUP}\n+++ b/{MARKUP}\n@@ -1 +1 @@\n-{MARKUP}\n+{MARKUP}\n"
    );
    let arguments = json!({"path": format!("/home/ann/kite/{MARKUP}")});
    session.say("tool.execution_start", json!({"toolCallId": "c2", "toolName": "edit", "arguments": arguments})).await;
    let result = json!({"content": "done", "detailedContent": diff});
    session.say("tool.execution_complete", json!({"toolCallId": "c2", "success": true, "result": result})).await;
    session
        .say("session.error", json!({"errorType": MARKUP, "message": MARKUP, "url": "javascript:window.pwned=11"}))
        .await;

    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open(device.name, session.link(), device).await;
        page.see(&hook("item-assistant")).await;
        page.evaluate("document.querySelectorAll('details').forEach((row) => { row.open = true; })").await;
        let output = page.see("[data-testid=\"item-tool\"] pre.out").await;
        assert!(
            output.starts_with("red ") && !output.contains("pwned title") && !output.contains('\u{1b}'),
            "{output:.200}"
        );
        assert!(page.count("pre.out .a1").await > 0, "colours are drawn");
        is_inert(&mut page, device.name).await;
        page.click(&hook("details-open")).await;
        is_inert(&mut page, "the details").await;
        // The same when it comes by the stream, and not with the page.
        page.keys(&["Escape"]).await;
        page.pictures(&format!("{}-hostile", device.name)).await;
        page.close().await;
    }
    let mut page = browser.open_live("live", session.link(), DESKTOP).await;
    session.say("user.message", json!({"content": format!("live {MARKUP}")})).await;
    session
        .say("assistant.message", json!({"messageId": "m2", "content": format!("live\n\n{MARKUP}\n\n{links}")}))
        .await;
    page.until("the answer", "document.querySelectorAll('[data-testid=item-assistant]').length === 2").await;
    is_inert(&mut page, "by the stream").await;
    // Another device's name is text, too.
    let viewer = session.viewer().await;
    viewer
        .post(
            json!({"type": "user_message", "content": "from a liar", "device": {"id": "liar", "name": &MARKUP[..90]}}),
        )
        .await;
    page.see_text(&hook("item-queued"), "from a liar").await;
    is_inert(&mut page, "a device's name").await;
}

#[tokio::test]
async fn nothing_hides_in_a_command_that_is_to_be_approved() {
    let live = Bridged::start().await;
    let viewer = live.viewer().await;
    let mut browser = Browser::start().await;
    for device in [PHONE, DESKTOP] {
        let mut page = browser.open_live(device.name, live.link(), device).await;
        // Reads `echo safe # ...` where direction marks are obeyed; and a zero-width space, a line of its own far right.
        let command = format!("echo safe\u{202e} # txt.exe\u{2066}\u{200b}; echo{}hidden", " ".repeat(400));
        let call = json!({"command": command, "description": "Say\u{200d} something\u{202e}"});
        viewer.say(&format!("tool:bash {call}")).await;
        let card = page.see(&hook("card-permission")).await;
        for shown in ["U+202E", "U+2066", "U+200B", "U+200D", "hidden"] {
            assert!(card.contains(shown), "{shown}: {card}");
        }
        let raw = "/[\\u202a-\\u202e\\u2066-\\u2069\\u200b-\\u200f\\ufeff]/.test(document.getElementById('dock').textContent)";
        assert_eq!(page.evaluate(raw).await, false, "none of it is in the card itself");
        page.pictures(&format!("{}-hidden-characters", device.name)).await;
        page.fits_its_width().await;
        page.click(&hook("deny")).await;
        page.gone(&hook("card-permission")).await;
        viewer.until_idle().await;

        // A command as long as a book is shown to its end, or cannot be approved.
        let call =
            json!({"command": format!("echo {} ; echo the-very-end", "x".repeat(60_000)), "description": "Long"});
        viewer.say(&format!("tool:bash {call}")).await;
        page.see(&hook("card-permission")).await;
        let whole = "document.querySelector('.card .cmd').textContent.endsWith('the-very-end')";
        let approvable = "!document.querySelector('[data-testid=approve]').disabled";
        page.until("a card that can be pressed", "!document.querySelector('.card[data-fresh]')").await;
        assert_eq!(
            page.evaluate(&format!("({whole}) || !({approvable})")).await,
            true,
            "half a command is not approvable"
        );
        page.fits_its_width().await;
        // More than is in view: the page says so.
        page.see_attached(".card-body[data-more]").await;
        page.click(&hook("deny")).await;
        page.gone(&hook("card-permission")).await;
        viewer.until_idle().await;
        page.has_no_problems().await;
        page.close().await;
    }
    live.stop().await;
}
