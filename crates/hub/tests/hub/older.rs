//! Scrolling back beyond what the hub keeps in memory: the log has it.

use serde_json::{Value, json};

use crate::support::{Exporter, TestHub, Viewer, event, eventually, json_of};

/// More than a view keeps, by some parts.
const MESSAGES: usize = 5_700;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nof a kind";

async fn say_many(exporter: &Exporter, count: usize) {
    let messages: Vec<Value> = (0..count)
        .map(|n| {
            let parent = if n == 0 { "steerable".to_owned() } else { format!("m{}", n - 1) };
            let content = json!({"content": format!("message {n}")});
            event(&format!("m{n}"), Some(&parent), "user.message", &content)
        })
        .collect();
    for part in messages.chunks(500) {
        exporter.upload(part).await;
    }
}

/// The value of an attribute, where it comes first.
fn attribute<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    html.split_once(&format!("{name}=\""))?.1.split('"').next()
}

/// The numbers of the items, in order.
fn numbers(html: &str) -> Vec<u64> {
    html.split(" data-n=\"").skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
}

/// Everything above the page's first item, as a reader gets it who scrolls up to the beginning, and the parts.
async fn scroll_up(viewer: &Viewer) -> (String, usize) {
    let mut all = viewer.page().await.split_once("id=\"log\"").expect("a transcript").1.to_owned();
    let mut parts = 0;
    while let (Some(before), Some(until)) = (attribute(&all, "data-before"), attribute(&all, "data-until")) {
        let part = json_of(viewer.get(&format!("/page/older?before={before}&until={until}")).await).await;
        let note = all.find("</p>").expect("a note") + 4;
        let html = part["html"].as_str().expect("HTML").to_owned();
        assert_eq!(part["more"], html.contains("data-before"), "{part}");
        all = html + &all[note..];
        parts += 1;
    }
    (all, parts)
}

#[tokio::test]
async fn everything_is_there_by_scrolling_up_also_after_a_restart() {
    let mut hub = TestHub::with(|builder| {
        let mut limits = groundlink_hub::ApiLimits::default();
        limits.command_burst = 1_000;
        builder.api_limits(limits)
    })
    .await;
    let (exporter, viewer) = hub.session("s1").await;
    let phone = json!({"id": "d1", "name": "the phone"});
    let message = json!({"client_id": "p", "type": "user_message", "content": "from afar", "device": phone});
    let id = viewer.command(&message).await["id"].as_str().unwrap().to_owned();
    exporter.poll().await;
    exporter.carry_out(&id, "from afar").await;
    let picture = json!({"type": "blob", "displayName": "p.png", "data": data_encoding::BASE64.encode(PNG)});
    let with_picture = json!({"content": "look", "attachments": [picture]});
    exporter.upload(&[event("look", Some("steerable"), "user.message", &with_picture)]).await;
    // So many that the ledger has forgotten the first by now.
    for n in 0..140 {
        let id = viewer.message(&format!("never mind {n}")).await;
        let taken_back = viewer.http.delete(format!("{}/commands/{id}", viewer.api())).send().await.unwrap();
        assert!(taken_back.status().is_success(), "{taken_back:?}");
    }
    say_many(&exporter, MESSAGES).await;

    let mut seen: Option<String> = None;
    for restarted in [false, true] {
        if restarted {
            hub.restart().await;
        }
        // Two at a time, who share what was read.
        let ((all, parts), (other, _)) = tokio::join!(scroll_up(&viewer), scroll_up(&viewer));
        assert_eq!(all, other);
        let count = u64::try_from(MESSAGES + 2).unwrap();
        assert_eq!(numbers(&all), (0..count).collect::<Vec<_>>(), "every item once, in {parts} parts");
        let first = all.split("<article").nth(1).expect("an item");
        assert!(first.contains("from afar") && first.contains("the phone"), "{first}");
        let address = attribute(&all, "data-src").expect("a picture");
        let picture = viewer.get(&format!("/{address}")).await;
        assert_eq!(
            (picture.status().as_u16(), &picture.headers()["content-type"]),
            (200, &"image/png".parse().unwrap())
        );
        assert_eq!(picture.bytes().await.unwrap(), PNG);
        let transcript = all.split("id=\"queue\"").next().unwrap().to_owned();
        if let Some(seen) = &seen {
            let other = seen.split("<article").zip(transcript.split("<article")).find(|(one, other)| one != other);
            assert_eq!(other, None, "a restart changes nothing");
        }
        seen = Some(transcript);
    }
    for (path, status) in [
        ("/page/older?before=x", 400),
        ("/page/older?until=-1", 400),
        ("/page/picture/0/0?event=x", 400),
        ("/page/picture/0/0?event=1", 404),
        ("/page/picture/x/0", 404),
        ("/page/older?before=0&until=0", 200),
        ("/page/older?before=100", 200),
        ("/page/older?until=100", 200),
        ("/page/older?before=18446744073709551615&until=18446744073709551615", 200),
    ] {
        assert_eq!(viewer.get(path).await.status().as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn what_was_trimmed_is_told_where_the_log_begins() {
    let hub = TestHub::of_short_memory().await;
    let (exporter, viewer) = hub.session("s1").await;
    say_many(&exporter, MESSAGES).await;
    eventually(async || viewer.snapshot().await["trimmed_before"].as_u64() > Some(2_000), "it is trimmed").await;
    let (all, _) = scroll_up(&viewer).await;
    let note = all.split("</p>").next().unwrap();
    assert!(note.contains("data-testid=\"trimmed\"") && note.contains("earlier events were"), "{note}");
}
