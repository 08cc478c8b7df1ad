//! The body of `POST /v3/mail/send`, as SendGrid's specification has it. A field that is not in it is refused.

use std::collections::BTreeMap;

use message::Mailbox;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireMail {
    pub personalizations: Vec<WirePersonalization>,
    pub from: Mailbox,
    #[serde(default)]
    pub reply_to: Option<Mailbox>,
    #[serde(default)]
    pub reply_to_list: Option<Vec<Mailbox>>,
    #[serde(default)]
    pub subject: Option<String>,
    #[serde(default)]
    pub content: Option<Vec<WireContent>>,
    #[serde(default)]
    pub attachments: Option<Vec<WireAttachment>>,
    #[serde(default)]
    pub template_id: Option<String>,
    #[serde(default)]
    pub sections: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub categories: Option<Categories>,
    #[serde(default)]
    pub custom_args: Option<CustomArgs>,
    #[serde(default)]
    pub send_at: Option<i64>,
    #[serde(default)]
    pub batch_id: Option<String>,
    #[serde(default)]
    pub asm: Option<WireAsm>,
    #[serde(default)]
    pub ip_pool_name: Option<String>,
    #[serde(default)]
    pub mail_settings: Option<MailSettings>,
    #[serde(default)]
    pub tracking_settings: Option<TrackingSettings>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WirePersonalization {
    #[serde(default)]
    pub to: Option<Vec<Mailbox>>,
    #[serde(default)]
    pub cc: Option<Vec<Mailbox>>,
    #[serde(default)]
    pub bcc: Option<Vec<Mailbox>>,
    #[serde(default)]
    pub from: Option<Mailbox>,
    #[serde(default)]
    pub subject: Option<String>,
    #[serde(default)]
    pub headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub substitutions: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub dynamic_template_data: Option<Map<String, Value>>,
    #[serde(default)]
    pub custom_args: Option<CustomArgs>,
    #[serde(default)]
    pub send_at: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireContent {
    #[serde(rename = "type")]
    pub media_type: String,
    pub value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireAttachment {
    pub content: String,
    pub filename: String,
    #[serde(default, rename = "type")]
    pub media_type: Option<String>,
    #[serde(default)]
    pub disposition: Option<String>,
    #[serde(default)]
    pub content_id: Option<String>,
    /// An older client's name for `filename`'s place; carried by SendGrid, and without effect.
    #[serde(default, rename = "name")]
    pub _name: Option<String>,
}

/// Old clients send one alone.
#[derive(Deserialize)]
#[serde(untagged, expecting = "categories are a list of texts")]
pub(super) enum Categories {
    Many(Vec<String>),
    One(String),
}

/// Texts, by SendGrid's rules; numbers and booleans are taken as their text.
pub(super) type CustomArgs = BTreeMap<String, Argument>;

#[derive(Deserialize)]
#[serde(untagged, expecting = "a custom argument is a text")]
pub(super) enum Argument {
    Text(String),
    Number(serde_json::Number),
    Truth(bool),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireAsm {
    pub group_id: i64,
    #[serde(default)]
    pub groups_to_display: Option<Vec<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MailSettings {
    pub bypass_list_management: Option<Switch>,
    pub bypass_spam_management: Option<Switch>,
    pub bypass_bounce_management: Option<Switch>,
    pub bypass_unsubscribe_management: Option<Switch>,
    pub footer: Option<FooterSetting>,
    pub sandbox_mode: Option<Switch>,
    /// Retired by SendGrid; old clients send them switched off.
    pub bcc: Option<Retired>,
    pub spam_check: Option<Retired>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Switch {
    pub enable: Option<bool>,
}

/// A setting that does nothing any more. Switched on it is refused: a copy that is not sent would be missed.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Retired {
    pub enable: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FooterSetting {
    pub enable: Option<bool>,
    pub text: Option<String>,
    pub html: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TrackingSettings {
    pub click_tracking: Option<ClickSetting>,
    pub open_tracking: Option<OpenSetting>,
    pub subscription_tracking: Option<SubscriptionSetting>,
    pub ganalytics: Option<Analytics>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClickSetting {
    pub enable: Option<bool>,
    pub enable_text: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OpenSetting {
    pub enable: Option<bool>,
    pub substitution_tag: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SubscriptionSetting {
    pub enable: Option<bool>,
    pub text: Option<String>,
    pub html: Option<String>,
    pub substitution_tag: Option<String>,
}

/// Accepted, and not acted upon.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Analytics {
    #[serde(rename = "enable")]
    pub _enable: Option<bool>,
    #[serde(rename = "utm_source")]
    pub _source: Option<String>,
    #[serde(rename = "utm_medium")]
    pub _medium: Option<String>,
    #[serde(rename = "utm_term")]
    pub _term: Option<String>,
    #[serde(rename = "utm_content")]
    pub _content: Option<String>,
    #[serde(rename = "utm_campaign")]
    pub _campaign: Option<String>,
}
