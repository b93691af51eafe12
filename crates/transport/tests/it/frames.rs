//! The frame decoder: a table, then any stream in any pieces.

use bytes::Bytes;
use groundlink_transport::Limits;
use groundlink_transport::frame::{Decoder, FrameError, Item, append_frame};
use groundlink_transport::fuzzing;
use proptest::prelude::*;

fn limits() -> Limits {
    let mut limits = Limits::default().max_frame(1000);
    limits.max_header = 100;
    limits.max_noise = 200;
    limits
}

fn frame(body: &str) -> Item {
    Item::Frame(Bytes::copy_from_slice(body.as_bytes()))
}

fn noise(line: &str) -> Item {
    Item::Noise(Bytes::copy_from_slice(line.as_bytes()))
}

#[test]
fn streams_are_cut_as_the_table_says() {
    let long_header = format!("Content-Length: 2\r\nX: {}", "x".repeat(100));
    // Refused for its place before anybody looks at what it says.
    let late_header = format!("{}\nContent-Length: -1\n", "x".repeat(185));
    let long_noise = "x".repeat(201);
    let many_lines = "noise\n".repeat(34);
    let empty_lines = "\r\n".repeat(101);
    let table: Vec<(&str, Vec<Item>, Result<(), FrameError>)> = vec![
        ("", vec![], Ok(())),
        ("Content-Length: 2\r\n\r\n{}", vec![frame("{}")], Ok(())),
        ("Content-Length: 0\r\n\r\n", vec![frame("")], Ok(())),
        ("Content-Length: 2\r\n\r\n{}Content-Length: 1\r\n\r\n1", vec![frame("{}"), frame("1")], Ok(())),
        // Spellings.
        ("content-length:2\n\n{}", vec![frame("{}")], Ok(())),
        ("CONTENT-LENGTH :  02 \r\n\r\n{}", vec![frame("{}")], Ok(())),
        ("Content-Type: a/b; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}", vec![frame("{}")], Ok(())),
        ("Content-Length: 2\r\nContent-Type: a/b\r\nX-More: 1\r\n\r\n{}", vec![frame("{}")], Ok(())),
        ("Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", vec![frame("{}")], Ok(())),
        ("\r\n\r\nContent-Length: 2\r\n\r\n{}\r\n", vec![frame("{}")], Ok(())),
        // Other text.
        ("warning: x\nContent-Length: 2\r\n\r\n{}", vec![noise("warning: x"), frame("{}")], Ok(())),
        ("Content-Length: 2\r\n\r\n{}\nlog\r\nlast", vec![frame("{}"), noise("log"), noise("last")], Ok(())),
        ("X-First: 1\r\nContent-Length: 2\r\n\r\n{}", vec![noise("X-First: 1"), frame("{}")], Ok(())),
        ("saw Content-Length: many\n", vec![noise("saw Content-Length: many")], Ok(())),
        // Lengths.
        ("Content-Length: -2\r\n\r\n{}", vec![], Err(FrameError::BadLength)),
        ("Content-Length: +2\r\n\r\n{}", vec![], Err(FrameError::BadLength)),
        ("Content-Length:\r\n\r\n{}", vec![], Err(FrameError::BadLength)),
        ("Content-Length: 2 2\r\n\r\n{}", vec![], Err(FrameError::BadLength)),
        ("Content-Length: 0x2\r\n\r\n{}", vec![], Err(FrameError::BadLength)),
        ("Content-Length: 1001\r\n\r\n{}", vec![], Err(FrameError::TooLarge { size: 1001, max: 1000 })),
        (
            "Content-Length: 99999999999999999999999\r\n\r\n{}",
            vec![],
            Err(FrameError::TooLarge { size: usize::MAX, max: 1000 }),
        ),
        ("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", vec![], Err(FrameError::TwoLengths(2, 3))),
        // Headers.
        ("Content-Length: 2\r\nnonsense\r\n\r\n{}", vec![], Err(FrameError::BadHeader)),
        (&long_header, vec![], Err(FrameError::HeaderTooLong(100))),
        // Lost.
        ("log without endContent-Length: 2\r\n\r\n{}", vec![], Err(FrameError::Desynchronised)),
        ("Content-Length: 1\r\n\r\n{}content-length:2\n\n{}", vec![frame("{")], Err(FrameError::Desynchronised)),
        (&long_noise, vec![], Err(FrameError::TooMuchNoise(200))),
        (&many_lines, vec![noise("noise"); 33], Err(FrameError::TooMuchNoise(200))),
        (&late_header, vec![noise(&"x".repeat(185))], Err(FrameError::TooMuchNoise(200))),
        (&empty_lines, vec![], Err(FrameError::TooMuchNoise(200))),
        // Cut short.
        ("Content-Length: 5\r\n\r\n{}", vec![], Err(FrameError::Truncated { missing: 3 })),
        ("Content-Length: 5\r\n", vec![], Err(FrameError::Truncated { missing: 0 })),
        ("Content-Length: 5", vec![], Err(FrameError::Truncated { missing: 0 })),
    ];
    for (stream, items, end) in table {
        let all_at_once = fuzzing::decode(&limits(), [stream.as_bytes()]);
        assert_eq!(all_at_once, (items, end), "{stream:?}");
        for size in [1, 2, 3, 7] {
            let in_pieces = fuzzing::decode(&limits(), stream.as_bytes().chunks(size));
            assert_eq!(in_pieces, all_at_once, "{stream:?} in pieces of {size}");
        }
    }
}

