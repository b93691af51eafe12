//! Tests of the generator, and of what it is fed.

use std::fmt::Write as _;

use std::collections::BTreeMap;
use std::path::Path;

use super::docs::Docs;
use super::files::Output;
use super::surface::Surface;
use super::{emit, generate, generate_stubs};
use crate::error::Result;
use crate::facts::{Call, Facts, Form, Module, Ty, Type, show_field, show_ty};
use crate::{names, workspace};

#[test]
fn the_generated_code_is_current() {
    let protocol = workspace::root().join("crates/protocol");
    generate(&protocol).unwrap().check(&protocol).unwrap();
    generate_stubs(&protocol).unwrap().check(&workspace::root().join("crates/session")).unwrap();
}

#[test]
fn a_changed_or_extra_or_missing_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("Cargo.toml", "[features]\n# Written by `cargo xtask codegen`.\nold = []\n# Up to here.\n");
    let files = [("src/generated/in/a.rs".to_owned(), "a".to_owned()), ("reference/b.md".to_owned(), "b".to_owned())];
    let output = Output { files: files.into(), features: "new = []\n".to_owned(), undocumented: Vec::new() };
    output.write(folder.path()).unwrap();
    output.check(folder.path()).unwrap();
    write("src/generated/in/a.rs", "changed");
    std::fs::remove_file(folder.path().join("reference/b.md")).unwrap();
    write("reference/c.md", "extra");
    write("Cargo.toml", "[features]\n# Written by `cargo xtask codegen`.\n# Up to here.\n");
    insta::assert_snapshot!(output.check(folder.path()).unwrap_err(), @"generated code is not current: reference/b.md, src/generated/in/a.rs, reference/c.md, Cargo.toml; run `cargo xtask codegen` and commit the result");
    output.write(folder.path()).unwrap();
    output.check(folder.path()).unwrap();
    write("Cargo.toml", "[features]\n");
    assert!(output.check(folder.path()).unwrap_err().to_string().contains("put these lines into [features]"));
}

/// One file a method, request, notification, event and Mission Control type: a change of the wire is
/// a change of one of them in review.
#[test]
fn facts() {
    let facts = Surface::read(&workspace::root().join("crates/protocol/schema")).unwrap().facts;
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
        queue.extend(t.form.names().into_iter().map(|name| (name, t.module)));
    }
    text
}

fn show(t: &Type) -> String {
    let mut text = format!("{}\n", t.name);
    match &t.form {
        Form::Record(fields) => {
            for field in fields {
                let _ = writeln!(text, "  {}: {}", field.wire, show_field(field));
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
        Form::Any(shapes) => {
            let _ = writeln!(text, "  any of {}", shapes.iter().map(show_ty).collect::<Vec<_>>().join(" | "));
        }
    }
    text
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
        ("[types.A]\na = 'string:UUID'\n", "types.A: a: `UUID` is no format"),
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

/// What is written of facts kept by hand.
fn written(facts: &Facts, words: &[(&str, &str, &str)]) -> Result<BTreeMap<String, String>> {
    let surface = Surface::new(facts, &Facts::default(), &BTreeMap::new())?;
    let docs = Docs::from(words);
    let files = emit::emit(&surface, &docs);
    docs.check().map(|()| files)
}

#[test]
fn what_is_written_of_facts_and_words() {
    let files = written(&facts_of(FACTS).unwrap(), WORDS).unwrap();
    let text: Vec<String> = ["types/base.rs", "events/base.rs", "events/mod.rs", "methods/base.rs", "methods/mod.rs"]
        .iter()
        .map(|name| format!("== {name}\n{}", files[*name]))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn words_without_facts_and_facts_without_words_are_refused() {
    let facts = facts_of(FACTS).unwrap();
    let more = [WORDS, &[("A", "nme", "Misspelt."), ("", "colour", "No such field.")]].concat();
    insta::assert_snapshot!(written(&facts, &more).unwrap_err(), @"docs: no fact backs these: .colour, A.nme");
    insta::assert_snapshot!(written(&facts, &WORDS[2..]).unwrap_err(), @"docs: say what these are: A.doc, a.do.doc");
}

/// The other layer: what upstream says about the same messages, and about others.
const IMPORTED: &str = "
origin = 'schema 9.9.9'
[methods]
'a.do' = 'ARequest -> null ! experimental'
'b.do' = 'Only -> Mode ! experimental internal'
[types.Only]
mode = 'HowMode'
[types.ARequest]
name = 'string'
mode = 'HowMode ?'
added = 'Other'
what = 'What'
[types.HowMode]
enum = ['on', 'off', 'later']
[types.Other]
again = 'Other ?'
any = 'Either ?'
[types.Either]
any = ['string', 'Other', '[Mode]', 'Mode']
[types.Mode]
type = \"'mode'\"
[types.What]
union = 'kind'
a = 'Nothing2'
b = 'Other'
[types.Nothing2]
more = 'string|null ?'
[events.'a.done']
count = 'uint'
extra = 'bool ?'
[events.'b.done']
";

/// Hand-kept names and demands stand; what only upstream has comes in addition, and goes to its family.
#[test]
fn both_layers_are_merged() {
    let families = BTreeMap::from([("test".to_owned(), "more".to_owned())]);
    let surface = Surface::new(&facts_of(FACTS).unwrap(), &facts_of(IMPORTED).unwrap(), &families).unwrap();
    let docs = Docs::from(WORDS);
    let files = emit::emit(&surface, &docs);
    docs.check().unwrap();
    assert!(docs.without_own_words().contains(&"Other.doc".to_owned()));
    let text: Vec<String> = [
        "types/base.rs",
        "types/more.rs",
        "types/mod.rs",
        "events/base.rs",
        "events/more.rs",
        "events/mod.rs",
        "methods/more.rs",
        "methods/mod.rs",
    ]
    .iter()
    .map(|name| format!("== {name}\n{}", files[*name]))
    .collect();
    insta::assert_snapshot!(format!("{}\n{}", emit::features(&surface), text.join("\n")));
}

#[test]
fn a_namespace_without_a_family_is_told() {
    let error = Surface::new(&facts_of(FACTS).unwrap(), &facts_of(IMPORTED).unwrap(), &BTreeMap::new()).unwrap_err();
    insta::assert_snapshot!(error, @"features.toml: sort the namespace `test` into a family");
}

#[test]
fn other_languages() {
    let surface = Surface::new(&facts_of(FACTS).unwrap(), &Facts::default(), &BTreeMap::new()).unwrap();
    for (path, text) in super::export::files(&surface, &Docs::from(WORDS)) {
        let name = Path::new(&path).file_name().unwrap().to_string_lossy().into_owned();
        insta::assert_snapshot!(name, text);
    }
}

/// So that each feature builds alone.
#[test]
fn a_family_is_made_of_itself_and_of_what_it_switches_on() {
    use super::surface::{BASE, SHARED};
    let facts = Surface::read(&workspace::root().join("crates/protocol/schema")).unwrap().facts;
    let calls = facts.calls().flat_map(|(_, call)| {
        [&call.params, &call.output].into_iter().filter_map(Ty::name).map(|name| (&call.file, name, Module::Types))
    });
    let types = facts.types.iter().flat_map(|t| t.form.names().into_iter().map(|name| (&t.file, name, t.module)));
    for (family, name, module) in calls.chain(types) {
        let uses = &facts.find(name, module).unwrap().file;
        let fine = uses == family || uses == BASE || (uses == SHARED && family != BASE);
        assert!(fine, "`{family}` uses `{name}`, which is of `{uses}`");
    }
}
