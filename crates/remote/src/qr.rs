//! QR codes for terminals and pages.

use std::fmt::Write as _;

use qrcode::{EcLevel, QrCode};

/// Light modules around the code; the standard asks for four.
const QUIET_ZONE: usize = 4;

/// Fixed black on fixed white: colours 16 and 231 of the 256-colour palette, which themes leave alone
/// (the first sixteen are often remapped).
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// How to draw a QR code so that it scans from a terminal.
///
/// A QR code must be dark on light. The two plain variants depend on the terminal's colours, because they
/// consist of characters only; [`TerminalTheme::Auto`] sets the colours itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TerminalTheme {
    /// Sets black on white by ANSI colour codes: scans from every terminal that understands them.
    #[default]
    Auto,
    /// Plain characters for light text on a dark background.
    Dark,
    /// Plain characters for dark text on a light background.
    Light,
}

/// A QR code, ready to be drawn.
#[derive(Clone)]
pub struct Qr {
    code: QrCode,
}

impl Qr {
    /// Encodes a text that is known to fit (a [`Link`](crate::Link) is at most 2048 bytes).
    pub(crate) fn encode(text: &str) -> Self {
        // A screen has no dirt or folds: the lowest error correction gives the smallest code.
        let code = QrCode::with_error_correction_level(text, EcLevel::L)
            .expect("a link is shorter than the 2953 bytes a code can hold");
        Self { code }
    }

    /// Width and height in modules, without the quiet zone.
    pub fn size(&self) -> usize {
        self.code.width()
    }

    /// Columns the code takes in a terminal, quiet zone included. It takes half as many lines, rounded up.
    pub fn terminal_width(&self) -> usize {
        self.size() + 2 * QUIET_ZONE
    }

    /// Text for a terminal: one character is two modules, one above the other.
    ///
    /// Every line ends with a line feed. Print it at the beginning of a line; a terminal narrower than
    /// [`Qr::terminal_width`] would wrap it into something that cannot be scanned.
    pub fn terminal(&self, theme: TerminalTheme) -> String {
        let colors = self.code.to_colors();
        let size = self.size();
        let dark = |column: usize, row: usize| {
            let inside = |at: usize| at.checked_sub(QUIET_ZONE).filter(|at| *at < size);
            match (inside(column), inside(row)) {
                (Some(x), Some(y)) => colors[y * size + x] == qrcode::Color::Dark,
                _ => false,
            }
        };
        // On a dark background a glyph is what is light, so it draws the light modules.
        let glyph_is_dark = theme != TerminalTheme::Dark;
        let whole = self.terminal_width();
        // A code has an odd number of modules; the missing half line belongs to the quiet zone, which must
        // stay light. `dark` says so for every row outside the code.
        let mut out = String::new();
        for row in (0..whole).step_by(2) {
            if theme == TerminalTheme::Auto {
                out.push_str(BLACK_ON_WHITE);
            }
            for column in 0..whole {
                let top = dark(column, row) == glyph_is_dark;
                let bottom = dark(column, row + 1) == glyph_is_dark;
                out.push(match (top, bottom) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            if theme == TerminalTheme::Auto {
                out.push_str(RESET);
            }
            out.push('\n');
        }
        out
    }

    /// A scalable picture: black on a white ground of its own, so that it scans on any page.
    pub fn svg(&self) -> String {
        let whole = self.terminal_width();
        let size = self.size();
        let colors = self.code.to_colors();
        let mut path = String::new();
        for y in 0..size {
            let mut x = 0;
            while x < size {
                let run = (x..size).take_while(|x| colors[y * size + x] == qrcode::Color::Dark).count();
                if run > 0 {
                    // Writing to a String cannot fail.
                    let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET_ZONE, y + QUIET_ZONE);
                }
                x += run.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" shape-rendering=\"crispEdges\" \
             role=\"img\" aria-label=\"QR code\"><rect width=\"{whole}\" height=\"{whole}\" fill=\"#fff\"/>\
             <path d=\"{path}\" fill=\"#000\"/></svg>"
        )
    }
}

/// The content may be a secret link, so only the size is shown.
impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Qr").field("size", &self.size()).finish_non_exhaustive()
    }
}

#[cfg(feature = "qr-png")]
mod png;
#[cfg(test)]
mod tests;
