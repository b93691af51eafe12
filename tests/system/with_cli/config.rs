//! What a session is made of, and what goes with a message, as the real CLI takes it.

use std::path::Path;
use std::time::Duration;

use groundlink::session::{
    ApproveAll, Attachment, CloudSession, CustomAgent, DefaultAgent, Event, InfiniteSessions, McpServer, Message,
    SectionAction, Session, SessionConfig, SystemMessage, ToolSearchOptions,
};
use groundlink_tests::offline::{Offline, turn};
use serde_json::{Value, json};

/// All events of a kind that the session has had so far.
async fn events_of(session: &Session, kind: &str) -> Vec<Value> {
    let all = session.history().await.expect("the history");
    let data = |event: &Event| serde_json::from_str(event.data_raw().get()).expect("JSON");
    all.iter().filter(|event| event.kind() == kind).map(data).collect()
}

#[tokio::test]
async fn a_session_of_many_parts_works() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let system = SystemMessage::customize()
        .section("tone", SectionAction::Replace, "Speak like a pirate of the tests.")
        .section("identity", SectionAction::Append, "Your name is Morgan.")
        .content("Be brief at the end.");
    let config = offline
        .config()
        .name("a title of ours")
        .client_name("groundlink-tests")
        .additional_directories([offline.repo.path()])
        .reasoning_summary("none")
        .system_message(&system)
        .expect("a system message")
        .available_tools(["view", "task"])
        .tool_search(ToolSearchOptions { enabled: Some(false), ..ToolSearchOptions::default() })
        .custom_agent(&CustomAgent::new("reviewer", "You review.").description("Reviews changes").tools(["view"]))
        .expect("an agent")
        .infinite_sessions(InfiniteSessions { enabled: Some(false), ..InfiniteSessions::default() })
        .enable_skills(false)
        .enable_file_hooks(false)
        .enable_config_discovery(false)
        .feature_flags([("nothing-of-that-name", true)])
        .enable_session_telemetry(false);
    let session = client.create_session(config).await.expect("a session");
    turn(&session, "hello").await;

    let system = events_of(&session, "system.message").await;
    let text = system.first().expect("a system message")["content"].as_str().expect("text").to_owned();
    for part in ["pirate of the tests", "Your name is Morgan.", "Be brief at the end."] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // It has the agent, but neither a shell nor the directories that were not looked into.
    let said =
        turn(&session, r#"tool:task {"agent_type":"reviewer","description":"x","prompt":"hi there","name":"r"}"#);
    let said = said.await;
    let ended = events_of(&session, "tool.execution_complete").await;
    let started = events_of(&session, "subagent.started").await;
    assert_eq!(started.first().map(|data| data["agentName"].clone()), Some(json!("reviewer")), "{said}: {ended:?}");
    turn(&session, r#"tool:bash {"command":"touch never","description":"Make a file"}"#).await;
    assert!(!offline.repo.has("never"), "the shell is not among the tools");

    // With the CLI's own tools, instructions and habits, and with none of them.
    offline.repo.write("AGENTS.md", "Whistle while you work.");
    // The first session has had the CLI remember that there are no instructions.
    let usual = client.create_session(offline.config().refresh_custom_instructions(true)).await.expect("a session");
    let bare = offline.config().available_tools([""; 0]).skip_custom_instructions(true).coauthor(false);
    let bare = client.create_session(bare.without_builtin_skills()).await.expect("a session");
    for (session, has_them) in [(&usual, true), (&bare, false)] {
        turn(session, "hello").await;
        let told = events_of(session, "system.message").await;
        let text = told.first().expect("a system message")["content"].as_str().expect("text").to_owned();
        for part in ["Whistle while you work.", "Co-authored-by"] {
            assert_eq!(text.contains(part), has_them, "{part}: {text}");
        }
        turn(session, r#"tool:view {"path":"README.md"}"#).await;
        assert_eq!(!events_of(session, "tool.execution_complete").await.is_empty(), has_them);
    }

    // The CLI takes a session at GitHub up to where it needs an account.
    let error =
        client.create_session(SessionConfig::new().cloud(CloudSession::default())).await.expect_err("no account");
    assert!(error.to_string().contains("requires authentication"), "{error}");
    client.stop().await;
}

/// Files as people keep them in directories of their own.
fn write(place: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let file = place.join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, text).expect("written");
    }
}

