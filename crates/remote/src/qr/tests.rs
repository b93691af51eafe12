//! Every rendering is read back by a decoder, as a camera in front of the screen would.

use proptest::prelude::*;

use super::*;

/// Pixels for one module; enough for the decoder's grid finder.
const SCALE: usize = 4;

/// Grey levels: (default text, default background) of a terminal.
type Colors = (u8, u8);
const DARK_TERMINAL: Colors = (229, 18);
const LIGHT_TERMINAL: Colors = (20, 250);

/// A picture of one grey level a module, row by row.
struct Picture {
    rows: Vec<Vec<u8>>,
}

impl Picture {
    /// Paints `text` as a terminal with these default colours shows it, with some empty screen around.
    fn of_terminal(text: &str, (text_grey, ground): Colors) -> Self {
        let mut rows = Vec::new();
        for line in text.lines() {
            let (mut fore, mut back) = (text_grey, ground);
            let (mut top, mut bottom) = (vec![ground; 3], vec![ground; 3]);
            let mut rest = line;
            while let Some(c) = rest.chars().next() {
                if let Some(tail) = rest.strip_prefix(BLACK_ON_WHITE) {
                    (fore, back, rest) = (0, 255, tail);
                    continue;
                }
                if let Some(tail) = rest.strip_prefix(RESET) {
                    (fore, back, rest) = (text_grey, ground, tail);
                    continue;
                }
                let (above, below) = match c {
                    '█' => (fore, fore),
                    '▀' => (fore, back),
                    '▄' => (back, fore),
                    ' ' => (back, back),
                    other => panic!("unexpected character {other:?}"),
                };
                top.push(above);
                bottom.push(below);
                rest = &rest[c.len_utf8()..];
            }
            top.extend([ground; 3]);
            bottom.extend([ground; 3]);
            rows.push(top);
            rows.push(bottom);
        }
        let empty = vec![ground; rows.first().map_or(0, Vec::len)];
        let mut all = vec![empty.clone(); 3];
        all.append(&mut rows);
        all.extend(vec![empty; 3]);
        Self { rows: all }
    }

    /// Paints the one path our SVG consists of.
    fn of_svg(svg: &str) -> Self {
        let between = |from: &str, to: &str| {
            let start = svg.find(from).expect("start") + from.len();
            let end = start + svg[start..].find(to).expect("end");
            svg[start..end].to_owned()
        };
        let side: usize = between("viewBox=\"0 0 ", " ").parse().expect("a number");
        let mut rows = vec![vec![255; side]; side];
        for run in between("d=\"M", "\"").split('M') {
            let (x, tail) = run.split_once(' ').expect("x");
            let (y, tail) = tail.split_once('h').expect("y");
            let (length, _) = tail.split_once('v').expect("length");
            let (x, y, length): (usize, usize, usize) =
                (x.parse().expect("x"), y.parse().expect("y"), length.parse().expect("length"));
            rows[y][x..x + length].fill(0);
        }
        Self { rows }
    }

    fn decode(&self) -> Option<String> {
        let (height, width) = (self.rows.len() * SCALE, self.rows[0].len() * SCALE);
        let mut image =
            rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| self.rows[y / SCALE][x / SCALE]);
        let grids = image.detect_grids();
        grids.first()?.decode().ok().map(|(_, text)| text)
    }
}

const LINK: &str = "http://192.168.178.120:8080/t/q1-Zk3vY0pXo7bR2mW9sTA";

#[test]
fn scans_from_dark_and_light_terminals() {
    let qr = Qr::encode(LINK);
    for (theme, colors) in [
        (TerminalTheme::Auto, DARK_TERMINAL),
        (TerminalTheme::Auto, LIGHT_TERMINAL),
        (TerminalTheme::Dark, DARK_TERMINAL),
        (TerminalTheme::Light, LIGHT_TERMINAL),
    ] {
        let picture = Picture::of_terminal(&qr.terminal(theme), colors);
        assert_eq!(picture.decode().as_deref(), Some(LINK), "{theme:?} on {colors:?}");
    }
}

/// The test above means something only if the decoder cannot read an inverted code.
#[test]
fn the_wrong_plain_theme_does_not_scan() {
    let qr = Qr::encode(LINK);
    assert_eq!(Picture::of_terminal(&qr.terminal(TerminalTheme::Dark), LIGHT_TERMINAL).decode(), None);
    assert_eq!(Picture::of_terminal(&qr.terminal(TerminalTheme::Light), DARK_TERMINAL).decode(), None);
}

#[test]
fn scans_from_svg() {
    assert_eq!(Picture::of_svg(&Qr::encode(LINK).svg()).decode().as_deref(), Some(LINK));
}

#[test]
fn a_link_fits_a_small_terminal() {
    let qr = Qr::encode(LINK);
    assert!(qr.terminal_width() <= 40, "{}", qr.terminal_width());
    let text = qr.terminal(TerminalTheme::Light);
    assert!(text.lines().count() <= 20);
    assert!(text.lines().all(|line| line.chars().count() == qr.terminal_width()));
}

/// Four modules on every side: two lines above, and columns of light on the left.
#[test]
fn the_quiet_zone_is_there() {
    let qr = Qr::encode(LINK);
    let light = qr.terminal(TerminalTheme::Light);
    let dark = qr.terminal(TerminalTheme::Dark);
    for (text, blank) in [(&light, ' '), (&dark, '█')] {
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[..2].iter().all(|line| line.chars().all(|c| c == blank)));
        assert!(lines[lines.len() - 2..].iter().all(|line| line.chars().all(|c| c == blank)));
        assert!(lines.iter().all(|line| line.chars().take(4).all(|c| c == blank)));
        assert!(lines.iter().all(|line| line.chars().rev().take(4).all(|c| c == blank)));
    }
}

#[test]
fn one_picture_for_review() {
    insta::assert_snapshot!(Qr::encode("http://127.0.0.1:8080/t/abc").terminal(TerminalTheme::Light));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_link_survives(path in "[A-Za-z0-9_-]{0,300}") {
        let link = format!("https://hub.example/t/{path}");
        let qr = Qr::encode(&link);
        for (text, colors) in [
            (qr.terminal(TerminalTheme::Auto), DARK_TERMINAL),
            (qr.terminal(TerminalTheme::Dark), DARK_TERMINAL),
            (qr.terminal(TerminalTheme::Light), LIGHT_TERMINAL),
        ] {
            let decoded = Picture::of_terminal(&text, colors).decode();
            prop_assert_eq!(decoded.as_deref(), Some(link.as_str()));
        }
        let decoded = Picture::of_svg(&qr.svg()).decode();
        prop_assert_eq!(decoded.as_deref(), Some(link.as_str()));
    }

    #[test]
    fn the_longest_link_is_encoded(length in 2000usize..2048) {
        prop_assert!(Qr::encode(&"x".repeat(length)).size() > 100);
    }
}
