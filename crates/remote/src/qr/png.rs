//! QR codes as PNG pictures: for mails, chats and pages that take no SVG.

use super::{QUIET_ZONE, Qr};

/// The largest module, in pixels: a code of the largest version is then below four megapixels wide and high.
const MOST: usize = 32;

impl Qr {
    /// A PNG picture, black on white with its quiet zone, one bit a pixel. A module is `scale` pixels wide (1 to 32;
    /// anything else is brought into that range): 8 is right for a screen.
    pub fn png(&self, scale: usize) -> Vec<u8> {
        let scale = scale.clamp(1, MOST);
        let (size, width) = (self.size(), self.terminal_width() * scale);
        let colors = self.code.to_colors();
        let dark = |x: usize, y: usize| {
            let inside = |at: usize| (at / scale).checked_sub(QUIET_ZONE).filter(|at| *at < size);
            inside(x).zip(inside(y)).is_some_and(|(x, y)| colors[y * size + x] == qrcode::Color::Dark)
        };
        let row_bytes = width.div_ceil(8);
        let mut pixels = vec![0xff; row_bytes * width];
        for y in 0..width {
            for x in (0..width).filter(|x| dark(*x, y)) {
                pixels[y * row_bytes + x / 8] &= !(0x80 >> (x % 8));
            }
        }
        let mut out = Vec::new();
        // At most 185 modules of 32 pixels.
        let width = u32::try_from(width).unwrap_or(u32::MAX);
        let mut encoder = png::Encoder::new(&mut out, width, width);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
        // A Vec takes everything, and the picture has the size it says.
        debug_assert!(written.is_ok(), "{written:?}");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_at_every_scale() {
        let link = "http://192.168.178.120:8080/t/q1-Zk3vY0pXo7bR2mW9sTA";
        let qr = Qr::encode(link);
        for (scale, side) in [(3, 3), (8, 8), (0, 1), (1000, 32)] {
            let picture = qr.png(scale);
            let mut decoder = png::Decoder::new(std::io::Cursor::new(&picture));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            assert_eq!(info.width as usize, qr.terminal_width() * side);
            assert_eq!((info.width, pixels[0]), (info.height, 255), "square, on white");
            // The decoder needs some pixels a module.
            if scale == 3 || scale == 8 {
                let (width, height) = (info.width as usize, info.height as usize);
                let grey = |x: usize, y: usize| pixels[y * width + x];
                let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
                assert_eq!(image.detect_grids()[0].decode().unwrap().1, link, "scale {scale}");
            }
            assert!(picture.len() < 60_000, "{} bytes at scale {scale}", picture.len());
        }
    }
}
