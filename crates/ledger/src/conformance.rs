//! The suite that every store must pass: behaviour, fencing, chains and damage, by one table of cases.
