//! `runtime`'s fetcher against the web server for tests: one valid certificate, one plain 200, within a size.

use std::sync::Arc;
use std::time::Duration;

use runtime::{FetchError, FileFetcher, FileRequest, HttpsFetcher};
use testkit::certs::{Authority, Certificates};
use testkit::https::FileServer;

const BODY: &str = "version: STSv1\r\nmode: none\r\nmax_age: 1\r\n";

async fn fetch(
    authority: &Authority,
    certificates: &Certificates,
    status: &str,
    octets_max: usize,
) -> (Result<String, FetchError>, u64) {
    let server = FileServer::start(certificates, status, BODY).await.expect("a port");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(authority.root_store().expect("roots"))
        .with_no_client_auth();
    let request = FileRequest {
        host: "mta-sts.example.jp",
        addresses: &[server.addr.ip()],
        port: server.addr.port(),
        path: "/.well-known/mta-sts.txt",
        octets_max,
        timeout: Duration::from_secs(10),
    };
    let got = HttpsFetcher::new(Arc::new(tls)).fetch(request).await;
    (got, server.asked())
}

fn refused(got: &Result<String, FetchError>, part: &str) {
    let text = got.as_ref().expect_err(part).to_string();
    assert!(text.contains(part) && text.contains("mta-sts.example.jp"), "{text}");
}

#[tokio::test]
async fn a_file_comes_only_by_a_valid_certificate_a_200_and_within_its_size() {
    let authority = Authority::generate().expect("an authority");
    let right = authority.issue(&["mta-sts.example.jp"], (2020, 2100)).expect("a certificate");
    let wrong = authority.issue(&["www.example.jp"], (2020, 2100)).expect("a certificate");
    assert_eq!(fetch(&authority, &right, "200 OK", 1000).await.0.as_deref(), Ok(BODY));
    refused(&fetch(&authority, &right, "200 OK", 10).await.0, "limit");
    let (moved, asked) = fetch(&authority, &right, "302 Found", 1000).await;
    refused(&moved, "302");
    assert_eq!(asked, 1, "a redirect is not followed");
    refused(&fetch(&authority, &wrong, "200 OK", 1000).await.0, "certificate");
    let stranger = Authority::generate().expect("an authority");
    refused(&fetch(&stranger, &right, "200 OK", 1000).await.0, "certificate");
}
