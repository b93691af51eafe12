//! Tests of the generator, and of what it is fed.

use std::fmt::Write as _;

use super::docs::Docs;
use crate::facts::{Call, Facts, Form, Module, Presence, Ty, Type};
use super::{check, emit, generate};
use crate::names;
use crate::workspace;

#[test]
fn the_generated_code_is_current() {
    let protocol = workspace::root().join("crates/protocol");
    let files = generate(&protocol.join("schema")).unwrap();
    check(&files, &protocol.join("src/generated")).unwrap();
}

#[test]
fn a_changed_or_extra_or_missing_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let files = [("a.rs".to_owned(), "a".to_owned()), ("b.rs".to_owned(), "b".to_owned())].into();
    super::write(&files, folder.path()).unwrap();
    check(&files, folder.path()).unwrap();
    std::fs::write(folder.path().join("a.rs"), "changed").unwrap();
    std::fs::remove_file(folder.path().join("b.rs")).unwrap();
    std::fs::write(folder.path().join("c.rs"), "extra").unwrap();
    insta::assert_snapshot!(check(&files, folder.path()).unwrap_err(), @"generated code is not current: a.rs, b.rs, c.rs; run `cargo xtask codegen` and commit the result");
    super::write(&files, folder.path()).unwrap();
    check(&files, folder.path()).unwrap();
}

/// One file a method, request, notification, event and Mission Control type: a change of the wire is
/// a change of one of them in review.
#[test]
fn facts() {
    let facts = Facts::read(&workspace::root().join("crates/protocol/schema")).unwrap();
    for (family, calls) in
        [("methods", &facts.methods), ("requests", &facts.requests), ("notifications", &facts.notifications)]
    {
        for call in calls {
            snapshot(family, &call.wire, &show_call(&facts, call));
        }
    }
    for (wire, record) in &facts.events {
        snapshot("events", wire, &show_all(&facts, &[record.as_str()], Module::Events));
    }
    for t in facts.types.iter().filter(|t| t.module == Module::Mc) {
        snapshot("mc", &t.name, &show(t));
    }
}

