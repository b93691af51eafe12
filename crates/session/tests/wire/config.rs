//! A configuration with everything set, and a message with everything on it, as they go over the wire.

use std::time::Duration;

use groundlink_session::{
    AgentMode, Attachment, AutopilotOptions, CapiSessionOptions, CloudRepository, CloudSession, CustomAgent,
    DefaultAgent, EventItem, ImageGeneration, InfiniteSessions, LargeOutput, McpServer, MemoryOptions, Message,
    NamedProviderConfig, Provider, ProviderModelConfig, SecretString, SectionAction, SendMode, SessionConfig,
    SystemMessage, Tool, ToolSearchOptions, WorkingDirectoryTrust,
};
use serde_json::{Value, json};

use crate::fake::{Fake, PATIENCE, durable};

const ID: &str = "66666666-6666-4666-8666-666666666666";

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// Everything but what handlers set by themselves.
#[allow(clippy::too_many_lines)] // There is much to set.
fn everything() -> SessionConfig {
    let stdio = McpServer::stdio("mcp-files", ["--read-only"])
        .env("ROOT", "/srv")
        .working_directory("/srv")
        .tools(["list"])
        .timeout(Duration::from_secs(5));
    let http = McpServer::http("https://mcp.example/").header("Authorization", &secret("of-mcp"));
    let sse = McpServer::sse("http://127.0.0.1:1/sse").with("oauthScopes", ["read"].as_slice());
    let system = SystemMessage::customize()
        .section("tone", SectionAction::Replace, "Like a pirate.")
        .section("safety", SectionAction::Preserve, "")
        .content("And be brief.");
    let agent = CustomAgent::new("reviewer", "You review.")
        .display_name("Reviewer")
        .description("Reviews changes")
        .tools(["view"])
        .mcp_server("files", McpServer::stdio("mcp-files", [""; 0]))
        .infer(false)
        .skills(["rust"])
        .model("m")
        .reasoning_effort("low");
    SessionConfig::new()
        .session_id(ID)
        .name("a title")
        .client_name("a program")
        .working_directory("/work")
        .additional_directories(["/more"])
        .config_dir("/config")
        .trust_working_directory(WorkingDirectoryTrust::Session)
        .model("m")
        .allowed_models(["m"])
        .reasoning_effort("low")
        .reasoning_summary("concise")
        .context_tier("long_context")
        .model_capabilities(&json!({"supports": {"vision": true}}))
        .unwrap()
        .streaming(true)
        .include_sub_agent_streaming_events(false)
        .max_ai_credits(100)
        .autopilot(AutopilotOptions { max_continues: Some(3), ..AutopilotOptions::default() })
        .enable_citations(true)
        .provider(Provider::openai_completions("http://127.0.0.1:1").api_key(&secret("of-the-model")))
        .providers([NamedProviderConfig::new("mine", "http://127.0.0.1:2")])
        .models([ProviderModelConfig::new("small", "mine")])
        .capi(CapiSessionOptions { enable_web_socket_responses: Some(false), ..CapiSessionOptions::default() })
        .system_message(&system)
        .unwrap()
        .organization_custom_instructions("Be kind.")
        .instruction_directories(["/instructions"])
        .refresh_custom_instructions(true)
        .enable_on_demand_instruction_discovery(true)
        .tool(Tool::new("t", "A tool").parameters(&json!({"type": "object"})).unwrap().terminal(true))
        .available_tools(["t"])
        .excluded_tools(["bash"])
        .excluded_builtin_agents(["explore"])
        .tool_search(ToolSearchOptions { enabled: Some(true), ..ToolSearchOptions::default() })
        .large_output(LargeOutput { max_size_bytes: Some(1000), ..LargeOutput::default() })
        .image_generation(ImageGeneration { enabled: Some(false), ..ImageGeneration::default() })
        .mcp_servers([("files", stdio), ("web", http), ("old", sse)])
        .unwrap()
        .disabled_mcp_servers(["github"])
        .mcp_o_auth_token_storage("in-memory")
        .auth_client_id_metadata_url("https://client.example/")
        .github_mcp_tool_config(&json!({"enableAllTools": true}))
        .unwrap()
        .custom_agent(&agent)
        .unwrap()
        .custom_agents_local_only(true)
        .default_agent(DefaultAgent { excluded_tools: vec!["view".to_owned()], ..DefaultAgent::default() })
        .agent("reviewer")
        .agent_directories(["/agents"])
        .skill_directories(["/skills"])
        .disabled_skills(["java"])
        .enable_skills(true)
        .plugin_directories(["/plugins"])
        .hook_directories(["/hooks"])
        .enable_config_discovery(false)
        .enable_file_hooks(false)
        .enable_host_git_operations(false)
        .enable_session_store(false)
        .skip_embedding_retrieval(true)
        .embedding_cache_storage("in-memory")
        .memory(MemoryOptions { enabled: Some(false), ..MemoryOptions::default() })
        .infinite_sessions(InfiniteSessions { enabled: Some(false), ..InfiniteSessions::default() })
        .enable_file_change_tracking(true)
        .sandbox_config(&json!({"enabled": false}))
        .unwrap()
        .feature_flags([("new", true)])
        .is_experimental_mode(true)
        .interactive_user(true)
        .github_token(&secret("of-github"))
        .enable_managed_settings(true)
        .managed_settings(&json!({"permissions": {"deny": ["bash"]}}))
        .unwrap()
        .excluded_managed_settings(["model"])
        .enforce_managed_model_defaults(false)
        .enable_session_telemetry(false)
        .enable_github_telemetry_forwarding(false)
        .exp_assignments(&json!({"Features": []}))
        .unwrap()
        .remote_session("off")
        .skip_custom_instructions(true)
        .coauthor(false)
        .without_builtin_skills()
        .canvases([json!({"id": "c"})])
        .unwrap()
        .canvas_provider(&json!({"id": "p"}))
        .unwrap()
        .extension_info(&json!({"source": "s", "name": "n"}))
        .unwrap()
        .extension_sdk_path("/sdk")
        .request_canvas_renderer(true)
        .request_extensions(true)
        .request_mcp_apps(true)
        .traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .tracestate("a=b")
        .ask_permission(true)
        .ask_user(true)
        .ask_elicitation(true)
        .plan_approval(true)
        .resume_quietly(true)
        .continue_pending_work(true)
        .allow_transcript_recovery(true)
        .open_canvases(&[json!({"canvasId": "c"})])
        .unwrap()
}

