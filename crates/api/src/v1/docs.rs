//! The OpenAPI document and a page to read it: nothing of it comes from outside.

use axum::http::{HeaderName, Method, StatusCode};

use crate::answer::Answer;
use crate::call::OpenCall;
use crate::routes::{Need, RouteInfo, Routes};

const PAGE: &str = include_str!("docs.html");
/// The page's own script and style alone, and the document beside it.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

pub(crate) fn routes(routes: Routes) -> Routes {
    let open = |path, text| RouteInfo::new(Method::GET, path, Need::Nobody, text);
    routes
        .add_open(open("/v1/openapi.json", "This document."), |call: OpenCall| async move {
            let octets = call.api.document.clone().into_bytes();
            Ok(Answer::octets(StatusCode::OK, "application/json", octets))
        })
        .add_open(open("/v1/docs", "A page to read it."), |_| async {
            let answer = Answer::octets(StatusCode::OK, "text/html; charset=utf-8", PAGE.into());
            Ok(answer.with(HeaderName::from_static("content-security-policy"), POLICY))
        })
}
