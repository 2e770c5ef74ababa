//! `hardmax inspect --check-plan`: what of a plan is proved again, by other means.

use serde::Serialize;

use super::CliError;
use super::report::grouped;
use crate::engine::{Steps, Variants, compare_variants};
use crate::model::{Model, Token};
use crate::plan::Plan;
use crate::plan::check::bounds::derive;

/// States from which every variant of code is executed.
const STATES: usize = 8;

/// Bounds that were derived again, and code that was compared with its expressions.
#[derive(Serialize)]
pub struct PlanCheck {
    /// Atoms whose bounds follow from those of their parts.
    atoms: usize,
    /// Expressions that fit registers.
    expressions: usize,
    /// Claims that could not be derived.
    unproved: Vec<String>,
    /// Variants of code that were executed.
    variants: usize,
    /// Steps compared with the expressions.
    steps: u64,
    /// Steps along which a guard failed.
    guard_failures: u64,
    /// The first step in which code and expressions differ.
    difference: Option<String>,
}

impl PlanCheck {
    /// Checks a plan, from states along histories that begin with `known` ones.
    pub fn new(
        model: &Model,
        plan: &Plan,
        known: &[Vec<Token>],
        seed: u64,
    ) -> Result<PlanCheck, CliError> {
        let derived = derive(plan);
        let steps = Steps { states: STATES, seed };
        let found = compare_variants(model, plan, known, steps).map_err(CliError::Agreement)?;
        let Variants { variants, steps, guard_failures, difference } = found;
        Ok(PlanCheck {
            atoms: derived.atoms,
            expressions: derived.expressions,
            unproved: derived.unproved,
            variants,
            steps,
            guard_failures,
            difference,
        })
    }

    /// Whether all was proved and compared equal.
    pub fn passed(&self) -> bool {
        self.unproved.is_empty() && self.difference.is_none() && self.steps > 0
    }

    /// As lines.
    pub fn text(&self) -> String {
        let unproved: String = self
            .unproved
            .iter()
            .map(|claim| format!("            NOT DERIVED: {claim}\n"))
            .collect();
        let verdict = match &self.difference {
            None => "all equal".to_owned(),
            Some(difference) => format!("DIFFERENT: {difference}"),
        };
        format!(
            "check       bounds of {} atoms derived again from those of their parts, {} expressions \
             fit registers\n{unproved}            {} variants of code in {} steps against the \
             expressions as they stand, {} more left by a guard: {verdict}\n",
            grouped(self.atoms as u64),
            grouped(self.expressions as u64),
            grouped(self.variants as u64),
            grouped(self.steps),
            grouped(self.guard_failures),
        )
    }
}
