//! The protocol in other languages.

use super::docs::Docs;
use super::surface::Surface;

pub(crate) fn files(_: &Surface, _: &Docs) -> Vec<(String, String)> { Vec::new() }
pub(crate) fn json_schema() {}
