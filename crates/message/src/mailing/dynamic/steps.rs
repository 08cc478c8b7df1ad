//! How much a template may do: steps are counted where loops begin and where values are compared, octets where they
//! are written. No clock is read, so the same template and data always end the same way.

use std::sync::atomic::{AtomicU64, Ordering};

use handlebars::template::{HelperTemplate, Template, TemplateElement};
use handlebars::{Output, RenderError, RenderErrorReason};

use super::error::DynamicFault;
use crate::limits::{DYNAMIC_OUTPUT_OCTETS_MAX, DYNAMIC_STEPS_MAX};

/// Octets of a value that are looked at in one step.
const OCTETS_A_STEP: usize = 256;

/// What is left for one part of one mail. Atomic only because helpers must be `Sync`.
pub(super) struct Steps(AtomicU64);

impl Steps {
    /// All of them.
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(DYNAMIC_STEPS_MAX))
    }

    /// Takes some.
    pub(super) fn take(&self, count: u64) -> Result<(), RenderError> {
        let left = self.0.load(Ordering::Relaxed);
        match left.checked_sub(count) {
            Some(left) => {
                self.0.store(left, Ordering::Relaxed);
                Ok(())
            }
            None => Err(RenderErrorReason::NestedError(Box::new(DynamicFault::TooManySteps)).into()),
        }
    }

    /// Takes as many as a look at so many octets costs.
    pub(super) fn take_octets(&self, octets: usize) -> Result<(), RenderError> {
        self.take(1 + (octets / OCTETS_A_STEP) as u64)
    }
}

/// Elements of a template with those of its blocks: what one run through it costs at most, loops once.
pub(super) fn elements(template: &Template) -> u64 {
    let of_block = |block: &HelperTemplate| {
        let inner = [&block.template, &block.inverse].into_iter().flatten();
        1 + block.params.len() as u64 + inner.map(elements).sum::<u64>()
    };
    let of_element = |element: &TemplateElement| match element {
        TemplateElement::HelperBlock(block) => of_block(block),
        TemplateElement::Expression(value) | TemplateElement::HtmlExpression(value) => {
            1 + value.params.len() as u64
        }
        _ => 1,
    };
    template.elements.iter().map(of_element).sum()
}

/// What was written so far.
#[derive(Default)]
pub(super) struct Bounded(String);

impl Bounded {
    /// All of it.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Output for Bounded {
    fn write(&mut self, text: &str) -> Result<(), std::io::Error> {
        if self.0.len() + text.len() > DYNAMIC_OUTPUT_OCTETS_MAX {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0.push_str(text);
        Ok(())
    }
}
