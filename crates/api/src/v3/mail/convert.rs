//! From the wire's types to a mailing, and whether it is one that can be sent.
//!
//! What belongs to mailings whichever way they come is checked by `message::Mailing::check`; here stands what only this
//! interface has: base64, dispositions, template kinds, settings that contradict each other.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use message::mailing::{
    ClickTracking, Content, Footer, HeaderLine, MailTemplate, MailingFile, Personalization, Settings,
    SubscriptionTracking, TemplateKind, UnsubscribeGroup,
};
use message::{Mailbox, Mailing, MailingError};

use super::wire::{
    Argument, Categories, CustomArgs, MailSettings, Switch, TrackingSettings, WireAttachment, WireMail,
    WirePersonalization,
};
use crate::fault::Fault;

/// Makes the mailing, and checks it.
pub(super) fn mailing(wire: WireMail, template: Option<MailTemplate>) -> Result<Mailing, Fault> {
    contradictions(&wire, template.as_ref())?;
    let mut mailing = Mailing::new(named(wire.from));
    mailing.reply_to = match (wire.reply_to, wire.reply_to_list) {
        (Some(one), _) => vec![named(one)],
        (None, many) => many.unwrap_or_default().into_iter().map(named).collect(),
    };
    mailing.subject = wire.subject.unwrap_or_default();
    mailing.contents = contents(wire.content.unwrap_or_default());
    mailing.headers = headers(wire.headers);
    let files = wire.attachments.unwrap_or_default().into_iter().enumerate();
    mailing.attachments = files.map(|(index, file)| attachment(index, file)).collect::<Result<_, _>>()?;
    mailing.sections = wire.sections.unwrap_or_default();
    mailing.personalizations = wire.personalizations.into_iter().map(personalization).collect();
    mailing.template = template;
    mailing.categories = match wire.categories {
        None => Vec::new(),
        Some(Categories::One(one)) => vec![one],
        Some(Categories::Many(many)) => many,
    };
    mailing.custom_args = arguments(wire.custom_args);
    (mailing.send_at, mailing.batch_id) = (wire.send_at, wire.batch_id);
    mailing.unsubscribe_group = wire.asm.map(|asm| UnsubscribeGroup {
        group: asm.group_id,
        shown: asm.groups_to_display.unwrap_or_default(),
    });
    mailing.ip_pool = wire.ip_pool_name;
    mailing.settings =
        settings(wire.mail_settings.unwrap_or_default(), wire.tracking_settings.unwrap_or_default())?;
    mailing.check().map_err(fault)?;
    Ok(mailing)
}

fn fault(error: MailingError) -> Fault {
    let text = error.fault.to_string();
    // The house's errors say what is wrong, then what to do.
    match text.split_once(". ") {
        Some((wrong, remedy)) => Fault::bad(error.place, wrong).help(remedy),
        None => Fault::bad(error.place, text),
    }
}

/// What the specification forbids to stand together.
fn contradictions(wire: &WireMail, template: Option<&MailTemplate>) -> Result<(), Fault> {
    if wire.reply_to.is_some() && wire.reply_to_list.is_some() {
        return Err(Fault::bad("reply_to_list", "reply_to and reply_to_list exclude each other")
            .help("give one of them"));
    }
    let is_dynamic = template.is_some_and(|template| template.kind == TemplateKind::Dynamic);
    for (index, personalization) in wire.personalizations.iter().enumerate() {
        let place = |field: &str| format!("personalizations.{index}.{field}");
        if is_dynamic && personalization.substitutions.as_ref().is_some_and(|all| !all.is_empty()) {
            return Err(Fault::bad(
                place("substitutions"),
                "Substitutions may not be used with dynamic templating",
            )
            .help("use dynamic_template_data"));
        }
        if !is_dynamic && personalization.dynamic_template_data.as_ref().is_some_and(|all| !all.is_empty()) {
            return Err(Fault::bad(
                place("dynamic_template_data"),
                "dynamic_template_data needs the template_id of a dynamic template",
            )
            .help("name one, whose id begins with `d-`, or use substitutions"));
        }
    }
    Ok(())
}

/// SendGrid's order: plain text first, HTML last; a text that stands twice is refused by the mailing's own check.
fn contents(wire: Vec<super::wire::WireContent>) -> Vec<Content> {
    wire.into_iter().map(|content| Content { media_type: content.media_type, text: content.value }).collect()
}

/// An empty name is none.
fn named(mailbox: Mailbox) -> Mailbox {
    Mailbox { name: mailbox.name.filter(|name| !name.is_empty()), ..mailbox }
}

