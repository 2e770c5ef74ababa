//! What the plan of a model is made of, and whether it agrees with the model.

use std::time::Instant;

use serde::Serialize;

use super::plan_check::PlanCheck;
use super::report::grouped;
use super::{CliError, bundled_programs};
use crate::engine::{Agreement, Attention, Walks, compare};
use crate::linalg::Kernel;
use crate::machine::Symbol;
use crate::model::{Model, Shape, Token, Vocabulary};
use crate::plan::{HeadStory, Plan, Refusal, Summary};
use crate::program::Prompt;
use crate::shown;
use crate::specialise;
use crate::tokenizer::Tokenizer;
use crate::wasm;

/// Tokens of a random history behind what it begins with.
const LENGTH: usize = 300;

/// Instructions of a program with which a random history may begin.
const INSTRUCTIONS: usize = 60;

/// Histories that are random may have keys beyond what hulls tell apart.
const ATTENTION: Attention = Attention::Kinds;

/// A model's plan, or why there is none.
#[derive(Serialize)]
pub struct PlanReport {
    /// The token with which prompts begin.
    bos: String,
    seconds: f64,
    summary: Option<Summary>,
    refused: Option<Refusal>,
    agreement: Option<AgreementReport>,
    check: Option<PlanCheck>,
    head: Option<HeadStory>,
    /// Whether a check was asked for.
    #[serde(skip)]
    checks: bool,
    /// Whether random histories were asked for.
    #[serde(skip)]
    compares: bool,
}

/// What of a plan is to be shown beside its summary.
#[derive(Clone, Default)]
pub struct Asked {
    /// So many random histories, drawn from a seed.
    pub walks: Option<(u64, u64)>,
    /// A check, by steps drawn from a seed.
    pub check: Option<u64>,
    /// A layer's head.
    pub head: Option<(usize, usize)>,
    /// The prompt with which histories begin, if not with the model's likely first token and what is known to
    /// follow it.
    pub prompt: Option<Vec<Token>>,
}

/// What random histories showed.
#[derive(Serialize)]
struct AgreementReport {
    seed: u64,
    /// How the reference computed heads.
    attention: Attention,
    /// Who multiplied for it.
    kernel: &'static str,
    histories: u64,
    predictions: u64,
    longest: usize,
    /// Cut short by a guard failure of the plan.
    guard_failures: u64,
    /// Cut short by the reference.
    refused: u64,
    difference: Option<DifferenceReport>,
}

/// Names of tokens.
#[derive(Serialize)]
struct DifferenceReport {
    history: Vec<String>,
    planned: String,
    reference: String,
}

/// Pieces of the bundled programs, each a prompt without its first token; inputs for a model that has its
/// program inside; none for a model that does not have the machine's tokens.
fn parts_of_programs(model: &Model) -> Vec<Vec<Token>> {
    let tokenizer = Tokenizer::new(model.vocabulary());
    if specialise::has_program_inside(model) {
        let inputs = bundled_programs::all().iter().map(|bundled| bundled.input.as_bytes());
        let prompts = inputs.map(|input| Prompt::Input(Some(input.to_vec())).symbols());
        return prompts.filter_map(|prompt| tokenizer.encode(&prompt[1..]).ok()).collect();
    }
    let mut parts = Vec::new();
    for bundled in bundled_programs::all() {
        let compiled = wasm::compile(bundled.wasm, &wasm::Options::default());
        let program = compiled.expect("a test executes every bundled program").program;
        let symbols = program.prompt();
        for code in symbols[1..].chunks(5 * INSTRUCTIONS) {
            // The last piece has the end of its program, and perhaps an input, too.
            match tokenizer.encode(&[code, &[Symbol::Close]].concat()) {
                Ok(part) => parts.push(part),
                Err(_) => return Vec::new(),
            }
        }
    }
    parts
}

impl PlanReport {
    /// Makes the plan, and whatever else of it was asked for.
    pub fn new(model: &Model, asked: Asked) -> Result<PlanReport, CliError> {
        let Asked { walks, check, head, prompt } = asked;
        let bos = prompt.as_ref().map_or_else(|| Plan::likely_bos(model), |prompt| prompt[0]);
        let known = || match &prompt {
            Some(prompt) => vec![prompt[1..].to_vec()],
            None => parts_of_programs(model),
        };
        let planning = Instant::now();
        let plan = Plan::new(model, bos);
        let seconds = planning.elapsed().as_secs_f64();
        let agreement = match (&plan, walks) {
            (Ok(plan), Some((count, seed))) => {
                let walks = Walks { count, length: LENGTH, seed, known: known() };
                let agreement = compare(model, plan, walks, ATTENTION, Kernel::preferred())
                    .map_err(CliError::Agreement)?;
                Some(AgreementReport::new(agreement, seed, model.vocabulary()))
            }
            _ => None,
        };
        let checked = match (&plan, check) {
            (Ok(plan), Some(seed)) => Some(PlanCheck::new(model, plan, &known(), seed)?),
            _ => None,
        };
        let story = match (&plan, head) {
            (Ok(plan), Some((layer, head))) => {
                let shape = model.shape();
                if layer >= shape.layers || head >= shape.heads {
                    return Err(CliError::NoHead { layer, head, shape });
                }
                plan.head_story(model, layer, head).map_err(CliError::Refused)?
            }
            _ => None,
        };
        Ok(PlanReport {
            head: story,
            check: checked,
            checks: check.is_some(),
            bos: model.vocabulary().name(bos).to_owned(),
            seconds,
            refused: plan.as_ref().err().copied(),
            summary: plan.ok().map(|plan| plan.summary()),
            agreement,
            compares: walks.is_some(),
        })
    }

