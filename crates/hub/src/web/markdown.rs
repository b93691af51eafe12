//! Markdown of the agent as HTML that cannot do anything.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::highlight;
use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Deeper nesting than this is flattened: a line of ten thousand `>` must stay cheap.
const MAX_DEPTH: usize = 12;

/// Draws Markdown. Raw HTML in it is shown as text, images become links.
pub(super) fn markdown(text: &str) -> Markup {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut depth = 0_usize;
    let mut images = 0_usize;
    let mut block: Option<(String, String)> = None;
    let events = Parser::new_ext(text, options).filter_map(|event| {
        // Code is drawn as a whole, when its end is there.
        match (&mut block, &event) {
            (_, Event::Start(Tag::CodeBlock(kind))) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',', '{']).next().unwrap_or("").to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                block = Some((language, String::new()));
                return None;
            }
            (Some((language, code)), Event::End(TagEnd::CodeBlock)) => {
                let drawn = code_block(language, code);
                block = None;
                return Some(Event::Html(drawn.0.into()));
            }
            (Some((_, code)), Event::Text(text)) => {
                code.push_str(text);
                return None;
            }
            (Some(_), _) => return None,
            (None, _) => {}
        }
        Some(match event {
            Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
            Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
            // All of a message's headings stand below the page's own, and no level is left out; how
            // large they are is a matter of style.
            Event::Start(Tag::Heading { level, id, attrs, .. }) => {
                let classes = vec![level_class(level).into()];
                Event::Start(Tag::Heading { level: HeadingLevel::H3, id, classes, attrs })
            }
            Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(HeadingLevel::H3)),
            // An image of another site would tell it who reads this page.
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                images += 1;
                Event::Start(Tag::Link { link_type, dest_url, title, id })
            }
            Event::End(TagEnd::Image) => {
                images = images.saturating_sub(1);
                Event::End(TagEnd::Link)
            }
            Event::Start(tag) if nests(tag.to_end()) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
                Event::Start(tag)
            }
            Event::End(end) if nests(end) => {
                depth = depth.saturating_sub(1);
                if depth >= MAX_DEPTH {
                    return None;
                }
                Event::End(end)
            }
            Event::Text(text) if images > 0 => Event::Text(CowStr::from(format!("image: {text}"))),
            other => other,
        })
    });
    let mut raw = String::with_capacity(text.len() * 3 / 2);
    pulldown_cmark::html::push_html(&mut raw, events);
    PreEscaped(CLEANER.clean(&raw).to_string())
}

fn code_block(language: &str, code: &str) -> Markup {
    let class = language_class(language);
    html! { pre tabindex="0" dir="ltr" { code class=[class] { (highlight::code(language, code)) } } "\n" }
}

/// An open code fence, to which the page appends what comes.
pub(super) fn open_code(language: &str, content: &str) -> Markup {
    let class = language_class(language);
    html! { pre tabindex="0" dir="ltr" { code class=[class] data-append { (content) } } }
}

/// Text that is too long to be drawn as Markdown again and again.
pub(super) fn plain(text: &str) -> Markup {
    html! { div.plain data-append { (text) } }
}

fn language_class(language: &str) -> Option<String> {
    let known = !language.is_empty()
        && language.len() <= 30
        && language.chars().all(|c| c.is_ascii_alphanumeric() || "+-_#.".contains(c));
    known.then(|| format!("language-{language}"))
}

fn level_class(level: HeadingLevel) -> &'static str {
    match level {
        HeadingLevel::H1 => "l1",
        HeadingLevel::H2 => "l2",
        _ => "l3",
    }
}

/// Whether an address leads to a site that it names. On a page of the same scheme, browsers take `https:/path` and
/// `https:path`, without the two slashes, for places of the page's own site.
fn names_a_site(address: &str) -> bool {
    ["http://", "https://", "mailto:"]
        .iter()
        .any(|start| address.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start)))
}

fn nests(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item)
}

