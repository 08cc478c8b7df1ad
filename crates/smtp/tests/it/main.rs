//! Integration tests of the room `smtp`: dialogues by script, the two halves glued in memory, cuts, properties.

mod client_auth;
mod client_content;
mod client_errors;
mod client_mail;
mod client_opening;
mod client_refusals;
mod client_script;
mod client_time;
mod cut;
mod fuzz_smoke;
mod link;
mod server_content;
mod server_dialogues;
mod server_script;
mod stuffing;
