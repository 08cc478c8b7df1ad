//! Templates of single mails: each has a name, a generation, and versions of which one is in force.
//!
//! A version is compiled before it is stored, so that a broken one is refused with its part and line. Mails carry the text as it
//! was when they were accepted. A version's document has the id `TEMPLATE/VERSION`.

use domain::Timestamp;
use ledger::documents::DOCUMENT_OCTETS_MAX;
use ledger::{Expected, Store};
use message::mailing::{DynamicTemplate, MailTemplate, TemplateKind};
use runtime::{Clock, Entropy};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Directory, Entry, Kind, change, note, removal};
use crate::access::{Access, Right};
use crate::error::{AppError, hex};

/// Characters of a name.
const NAME_MAX: usize = 100;
/// Characters of a subject.
const SUBJECT_MAX: usize = 255;
/// Templates of one tenant.
const TEMPLATES_MAX: usize = 1000;
/// Versions of one template.
const VERSIONS_MAX: usize = 300;

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// What people call it.
    pub name: String,
    /// How it is filled.
    pub kind: TemplateKind,
    /// The version in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
}

impl Kind for Template {
    const KIND: &'static str = "template";
}

/// A version of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateVersion {
    /// What people call it.
    pub name: String,
    /// Its subject.
    pub subject: String,
    /// Its HTML.
    pub html: String,
    /// Its plain text.
    pub text: String,
    /// As the client said: kept for it.
    pub generate_text: bool,
    /// As the client said: kept for it.
    pub editor: String,
    /// As the client said: kept for it.
    pub test_data: String,
}

impl Kind for TemplateVersion {
    const KIND: &'static str = "template-version";
}

/// Templates of the caller's tenant.
pub struct Templates<'a> {
    directory: Directory<'a>,
    entropy: &'a dyn Entropy,
    access: &'a Access,
}

impl<'a> Templates<'a> {
    /// Those of the tenant that the caller has access to.
    #[must_use]
    pub fn of(
        store: &'a dyn Store,
        clock: &'a dyn Clock,
        entropy: &'a dyn Entropy,
        access: &'a Access,
    ) -> Self {
        Self { directory: Directory::of(store, clock, access), entropy, access }
    }

