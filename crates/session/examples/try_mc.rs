//! Ad hoc.
use groundlink_session::*;
use std::time::Duration;
#[tokio::main]
async fn main() {
    let gh = "http://127.0.0.1:19311";
    let mk = |remote: bool, repo: Option<(String, u64, u64)>| Client::builder().cli(CliCommand::new("/tmp/lab/node_modules/.bin/copilot-linux-x64")).home("/tmp/sess/home3")
        .env("COPILOT_API_URL", gh).env("COPILOT_DEBUG_GITHUB_API_URL", gh).env("GH_CONFIG_DIR", "/tmp/sess/home3").env_remove("GH_TOKEN").env_remove("GITHUB_TOKEN")
        .github_token("canary-token-123".to_owned().into())
        .remote(remote)
        .mission_control(MissionControl { base_url: "http://127.0.0.1:19312/mc/".parse().unwrap(), frontend_url: "http://127.0.0.1:19312".parse().unwrap(), access_token: "glx_hub".to_owned().into(), repository: repo });
    let config = |d: &str| SessionConfig::new().working_directory(d).model("claude-sonnet-4.5").ask_permission(true);
    std::fs::create_dir_all("/tmp/sess/plain").unwrap();
    for (repo, dir) in [(None, "/tmp/sess/plain"), (None, "/tmp/sess/demo"), (Some(("octo/demo".to_owned(), 7, 42)), "/tmp/sess/demo")] {
        let c = mk(false, repo).start().await.unwrap();
        println!("{:?}", c.auth_status().await.unwrap());
        let s = c.create_session(config(dir)).await.unwrap();
        let mut ev = s.subscribe_from_start();
        let (a, b) = tokio::join!(s.enable_remote(RemoteMode::Export), s.enable_remote(RemoteMode::On));
        println!("{dir} {a:?} {b:?}");
        println!("{}", ev.next_of_kind("session.info").await.unwrap().data_raw());
        s.disable_remote().await.unwrap(); println!("{:?}", s.remote_state());
        println!("{:?}", s.enable_remote(RemoteMode::On).await);
        c.stop().await;
    }
    let c = mk(true, None).start().await.unwrap();
    for _ in 0..2 {
        let s = c.create_session(config("/tmp/sess/demo")).await.unwrap();
        let mut ev = s.subscribe_from_start();
        println!("always {}", tokio::time::timeout(Duration::from_secs(5), ev.next_of_kind("session.info")).await.unwrap().unwrap().data_raw());
        println!("{:?}", s.remote_state());
    }
    c.stop().await;
    // bad token / not signed in / MC down
    let c = mk(false, None).env("COPILOT_MC_BASE_URL", "http://127.0.0.1:9").start().await.unwrap();
    let s = c.create_session(config("/tmp/sess/demo")).await.unwrap();
    println!("{}", s.enable_remote(RemoteMode::On).await.unwrap_err());
    c.stop().await;
    // external server
    let mut server = std::process::Command::new("/tmp/lab/node_modules/.bin/copilot-linux-x64").args(["--headless", "--port", "19313", "--no-auto-update", "--no-auto-login"]).env("COPILOT_HOME", "/tmp/sess/home4").env("COPILOT_CONNECTION_TOKEN", "s3cret").stdout(std::process::Stdio::null()).spawn().unwrap();
    let connect = |t: Option<&str>| { let mut b = Client::builder().cli_url("127.0.0.1:19313").remote(true); if let Some(t) = t { b = b.connection_token(t.to_owned().into()); } b };
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("{}", connect(None).start().await.map(|_| ()).unwrap_err());
    println!("{}", connect(Some("wrong")).start().await.map(|_| ()).unwrap_err());
    let a = connect(Some("s3cret")).start().await.unwrap();
    let b = connect(Some("s3cret")).start().await.unwrap();
    let sc = || config("/tmp/sess/demo").provider(Provider::openai_completions(gh)).streaming(true);
    let s = a.create_session(sc()).await.unwrap();
    let s2 = b.resume_session(s.id(), sc().on_permission(ApproveAll)).await.unwrap();
    let (mut e1, mut e2) = (s.subscribe(), s2.subscribe_from_start());
    s.send("run-shell").await.unwrap();
    println!("2nd client approved {}", e1.next_of_kind("permission.completed").await.unwrap().data_raw());
    println!("first of resumed {:?}", e2.next().await.map(|i| i.into_event().unwrap().kind().to_owned()));
    e1.next_of_kind("session.idle").await;
    b.stop().await;
    s.send("hello").await.unwrap(); e1.next_of_kind("session.idle").await.unwrap();
    println!("still alive after the second left");
    a.stop().await;
    println!("server {:?}", server.try_wait());
    server.kill().unwrap(); server.wait().unwrap();
}
