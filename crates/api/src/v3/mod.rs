//! The interface of SendGrid: its paths, bodies, statuses and errors. One file for each thing.

mod batches;
mod keys;
mod mail;
mod scheduled;
mod scopes;
mod templates;

use crate::routes::Routes;

pub(crate) use keys::granted;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = batches::routes(mail::routes(routes));
    let routes = scopes::routes(scheduled::routes(routes));
    templates::routes(keys::routes(routes))
}