#[tokio::test]
async fn everything_that_can_be_configured() {
    let fake = Fake::new();
    let client = fake.client().await;
    let session = client.create_session(everything()).await.expect("a session");
    insta::assert_json_snapshot!("everything_create", fake.calls("session.create").remove(0));
    let known: Vec<String> =
        session.secrets().iter().map(|known| secrecy::ExposeSecret::expose_secret(known).to_owned()).collect();
    assert_eq!(known, ["of-github", "of-the-model", "of-mcp"]);
    session.destroy().await.expect("destroyed");
    client.resume_session(ID, everything()).await.expect("a session");
    insta::assert_json_snapshot!("everything_resume", fake.calls("session.resume").remove(0));
}

#[tokio::test]
async fn what_servers_are_given_is_known_as_secret_and_not_printed() {
    let canary = |n: u8| format!("canary-{n}-0123456789");
    let remote = |n| McpServer::http("https://mcp.example").header("authorization", &secret(&canary(n)));
    let program = |n| McpServer::stdio("mcp", [""; 0]).env("MCP_TOKEN", canary(n)).env("ROOT", "/srv/of/the/server");
    let agent = CustomAgent::new("one", "You are one.").mcp_server("c", remote(3)).mcp_server("d", program(4));
    let config = SessionConfig::new().mcp_servers([("a", remote(1)), ("b", program(2))]).unwrap();
    let config = config.custom_agent(&agent).unwrap();
    assert!(!format!("{config:?} {agent:?}").contains("canary"));
    let fake = Fake::new();
    let session = fake.client().await.create_session(config).await.expect("a session");
    assert!((1..5).all(|n| fake.calls("session.create")[0].to_string().contains(&canary(n))), "the CLI is told");
    let known: Vec<String> =
        session.secrets().iter().map(|known| secrecy::ExposeSecret::expose_secret(known).to_owned()).collect();
    assert_eq!(known, [1, 2, 3, 4].map(canary));
}

