//! `hardmax inspect`: what a model file holds.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::plan_report::{Asked, PlanReport};
use super::report::{self, grouped};
use super::{CliError, Verdict, inputs};
use crate::model::{Matrix, Model, Shape, TieBreak};
use crate::shown;

/// Show a model's shape, nonzero weights, head kinds and vocabulary.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax inspect
  hardmax inspect --plan
  hardmax inspect --histories 200 --seed 7
  hardmax inspect --check-plan
  hardmax inspect --head 2.5
  hardmax inspect --prompt tests/vectors/countdown.txt --histories 20
  hardmax inspect models/wasm32.bin --json")]
#[command(group(ArgGroup::new("random").args(["histories", "check_plan"]).multiple(true)))]
pub struct Inspect {
    /// Model file [default: the one in the binary]
    model: Option<PathBuf>,
    /// Also show what the plan of the model is made of
    #[arg(long)]
    plan: bool,
    /// Compare the plan with the reference on N random histories; --plan is implied
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    histories: Option<u64>,
    /// Prove the plan's bounds again, and compare every variant of its code with the expressions
    /// that it was made of; --plan is implied
    #[arg(long)]
    check_plan: bool,
    /// Show how one head becomes operations: its layer and number, counted from 0; --plan is implied
    #[arg(long, value_name = "L.H", value_parser = layer_and_head)]
    head: Option<(usize, usize)>,
    /// Which random histories and steps
    #[arg(long, value_name = "S", default_value_t = 0, requires = "random")]
    seed: u64,
    /// The prompt that the plan is for, and with which histories begin: names of tokens, separated by white
    /// space; --plan is implied
    #[arg(long, value_name = "FILE")]
    prompt: Option<PathBuf>,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    model: String,
    shape: Shape,
    stop: String,
    weights: u64,
    nonzeros: usize,
    has_clears: bool,
    has_ties: bool,
    has_kinds: bool,
    embedding_nonzeros: usize,
    layers: Vec<LayerReport>,
    head_nonzeros: usize,
    vocabulary: Vec<String>,
    plan: Option<PlanReport>,
}

#[derive(Serialize)]
struct LayerReport {
    attention_in: usize,
    attention_out: usize,
    feed_forward_in: usize,
    feed_forward_out: usize,
    cleared_slots: usize,
    /// Heads with an effect, by kind.
    heads: BTreeMap<&'static str, usize>,
    /// Heads whose values or output columns are all zero.
    dead_heads: usize,
    latest_ties: usize,
    /// Units with a nonzero gate and output.
    units: usize,
}

impl Inspect {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let model = inputs::model(self.model.as_deref())?;
        let mut report = Report::new(inputs::model_name(self.model.as_deref()), &model);
        let wanted =
            self.plan || self.histories.is_some() || self.check_plan || self.head.is_some();
        let prompt = |path: &PathBuf| inputs::prompt(path, model.vocabulary());
        let prompt = self.prompt.as_ref().map(prompt).transpose()?;
        let wanted = wanted || prompt.is_some();
        let walks = self.histories.map(|count| (count, self.seed));
        let check = self.check_plan.then_some(self.seed);
        report.plan = wanted
            .then(|| PlanReport::new(&model, Asked { walks, check, head: self.head, prompt }))
            .transpose()?;
        if self.json {
            report::json(&report)?;
        } else {
            report.print()?;
        }
        Ok(Verdict::of(report.plan.is_none_or(|plan| plan.passed())))
    }
}

/// `2.5`: layer 2, head 5.
fn layer_and_head(text: &str) -> Result<(usize, usize), String> {
    let parts = text
        .split_once('.')
        .and_then(|(layer, head)| Some((layer.parse().ok()?, head.parse().ok()?)));
    parts.ok_or_else(|| "a layer and a head of it, such as 2.5".to_owned())
}

fn nonzeros(matrix: Matrix<'_>) -> usize {
    matrix.data.iter().filter(|&&weight| weight != 0.0).count()
}

impl Report {
    fn new(name: String, model: &Model) -> Report {
        let shape = model.shape();
        let layers: Vec<LayerReport> =
            (0..shape.layers).map(|layer| LayerReport::new(model, layer)).collect();
        let (embedding, head) = (nonzeros(model.embedding()), nonzeros(model.head()));
        Report {
            model: name,
            shape,
            stop: model.vocabulary().name(model.stop()).to_owned(),
            weights: shape.weights() as u64,
            nonzeros: model.nonzeros(),
            has_clears: model.has_clears(),
            has_ties: model.has_ties(),
            has_kinds: model.has_kinds(),
            embedding_nonzeros: embedding,
            layers,
            head_nonzeros: head,
            vocabulary: model.vocabulary().iter().map(|(_, name)| name.to_owned()).collect(),
            plan: None,
        }
    }

