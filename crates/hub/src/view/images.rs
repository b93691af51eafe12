//! Pictures in the results of tools, and those that people send along with a message.
//!
//! What a picture is, is decided by its first bytes and not by what the tool says; drawings that could hold a script
//! (SVG) are none.

use std::sync::Arc;

use super::fields::Fields;
use super::item::{Attached, Body, Image};
use super::text::first_line;

/// Bytes of pictures that one session keeps; what comes beyond is not kept.
pub(super) const MAX_BYTES: usize = 24 << 20;
/// A larger picture is not kept.
const MAX_IMAGE: usize = 4 << 20;
/// The most pictures of one tool call.
const MAX_IMAGES: usize = 8;
/// The most files of a message that are named, and characters of a name.
const MAX_FILES: usize = 32;
const MAX_NAME: usize = 120;

/// The pictures of a result, with at most `room` bytes.
pub(super) fn of_result(result: Fields<'_>, mut room: usize) -> Vec<Image> {
    let contents = result.list("contents").filter(|content| content.str("type") == "image");
    let mut images: Vec<Image> = Vec::new();
    for content in contents.chain(result.list("binaryResultsForLlm")) {
        let Some(image) = decode(content, room).filter(|_| images.len() < MAX_IMAGES) else { continue };
        // The CLI gives the same picture to the person and to the model.
        if images.iter().any(|known| known.bytes == image.bytes) {
            continue;
        }
        room -= image.bytes.len();
        images.push(image);
    }
    images
}

/// What was sent along with a message: pictures with at most `room` bytes, and the names of everything else.
pub(super) fn of_message(message: Fields<'_>, mut room: usize) -> Attached {
    let mut attached = Attached::default();
    for one in message.list("attachments") {
        let image = decode(one, room).filter(|_| attached.images.len() < MAX_IMAGES);
        if let Some(image) = image {
            room -= image.bytes.len();
            attached.images.push(image);
        } else if attached.files.len() < MAX_FILES {
            let name = one.opt("displayName").or_else(|| one.opt("path").or(one.opt("filePath")).map(file_name));
            attached.files.push(first_line(name.unwrap_or("a file"), MAX_NAME));
        }
    }
    attached
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(path)
}

fn decode(content: Fields<'_>, room: usize) -> Option<Image> {
    let data = content.str("data");
    // Four characters are three bytes.
    if data.is_empty() || data.len() / 4 * 3 > MAX_IMAGE {
        return None;
    }
    let bytes = data_encoding::BASE64.decode(data.as_bytes()).ok().filter(|bytes| bytes.len() <= room)?;
    Some(Image { media_type: media_type(&bytes)?, bytes: Arc::from(bytes) })
}

/// The pictures of an item.
pub(super) fn of(body: &Body) -> &[Image] {
    match body {
        Body::Tool(tool) => &tool.images,
        Body::User(user) => &user.attached.images,
        _ => &[],
    }
}

/// Bytes of pictures that an item holds.
pub(super) fn held(body: &Body) -> usize {
    of(body).iter().map(|image| image.bytes.len()).sum()
}

fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;
    use serde_json::{Value, json};

    fn image(data: &[u8], claimed: &str) -> Value {
        json!({"type": "image", "mimeType": claimed, "data": BASE64.encode(data)})
    }

    #[test]
    fn only_pixels_are_pictures_whatever_they_are_called() {
        let cases: [(&[u8], &str, Option<&str>); 6] = [
            (b"\x89PNG\r\n\x1a\nrest", "image/png", Some("image/png")),
            (b"\xff\xd8\xff\xe0rest", "text/html", Some("image/jpeg")),
            (b"GIF89a", "image/gif", Some("image/gif")),
            (b"RIFF....WEBPVP8 ", "image/webp", Some("image/webp")),
            (b"<svg onload=alert(1)>", "image/png", None),
            (b"<html><script>", "image/jpeg", None),
        ];
        for (data, claimed, expected) in cases {
            let result = json!({"contents": [image(data, claimed)]});
            let found = of_result(Fields(&result), MAX_BYTES);
            assert_eq!(found.first().map(|image| image.media_type), expected, "{claimed}");
        }
    }

    #[test]
    fn what_comes_along_with_a_message_is_a_picture_or_has_a_name() {
        let png = BASE64.encode(b"\x89PNG\r\n\x1a\nrest");
        let message = json!({"attachments": [
            {"type": "file", "path": "/home/ann/shot.png", "mimeType": "image/png", "data": png},
            {"type": "blob", "displayName": "pasted.png", "data": png},
            {"type": "file", "path": "/home/ann/notes.txt"},
            {"type": "directory", "path": "C:\\work\\src\\"},
            {"type": "blob", "displayName": "page.svg", "data": BASE64.encode(b"<svg onload=alert(1)>")},
            {"type": "selection", "filePath": "src/main.rs"},
            3,
        ]});
        let attached = of_message(Fields(&message), MAX_BYTES);
        assert_eq!(attached.images.len(), 2);
        assert_eq!(attached.files, ["notes.txt", "src", "page.svg", "main.rs", "a file"]);
        let short = of_message(Fields(&message), 15);
        assert_eq!((short.images.len(), short.files[0].as_str()), (1, "pasted.png"), "what is not kept has its name");
    }

    #[test]
    fn pictures_are_bounded_and_told_once() {
        let png = |n: u8| [b"\x89PNG\r\n\x1a\n".as_slice(), &[n; 100]].concat();
        let many: Vec<Value> = (0..20).map(|n| image(&png(n), "image/png")).collect();
        assert_eq!(of_result(Fields(&json!({"contents": many})), MAX_BYTES).len(), MAX_IMAGES);
        assert_eq!(of_result(Fields(&json!({"contents": many})), 250).len(), 2);
        let twice =
            json!({"contents": [image(&png(1), "image/png")], "binaryResultsForLlm": [image(&png(1), "image/png")]});
        assert_eq!(of_result(Fields(&twice), MAX_BYTES).len(), 1);
        let odd = json!({"contents": [{"type": "image", "data": "%%%"}, {"type": "image"}, 3]});
        assert!(of_result(Fields(&odd), MAX_BYTES).is_empty());
    }
}
