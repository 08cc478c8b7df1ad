//! The `filters` of X-SMTPAPI: each a name with `settings`, of which `enable` says whether it is on.
//!
//! Known are the bypasses, clicktrack, opentrack, subscriptiontrack, footer and templates. Others are passed over.

use serde_json::{Map, Value};

use super::error::{SmtpApiError, SmtpApiFault, fault};
use crate::mailing::{ClickTracking, Footer, Settings, SubscriptionTracking};

/// What filters ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters {
    /// Bypasses, tracking, footer.
    pub settings: Settings,
    /// The template that the mail is put into; fetched by the caller.
    pub template_id: Option<String>,
}

type Fields = Map<String, Value>;

pub(super) fn read(filters: &Fields) -> Result<Filters, SmtpApiError> {
    let mut found = Filters::default();
    let settings = &mut found.settings;
    for (name, filter) in filters {
        let place = format!("filters.{}", name.escape_debug().take(80).collect::<String>());
        let Some(own) = filter.get("settings").and_then(Value::as_object) else {
            return Err(fault(format!("{place}.settings"), SmtpApiFault::Kind { wanted: "an object" }));
        };
        let on = flag(own, "enable", &place)?;
        let text = |key: &str| text(own, key, &place);
        match name.as_str() {
            "bypass_list_management" => settings.bypass_all = on.unwrap_or(false),
            "bypass_spam_management" => settings.bypass_complaints = on.unwrap_or(false),
            "bypass_bounce_management" => settings.bypass_bounces = on.unwrap_or(false),
            "bypass_unsubscribe_management" => settings.bypass_unsubscribes = on.unwrap_or(false),
            "clicktrack" => {
                let html = on.unwrap_or(false);
                let text = flag(own, "enable_text", &place)?.unwrap_or(false) && html;
                settings.clicks = Some(ClickTracking { html, text });
            }
            "opentrack" => {
                settings.opens = Some(on.unwrap_or(false));
                settings.opens_tag = text("replace")?.filter(|tag| !tag.is_empty());
            }
            "subscriptiontrack" => {
                settings.subscription = Some(SubscriptionTracking {
                    enabled: on.unwrap_or(false),
                    tag: text("replace")?.unwrap_or_default(),
                    text: text("text/plain")?.unwrap_or_default(),
                    html: text("text/html")?.unwrap_or_default(),
                });
            }
            "footer" if on == Some(true) => {
                settings.footer = Some(Footer {
                    text: text("text/plain")?.unwrap_or_default(),
                    html: text("text/html")?.unwrap_or_default(),
                });
            }
            "template" | "templates" if on == Some(true) => {
                found.template_id = text("template_id")?.filter(|id| !id.is_empty());
            }
            _ => {}
        }
    }
    Ok(found)
}

/// `1`, `"1"` or `true`; `None` where it is not said.
fn flag(settings: &Fields, key: &str, place: &str) -> Result<Option<bool>, SmtpApiError> {
    match settings.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(Value::Number(number)) if number.as_i64().is_some_and(|n| n == 0 || n == 1) => {
            Ok(Some(number.as_i64() == Some(1)))
        }
        Some(Value::String(text)) if text == "0" || text == "1" => Ok(Some(text == "1")),
        Some(_) => Err(fault(format!("{place}.settings.{key}"), SmtpApiFault::Kind { wanted: "0 or 1" })),
    }
}

fn text(settings: &Fields, key: &str, place: &str) -> Result<Option<String>, SmtpApiError> {
    match settings.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(fault(format!("{place}.settings.{key}"), SmtpApiFault::Kind { wanted: "a text" })),
    }
}