#[tokio::test]
async fn skills_agents_instructions_and_plugins_come_from_directories() {
    let offline = Offline::new().await;
    let (client, overheard) = offline.overheard().await;
    let place = tempfile::tempdir().expect("a directory");
    let files = [
        ("skills/greet/SKILL.md", "---\nname: greet\ndescription: Greets in verse\n---\nSay hello in hexameters.\n"),
        ("skills/curse/SKILL.md", "---\nname: curse\ndescription: Curses in prose\n---\nCurse.\n"),
        ("agents/sailor.agent.md", "---\nname: sailor\ndescription: Sails the seas\n---\nYou sail.\n"),
        ("more/.github/instructions/all.instructions.md", "---\napplyTo: \"**\"\n---\nMind the tide.\n"),
        ("plugin/plugin.json", r#"{"name": "harbour", "version": "1.0.0", "description": "A harbour"}"#),
        ("plugin/skills/moor/SKILL.md", "---\nname: moor\ndescription: Moors the ship\n---\nMoor.\n"),
    ];
    write(place.path(), &files);
    let config = |agent: &CustomAgent| {
        let config = offline.config().on_permission(ApproveAll).custom_agent(agent).expect("an agent");
        config.skill_directories([place.path().join("skills")]).disabled_skills(["curse"])
    };
    let default_agent = DefaultAgent { excluded_tools: vec!["bash".to_owned()], ..DefaultAgent::default() };
    let runner = CustomAgent::new("runner", "You run commands.").description("Runs commands").tools(["bash"]);
    let runner = runner.model("model-of-the-runner");
    let hidden = CustomAgent::new("hidden", "You hide.").description("Hides away").infer(false);
    let all = config(&runner)
        .custom_agent(&hidden)
        .expect("an agent")
        .agent_directories([place.path().join("agents")])
        .instruction_directories([place.path().join("more")])
        .plugin_directories([place.path().join("plugin")])
        .default_agent(default_agent);
    let session = client.create_session(all).await.expect("a session");
    turn(&session, "hello").await;
    let requests = overheard.take();
    for told in ["Greets in verse", "Sails the seas", "Mind the tide.", "Moors the ship", "Runs commands"] {
        assert!(requests.say(told), "the model was not told `{told}`: {requests:?}");
    }
    for kept in ["Curses in prose", "Hides away"] {
        assert!(!requests.say(kept), "the model was told `{kept}`: {requests:?}");
    }
    assert!(requests.offer("view") && !requests.offer("bash"), "a tool that only other agents have");
    let work = json!({"agent_type": "runner", "description": "x", "name": "r", "prompt":
        r#"tool:bash {"command":"touch by-the-runner","description":"Make a file"}"#});
    turn(&session, &format!("tool:task {work}")).await;
    let requests = overheard.take();
    assert!(requests.offer("bash") && offline.repo.has("by-the-runner"));
    assert!(requests.say(r#""model":"model-of-the-runner""#), "{requests:?}");

    // An agent that is active from the start, with a skill that it has read.
    let poet = CustomAgent::new("poet", "You write verse for ships.").skills(["greet"]).tools(["view"]);
    let session = client.create_session(config(&poet).agent("poet")).await.expect("a session");
    turn(&session, "hello").await;
    let requests = overheard.take();
    for told in ["You write verse for ships.", "Say hello in hexameters."] {
        assert!(requests.say(told), "the model was not told `{told}`: {requests:?}");
    }
    assert!(requests.offer("view") && !requests.offer("bash"), "the agent's tools");
    client.stop().await;
}

#[tokio::test]
async fn servers_of_the_model_context_protocol_are_connected() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    // It does not answer, and the session goes on without it.
    let mute = McpServer::stdio("true", [""; 0]).tools(["nothing"]).timeout(Duration::from_secs(5));
    let config = offline.config().mcp_servers([("mute", mute)]).expect("servers");
    let session = client.create_session(config).await.expect("a session");
    let mut events = session.subscribe_from_start();
    session.send("hello").await.expect("sent");
    let loaded = tokio::time::timeout(Duration::from_mins(2), events.next_of_kind("session.mcp_servers_loaded")).await;
    let loaded = loaded.expect("in time").expect("the servers");
    assert!(loaded.data_raw().get().contains("mute"), "{}", loaded.data_raw());
    client.stop().await;
}

#[tokio::test]
async fn attachments_of_every_kind_arrive() {
    let offline = Offline::new().await;
    let (client, overheard) = offline.overheard().await;
    let session = client.create_session(offline.config()).await.expect("a session");
    let readme = offline.repo.path().join("README.md");
    let message = Message::text("look at these")
        .display("what people read")
        .attach(&Attachment::file(&readme))
        .attach(&Attachment::directory(offline.repo.path()))
        .attach(&Attachment::selection(&readme, "# Scratch", (0, 0), (0, 9)))
        .attach(&Attachment::blob("dot.txt", "text/plain", "ZG90"));
    // Of kinds that have no function here.
    let lines = json!({"type": "file", "path": readme, "displayName": "its top", "lineRange": {"start": 1, "end": 1}});
    let issue = json!({"type": "github_reference", "referenceType": "issue", "number": 7, "state": "open",
        "title": "The lamp is dark", "url": "https://github.com/o/r/issues/7"});
    let message = message.attachment(&lines).and_then(|message| message.attachment(&issue)).expect("attached");
    let mut events = session.subscribe();
    session.send(message).await.expect("sent");
    events.next_of_kind("session.idle").await.expect("the end");
    let said = events_of(&session, "user.message").await.remove(0);
    let kinds: Vec<&str> =
        said["attachments"].as_array().expect("attachments").iter().filter_map(|a| a["type"].as_str()).collect();
    assert_eq!(kinds, ["file", "directory", "selection", "blob", "file", "github_reference"], "{said}");
    assert_eq!(said["attachments"][4]["lineRange"], json!({"start": 1, "end": 1}));
    let requests = overheard.take();
    for told in ["# Scratch", "The lamp is dark"] {
        assert!(requests.say(told), "the model was not told `{told}`: {requests:?}");
    }
    client.stop().await;
}

#[tokio::test]
async fn an_answer_in_json_is_asked_for() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let session = client.create_session(offline.config()).await.expect("a session");
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let message = Message::text("hello").response_schema("answer", &schema).expect("a schema");
    let mut events = session.subscribe();
    session.send(message).await.expect("the CLI takes the format");
    events.next_of_kind("session.idle").await.expect("the end");
    assert_eq!(events_of(&session, "session.error").await, Vec::<Value>::new());
    client.stop().await;
}