fn snapshot(family: &str, name: &str, text: &str) {
    let path = format!("snapshots/{family}");
    insta::with_settings!({ snapshot_path => path, prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

fn show_call(facts: &Facts, call: &Call) -> String {
    let arrow = format!("{} -> {}\n\n", show_ty(&call.params), show_ty(&call.output));
    let names: Vec<&str> = [&call.params, &call.output].into_iter().filter_map(Ty::name).collect();
    arrow + &show_all(facts, &names, Module::Types)
}

/// Types and all they use.
fn show_all(facts: &Facts, names: &[&str], from: Module) -> String {
    let mut queue: Vec<(&str, Module)> = names.iter().map(|name| (*name, from)).collect();
    let mut shown = Vec::new();
    let mut text = String::new();
    while !queue.is_empty() {
        let (name, from) = queue.remove(0);
        let t = facts.find(name, from).unwrap();
        if shown.contains(&name) {
            continue;
        }
        shown.push(name);
        let _ = writeln!(text, "{}", show(t));
        match &t.form {
            Form::Record(fields) => {
                queue.extend(fields.iter().filter_map(|f| f.ty.name()).map(|name| (name, t.module)));
            }
            Form::Union(_, variants) => queue.extend(variants.iter().map(|(_, record)| (record.as_str(), t.module))),
            Form::Enum(_) => {}
        }
    }
    text
}

fn show(t: &Type) -> String {
    let mut text = format!("{}\n", t.name);
    match &t.form {
        Form::Record(fields) => {
            for field in fields {
                let mark = match field.presence {
                    Presence::Required => "",
                    Presence::Optional => " ?",
                    Presence::List => " *",
                };
                let _ = writeln!(text, "  {}: {}{mark}", field.wire, show_ty(&field.ty));
            }
        }
        Form::Enum(words) => {
            let _ = writeln!(text, "  = {}", words.join(" | "));
        }
        Form::Union(tag, variants) => {
            for (word, record) in variants {
                let _ = writeln!(text, "  {tag} = {word}: {record}");
            }
        }
    }
    text
}

fn show_ty(ty: &Ty) -> String {
    match ty {
        Ty::Named(name) => name.clone(),
        Ty::Nullable(item) => format!("{}|null", show_ty(item)),
        Ty::List(item) => format!("[{}]", show_ty(item)),
        Ty::Map(item) => format!("{{{}}}", show_ty(item)),
        word => format!("{word:?}").to_lowercase(),
    }
}

#[test]
fn names_in_rust() {
    for (wire, pascal) in [
        ("session.turn_start", "SessionTurnStart"),
        ("session.permissions.handlePendingPermissionRequest", "SessionPermissionsHandlePendingPermissionRequest"),
        ("approve-once", "ApproveOnce"),
        ("preToolUse", "PreToolUse"),
        ("prePRDescription", "PrePRDescription"),
        ("gitHubToken.getToken", "GithubTokenGetToken"),
        ("abort", "Abort"),
    ] {
        assert_eq!(names::pascal(wire), pascal);
    }
    for (wire, snake) in [
        ("sessionId", "session_id"),
        ("agent_task_id", "agent_task_id"),
        ("gitHubToken", "github_token"),
        ("enableGitHubTelemetryForwarding", "enable_github_telemetry_forwarding"),
        ("textResultForLlm", "text_result_for_llm"),
        ("type", "kind"),
        ("_meta", "meta"),
    ] {
        assert_eq!(names::snake(wire), snake);
    }
}

fn facts_of(text: &str) -> Result<Facts, String> {
    let mut facts = Facts::default();
    let table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    facts.add("test", &table).and_then(|()| facts.check()).map_err(|error| error.to_string())?;
    Ok(facts)
}

#[test]
fn bad_facts_are_refused() {
    let origin = "origin = 'observed'\n";
    for (facts, problem) in [
        ("[types.A]\n", "say where the facts are from"),
        ("origin = 'observed'\nmodule = 'x'\n", "unknown module `x`"),
        ("[colours]\na = 'b'\n", "colours.a: unknown section"),
        ("[types.A]\na = 'strin'\n", "types.A: a: `strin` is no type"),
        ("[types.A]\na = '[string'\n", "`[string` is no type"),
        ("[types.A]\na = 7\n", "types.A: a: expected a string"),
        ("[types.A]\na = 'string *'\n", "`*` is for lists"),
        ("[types.A]\na = 'B'\n", "types.A: no type `B`"),
        ("[types.A]\na = '[{B}] ?'\n", "types.A: no type `B`"),
        ("[types.A]\nunion = 'kind'\nb = 'B'\n[types.B]\nenum = ['x']\n", "`B` is not a record"),
        ("[types.Abort]\n[methods]\n'session.a' = 'Abort'\n", "expected `Params -> Result`"),
        ("[methods]\na = 'null -> A'\n", "`a`: no type `A`"),
        ("[methods]\na = 'null -> null'\n[requests]\na = 'null -> null'\n", "`a` stands twice"),
    ] {
        let text = if facts.contains("origin") || problem.starts_with("say") {
            facts.into()
        } else {
            format!("{origin}{facts}")
        };
        let error = facts_of(&text).unwrap_err();
        assert!(error.contains(problem), "{facts}\n{error}");
    }
}

const FACTS: &str = "
origin = 'observed'
[methods]
'a.do' = 'A -> null'
[types.A]
name = 'string'
mode = 'Mode ?'
list = '[json] *'
headers = '{secret} ?'
what = 'What'
[types.Mode]
enum = ['on', 'off']
[types.What]
union = 'kind'
a = 'Nothing'
[types.Nothing]
[events.'a.done']
mode = 'Mode ?'
count = 'number'
";

const WORDS: &[(&str, &str, &str)] = &[
    ("a.do", "doc", "Does."),
    ("A", "doc", "An A.\nTwo lines."),
    ("A", "name", "Its name."),
    ("", "mode", "The mode."),
    ("", "list", "A list."),
    ("", "headers", "Headers."),
    ("A", "what", "What."),
    ("Mode", "doc", "A mode."),
    ("Mode", "on", "On."),
    ("Mode", "off", "Off."),
    ("What", "doc", "A what."),
    ("What", "a", "An a."),
    ("Nothing", "doc", "Nothing."),
    ("ADone", "doc", "Done."),
    ("ADone", "count", "A count."),
];

#[test]
fn what_is_written_of_facts_and_words() {
    let files = emit::emit(&facts_of(FACTS).unwrap(), &Docs::from(WORDS)).unwrap();
    let text: Vec<String> =
        ["types.rs", "events.rs", "methods.rs"].iter().map(|name| format!("== {name}\n{}", files[*name])).collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn words_without_facts_and_facts_without_words_are_refused() {
    let facts = facts_of(FACTS).unwrap();
    let more = [WORDS, &[("A", "nme", "Misspelt."), ("", "colour", "No such field.")]].concat();
    let error = emit::emit(&facts, &Docs::from(more.as_slice())).unwrap_err();
    insta::assert_snapshot!(error, @"docs: no fact backs these: .colour, A.nme");
    let error = emit::emit(&facts, &Docs::from(&WORDS[2..])).unwrap_err();
    insta::assert_snapshot!(error, @"docs: say what these are: A.doc, a.do.doc");
}
