//! Two peers in one process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink_transport::{
    CallError, CliUrl, CloseReason, Error, ErrorObject, Limits, PeerBuilder, codes, memory, tcp,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

const LONG: Duration = Duration::from_secs(20);

/// A builder that echoes params, fails, panics, or never answers.
fn serving() -> PeerBuilder {
    PeerBuilder::new().on_request(|request| {
        Box::pin(async move {
            match request.method() {
                "echo" => Ok(request.params_or_null().to_owned()),
                "fail" => Err(ErrorObject {
                    code: 9_007_199_254_740_993,
                    message: "no \"way\"".to_owned(),
                    data: Some(request.params_or_null().to_owned()),
                }),
                "panic" => panic!("the handler gives up"),
                "never" => std::future::pending().await,
                name => Err(ErrorObject::method_not_found(name)),
            }
        })
    })
}

#[tokio::test]
async fn answers_and_errors_come_back_whole() {
    let (client, _server) = memory::peers(PeerBuilder::new(), serving());
    let params = json!({"text": "ünï \u{0} \"quoted\"", "list": [1, 2.5, null]});
    assert_eq!(client.call::<Value>("echo", &params).await.unwrap(), params);
    assert_eq!(client.call_raw("echo", None).await.unwrap().get(), "null");

    match client.call::<Value>("fail", &json!({"why": 1})).await.unwrap_err() {
        CallError::Rpc { code, message, data } => {
            assert_eq!(code, 9_007_199_254_740_993);
            assert_eq!(message, "no \"way\"");
            assert_eq!(data.unwrap().get(), r#"{"why":1}"#);
        }
        other => panic!("{other:?}"),
    }
    let missing = client.call::<Value>("missing", &json!({})).await.unwrap_err();
    assert!(missing.is_method_not_found(), "{missing}");
    let wrong_type = client.call::<u32>("echo", &json!({})).await.unwrap_err();
    assert!(matches!(wrong_type, CallError::Decode { .. }), "{wrong_type}");
}

#[tokio::test]
async fn a_panicking_handler_is_an_internal_error_and_nothing_more() {
    let (client, _server) = memory::peers(PeerBuilder::new(), serving());
    let error = client.call::<Value>("panic", &json!({})).await.unwrap_err();
    assert_eq!(error.code(), Some(codes::INTERNAL_ERROR));
    assert!(!error.to_string().contains("gives up"));
    assert_eq!(client.call::<Value>("echo", &json!({"a": 1})).await.unwrap(), json!({"a": 1}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_call_each_other_at_once() {
    let (left, right) = memory::peers(serving(), serving());
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..2000u32 {
        let peer = if n % 2 == 0 { left.clone() } else { right.clone() };
        tasks.spawn(async move {
            let params = json!({"n": n, "filler": "x".repeat(n as usize % 700)});
            assert_eq!(peer.call::<Value>("echo", &params).await.unwrap(), params);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn notifications_keep_their_order_and_come_before_a_later_answer() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let client = PeerBuilder::new().fast_path("tick").on_notification(move |notification| {
        let params: Value = notification.parse().unwrap();
        sink.lock().unwrap().push((notification.method().to_owned(), params["n"].clone()));
    });
    let server = PeerBuilder::new().on_request(|request| {
        Box::pin(async move {
            let peer = request.peer().unwrap();
            for n in 0..100 {
                let method = if n % 3 == 0 { "tock" } else { "tick" };
                peer.notify(method, &json!({"n": n})).await.unwrap();
            }
            Ok(request.params_or_null().to_owned())
        })
    });
    let (client, _server) = memory::peers(client, server);
    client.call_raw("go", None).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 100);
    for (n, (method, value)) in seen.iter().enumerate() {
        assert_eq!((method.as_str(), value), (if n % 3 == 0 { "tock" } else { "tick" }, &json!(n)));
    }
}

#[tokio::test]
async fn dropping_a_call_cancels_it_at_the_other_side() {
    struct Told(mpsc::UnboundedSender<&'static str>);
    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = PeerBuilder::new().on_request(move |_| {
        let guard = Told(tell.clone());
        Box::pin(async move {
            let _ = guard.0.send("started");
            std::future::pending().await
        })
    });
    let (client, _server) = memory::peers(PeerBuilder::new(), server);
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call_raw("never", None).await }
    });
    assert_eq!(told.recv().await, Some("started"));
    call.abort();
    assert_eq!(told.recv().await, Some("dropped"));
    assert!(!client.is_closed());
}

#[tokio::test]
async fn a_close_fails_every_pending_call_with_one_reason() {
    let (client, server) = memory::peers(PeerBuilder::new(), serving());
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call_raw("never", None).await })
        })
        .collect();
    client.call_raw("echo", None).await.unwrap();
    server.close();
    for call in calls {
        match call.await.unwrap() {
            Err(CallError::Closed(CloseReason::EndOfStream)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(client.closed().await, CloseReason::EndOfStream));
    assert!(matches!(server.closed().await, CloseReason::Local));
    assert!(matches!(client.call_raw("echo", None).await, Err(CallError::Closed(_))));
}

#[tokio::test]
async fn dropping_the_last_handle_closes_but_writes_what_was_queued() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let (client, server) = memory::peers(
        PeerBuilder::new(),
        PeerBuilder::new().on_notification(move |notification| {
            let _ = tell.send(notification.method().to_owned());
        }),
    );
    for _ in 0..50 {
        client.notify_raw("bye", None).await.unwrap();
    }
    drop(client);
    for _ in 0..50 {
        assert_eq!(told.recv().await.as_deref(), Some("bye"));
    }
    assert!(matches!(server.closed().await, CloseReason::EndOfStream));
}

#[tokio::test]
async fn callers_wait_at_the_high_water_mark_until_the_other_side_reads() {
    let (ours, theirs) = memory::pair();
    let client = PeerBuilder::new().limits(Limits::default().write_high_water(10_000)).build_duplex(ours);
    let filler = json!({"filler": "x".repeat(1000)});
    let mut sent = 0;
    // Nobody reads: the stream, then the queue, fill up, and then a call of notify does not return.
    while tokio::time::timeout(Duration::from_millis(200), client.notify("fill", &filler)).await.is_ok() {
        sent += 1;
        assert!(sent < 1000, "nothing held the caller back");
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let _server = PeerBuilder::new()
        .on_notification(move |_| {
            let _ = tell.send(());
        })
        .build_duplex(theirs);
    for _ in 0..sent {
        told.recv().await.unwrap();
    }
    client.notify("fill", &filler).await.unwrap();
    told.recv().await.unwrap();
}

#[tokio::test]
async fn what_the_other_side_could_not_read_is_refused_before_it_is_sent() {
    let (client, _server) = memory::peers(PeerBuilder::new().limits(Limits::default().max_frame(10_000)), serving());
    let nested = |levels: usize| {
        let text = format!(r#"{{"n":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
        serde_json::value::RawValue::from_string(text).unwrap()
    };
    // The envelope is one level itself.
    client.call_raw("echo", Some(&nested(126))).await.unwrap();
    let error = client.call_raw("echo", Some(&nested(127))).await.unwrap_err();
    assert!(matches!(error, CallError::TooDeep { max: 127, .. }), "{error}");
    let error = client.call::<Value>("echo", &json!({"x": "y".repeat(10_000)})).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { .. }), "{error}");
    for params in [json!([1]), json!("text"), json!(7)] {
        let error = client.notify("echo", &params).await.unwrap_err();
        assert!(matches!(error, CallError::NotNamed { .. }), "{error}");
    }
    client.notify("echo", &json!([])).await.unwrap();
    client.notify("echo", &json!(null)).await.unwrap();
}

#[tokio::test]
async fn requests_beyond_the_bound_are_answered_busy() {
    let server = serving().limits(Limits::default().max_incoming(2));
    let (client, _server) = memory::peers(PeerBuilder::new(), server);
    let held: Vec<_> = (0..2)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call_raw("never", None).await })
        })
        .collect();
    // Tasks of one thread run in the order they were spawned, so both are on the wire before this call.
    tokio::task::yield_now().await;
    let error = client.call_raw("echo", None).await.unwrap_err();
    assert_eq!(error.code(), Some(codes::BUSY));
    held[0].abort();
    // The cancellation is queued before the next call, and makes room for it.
    assert!(held.into_iter().next().unwrap().await.unwrap_err().is_cancelled());
    client.call_raw("echo", None).await.unwrap();
}