#[test]
fn a_false_length_costs_no_memory() {
    let mut decoder = Decoder::new(&Limits::default());
    decoder.buffer().extend_from_slice(b"Content-Length: 268435456\r\n\r\n{");
    assert_eq!(decoder.next_item(), Ok(None));
    assert!(decoder.buffer().capacity() < 1024 * 1024);
}

#[test]
fn noise_is_counted_anew_after_each_frame() {
    let stream = format!("{}Content-Length: 2\r\n\r\n{{}}", "x".repeat(150) + "\n").repeat(10);
    let (items, end) = fuzzing::decode(&limits(), [stream.as_bytes()]);
    assert_eq!((items.len(), end), (20, Ok(())));
}

proptest! {
    #[test]
    fn frames_written_are_the_frames_read_in_any_pieces(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
        sizes in prop::collection::vec(1usize..97, 1..50),
    ) {
        let mut stream = Vec::new();
        for body in &bodies {
            append_frame(&mut stream, body);
        }
        let mut rest = stream.as_slice();
        let pieces = sizes.iter().cycle().map_while(|size| {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        });
        let (items, end) = fuzzing::decode(&limits(), pieces);
        let expected: Vec<_> = bodies.into_iter().map(|body| Item::Frame(body.into())).collect();
        prop_assert_eq!((items, end), (expected, Ok(())));
    }

    #[test]
    fn anything_is_cut_the_same_in_any_pieces(
        parts in prop::collection::vec(prop_oneof![
            Just(b"Content-Length: 2\r\n\r\n{}".to_vec()),
            Just(b"content-length:1\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"log line\n".to_vec()),
            prop::collection::vec(any::<u8>(), 0..20),
        ], 0..20),
        size in any::<u8>(),
    ) {
        let mut data = vec![size];
        data.extend(parts.concat());
        fuzzing::decoder(&data);
    }

    #[test]
    fn any_message_is_sorted_as_its_json_says(
        members in prop::collection::vec((prop_oneof![
            Just("id"), Just("method"), Just("params"), Just("result"), Just("error"), Just("jsonrpc"),
        ], prop_oneof![
            Just("1".to_owned()), Just("null".to_owned()), Just("\"m\"".to_owned()), Just("[[{}]]".to_owned()),
            Just(r#"{"code":1,"message":"\"[","data":[]}"#.to_owned()), Just("1e400".to_owned()), ".{0,5}",
        ]), 0..6),
    ) {
        let members: Vec<_> = members.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
        fuzzing::envelope(format!("{{{}}}", members.join(",")).as_bytes());
    }
}

proptest! {
    #[test]
    fn the_usual_spelling_means_what_any_spelling_means(
        head in prop_oneof![
            Just(r#""id":1,"result":"#), Just(r#""id":1,"method":"m","params":"#), Just(r#""method":"m","params":"#),
            Just(r#""id":01,"result":"#), Just(r#""id":-1,"method":"m","params":"#),
        ],
        value in prop_oneof![
            Just("1".to_owned()), Just(r#"{"a":[1]}"#.to_owned()), Just("\"}\"".to_owned()), Just("\n[] ".to_owned()),
            Just("1e400".to_owned()), Just("{".to_owned()), ".{0,8}",
        ],
        tail in prop_oneof![
            Just(""), Just(r#","error":null"#), Just(r#","id":2"#), Just(r#","method":"n""#), Just("}{"), Just("}"),
        ],
    ) {
        fuzzing::envelope(format!(r#"{{"jsonrpc":"2.0",{head}{value}{tail}}}"#).as_bytes());
    }
}

/// The corpus the fuzzer starts from, run as an ordinary test.
#[test]
fn the_fuzz_corpus_holds() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let targets =
        [("decoder", fuzzing::decoder as fn(&[u8])), ("envelope", fuzzing::envelope), ("address", fuzzing::address)];
    for (target, body) in targets {
        let mut files = 0;
        for entry in std::fs::read_dir(corpus.join(target)).unwrap() {
            body(&std::fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files >= 4, "the corpus of {target} has only {files} files");
    }
}
