//! The store against the suite of all stores, and against damage that only raw access to the file can do.

mod census;
mod conformance;
mod damage;
mod files;
mod scene;
mod schema;