#[tokio::test]
async fn a_side_that_floods_and_never_reads_is_given_up() {
    let (ours, theirs) = memory::pair();
    let limits = Limits::default().write_cap(100_000);
    let peer = PeerBuilder::new().limits(limits).build_duplex(theirs);
    let (_reader, mut writer) = tokio::io::split(ours);
    let mut garbage = Vec::new();
    for _ in 0..1000 {
        groundlink_transport::frame::append_frame(&mut garbage, b"{}");
    }
    // Each is answered with an error that nobody takes.
    while writer.write_all(&garbage).await.is_ok() {}
    match peer.closed().await {
        CloseReason::Stalled { unwritten } => assert!((100_000..101_000).contains(&unwritten)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_handler_that_holds_its_peer_weakly_lets_it_go() {
    let (client, server) = memory::peers(PeerBuilder::new(), serving());
    let weak = server.downgrade();
    assert!(weak.upgrade().is_some());
    drop(server);
    assert!(weak.upgrade().is_none());
    assert!(matches!(client.closed().await, CloseReason::EndOfStream));
}

#[tokio::test]
async fn peers_meet_over_tcp() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = CliUrl::local(listener.local_addr().unwrap().port());
    let accept = async {
        let (reader, writer) = listener.accept().await.unwrap().0.into_split();
        serving().build(reader, writer)
    };
    let (server, client) = tokio::join!(accept, tcp::connect(&url, LONG, PeerBuilder::new()));
    let client = client.unwrap();
    let large = json!({"text": "x".repeat(3_000_000)});
    assert_eq!(client.call::<Value>("echo", &large).await.unwrap(), large);
    drop(server);
    assert!(matches!(client.closed().await, CloseReason::EndOfStream));

    drop(listener);
    let error = tcp::connect(&url, LONG, PeerBuilder::new()).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }));
    assert!(error.to_string().contains(&url.to_string()), "{error}");
}

