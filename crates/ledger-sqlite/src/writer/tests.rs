//! What the writer does with groups, refusals and defects.