    /// All, by id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<Entry<Template>>, AppError> {
        self.access.require(Right::Read)?;
        self.directory.list().await
    }

    /// One.
    ///
    /// # Errors
    /// [`AppError::NotFound`], also for those of other tenants.
    pub async fn get(&self, id: &str) -> Result<Entry<Template>, AppError> {
        self.access.require(Right::Read)?;
        self.directory.get(id).await?.ok_or_else(no_template)
    }

    /// The versions of a template, by id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn versions(&self, id: &str) -> Result<Vec<(String, Entry<TemplateVersion>)>, AppError> {
        self.access.require(Right::Read)?;
        let prefix = format!("{id}/");
        // One page holds all that a template can have.
        let page = self.directory.page::<TemplateVersion>(&prefix, VERSIONS_MAX as u32).await?;
        let own = page.into_iter().map_while(|entry| {
            let version = entry.id.strip_prefix(&prefix)?.to_owned();
            Some((version, entry))
        });
        Ok(own.collect())
    }

    /// One version.
    ///
    /// # Errors
    /// [`AppError::NotFound`], also for those of other tenants.
    pub async fn version(&self, id: &str, version: &str) -> Result<Entry<TemplateVersion>, AppError> {
        self.access.require(Right::Read)?;
        self.directory.get(&format!("{id}/{version}")).await?.ok_or_else(no_template)
    }

    /// The version in force, as mails carry it.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no such template, or none of its versions is in force.
    pub async fn in_force(&self, id: &str) -> Result<MailTemplate, AppError> {
        let template = self.get(id).await?;
        let version = template.value.active.as_deref().ok_or_else(|| AppError::NotFound {
            what: "a version of this template that is in force".to_owned(),
            remedy: "add one, or activate one".to_owned(),
        })?;
        let found = self.version(id, version).await?;
        Ok(mail_template(id, template.value.kind, &found.value))
    }

    /// Makes a template without versions.
    ///
    /// # Errors
    /// When the name cannot be used, there are too many, or the store fails.
    pub async fn create(&self, name: String, kind: TemplateKind) -> Result<Entry<Template>, AppError> {
        self.access.require(Right::Write)?;
        check_name(&name)?;
        let standing = self.directory.page::<Template>("", TEMPLATES_MAX as u32).await?;
        if standing.len() >= TEMPLATES_MAX {
            return Err(AppError::BadInput(format!(
                "a tenant has at most {TEMPLATES_MAX} templates; remove those that nobody uses"
            )));
        }
        let id = match kind {
            TemplateKind::Dynamic => format!("d-{}", hex(&self.random()?)),
            TemplateKind::Legacy => self.uuid()?,
        };
        let value = Template { name, kind, active: None };
        self.put(&id, Expected::Nothing, value, "template.create").await
    }

    /// Gives a template another name.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; when the name cannot be used, or the store fails.
    pub async fn rename(&self, id: &str, name: String) -> Result<Entry<Template>, AppError> {
        self.access.require(Right::Write)?;
        check_name(&name)?;
        let found = self.get(id).await?;
        let value = Template { name, ..found.value };
        self.put(id, Expected::Version(found.version), value, "template.rename").await
    }

    /// Removes a template with its versions.
    ///
    /// # Errors
    /// [`AppError::NotFound`], or when the store fails.
    pub async fn remove(&self, id: &str) -> Result<(), AppError> {
        self.access.require(Right::Write)?;
        let found = self.get(id).await?;
        let versions = self.versions(id).await?;
        let mut changes = vec![removal::<Template>(id, Expected::Version(found.version))];
        changes
            .extend(versions.iter().map(|(_, entry)| removal::<TemplateVersion>(&entry.id, Expected::Any)));
        let said = note(self.access, "template.remove", id, &json!({ "name": found.value.name }));
        self.directory.write(changes, said).await.map(drop)
    }

    /// Adds a version; the first of a template is in force at once. Gives its id.
    ///
    /// # Errors
    /// When it cannot be compiled, there are too many, or the store fails.
    pub async fn add_version(
        &self,
        id: &str,
        version: TemplateVersion,
        activate: bool,
    ) -> Result<String, AppError> {
        self.access.require(Right::Write)?;
        let template = self.get(id).await?;
        if self.versions(id).await?.len() >= VERSIONS_MAX {
            return Err(AppError::BadInput(format!("a template has at most {VERSIONS_MAX} versions")));
        }
        let name = self.uuid()?;
        let activate = activate || template.value.active.is_none();
        self.put_version(&template, &name, Expected::Nothing, version, activate).await?;
        Ok(name)
    }

    /// Sets a version anew.
    ///
    /// # Errors
    /// As [`Self::add_version`].
    pub async fn set_version(
        &self,
        id: &str,
        name: &str,
        version: TemplateVersion,
        activate: bool,
    ) -> Result<(), AppError> {
        self.access.require(Right::Write)?;
        let template = self.get(id).await?;
        let found = self.version(id, name).await?;
        self.put_version(&template, name, Expected::Version(found.version), version, activate).await
    }

    /// Removes a version; if it was in force, none is.
    ///
    /// # Errors
    /// [`AppError::NotFound`], or when the store fails.
    pub async fn remove_version(&self, id: &str, name: &str) -> Result<(), AppError> {
        self.access.require(Right::Write)?;
        let template = self.get(id).await?;
        let found = self.version(id, name).await?;
        let mut changes = vec![removal::<TemplateVersion>(&found.id, Expected::Version(found.version))];
        if template.value.active.as_deref() == Some(name) {
            let value = Template { active: None, ..template.value };
            changes.push(change(id, Expected::Version(template.version), &value)?);
        }
        let said = note(self.access, "template.version.remove", &found.id, &json!({}));
        self.directory.write(changes, said).await.map(drop)
    }

    async fn put_version(
        &self,
        template: &Entry<Template>,
        name: &str,
        expected: Expected,
        version: TemplateVersion,
        activate: bool,
    ) -> Result<(), AppError> {
        check_version(&template.id, template.value.kind, &version)?;
        let id = format!("{}/{name}", template.id);
        let stored = change(&id, expected, &version)?;
        if stored.text.as_ref().is_some_and(|text| text.len() > DOCUMENT_OCTETS_MAX) {
            return Err(AppError::BadInput(format!(
                "html_content: with its plain text the version has more than {DOCUMENT_OCTETS_MAX} octets as JSON; \
                 link to pictures instead"
            )));
        }
        let mut changes = vec![stored];
        if activate {
            let value = Template { active: Some(name.to_owned()), ..template.value.clone() };
            changes.push(change(&template.id, Expected::Version(template.version), &value)?);
        }
        let said = note(self.access, "template.version.set", &id, &json!({ "active": activate }));
        self.directory.write(changes, said).await.map(drop)
    }

    async fn put(
        &self,
        id: &str,
        expected: Expected,
        value: Template,
        action: &str,
    ) -> Result<Entry<Template>, AppError> {
        let said = note(self.access, action, id, &json!({ "name": value.name }));
        let versions = self.directory.write(vec![change(id, expected, &value)?], said).await?;
        let version = versions.first().copied().unwrap_or(1);
        Ok(Entry { id: id.to_owned(), version, value, changed_at: self.now() })
    }

    fn now(&self) -> Timestamp {
        self.directory.clock.now()
    }

    fn random(&self) -> Result<[u8; 16], AppError> {
        let mut octets = [0; 16];
        self.entropy.fill(&mut octets).map_err(AppError::Entropy)?;
        Ok(octets)
    }

    /// A random UUID (RFC 9562 section 5.4).
    fn uuid(&self) -> Result<String, AppError> {
        let mut octets = self.random()?;
        octets[6] = (octets[6] & 0x0f) | 0x40;
        octets[8] = (octets[8] & 0x3f) | 0x80;
        let text = hex(&octets);
        Ok([&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-"))
    }
}

fn mail_template(id: &str, kind: TemplateKind, version: &TemplateVersion) -> MailTemplate {
    MailTemplate {
        id: id.to_owned(),
        kind,
        subject: version.subject.clone(),
        html: version.html.clone(),
        text: version.text.clone(),
    }
}

fn check_version(id: &str, kind: TemplateKind, version: &TemplateVersion) -> Result<(), AppError> {
    check_name(&version.name)?;
    let subject = &version.subject;
    if subject.chars().count() > SUBJECT_MAX || subject.chars().any(char::is_control) {
        return Err(AppError::BadInput(format!(
            "subject: it has at most {SUBJECT_MAX} characters and no control character"
        )));
    }
    if kind == TemplateKind::Dynamic {
        let compiled = DynamicTemplate::compile(&mail_template(id, kind, version));
        compiled.map_err(|error| AppError::BadInput(format!("{}: {error}", error.part)))?;
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), AppError> {
    let fine =
        !name.trim().is_empty() && name.chars().count() <= NAME_MAX && !name.chars().any(char::is_control);
    if fine {
        return Ok(());
    }
    Err(AppError::BadInput(format!("name: it has 1 to {NAME_MAX} characters and no control character")))
}

fn no_template() -> AppError {
    AppError::NotFound {
        what: "this template or version".to_owned(),
        remedy: "list the templates of the tenant".to_owned(),
    }
}