#[tokio::test]
async fn answers_made_at_once_wait_for_room_too() {
    let (ours, theirs) = memory::pair();
    let limits = Limits::default().write_high_water(10_000).write_cap(50_000);
    let peer = serving().limits(limits).build_duplex(theirs);
    let (mut reader, mut writer) = tokio::io::split(ours);
    let filler = "x".repeat(1000);
    // Far more than the stream, the high-water mark and the cap hold together, while nobody reads an answer.
    for id in 0..500 {
        let mut frame = Vec::new();
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"echo","params":{{"a":"{filler}"}}}}"#);
        groundlink_transport::frame::append_frame(&mut frame, body.as_bytes());
        writer.write_all(&frame).await.unwrap();
    }
    let mut decoder = groundlink_transport::frame::Decoder::new(&Limits::default());
    let mut answered = std::collections::HashSet::new();
    while answered.len() < 500 {
        assert!(reader.read_buf(decoder.buffer()).await.unwrap() > 0, "closed: {:?}", peer.close_reason());
        while let Some(groundlink_transport::frame::Item::Frame(frame)) = decoder.next_item().unwrap() {
            let answer: Value = serde_json::from_slice(&frame).unwrap();
            assert_eq!(answer["result"]["a"], filler.as_str());
            assert!(answered.insert(answer["id"].as_u64().unwrap()), "answered twice");
        }
    }
}

#[tokio::test]
async fn a_handler_that_waits_holds_up_nobody() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let opener = Arc::clone(&gate);
    let server = PeerBuilder::new().on_request(move |request| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            if request.method() == "wait" {
                gate.notified().await;
            }
            Ok(request.params_or_null().to_owned())
        })
    });
    let (client, _server) = memory::peers(PeerBuilder::new(), server);
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.call::<Value>("wait", &json!({"a": 1})).await }
    });
    for n in 0..10 {
        assert_eq!(client.call::<Value>("go", &json!({"n": n})).await.unwrap(), json!({"n": n}));
    }
    assert!(!waiting.is_finished());
    opener.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap(), json!({"a": 1}));
}

#[cfg(unix)]
#[tokio::test]
async fn any_stream_that_goes_both_ways_will_do() {
    let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
    let client = PeerBuilder::new().build_duplex(ours);
    let _server = serving().build_duplex(theirs);
    assert_eq!(client.call::<Value>("echo", &json!({"a": 1})).await.unwrap(), json!({"a": 1}));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_in_time() {
    // Nobody accepts, and there is room for very few who wait to be accepted: the system leaves the rest without a word.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let url = CliUrl::local(listener.local_addr().unwrap().port());
    let mut waiting = Vec::new();
    let error = loop {
        match tcp::connect(&url, Duration::from_millis(300), PeerBuilder::new()).await {
            Ok(peer) => waiting.push(peer),
            Err(error) => break error,
        }
        assert!(waiting.len() < 100, "everybody gets in");
    };
    assert!(matches!(error, Error::ConnectTimeout { .. }), "{error:?}");
    assert!(error.to_string().contains(&url.to_string()), "{error}");
}
