//! Mails in memory, packed: a million of them within 200 MiB.
//!
//! Entries stand one behind the other in chunks of a MiB, so that nothing is ever moved and no doubling
//! vector peaks. Users and secrets are interned by [`super::credentials`]; numbers are varints.

use super::credentials::Credentials;
use super::record::{Mail, Verdict};

/// Octets of a chunk; an entry larger than this gets a chunk of its own.
const CHUNK_OCTETS: usize = 1 << 20;

/// A mail as the connection knows it, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct MailView<'a> {
    /// See [`Mail::session`].
    pub session: u32,
    /// See [`Mail::message_no`].
    pub message_no: u32,
    /// Number from [`Credentials::intern`].
    pub credential: u32,
    /// See [`Mail::from`].
    pub from: &'a str,
    /// See [`Mail::to`].
    pub to: &'a [String],
    /// See [`Mail::message_id`].
    pub message_id: &'a [u8],
    /// See [`Mail::headers`].
    pub headers: &'a [Vec<u8>],
    /// See [`Mail::octets`].
    pub octets: u64,
    /// See [`Mail::digest`].
    pub digest: Option<[u8; 16]>,
    /// See [`Mail::verdict`].
    pub verdict: Verdict,
    /// See [`Mail::at_ms`].
    pub at_ms: i64,
}

impl MailView<'_> {
    /// The owned form.
    #[must_use]
    pub fn to_mail(&self, credentials: &Credentials) -> Mail {
        let who = credentials.get(self.credential);
        Mail {
            session: self.session,
            message_no: self.message_no,
            user: who.user.clone(),
            secret: who.secret.clone(),
            account: who.account.clone(),
            from: self.from.to_owned(),
            to: self.to.to_vec(),
            message_id: String::from_utf8_lossy(self.message_id).into_owned(),
            headers: self.headers.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect(),
            octets: self.octets,
            digest: self.digest.map(hex).unwrap_or_default(),
            verdict: self.verdict,
            at_ms: self.at_ms,
        }
    }
}

/// The packed mails.
#[derive(Debug, Default)]
pub struct Arena {
    chunks: Vec<Vec<u8>>,
    count: usize,
}

impl Arena {
    /// Number of mails.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Octets that the chunks take.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum()
    }

    /// Adds one mail.
    pub fn push(&mut self, mail: &MailView<'_>) {
        let need = octets_max(mail);
        if self.chunks.last().is_none_or(|chunk| chunk.capacity() - chunk.len() < need) {
            self.chunks.push(Vec::with_capacity(CHUNK_OCTETS.max(need)));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            write(chunk, mail);
            self.count += 1;
        }
    }

    /// The mails in the order of arrival, from the `skip`th on.
    pub fn iter<'a>(&'a self, credentials: &'a Credentials, skip: usize) -> impl Iterator<Item = Mail> + 'a {
        let read_chunk = move |chunk: &'a Vec<u8>| {
            let mut rest = Reader(chunk);
            std::iter::from_fn(move || rest.mail(credentials))
        };
        self.chunks.iter().flat_map(read_chunk).skip(skip)
    }
}

/// An upper bound of an entry's octets: every number takes 10 at most.
fn octets_max(mail: &MailView<'_>) -> usize {
    let texts = mail.from.len()
        + mail.message_id.len()
        + mail.to.iter().map(|to| to.len() + 10).sum::<usize>()
        + mail.headers.iter().map(|value| value.len() + 10).sum::<usize>();
    texts + 128
}

fn write(out: &mut Vec<u8>, mail: &MailView<'_>) {
    out.push(mail.verdict.number() | if mail.digest.is_some() { 0x80 } else { 0 });
    out.extend(mail.digest.iter().flatten());
    varint(out, u64::from(mail.session));
    varint(out, u64::from(mail.message_no));
    varint(out, u64::from(mail.credential));
    varint(out, u64::try_from(mail.at_ms).unwrap_or(0));
    varint(out, mail.octets);
    text(out, mail.from.as_bytes());
    text(out, mail.message_id);
    varint(out, mail.to.len() as u64);
    mail.to.iter().for_each(|to| text(out, to.as_bytes()));
    varint(out, mail.headers.len() as u64);
    mail.headers.iter().for_each(|value| text(out, value));
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Two digits an octet.
fn hex(bytes: [u8; 16]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads what [`write`] wrote; `None` at the end of the chunk.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn mail(&mut self, credentials: &Credentials) -> Option<Mail> {
        let first = *self.take(1)?.first()?;
        let verdict = *Verdict::ALL.get(usize::from(first & 0x7f))?;
        let digest = if first & 0x80 == 0 { None } else { self.take(16)?.try_into().ok() };
        let session = u32::try_from(self.varint()?).ok()?;
        let message_no = u32::try_from(self.varint()?).ok()?;
        let who = credentials.get(u32::try_from(self.varint()?).ok()?);
        let at_ms = i64::try_from(self.varint()?).ok()?;
        let octets = self.varint()?;
        let (from, message_id) = (self.text()?, self.text()?);
        let recipients = self.varint()?;
        let to = (0..recipients).map(|_| self.text()).collect::<Option<_>>()?;
        let values = self.varint()?;
        let headers = (0..values).map(|_| self.text()).collect::<Option<_>>()?;
        let (user, secret, account) = (who.user.clone(), who.secret.clone(), who.account.clone());
        let digest = digest.map(hex).unwrap_or_default();
        Some(Mail {
            session,
            message_no,
            user,
            secret,
            account,
            from,
            to,
            message_id,
            headers,
            octets,
            digest,
            verdict,
            at_ms,
        })
    }

    fn take(&mut self, octets: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(octets)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<String> {
        let octets = usize::try_from(self.varint()?).ok()?;
        Some(String::from_utf8_lossy(self.take(octets)?).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view<'a>(to: &'a [String], headers: &'a [Vec<u8>], number: u32) -> MailView<'a> {
        MailView {
            session: number % 50 + 1,
            message_no: number,
            credential: 0,
            from: "bounce+20261123@press.example.jp",
            to,
            message_id: b"<0000000001.01jdxxxxxxxxx@press.example.jp>",
            headers,
            octets: 5120,
            digest: Some([number as u8; 16]),
            verdict: Verdict::Accepted,
            at_ms: 1_795_000_000_000,
        }
    }

    #[test]
    fn mails_read_back() {
        let (credentials, mut arena) = (Credentials::default(), Arena::default());
        let to = ["太郎@example.jp".to_owned(), "b@example.jp".to_owned()];
        let headers = [b"campaign-1".to_vec(), Vec::new()];
        let pushed: Vec<MailView<'_>> = (0..3000).map(|number| view(&to, &headers, number)).collect();
        pushed.iter().for_each(|mail| arena.push(mail));
        let read: Vec<Mail> = arena.iter(&credentials, 0).collect();
        let expected: Vec<Mail> = pushed.iter().map(|mail| mail.to_mail(&credentials)).collect();
        assert_eq!(read, expected);
        assert_eq!(arena.iter(&credentials, 2999).count(), 1);
    }

    #[test]
    fn a_million_mails_stay_under_200_mib() {
        let mut arena = Arena::default();
        for number in 0..100_000 {
            arena.push(&view(
                &[format!("recipient-{number:07}@example.jp")],
                &[b"campaign-1".to_vec()],
                number,
            ));
        }
        assert!(arena.octets() * 10 < 200 << 20, "{} octets for 100,000", arena.octets());
    }
}
