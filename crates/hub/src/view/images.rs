//! Pictures in the results of tools.
//!
//! What a picture is, is decided by its first bytes and not by what the tool says; drawings that could hold a script
//! (SVG) are none.

use std::sync::Arc;

use super::fields::Fields;
use super::item::{Body, Image};

/// Bytes of pictures that one session keeps; what comes beyond is not kept.
pub(super) const MAX_BYTES: usize = 24 << 20;
/// A larger picture is not kept.
const MAX_IMAGE: usize = 4 << 20;
/// The most pictures of one tool call.
const MAX_IMAGES: usize = 8;

/// The pictures of a result, with at most `room` bytes.
pub(super) fn of_result(result: Fields<'_>, mut room: usize) -> Vec<Image> {
    let contents = result.list("contents").filter(|content| content.str("type") == "image");
    let mut images: Vec<Image> = Vec::new();
    for content in contents.chain(result.list("binaryResultsForLlm")) {
        let data = content.str("data");
        // Four characters are three bytes.
        if images.len() >= MAX_IMAGES || data.is_empty() || data.len() / 4 * 3 > MAX_IMAGE {
            continue;
        }
        let Ok(bytes) = data_encoding::BASE64.decode(data.as_bytes()) else { continue };
        let Some(media_type) = media_type(&bytes) else { continue };
        // The CLI gives the same picture to the person and to the model.
        if bytes.len() > room || images.iter().any(|image| image.bytes[..] == bytes[..]) {
            continue;
        }
        room -= bytes.len();
        images.push(Image { media_type, bytes: Arc::from(bytes) });
    }
    images
}

/// Bytes of pictures that an item holds.
pub(super) fn held(body: &Body) -> usize {
    match body {
        Body::Tool(tool) => tool.images.iter().map(|image| image.bytes.len()).sum(),
        _ => 0,
    }
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
