//! The card of an elicitation: a small form.

use maud::{Markup, html};

use super::cards::heading;
use super::icon::Icon;
use super::markdown::markdown;
use super::visible::visible;
use crate::view::{Elicitation, Field, FieldKind};

/// Up to this many options are shown as a list to tap, more as a menu.
const MAX_RADIOS: usize = 6;

pub(super) fn elicitation_card(form: &Elicitation, heading_id: &str) -> Markup {
    let title = if form.url.is_some() { "Please visit a page" } else { "The agent asks" };
    html! {
        (heading(heading_id, Icon::Question, title))
        form data-act="elicit" {
            div.card-body tabindex="0" role="group" aria-label="The form" {
                @if let Some(source) = &form.source {
                    p.fact { span.k { "From" } span.v { (visible(source)) } }
                }
                div.md dir="auto" { (markdown(&form.message)) }
                @if let Some(url) = &form.url { (address(url)) }
                @match &form.fields {
                    Some(fields) => @for (index, one) in fields.iter().enumerate() {
                        (field(one, &format!("{heading_id}-{index}")))
                    },
                    None => p.warn { "This form has fields that cannot be filled in here. Answer on the computer itself, or decline." },
                }
            }
            div.actions {
                button.deny type="button" data-testid="elicit-decline" data-act="elicit-decline" { "Decline" }
                @if form.fields.is_some() {
                    button.primary type="submit" data-testid="elicit-accept" {
                        @if form.url.is_some() { "Done" } @else { "Send" }
                    }
                }
                button.wide type="button" data-testid="elicit-cancel" data-act="elicit-cancel" { "Cancel" }
            }
        }
    }
}

fn address(url: &str) -> Markup {
    let safe = url.starts_with("https://") || url.starts_with("http://");
    html! {
        p.fact { span.k { "Address" } span.v { (visible(url)) } }
        @if safe {
            p { a.visit href=(url) target="_blank" rel="noopener noreferrer nofollow" { "Open the page" } }
        }
    }
}

fn field(field: &Field, id: &str) -> Markup {
    let name = &field.name;
    let help = format!("{id}-help");
    let described = field.help.is_some().then_some(help.as_str());
    let label = html! {
        (visible(&field.label))
        @if !field.required { span.optional { " optional" } }
    };
    html! {
        div.field {
            @match &field.kind {
                FieldKind::Bool { default } => label.tick {
                    input type="checkbox" name=(name) data-testid="field" data-type="boolean" checked[*default]
                        aria-describedby=[described];
                    span { (label) }
                },
                FieldKind::Choice { options, default } if options.len() <= MAX_RADIOS => fieldset {
                    legend { (label) }
                    @for (value, text) in options {
                        label.tick {
                            input type="radio" name=(name) value=(value) data-testid="field" data-type="string"
                                required[field.required] checked[default.as_ref() == Some(value)];
                            span { (visible(text)) }
                        }
                    }
                },
                FieldKind::Several { options, default, min, max } => fieldset data-min=[min] data-max=[max] {
                    legend { (label) }
                    @for (value, text) in options {
                        label.tick {
                            input type="checkbox" name=(name) value=(value) data-testid="field" data-type="array"
                                data-required[field.required] checked[default.contains(value)];
                            span { (visible(text)) }
                        }
                    }
                },
                kind => {
                    label for=(id) { (label) }
                    (control(field, kind, id, described))
                }
            }
            @if let Some(text) = &field.help { p.hint id=(help) { (visible(text)) } }
        }
    }
}

fn control(field: &Field, kind: &FieldKind, id: &str, described: Option<&str>) -> Markup {
    let name = &field.name;
    match kind {
        FieldKind::Choice { options, default } => html! {
            select id=(id) name=(name) data-testid="field" data-type="string" required[field.required]
                aria-describedby=[described] {
                @if default.is_none() { option value="" { "Choose" } }
                @for (value, text) in options {
                    option value=(value) selected[default.as_ref() == Some(value)] { (text) }
                }
            }
        },
        FieldKind::Number { integer, default, min, max } => html! {
            input id=(id) type="number" name=(name) value=[default.as_deref()] data-testid="field"
                data-type=(if *integer { "integer" } else { "number" }) inputmode="decimal" min=[min] max=[max]
                step=(if *integer { "1" } else { "any" }) required[field.required] aria-describedby=[described];
        },
        // The page's script puts it into the reader's zone, and the answer into the world's.
        FieldKind::Text { default, input: "datetime-local", .. } => html! {
            input id=(id) type="datetime-local" step="1" name=(name) data-value=[default.as_deref()] data-testid="field"
                data-type="date-time" required[field.required] aria-describedby=[described];
        },
        FieldKind::Text { default, input, min, max } => html! {
            input id=(id) type=(input) name=(name) value=[default.as_deref()] data-testid="field"
                data-type="string" dir="auto" minlength=[min] maxlength=[max] required[field.required]
                aria-describedby=[described];
        },
        FieldKind::Bool { .. } | FieldKind::Several { .. } => html! {},
    }
}