    fn print(&self) -> Result<(), CliError> {
        let names = textwrap::Options::new(100).subsequent_indent("            ");
        let shown_names: Vec<String> = self.vocabulary.iter().map(|n| shown::name(n)).collect();
        let part = |present| if present { "yes" } else { "no" };
        let text = format!(
            "model       {}\n\
             shape       {}, stop token {}\n\
             weights     {}, of which {} are not zero\n\
             parts       clears {}, tie-breaks {}, head kinds {}\n\n{}\n\nvocabulary  {}\n",
            shown::path(&self.model),
            self.shape,
            shown::name(&self.stop),
            grouped(self.weights),
            grouped(self.nonzeros as u64),
            part(self.has_clears),
            part(self.has_ties),
            part(self.has_kinds),
            self.table(),
            textwrap::fill(&runs(&shown_names).join(" "), names),
        );
        let plan = self
            .plan
            .as_ref()
            .map(|plan| plan.text(self.heads(), self.units(), self.shape))
            .unwrap_or_default();
        let text = text + &plan;
        report::print(&text)
    }

    /// Live ones.
    fn heads(&self) -> usize {
        self.layers.iter().flat_map(|layer| layer.heads.values()).sum()
    }

    /// Live ones.
    fn units(&self) -> usize {
        self.layers.iter().map(|layer| layer.units).sum()
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header([
            "nonzeros",
            "attn in",
            "attn out",
            "ff in",
            "ff out",
            "units",
            "cleared",
            "dead heads",
            "live heads by kind",
        ]);
        table.add_row(["embedding", &self.embedding_nonzeros.to_string()]);
        for (number, layer) in self.layers.iter().enumerate() {
            let kinds: Vec<String> =
                layer.heads.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            table.add_row([
                format!("layer {number}"),
                layer.attention_in.to_string(),
                layer.attention_out.to_string(),
                layer.feed_forward_in.to_string(),
                layer.feed_forward_out.to_string(),
                layer.units.to_string(),
                layer.cleared_slots.to_string(),
                layer.dead_heads.to_string(),
                kinds.join(", "),
            ]);
        }
        table.add_row(["output head", &self.head_nonzeros.to_string()]);
        for column in 1..8 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

impl LayerReport {
    fn new(model: &Model, layer: usize) -> LayerReport {
        let weights = model.layer(layer);
        let shape = model.shape();
        let mut heads = BTreeMap::new();
        let mut dead_heads = 0;
        let mut latest_ties = 0;
        for head in 0..shape.heads {
            if weights.is_dead_head(head) {
                dead_heads += 1;
            } else {
                *heads.entry(model.kind(layer, head).name()).or_insert(0) += 1;
                latest_ties += usize::from(model.tie(layer, head) == TieBreak::Latest);
            }
        }
        LayerReport {
            attention_in: nonzeros(weights.attention_in),
            attention_out: nonzeros(weights.attention_out),
            feed_forward_in: nonzeros(weights.feed_forward_in),
            feed_forward_out: nonzeros(weights.feed_forward_out),
            cleared_slots: weights.cleared_after_attention.len()
                + weights.cleared_after_feed_forward.len(),
            heads,
            dead_heads,
            latest_ties,
            units: (0..shape.units).filter(|&unit| !weights.is_dead_unit(unit)).count(),
        }
    }
}

/// Names, with long runs of alike ones cut to their ends: `00 .. ff`.
///
/// Names are alike when they have the same length and differ in no more than two
/// neighbouring characters, as a byte's do.
fn runs(names: &[String]) -> Vec<String> {
    let mut shown = Vec::new();
    let mut rest = names;
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|name| alike(first, name)).count();
        let (head, tail) = rest.split_at(run);
        if run > 4 {
            shown.extend([first.clone(), "..".into(), head[run - 1].clone()]);
        } else {
            shown.extend_from_slice(head);
        }
        rest = tail;
    }
    shown
}

fn alike(a: &str, b: &str) -> bool {
    let differ = a.bytes().zip(b.bytes()).map(|(a, b)| a != b);
    let places: Vec<usize> = differ.enumerate().filter(|place| place.1).map(|p| p.0).collect();
    a.len() == b.len() && places.first().zip(places.last()).is_none_or(|(f, l)| l - f < 2)
}
