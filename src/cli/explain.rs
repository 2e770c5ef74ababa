//! `hardmax explain`: one token, in words.

mod page;
mod window;

use std::path::PathBuf;

use clap::{ArgGroup, Args, value_parser};
use comfy_table::{Table, presets};
use serde::Serialize;

use super::annotation::{Annotation, Annotator, Standing};
use super::places::program_of;
use super::report::{self, grouped};
use super::source::{Resolved, Source};
use super::trace_file::TraceFile;
use super::{CliError, Verdict, inputs, outputs};
use crate::engine::{Look, Prediction, predict};
use crate::linalg::Kernel;
use crate::machine::Symbol;
use crate::model::{HeadKind, Model, Token, Tokens};
use crate::oracle;
use crate::program::Program;
use crate::shown;
use crate::tokenizer::Tokenizer;

/// Explain one token: which instruction it belongs to, what each head asked for before it and where it found
/// that, and by how much its logit is the greatest.
///
/// The tokens before it are those of the oracle, or of a trace of the program (--from). The model goes through all of them, by
/// the reference engine: that takes a second for some ten thousand.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["at", "last", "output"]))]
#[command(after_help = "Examples:
  hardmax explain hello --last
  hardmax explain hello --output 1
  hardmax explain hello --output 1 --html /tmp/hello.html
  hardmax explain tests/vectors/countdown.txt --at 100
  hardmax explain programs/gcd.wat --last --json --invoke gcd 84 36")]
pub struct Explain {
    #[command(flatten)]
    source: Source,
    /// Explain the token at this position, which is behind the prompt
    #[arg(long, value_name = "POSITION")]
    at: Option<u64>,
    /// Explain the last token of the run
    #[arg(long)]
    last: bool,
    /// Explain the token that writes this byte of the output, from 1
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    output: Option<u64>,
    /// Take the tokens of this trace of the program, text or binary, instead of executing it
    #[arg(long, value_name = "TRACE")]
    from: Option<PathBuf>,
    /// Model file [default: the one in the binary]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
    /// Write a page that shows it, too: the tokens, what each head read, the residual stream
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Tokens that the model goes through at most: for more it takes minutes, and much memory.
const MOST_TOKENS: u64 = 1 << 23;

#[derive(Serialize)]
struct Report {
    program: String,
    position: u64,
    token: String,
    /// What it is of its instruction.
    part: String,
    #[serde(flatten)]
    place: Annotation,
    predicted: String,
    logit: f64,
    runner_up: Option<String>,
    margin: Option<f64>,
    heads: Vec<HeadRow>,
    #[serde(skip)]
    phrase: String,
    /// The residual stream, after the embedding and each half of a layer.
    #[serde(skip)]
    stream: Vec<Vec<f64>>,
    /// The tokens that the page shows.
    #[serde(skip)]
    window: Vec<TokenRow>,
}

/// A token of the history, or the one that is explained.
struct TokenRow {
    position: usize,
    token: String,
    /// Where it belongs.
    place: Annotation,
}

#[derive(Serialize)]
struct HeadRow {
    layer: usize,
    head: usize,
    kind: &'static str,
    query: [f64; 2],
    /// The key that is asked for, where the query has a direction that keys have.
    key: Option<f64>,
    /// The position that is found, or the mean of several.
    position: f64,
    /// Its token, and where that stands, if it is one.
    token: Option<String>,
    place: Option<Annotation>,
    output: [f64; 2],
}

impl Explain {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let mut read = self.source.files();
        read.extend([("the trace", self.from.as_deref()), ("the model", self.model.as_deref())]);
        outputs::check(self.html.as_deref(), &read)?;
        let html = self.html.as_deref().map(outputs::place).transpose()?;
        let model = inputs::model(self.model.as_deref())?;
        let resolved = self.source.resolve()?;
        let (program, tokens) = self.tokens(&resolved, &model)?;
        let tokenizer = Tokenizer::new(model.vocabulary());
        let prompt = program.prompt().len();
        let Some(&token) = tokens.last().filter(|_| tokens.len() > prompt) else {
            return Err(self.nothing(prompt as u64));
        };
        let position = tokens.len() - 1;
        let failed = |source| CliError::Engine { position: position as u64, source };
        let history = tokens[..position].iter().copied();
        let prediction = predict(&model, Kernel::preferred(), history).map_err(failed)?;