static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let tags = [
        "a",
        "blockquote",
        "br",
        "code",
        "del",
        "em",
        "h3",
        "hr",
        "input",
        "li",
        "ol",
        "p",
        "pre",
        "span",
        "strong",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ];
    let mut cleaner = ammonia::Builder::empty();
    cleaner
        .tags(HashSet::from(tags))
        .generic_attributes(HashSet::new())
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href", "title"])),
            ("ol", HashSet::from(["start"])),
            ("code", HashSet::from(["class"])),
            // Those that are set below anyway, so that they keep their order.
            ("pre", HashSet::from(["tabindex", "dir"])),
            ("h3", HashSet::from(["class"])),
            ("span", HashSet::from(["class"])),
            ("input", HashSet::from(["type", "checked", "disabled"])),
        ]))
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            ("code", "class") => language_class(value.strip_prefix("language-")?).map(Into::into),
            ("span", "class") => highlight::is_class(value).then(|| value.into()),
            ("h3", "class") => ["l1", "l2", "l3"].contains(&value).then(|| value.into()),
            ("a", "href") => names_a_site(value).then(|| value.into()),
            _ => Some(value.into()),
        })
        // What scrolls sideways must be reachable by keyboard.
        .set_tag_attribute_value("pre", "tabindex", "0")
        // Code runs from left to right in every language; other text as its first letter says, block by block.
        .set_tag_attribute_value("pre", "dir", "ltr")
        .set_tag_attribute_value("table", "tabindex", "0")
        .set_tag_attribute_value("p", "dir", "auto")
        .set_tag_attribute_value("h3", "dir", "auto")
        // A list as a whole, or the marks of its items would stand at the other side of their room.
        .set_tag_attribute_value("ul", "dir", "auto")
        .set_tag_attribute_value("ol", "dir", "auto")
        .set_tag_attribute_value("td", "dir", "auto")
        .set_tag_attribute_value("th", "dir", "auto")
        // The only input is a task's box, which nobody can press.
        .set_tag_attribute_value("input", "type", "checkbox")
        .set_tag_attribute_value("input", "disabled", "")
        .set_tag_attribute_value("a", "target", "_blank")
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"));
    cleaner
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_markdown_is_inert() {
        let cases = [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "a <svg onload=alert(1)> b",
            "[x](javascript:alert(1)) [y](data:text/html,x) [z](vbscript:x) [r](/local)",
            "[x](https://ok.example \"t\\\" onclick=\\\"alert(1)\")",
            "![pic](https://track.example/p.png)",
            "```js\" onclick=\"alert(1)\nlet a = '<b>';\n```",
            "<a href=\"https://x\" style=\"position:fixed\">q</a>",
            "- [x] done\n- [ ] <input type=text autofocus onfocus=alert(1)>",
            "<details open ontoggle=alert(1)>\n\ntext\n\n</details>",
            "&lt;script&gt; `<script>`",
            "<https://auto.example/?a=1&b=2> <javascript:alert(1)>",
            "[x](https:/of/this/site) [y](https:of-this-page) [z](https:\\\\odd) [ok](HTTPS://ok.example/) <mailto:a@b.example>",
        ];
        let drawn: Vec<_> = cases.iter().map(|text| (*text, markdown(text).into_string())).collect();
        for (text, html) in &drawn {
            assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<svg"), "{text}");
            assert!(!html.contains("href=\"javascript") && !html.contains("href=\"data"), "{text}");
        }
        insta::assert_debug_snapshot!(drawn);
    }

    #[test]
    fn ordinary_markdown_is_drawn() {
        let text = "# Title\n\nA *b* **c** ~~d~~ `e`\n\n1. one\n2. two\n   - deep\n\n> quote\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n```rust\nfn main() {}\n```\n\n---\n";
        insta::assert_snapshot!(markdown(text).into_string());
    }

    #[test]
    fn very_deep_nesting_is_flattened_and_cheap() {
        let text = format!("{} deep\n\n{}", ">".repeat(50_000), "- ".repeat(20_000));
        let html = markdown(&text).into_string();
        assert!(html.matches("<blockquote>").count() <= MAX_DEPTH);
        assert!(html.contains("deep"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_brings_markup_of_its_own(text in "([<>\"'=a-z/ \n`*_\\[\\]()!#-]|<script|onerror=|javascript:){0,60}") {
            let html = markdown(&text).into_string();
            proptest::prop_assert!(!html.contains("<script"));
            proptest::prop_assert!(!html.contains("href=\"javascript"));
        }
    }
}
