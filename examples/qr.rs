//! A link as a QR code: for a terminal, dark or light, and for a page.
//!
//!     cargo run --example qr [URL]

use groundlink::remote::{Link, TerminalTheme};
use groundlink_examples::Result;

fn main() -> Result {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080/t/AbCdEfGhIjKlMnOpQrStUv".to_owned());
    let link = Link::parse(&url)?;
    let qr = link.qr();
    println!("{}", link.url());
    println!("{}", qr.terminal(TerminalTheme::Auto));

    let svg = qr.svg();
    println!("As SVG it has {} bytes, beginning with {}", svg.len(), svg.chars().take(4).collect::<String>());
    Ok(())
}