        let mut annotator = Annotator::new(&program, &resolved.compiled, prompt as u64);
        let symbols = tokens.iter().map(|&token| tokenizer.symbol(token));
        let standings: Vec<Standing> = symbols.map(|symbol| annotator.take(symbol)).collect();
        let name = |token: Token| model.vocabulary().name(token).to_owned();
        let found = |look: &Look| {
            let at = Some(look.position as usize).filter(|&at| at as f64 == look.position);
            at.filter(|&at| at < position && model.kind(look.layer, look.head) != HeadKind::Mean)
        };
        let row = |look: &Look| HeadRow {
            layer: look.layer,
            head: look.head,
            kind: model.kind(look.layer, look.head).name(),
            query: look.query,
            key: Some(look.query[0] / look.query[1]).filter(|_| look.query[1] > 0.0),
            position: look.position,
            token: found(look).map(|at| name(tokens[at])),
            place: found(look).map(|at| annotator.annotation(standings[at])),
            output: look.output,
        };
        let Prediction { looks, stream, winner, runner_up } = &prediction;
        let before = tokens[prompt..position].iter().rev();
        let before = before.map_while(|&token| tokenizer.symbol(token));
        let place = annotator.annotation(standings[position]);
        let report = Report {
            program: self.source.name(),
            position: position as u64,
            token: name(token),
            part: part(tokenizer.symbol(token), before),
            phrase: place.place().map_or(String::new(), |place| resolved.compiled.phrase(place)),
            place,
            predicted: name(winner.0),
            logit: winner.1,
            runner_up: runner_up.map(|other| name(other.0)),
            margin: runner_up.map(|other| winner.1 - other.1),
            heads: looks.iter().map(row).collect(),
            stream: stream.clone(),
            window: window::around(position, looks.iter().filter_map(found))
                .into_iter()
                .map(|at| TokenRow {
                    position: at,
                    token: name(tokens[at]),
                    place: annotator.annotation(standings[at]),
                })
                .collect(),
        };
        if let (Some(place), Some(path)) = (html, &self.html) {
            outputs::write_to(place, path, page::html(&report).as_bytes())?;
        }
        report.tell(self.json)?;
        Ok(Verdict::of(winner.0 == token))
    }

    /// The program, and the tokens up to the one that is explained.
    fn tokens(
        &self,
        resolved: &Resolved,
        model: &Model,
    ) -> Result<(Program, Vec<Token>), CliError> {
        let tokenizer = Tokenizer::new(model.vocabulary());
        let (program, all) = match &self.from {
            Some(path) => {
                let name = inputs::model_name(self.model.as_deref());
                let trace = TraceFile::open_for(path, model, &name, None)?;
                let program = program_of(&resolved.program, self.source.path(), &trace)?;
                (program, trace.take(MOST_TOKENS as usize + 1).collect::<Result<Tokens, _>>()?)
            }
            None => {
                let program = resolved.program.clone();
                let mut all: Tokens = tokenizer.encode(&program.prompt())?.into_iter().collect();
                let mut lacks = None;
                let most = MOST_TOKENS.saturating_sub(all.len() as u64) + 1;
                let most = self.at.map_or(most, |at| most.min(at.saturating_add(1)));
                let run = oracle::execute(&program, most, |symbol| {
                    match tokenizer.token_at(symbol, all.len() as u64) {
                        Ok(token) => all.push(token),
                        Err(error) => lacks = lacks.take().or(Some(error)),
                    }
                });
                let path = self.source.path().to_owned();
                run.map_err(|source| CliError::Oracle { path, source })?;
                if let Some(error) = lacks {
                    return Err(error.into());
                }
                (program, all)
            }
        };
        let is_output = |token: &Token| matches!(tokenizer.symbol(*token), Some(Symbol::Out(_)));
        let mut outputs = 0;
        let up_to = match (self.at, self.output) {
            (Some(at), _) => at.saturating_add(1),
            (None, Some(wanted)) => all
                .iter()
                .position(|token| {
                    outputs += u64::from(is_output(&token));
                    outputs == wanted
                })
                .map_or(0, |at| at as u64 + 1),
            (None, None) => all.len() as u64,
        };
        let is_there = up_to <= all.len() as u64;
        let count = if is_there { up_to as usize } else { 0 };
        if count as u64 > MOST_TOKENS {
            return Err(CliError::FarToken { limit: MOST_TOKENS });
        }
        Ok((program, all.iter().take(count).collect()))
    }

