//! Ad hoc.
use groundlink_session::*;
use std::time::{Duration, Instant};
use groundlink_protocol::events;

async fn until(events: &mut EventStream, kind: &str) -> Event {
    tokio::time::timeout(Duration::from_secs(20), events.next_of_kind(kind)).await.unwrap_or_else(|_| panic!("no {kind}")).unwrap_or_else(|| panic!("end before {kind}"))
}

#[tokio::main]
async fn main() {
    let cli = CliCommand::new("/tmp/lab/node_modules/.bin/copilot-linux-x64");
    let base = std::env::args().nth(1).unwrap_or("http://127.0.0.1:19311".into());
    let t = Instant::now();
    let client = Client::builder().cli(cli.clone()).offline(true).home("/tmp/sess/home2").auto_login(false).start().await.unwrap();
    println!("started {:?} {:?} {:?}", t.elapsed(), client, client.auth_status().await.unwrap());
    let config = || SessionConfig::new().working_directory("/tmp/sess/demo").model("claude-sonnet-4.5").provider(Provider::openai_completions(&base)).streaming(true);
    // handlers
    let s = client.create_session(config()
        .on_permission(|ask: PermissionAsk| async move { println!("perm {}", ask.data.permission_request.tag()); PermissionDecision::ApproveOnce })
        .on_user_input(|ask: UserInputAsk| async move { println!("ask {}", ask.data.question); ask.data.choices.last().map(UserAnswer::choice) })
        .on_plan(|ask: PlanAsk| async move { println!("plan {:?}", ask.data.summary); PlanDecision::approve("interactive") })).await.unwrap();
    let mut start = s.subscribe_from_start();
    println!("first {}", start.next().await.unwrap().into_event().unwrap().kind());
    let mut ev = s.subscribe();
    let id = s.send("stream-text-5").await.unwrap();
    let mut deltas = 0;
    loop {
        let e = ev.next().await.unwrap().into_event().unwrap();
        match e.kind() { "assistant.message_delta" => deltas += 1, "session.idle" => break,
            "user.message" => assert_eq!(e.data::<events::UserMessage>().unwrap().message_id.as_deref(), Some(id.as_str())), _ => {} }
    }
    println!("deltas {deltas}");
    for (p, kind) in [("run-shell", "permission.completed"), ("ask-choice", "user_input.completed")] {
        s.send(p).await.unwrap();
        println!("{}", until(&mut ev, kind).await.data_raw());
        println!("{:?}", until(&mut ev, "tool.execution_complete").await.data_raw().get().chars().take(300).collect::<String>());
        until(&mut ev, "session.idle").await;
    }
    s.set_mode(SessionMode::Plan).await.unwrap();
    s.send("exit-plan").await.unwrap();
    println!("{}", until(&mut ev, "exit_plan_mode.completed").await.data_raw());
    until(&mut ev, "session.idle").await;
    println!("mode {:?} cwd {:?}", s.mode().await.unwrap(), s.working_directory());
    let h = s.history().await.unwrap();
    println!("history {}", h.len());
    s.log("hello log", true).await.unwrap();
    // panic
    let p = client.create_session(config().on_permission(|_: PermissionAsk| async move { panic!("oh") }).on_user_input(|_: UserInputAsk| async move { None })).await.unwrap();
    let mut pe = p.subscribe();
    p.send("run-shell").await.unwrap();
    println!("panic: {}", until(&mut pe, "permission.completed").await.data_raw());
    until(&mut pe, "session.idle").await;
    p.send("ask-choice").await.unwrap();
    println!("none: {}", until(&mut pe, "user_input.completed").await.data_raw());
    until(&mut pe, "session.idle").await;
    // open questions, answered by call
    let o = client.create_session(config().ask_permission(true).ask_user(true).plan_approval(true)).await.unwrap();
    let mut oe = o.subscribe();
    o.send("run-shell").await.unwrap();
    let q: events::PermissionRequested = until(&mut oe, "permission.requested").await.data().unwrap();
    println!("{:?} {:?}", o.respond_permission(&q.request_id, PermissionDecision::approve_for_session(&q.permission_request)).await, o.respond_permission(&q.request_id, PermissionDecision::ApproveOnce).await);
    println!("open: {}", until(&mut oe, "permission.completed").await.data_raw());
    until(&mut oe, "session.idle").await;
    o.send("ask-choice").await.unwrap();
    let q: events::UserInputRequested = until(&mut oe, "user_input.requested").await.data().unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("{:?}", o.respond_user_input(&q.request_id, "red", false).await);
    println!("open: {}", until(&mut oe, "user_input.completed").await.data_raw());
    until(&mut oe, "session.idle").await;
    o.send("ask-choice").await.unwrap();
    until(&mut oe, "user_input.requested").await;
    o.abort().await.unwrap();
    let mut n = 0;
    let t = Instant::now();
    while let Ok(Some(i)) = tokio::time::timeout(Duration::from_secs(2), oe.next()).await { let e = i.into_event().unwrap(); if !e.kind().starts_with("model.") { n += 1; println!("  after abort {:?} {} {}", t.elapsed(), e.kind(), e.data_raw().get().chars().take(150).collect::<String>()); } }
    println!("{n}");
    println!("{}", o.enable_remote(RemoteMode::On).await.unwrap_err());
    o.disable_remote().await.unwrap();
    // resume unknown, create same id
    println!("{}", client.resume_session("11111111-1111-4111-8111-000000000000", config()).await.unwrap_err());
    println!("{}", client.create_session(config().session_id(o.id())).await.unwrap_err());
    println!("{}", client.create_session(config().model("nonsense-model")).await.map(|_| "unknown model ok".to_string()).unwrap_or_else(|e| e.to_string()));
    let t = Instant::now();
    o.destroy().await.unwrap();
    println!("destroy {:?}", t.elapsed());
    println!("end: {:?}", { let mut last = None; while let Some(i) = oe.next().await { last = i.into_event().map(|e| e.kind().to_owned()); } last });
    println!("{}", o.send("x").await.unwrap_err());
    let r = client.resume_session(o.id(), config()).await.unwrap();
    println!("resumed {} history {}", r.id(), r.history().await.unwrap().len());
    let pid = client.pid().unwrap();
    let t = Instant::now();
    client.stop().await; client.stop().await;
    println!("stopped {:?} {:?} alive {}", t.elapsed(), client.closed().await, std::path::Path::new(&format!("/proc/{pid}")).exists());
    println!("{}", s.send("x").await.unwrap_err());
    // errors at start
    for (name, b) in [
        ("missing", Client::builder().cli(CliCommand::new("/nonexistent/copilot"))),
        ("notexec", Client::builder().cli(CliCommand::new("/etc/hostname"))),
        ("dies", Client::builder().cli(CliCommand::new("/bin/sh").arg("-c").arg("echo boom >&2; exit 3"))),
        ("flag", Client::builder().cli(cli.clone().arg("--nonsense"))),
        ("cat", Client::builder().cli(CliCommand::new("/bin/sh").arg("-c").arg("sleep 30")).start_timeout(Duration::from_secs(1))),
        ("url", Client::builder().cli_url("127.0.0.1:1")),
        ("badurl", Client::builder().cli_url("ftp://x")),
        ("dir", Client::builder().cli(cli.clone()).working_directory("/nope")),
    ] { println!("--{name}: {}", b.start().await.unwrap_err()); }
    // drop
    let client = Client::builder().cli(cli.clone()).offline(true).home("/tmp/sess/home2").start().await.unwrap();
    let pid = client.pid().unwrap();
    let s = client.create_session(config()).await.unwrap();
    let mut e = s.subscribe();
    drop(client); 
    s.send("hello").await.unwrap(); until(&mut e, "session.idle").await;
    drop(s);
    let t = Instant::now();
    while let Some(i) = e.next().await { println!("tail {}", i.into_event().unwrap().kind()); }
    while std::path::Path::new(&format!("/proc/{pid}")).exists() { tokio::time::sleep(Duration::from_millis(10)).await; }
    println!("dropped, gone after {:?}", t.elapsed());
}