fn headers(wire: Option<BTreeMap<String, String>>) -> Vec<HeaderLine> {
    wire.unwrap_or_default().into_iter().map(|(name, value)| HeaderLine { name, value }).collect()
}

fn arguments(wire: Option<CustomArgs>) -> BTreeMap<String, String> {
    let text = |argument| match argument {
        Argument::Text(text) => text,
        Argument::Number(number) => number.to_string(),
        Argument::Truth(truth) => truth.to_string(),
    };
    wire.unwrap_or_default().into_iter().map(|(name, value)| (name, text(value))).collect()
}

fn personalization(wire: WirePersonalization) -> Personalization {
    let people = |list: Option<Vec<Mailbox>>| list.unwrap_or_default().into_iter().map(named).collect();
    Personalization {
        to: people(wire.to),
        cc: people(wire.cc),
        bcc: people(wire.bcc),
        named: None,
        from: wire.from.map(named),
        subject: wire.subject.unwrap_or_default(),
        headers: headers(wire.headers),
        substitutions: wire.substitutions.unwrap_or_default(),
        data: wire.dynamic_template_data.unwrap_or_default(),
        custom_args: arguments(wire.custom_args),
        send_at: wire.send_at,
    }
}

fn attachment(index: usize, wire: WireAttachment) -> Result<MailingFile, Fault> {
    let place = |field: &str| format!("attachments.{index}.{field}");
    let inline = match wire.disposition.as_deref() {
        None | Some("attachment" | "") => false,
        Some("inline") => true,
        Some(_) => {
            return Err(Fault::bad(place("disposition"), "it is `inline` or `attachment`"));
        }
    };
    let mut coded = wire.content;
    coded.retain(|character| !matches!(character, '\r' | '\n'));
    if coded.is_empty() {
        return Err(Fault::bad(place("content"), "the file is empty").help("give its octets in base64"));
    }
    let octets = STANDARD.decode(coded.as_bytes()).map_err(|_| {
        Fault::bad(place("content"), "The attachment content must be base64 encoded.")
            .help("use the standard alphabet of RFC 4648 section 4, with padding")
    })?;
    Ok(MailingFile {
        name: wire.filename,
        media_type: wire.media_type.filter(|given| !given.is_empty()),
        inline,
        content_id: wire.content_id.filter(|id| !id.is_empty()),
        octets,
    })
}

fn settings(mail: MailSettings, tracking: TrackingSettings) -> Result<Settings, Fault> {
    let on = |switch: Option<Switch>| switch.and_then(|switch| switch.enable).unwrap_or(false);
    let retired = [("bcc", mail.bcc), ("spam_check", mail.spam_check)];
    for (name, setting) in retired {
        if setting.and_then(|setting| setting.enable).unwrap_or(false) {
            return Err(Fault::bad(
                format!("mail_settings.{name}.enable"),
                "this setting is not there any more",
            )
            .help("leave it out; blind copies go to the bcc of a personalization"));
        }
    }
    let settings = Settings {
        bypass_all: on(mail.bypass_list_management),
        bypass_complaints: on(mail.bypass_spam_management),
        bypass_bounces: on(mail.bypass_bounce_management),
        bypass_unsubscribes: on(mail.bypass_unsubscribe_management),
        sandbox: on(mail.sandbox_mode),
        footer: mail.footer.filter(|footer| footer.enable == Some(true)).map(|footer| Footer {
            text: footer.text.unwrap_or_default(),
            html: footer.html.unwrap_or_default(),
        }),
        clicks: tracking.click_tracking.map(|clicks| ClickTracking {
            html: clicks.enable.unwrap_or(false),
            text: clicks.enable_text.unwrap_or(false),
        }),
        opens: tracking.open_tracking.as_ref().map(|opens| opens.enable.unwrap_or(false)),
        opens_tag: tracking.open_tracking.and_then(|opens| opens.substitution_tag),
        subscription: tracking.subscription_tracking.map(|setting| SubscriptionTracking {
            enabled: setting.enable.unwrap_or(false),
            tag: setting.substitution_tag.unwrap_or_default(),
            text: setting.text.unwrap_or_default(),
            html: setting.html.unwrap_or_default(),
        }),
    };
    let finer = settings.bypass_complaints || settings.bypass_bounces || settings.bypass_unsubscribes;
    if settings.bypass_all && finer {
        return Err(Fault::bad(
            "mail_settings.bypass_list_management",
            "it cannot stand together with the other bypass settings",
        )
        .help("give it alone, or the others"));
    }
    Ok(settings)
}
