//! Bad input to the command and to the hub gets a clear answer. Nothing here needs the Copilot CLI.

use std::time::Duration;

use groundlink_testkit::Program;
use groundlink_tests::demo::Home;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_secs(30);

/// Arguments, variables, the exit code, and words that must be in the message.
struct Case<'a> {
    arguments: &'a [&'a str],
    variables: &'a [(&'a str, &'a str)],
    code: i32,
    says: &'a [&'a str],
}

#[tokio::test]
async fn the_command_says_what_is_wrong_and_what_to_do() {
    // Bound and released: nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("its address");
    let nobody = format!("http://{nobody}/t/AAAAAAAAAAAAAAAAAAAAAA");
    let holder = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let taken = holder.local_addr().expect("its address").to_string();
    let port = taken.rsplit(':').next().unwrap_or_default().to_owned();

    let no_path = &[("PATH", "/nonexistent")][..];
    let wrong_cli = &[("COPILOT_CLI_PATH", "/nonexistent/copilot")][..];
    let not_a_cli = &[("COPILOT_CLI_PATH", "/bin/false")][..];
    let cases = [
        Case { arguments: &["demo"], variables: no_path, code: 1, says: &["npm"] },
        Case {
            arguments: &["demo"],
            variables: wrong_cli,
            code: 1,
            says: &["COPILOT_CLI_PATH", "/nonexistent/copilot"],
        },
        Case { arguments: &["demo"], variables: not_a_cli, code: 1, says: &["/bin/false"] },
        Case {
            arguments: &["demo", "--dir", "/nonexistent/project"],
            variables: wrong_cli,
            code: 1,
            says: &["/nonexistent/project"],
        },
        Case {
            arguments: &["share", "--dir", "/nonexistent/project"],
            variables: wrong_cli,
            code: 1,
            says: &["/nonexistent/project"],
        },
        Case { arguments: &["serve", "--listen", &taken], variables: &[], code: 1, says: &[&port, "another port"] },
        Case { arguments: &["watch", &nobody], variables: &[], code: 1, says: &["127.0.0.1"] },
        Case { arguments: &["send", &nobody, "hello"], variables: &[], code: 1, says: &["127.0.0.1"] },
        Case { arguments: &["pending", &nobody], variables: &[], code: 1, says: &["127.0.0.1"] },
        Case { arguments: &["abort", &nobody], variables: &[], code: 1, says: &["127.0.0.1"] },
        Case { arguments: &["respond", &nobody, "R", "approve"], variables: &[], code: 1, says: &["127.0.0.1"] },
        Case { arguments: &["watch"], variables: &[], code: 2, says: &["LINK"] },
        Case { arguments: &["watch", "not a link"], variables: &[], code: 2, says: &["not a link"] },
        Case { arguments: &["respond", &nobody, "R"], variables: &[], code: 2, says: &["approve"] },
        Case { arguments: &["respond", &nobody, "R", "perhaps"], variables: &[], code: 2, says: &["perhaps"] },
        Case { arguments: &["serve", "--listen", "nowhere"], variables: &[], code: 2, says: &["nowhere"] },
        Case { arguments: &["frobnicate"], variables: &[], code: 2, says: &["frobnicate"] },
        Case { arguments: &["--help"], variables: &[], code: 0, says: &[] },
        Case { arguments: &["--version"], variables: &[], code: 0, says: &[] },
    ];
    let home = Home::new();
    let mut wrong = Vec::new();
    for case in cases {
        let mut command = home.bare(case.arguments);
        command.envs(case.variables.iter().copied());
        let ended = Program::run(command, SOON).await;
        let silent = case.says.iter().filter(|word| !ended.stderr.contains(**word)).collect::<Vec<_>>();
        let panicked = ended.stderr.contains("panicked");
        if ended.code != Some(case.code) || !silent.is_empty() || panicked {
            wrong.push(format!("{:?}: {ended:?}, missing {silent:?}", case.arguments));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `groundlink serve --json`, running.
struct Server {
    program: Program,
    url: String,
    export_base: String,
    token: String,
    _home: Home,
}

impl Server {
    async fn start() -> Self {
        let home = Home::new();
        let data = home.path().join("hub").display().to_string();
        let mut program = Program::start(home.bare(&["serve", "--listen", "127.0.0.1:0", "--data", &data, "--json"]));
        let listening = program.json_event("listening", SOON).await;
        let text = |name: &str| listening[name].as_str().expect(name).trim_end_matches('/').to_owned();
        Self { url: text("url"), export_base: text("export_base"), token: text("export_token"), program, _home: home }
    }

    async fn stop(mut self) {
        self.program.interrupt().await;
        assert_eq!(self.program.ended(SOON).await.code, Some(0));
    }
}

#[tokio::test]
async fn a_link_that_does_not_exist_reveals_nothing() {
    let server = Server::start().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");

    // A session that does exist, so that there is something to reveal.
    let made = http
        .post(format!("{}/sessions", server.export_base))
        .bearer_auth(&server.token)
        .json(&json!({"id": "00000000-0000-4000-8000-000000000001"}))
        .send()
        .await
        .expect("the hub answers");
    assert!(made.status().is_success(), "{}", made.status());
    let made: Value = made.json().await.expect("JSON");
    let task = made["task_id"].as_str().expect("a task id").to_owned();
    let session = "00000000-0000-4000-8000-000000000001";

    // One character off the real secret, the session's own id, and sheer nonsense.
    let last = if task.ends_with('A') { "B" } else { "A" };
    let near = format!("{}{last}", &task[..task.len() - 1]);
    let wrong = [near.as_str(), session, "A", "..%2f..%2fhub.key", "%00", "task'--"];
    for accept in ["text/html", "application/json"] {
        let nowhere = fetch(&http, &format!("{}/no/such/path", server.url), accept).await;
        assert_eq!(nowhere.0, StatusCode::NOT_FOUND);
        for key in wrong {
            for path in ["octo/demo/tasks/KEY", "copilot/tasks/KEY", "t/KEY"] {
                let url = format!("{}/{}", server.url, path.replace("KEY", key));
                let got = fetch(&http, &url, accept).await;
                assert_eq!(got, nowhere, "{url} as {accept}");
            }
        }
    }
    for path in ["", "/events", "/events/stream", "/commands/x", "/page/stream"] {
        for key in wrong {
            let url = format!("{}/api/v1/links/{key}{path}", server.url);
            let (status, body, ..) = fetch(&http, &url, "application/json").await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{url}: {body}");
            assert!(!body.contains(session), "{url}: {body}");
        }
    }
    // The page of the real one, for comparison.
    let page = fetch(&http, &format!("{}/octo/demo/tasks/{task}", server.url), "text/html").await;
    assert_eq!(page.0, StatusCode::OK);

    // Commands that are told a wrong link fail with words that say so.
    let home = Home::new();
    let link = format!("{}/t/{near}", server.url);
    for arguments in [vec!["watch", &link], vec!["send", &link, "hi"], vec!["pending", &link]] {
        let ended = Program::run(home.bare(&arguments), SOON).await;
        assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("link"), "{arguments:?}: {ended:?}");
    }
    server.stop().await;
}

/// Status, body, and the headers by which two answers could be told apart.
async fn fetch(http: &reqwest::Client, url: &str, accept: &str) -> (StatusCode, String, Vec<(String, String)>) {
    let response = http.get(url).header(ACCEPT, accept).send().await.expect("the hub answers");
    let status = response.status();
    let mut headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    headers.sort();
    (status, response.text().await.unwrap_or_default(), headers)
}

#[tokio::test]
async fn a_malformed_upload_is_explained_and_never_kills_the_exporters_link() {
    let server = Server::start().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let id = "00000000-0000-4000-8000-000000000002";
    let url = format!("{}/sessions/{id}/events", server.export_base);
    let post = |token: String, body: String| {
        let request = http.post(&url).header(CONTENT_TYPE, "application/json").bearer_auth(token).body(body);
        async move {
            let response = request.send().await.expect("the hub answers");
            (response.status(), response.text().await.unwrap_or_default())
        }
    };
    let event = |id: &str, kind: &str| json!({"id": id, "type": kind, "timestamp": "2026-11-23T00:59:13.311Z", "parentId": null, "data": {}});

    // Not an upload at all: never 400 or 404, which would end a CLI's link for good.
    for body in ["", "{", "[]", "null", "{}", r#"{"events":7}"#, r#"{"events":{"a":1}}"#, "\u{0}"] {
        let (status, text) = post(server.token.clone(), body.to_owned()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body:?}: {text}");
        let problem: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{body:?}: {text}"));
        assert_eq!(problem["status"], 422, "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
    }

    // Bad events among good ones: the good ones are kept, the bad ones are named.
    let good = [event("e-1", "session.start"), event("e-2", "user.message")];
    let body = json!({"events": [good[0], {"type": "x"}, "text", {"id": 5, "type": "x"}, good[1]]});
    let (status, text) = post(server.token.clone(), body.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(answer["stored"], 2, "{answer}");
    let skipped: Vec<&Value> = answer["skipped"].as_array().expect("a list").iter().map(|s| &s["index"]).collect();
    assert_eq!(skipped, [&json!(1), &json!(2), &json!(3)], "{answer}");

    // The wrong token, none, and something else than a bearer token.
    let (status, text) = post("glx_wrong".to_owned(), json!({"events": []}).to_string()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{text}");
    assert!(!text.contains("glx_wrong"), "a token is not repeated: {text}");
    for header in [None, Some("Basic Zm9vOmJhcg=="), Some("Bearer"), Some("Bearer ")] {
        let mut request = http.post(&url).json(&json!({"events": []}));
        if let Some(header) = header {
            request = request.header(AUTHORIZATION, header);
        }
        let status = request.send().await.expect("the hub answers").status();
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{header:?}");
    }
    server.stop().await;
}
