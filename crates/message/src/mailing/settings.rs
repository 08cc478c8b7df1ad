//! What a mailing asks for besides being sent. Carried here, acted upon by the rooms that suppress, track and count.
//!
//! Rendering itself uses two of them: the footer, and the tag that stands for the unsubscribe link.

use serde::{Deserialize, Serialize};

/// Mail and tracking settings; `None` where the request leaves it to the account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Send whatever any suppression list says.
    pub bypass_all: bool,
    /// Send although the recipient complained.
    pub bypass_complaints: bool,
    /// Send although the address bounced.
    pub bypass_bounces: bool,
    /// Send although the recipient unsubscribed from everything.
    pub bypass_unsubscribes: bool,
    /// Check everything and send nothing.
    pub sandbox: bool,
    /// Text and HTML below every mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<Footer>,
    /// Whether links are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clicks: Option<ClickTracking>,
    /// Whether openings are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens: Option<bool>,
    /// The tag in the HTML that the opening's picture takes the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens_tag: Option<String>,
    /// A link to unsubscribe within the mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<SubscriptionTracking>,
}

/// Text and HTML below every mail; empty where nothing is to be added.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Footer {
    /// Below plain text.
    pub text: String,
    /// Before the end of the HTML's body.
    pub html: String,
}

/// Whether links are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickTracking {
    /// In HTML.
    pub html: bool,
    /// In plain text too.
    pub text: bool,
}

/// A link to unsubscribe.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubscriptionTracking {
    /// Whether it is wanted.
    pub enabled: bool,
    /// The tag that the link's URL takes the place of; empty for none.
    pub tag: String,
    /// What stands for the link in plain text.
    pub text: String,
    /// What stands for the link in HTML.
    pub html: String,
}

/// What a recipient unsubscribes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnsubscribeGroup {
    /// The group.
    pub group: i64,
    /// The groups that are offered besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<i64>,
}

impl Settings {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}