#[tokio::test]
async fn what_cannot_work_is_refused_before_it_is_sent() {
    let fake = Fake::new();
    let client = fake.client().await;
    let new = SessionConfig::new;
    let table = vec![
        ("working_directory", new().working_directory("not/absolute")),
        ("session_id", new().session_id("")),
        ("allowed_models", new().allowed_models([""; 0])),
        ("reasoning_summary", new().reasoning_summary("long")),
        ("context_tier", new().context_tier("huge")),
        ("trust_working_directory", new().with(|params| params.trust_working_directory = Some("always".to_owned()))),
        ("mcp_o_auth_token_storage", new().mcp_o_auth_token_storage("disk")),
        ("embedding_cache_storage", new().embedding_cache_storage("disk")),
        ("remote_session", new().remote_session("maybe")),
        ("models", new().models([ProviderModelConfig::new("small", "nobody")])),
        ("directories", new().additional_directories([""])),
        ("tools", new().tool(Tool::new("a b", ""))),
        ("available_tools", new().available_tools(["view", "*"])),
        ("excluded_tools", new().excluded_tools(["*"])),
        ("session_id", new().session_id("mine").cloud(CloudSession::default())),
    ];
    for (field, config) in table {
        let error = client.create_session(config).await.expect_err(field).to_string();
        assert!(error.starts_with(&format!("`{field}` cannot be used: ")), "{error}");
    }
    assert!(fake.calls("session.create").is_empty());
    let ftp = McpServer::http("ftp://example.invalid/");
    assert!(new().mcp_servers([("x", ftp)]).is_err());
    assert!(new().mcp_servers([("x", McpServer::stdio(" ", [""; 0]))]).is_err());
    assert!(new().system_message(&SystemMessage::append("x").section("tone", SectionAction::Remove, "")).is_err());
}

#[tokio::test]
async fn no_tools_at_all_are_asked_for_by_an_empty_list() {
    let fake = Fake::new();
    let client = fake.client().await;
    let none = || SessionConfig::new().available_tools([""; 0]);
    client.create_session(none().session_id(ID)).await.expect("a session");
    client.create_session(SessionConfig::new()).await.expect("a session");
    let asked = fake.calls("session.create");
    assert_eq!(asked[0]["availableTools"], json!([]));
    assert!(asked[1].get("availableTools").is_none(), "{}", asked[1]);
    client.session(ID).expect("it is open").destroy().await.expect("ended");
    client.resume_session(ID, none()).await.expect("a session");
    assert_eq!(fake.calls("session.resume")[0]["availableTools"], json!([]));
}

#[tokio::test]
async fn a_session_at_github_has_the_id_and_the_events_that_were_before_the_answer() {
    let fake = Fake::new();
    let event = |id: &str, kind: &str| durable(id, kind, json!({}));
    fake.on("session.create", move |fake, _| {
        Box::pin(async move {
            fake.event(ID, event("e1", "session.start")).await;
            Ok(json!({"sessionId": ID, "remoteUrl": "https://github.example/s"}))
        })
    });
    fake.on("session.eventLog.read", move |fake, _| {
        Box::pin(async move {
            // It comes while the log is read, and is in there as well.
            fake.event(ID, event("e2", "session.idle")).await;
            let events = [event("e1", "session.start"), event("e2", "session.idle")];
            Ok(json!({"events": events, "cursor": "c", "cursorStatus": "ok", "hasMore": false}))
        })
    });
    let client = fake.client().await;
    let repository = CloudRepository::new("octo", "demo");
    let cloud = CloudSession { repository: Some(repository), ..CloudSession::default() };
    let session = client.create_session(SessionConfig::new().cloud(cloud)).await.expect("a session");
    let asked = &fake.calls("session.create")[0];
    assert_eq!(asked["cloud"], json!({"repository": {"owner": "octo", "name": "demo"}}));
    assert!(asked.get("sessionId").is_none(), "{asked}");
    assert_eq!(session.id(), ID);
    fake.event(ID, event("e3", "session.title_changed")).await;
    let mut events = session.subscribe_from_start();
    for expected in ["e1", "e2", "e3"] {
        let item = tokio::time::timeout(PATIENCE, events.next()).await.expect("in time");
        assert!(matches!(&item, Some(EventItem::Event(event)) if event.id() == expected), "{expected}: {item:?}");
    }
}

#[tokio::test]
async fn a_message_with_everything_on_it() {
    let fake = Fake::new();
    fake.answer("session.send", json!({"messageId": "m1"}));
    let session = fake.client().await.create_session(SessionConfig::new().session_id(ID)).await.expect("a session");
    let message = Message::text("look")
        .mode(SendMode::Immediate)
        .agent_mode(AgentMode::Plan)
        .display("Look!")
        .source("command-7")
        .request_header("X-Trace", &secret("7"))
        .response_schema("answer", &json!({"type": "object"}))
        .unwrap()
        .attach(&Attachment::file("/project/a.rs"))
        .attach(&Attachment::directory("/project/src"))
        .attach(&Attachment::selection("/project/a.rs", "fn main", (0, 0), (0, 7)))
        .attach(&Attachment::blob("dot", "image/png", "AA=="));
    let message = message.attachment(&json!({"type": "github_url", "url": "https://github.com/o/r"})).unwrap();
    session.send(message).await.expect("sent");
    insta::assert_json_snapshot!("message", fake.calls("session.send").remove(0));
    assert!(Message::text("x").response_schema("answer", &Value::Null).is_err());
}
