//! How much of the hub one link may use.

use groundlink_hub::ApiLimits;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{TestHub, eventually, json_of};

#[tokio::test]
async fn streams_are_counted_and_too_many_are_refused() {
    let hub = TestHub::with(|builder| {
        let mut limits = ApiLimits::default();
        (limits.streams_per_session, limits.streams) = (2, 3);
        builder.api_limits(limits)
    })
    .await;
    let (_, one) = hub.session("s1").await;
    let (_, two) = hub.session("s2").await;
    let refused = async |viewer: &crate::support::Viewer, path: &str| {
        let response = viewer.get(path).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(response.headers()["retry-after"], "10");
        assert_eq!(json_of(response).await["type"], "urn:groundlink:problem:too-many-streams");
    };
    let (first, _second) = (one.stream("/events/stream").await, one.stream("/page/stream").await);
    refused(&one, "/events/stream").await;
    refused(&one, "/page/stream").await;
    let third = two.stream("/events/stream").await;
    refused(&two, "/events/stream").await;
    // Who leaves makes room.
    drop((first, third));
    eventually(async || two.get("/events/stream").await.status() == StatusCode::OK, "there is room again").await;
    eventually(async || one.get("/events/stream").await.status() == StatusCode::OK, "there is room again").await;
}

#[tokio::test]
async fn commands_that_come_too_fast_are_put_off_and_an_abort_is_not() {
    let hub = TestHub::with(|builder| {
        let mut limits = ApiLimits::default();
        (limits.command_burst, limits.commands_per_second) = (3, 1);
        builder.api_limits(limits)
    })
    .await;
    let (_, viewer) = hub.session("s1").await;
    let mut refused = None;
    for n in 0..20 {
        let intent = json!({"client_id": format!("c{n}"), "type": "user_message", "content": "x"});
        let response = viewer.post(&intent).await;
        if response.status() != StatusCode::ACCEPTED {
            refused = Some(response);
            break;
        }
    }
    let refused = refused.expect("twenty at once are too many");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(json_of(refused).await["type"], "urn:groundlink:problem:too-fast");
    viewer.command(&json!({"client_id": "stop", "type": "abort"})).await;
    let later = json!({"client_id": "later", "type": "user_message", "content": "x"});
    eventually(async || viewer.post(&later).await.status().is_success(), "there is room again").await;
}
