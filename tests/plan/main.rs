//! The plan gives the tokens of the reference: for programs, for models without head
//! kinds, and for models that nobody has built.

#[path = "../common/mod.rs"]
mod common;

mod agreement;
mod bundled_model;
mod by_hand;
mod checker;
mod far_off;
mod foreign_variants;
mod functions;
mod generator;
mod heads;
mod hostile;
mod inexact_sums;
mod infinities;
mod lookups;
mod motifs;
mod mutants;
mod near_logits;
mod products;
mod random_models;
mod review;
mod searches;
mod stray_head;
mod style_mutants;
mod styles;
mod sums;
mod verdict;

use hardmax::engine::{Attention, EngineError, Fallback, Planned, Reference, generate};
use hardmax::linalg::Kernel;
use hardmax::model::{Model, Token};
use hardmax::plan::Plan;

type Run = Result<Vec<Token>, EngineError>;

fn by_plan(model: &Model, prompt: &[Token], limit: u64) -> (Run, Option<Fallback>) {
    let plan = Plan::new(model, prompt[0]);
    let mut told = None;
    let engine = Planned::new(model, &plan, Attention::Hull, Kernel::Portable);
    let mut engine = engine.telling(|fallback| told = Some(fallback));
    let mut tokens = Vec::new();
    let end = generate(&mut engine, prompt, model.stop(), limit, |token| tokens.push(token));
    let fallback = engine.fallback();
    drop(engine);
    assert!(fallback == told || end.is_err());
    (end.map(|_| tokens), fallback)
}

fn by_reference(model: &Model, prompt: &[Token], limit: u64) -> Run {
    let mut engine = Reference::new(model, Attention::Hull, Kernel::Portable)?;
    let mut tokens = Vec::new();
    generate(&mut engine, prompt, model.stop(), limit, |token| tokens.push(token))?;
    Ok(tokens)
}
