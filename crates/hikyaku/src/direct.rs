//! The flags of the direct route, parsed into what is asked of it.

use std::net::IpAddr;

use anyhow::{Context, bail};
use app::send::DirectRequest;
use domain::direct::SourceAddress;

use crate::arguments::SendFlags;

/// The word that stands for the direct route in place of a relay's URL.
const WORD: &str = "direct";
/// Where mail servers listen for each other (RFC 5321).
const SMTP_PORT: u16 = 25;
/// Where policies are fetched (RFC 8461).
const HTTPS_PORT: u16 = 443;
/// Source addresses and name servers of one route.
const ADDRESSES_MAX: usize = 256;

/// What is asked of the direct route; `None` for a relay.
pub fn request(flags: &SendFlags) -> anyhow::Result<Option<DirectRequest>> {
    let own = &flags.direct;
    if flags.relay != WORD {
        let given = !own.dns.is_empty()
            || !own.source_address.is_empty()
            || own.smtp_port.is_some()
            || own.no_dane
            || own.no_mta_sts
            || own.private_hosts;
        if given {
            bail!(
                "--dns, --source-address, --smtp-port, --no-dane, --no-mta-sts and --private-hosts go with --relay direct \
                 only"
            );
        }
        return Ok(None);
    }
    if own.source_address.len() > ADDRESSES_MAX || own.dns.len() > ADDRESSES_MAX {
        bail!("--source-address, --dns: at most {ADDRESSES_MAX} of each");
    }
    let sources = own.source_address.iter().map(|text| source(text)).collect::<anyhow::Result<_>>()?;
    Ok(Some(DirectRequest {
        dns: own.dns.clone(),
        smtp_port: own.smtp_port.unwrap_or(SMTP_PORT),
        policy_port: own.policy_port.unwrap_or(HTTPS_PORT),
        sources,
        dane: !own.no_dane,
        mta_sts: !own.no_mta_sts,
        private_hosts: own.private_hosts,
    }))
}

/// Receivers look the name up: it must be a full one.
pub fn check_ehlo_name(name: &str) -> anyhow::Result<()> {
    if !name.contains('.') && !name.starts_with('[') {
        bail!(
            "receivers want to hear this machine's full host name, and `{name}` is none; give it with --ehlo-name \
             (it should resolve to the address that mails leave from, and back)"
        );
    }
    Ok(())
}

fn source(text: &str) -> anyhow::Result<SourceAddress> {
    let (ip, day) = text.split_once('=').map_or((text, None), |(ip, day)| (ip, Some(day)));
    let ip: IpAddr = ip.parse().with_context(|| {
        format!("--source-address: `{ip}` is no IP address; write ADDRESS or ADDRESS=YYYY-MM-DD")
    })?;
    let started_day = day.map(day_number).transpose()?;
    Ok(SourceAddress { ip, started_day })
}

fn day_number(text: &str) -> anyhow::Result<i64> {
    let date: jiff::civil::Date =
        text.parse().with_context(|| format!("--source-address: `{text}` is no day; write YYYY-MM-DD"))?;
    let epoch = jiff::civil::date(1970, 1, 1);
    Ok(i64::from(epoch.until(date)?.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_an_address_and_perhaps_a_first_day() {
        let check = |text: &str, expected: Option<i64>| {
            let read = source(text).map(|source| source.started_day).ok();
            assert_eq!(read, Some(expected), "{text}");
        };
        check("192.0.2.1", None);
        check("192.0.2.1=1970-01-02", Some(1));
        check("2001:db8::1=2026-11-24", Some(20_781));
        for refused in ["", "host", "192.0.2.1=", "192.0.2.1=yesterday", "192.0.2.1=2026-13-01"] {
            assert!(
                source(refused).is_err_and(|error| error.to_string().contains("--source-address")),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_short_name_is_no_name_for_receivers() {
        assert!(check_ehlo_name("mail.example.jp").is_ok() && check_ehlo_name("[192.0.2.1]").is_ok());
        assert!(check_ehlo_name("localhost").is_err_and(|error| error.to_string().contains("--ehlo-name")));
    }
}