    /// Whether random histories and checks, if they were asked for, showed no difference.
    pub fn passed(&self) -> bool {
        let agrees = |agreement: &AgreementReport| {
            agreement.difference.is_none() && agreement.predictions > 0
        };
        (!self.compares || self.agreement.as_ref().is_some_and(agrees))
            && (!self.checks || self.check.as_ref().is_some_and(PlanCheck::passed))
    }

    /// As lines, for a model with so many live heads and units.
    pub fn text(&self, heads: usize, units: usize, shape: Shape) -> String {
        let Some(plan) = &self.summary else {
            let why = self.refused.map(|why| why.to_string()).unwrap_or_default();
            let histories =
                if self.compares { "histories   none: nothing to compare\n" } else { "" };
            return format!("\nplan        none: {why}\n{histories}");
        };
        let once = if plan.single_bos { ", assumed not to come again" } else { "" };
        let inexact = match plan.inexact_groups {
            0 => String::new(),
            groups => format!("; logits of {groups} may be off, and are compared with that"),
        };
        let parts = format!(
            "\n\
             plan        for prompts that begin with {}{once}, of at most {} tokens; \
             made in {:.1} ms\n\
             heads       {heads} live ones became {} running sums, {} latches, \
             {} tables with {} lookups and {} columns\n\
             units       {units} live ones became {} pieces\n\
             terms       {} over {} expressions that are not linear, \
             {} of them features of a token\n\
             output      {} tokens in {} groups along one direction and {} along two{}\n\
             guards      {} products and fractions checked at run time\n\
             code        specialised by {} token classes and {} selected-token classes\n",
            shown::name(&self.bos),
            grouped(plan.limit),
            self.seconds * 1e3,
            plan.sums,
            plan.latches,
            plan.tables,
            plan.lookups,
            plan.columns,
            plan.pieces,
            plan.terms,
            plan.atoms,
            plan.features,
            shape.vocabulary,
            plan.line_groups,
            plan.plane_groups,
            inexact,
            plan.guards,
            plan.classes,
            plan.selected_classes,
        );
        parts
            + &self.check.as_ref().map(PlanCheck::text).unwrap_or_default()
            + &self.head.as_ref().map(story).unwrap_or_default()
            + &self.agreement.as_ref().map(AgreementReport::text).unwrap_or_default()
    }
}

/// Names, as they may be shown.
fn names(names: &[String]) -> Vec<String> {
    names.iter().map(|name| shown::name(name)).collect()
}

/// A head's way through the passes, as lines.
fn story(head: &HeadStory) -> String {
    let mut text = format!("head        {}\n", head.kind);
    let mut part = |title: &str, lines: Vec<String>| {
        for (at, line) in lines.iter().enumerate() {
            let title = if at == 0 { title } else { "" };
            text += &format!("{title:<12}{line}\n");
        }
    };
    let pairs = |pairs: &[(String, String)]| {
        pairs.iter().map(|(name, is)| format!("{name} = {is}")).collect::<Vec<_>>()
    };
    part("rows", head.rows.iter().map(|(name, row)| format!("{name:<8}  {row}")).collect());
    part("slots", pairs(&head.slots));
    part(
        "before",
        pairs(&head.before).iter().map(|line| line.replacen(" = ", ": s = ", 1)).collect(),
    );
    part("outputs", head.outputs.clone());
    part("keeps", head.tables.clone());
    part("code", head.code.clone());
    part("where", pairs(&head.atoms));
    text
}

impl AgreementReport {
    fn new(agreement: Agreement, seed: u64, vocabulary: &Vocabulary) -> AgreementReport {
        let Agreement { histories, predictions, longest, guard_failures, refused, difference } =
            agreement;
        let name = |token: &Token| vocabulary.name(*token).to_owned();
        let difference = difference.map(|difference| DifferenceReport {
            history: difference.history.iter().map(name).collect(),
            planned: name(&difference.planned),
            reference: name(&difference.reference),
        });
        let (attention, kernel) = (ATTENTION, Kernel::preferred().name());
        AgreementReport {
            seed,
            attention,
            kernel,
            histories,
            predictions,
            longest,
            guard_failures,
            refused,
            difference,
        }
    }

    fn text(&self) -> String {
        let predictions = grouped(self.predictions);
        let verdict = match &self.difference {
            None if self.predictions == 0 => "nothing was compared".to_owned(),
            None => format!("{predictions} predictions equal"),
            Some(different) => format!(
                "of {predictions} predictions the last is DIFFERENT: after these {} tokens the \
                 plan predicts {}, the reference {}:\n{}",
                different.history.len(),
                shown::name(&different.planned),
                shown::name(&different.reference),
                textwrap::fill(&names(&different.history).join(" "), 100),
            ),
        };
        format!(
            "histories   {} random ones (seed {}) of up to {} tokens against the reference \
             (attention {}, kernel {})\n            {} ended at a guard failure of the plan, {} \
             where the reference refused; {verdict}\n",
            grouped(self.histories),
            self.seed,
            grouped(self.longest as u64),
            self.attention.name(),
            self.kernel,
            grouped(self.guard_failures),
            grouped(self.refused),
        )
    }
}