    fn nothing(&self, prompt: u64) -> CliError {
        let asked = match (self.at, self.output) {
            (Some(at), _) => format!("no generated token at position {at}"),
            (None, Some(number)) => format!("no byte {number} of output"),
            (None, None) => "no generated token".to_owned(),
        };
        CliError::NothingToExplain { path: self.source.path().into(), asked, prompt }
    }
}

/// What a token is of its instruction; `before` are the tokens before it, the latest first.
fn part(token: Option<Symbol>, before: impl Iterator<Item = Symbol>) -> String {
    let before: Vec<Symbol> = before.take_while(|token| !token.ends_instruction()).collect();
    let bytes = before.iter().take_while(|token| token.byte().is_some()).count() + 1;
    let jumps = before.contains(&Symbol::BranchTaken);
    match token {
        Some(Symbol::Byte(_) | Symbol::Marked(_)) if jumps => format!("byte {bytes} of a jump"),
        Some(Symbol::Byte(_) | Symbol::Marked(_)) => format!("byte {bytes} of a value"),
        Some(Symbol::Digit(_)) => format!("digit {} before a value", before.len() + 1),
        Some(Symbol::BranchTaken) => "a jump begins".to_owned(),
        Some(Symbol::Out(_)) => "a byte of output".to_owned(),
        Some(Symbol::Trap) => "a trap".to_owned(),
        Some(token) if token.ends_instruction() => "the end of the instruction".to_owned(),
        Some(crate::machine::HALT) => "the end of the run".to_owned(),
        _ => "what no instruction generates".to_owned(),
    }
}

impl HeadRow {
    /// What it asked for.
    fn asks(&self) -> String {
        match self.key {
            Some(key) => number(key),
            None => format!("({}, {})", number(self.query[0]), number(self.query[1])),
        }
    }

    /// What it found.
    fn finds(&self) -> String {
        match (&self.token, &self.place) {
            (Some(token), Some(place)) => {
                format!("{} `{}` {}", self.position, shown::name(token), place.short())
            }
            _ => format!("several, {} on average", number(self.position)),
        }
    }

    /// What it gave.
    fn gives(&self) -> String {
        format!("{}, {}", number(self.output[0]), number(self.output[1]))
    }
}

impl Report {
    fn tell(&self, json: bool) -> Result<(), CliError> {
        if json {
            return report::json(self);
        }
        let name = |name: &str| format!("`{}`", shown::name(name));
        let mut text = format!(
            "position    {}: {}, {}\ninstruction {}",
            grouped(self.position),
            name(&self.token),
            self.part,
            self.place.sentence(&self.phrase),
        );
        text += &format!("\npredicted   {}, logit {}", name(&self.predicted), self.logit);
        if let Some((other, margin)) = self.runner_up.as_deref().zip(self.margin) {
            text += &format!(", {margin} above {}", name(other));
        }
        text += &format!("\n\n{}\n", self.table());
        report::print(&text)
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(["head", "kind", "asks for", "finds", "gives"]);
        for row in &self.heads {
            table.add_row([
                format!("{}.{}", row.layer, row.head),
                row.kind.to_owned(),
                row.asks(),
                row.finds(),
                row.gives(),
            ]);
        }
        table
    }
}

/// A number, no longer than it is readable.
fn number(number: f64) -> String {
    let rounded = (number * 1e4).round() / 1e4;
    if rounded.abs() < 1e15 { format!("{rounded}") } else { format!("{number:e}") }
}
