//! `hardmax trace`: what a trace holds, ranges of it, and conversion.

use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::report::{self, grouped};
use super::trace_file::{self, TraceFile};
use super::trace_output;
use super::{CliError, Verdict, inputs, outputs};
use crate::shown;

/// Show a trace or a part of it, or convert it between text and binary.
///
/// A binary trace (.hmt) names its model and program by digest, has checksums,
/// and takes a fraction of a byte to two bytes a token.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hardmax trace tests/vectors/reverse_ref.txt
  hardmax trace tests/vectors/reverse_ref.txt --range 186..200
  hardmax trace tests/vectors/reverse_ref.txt --output /tmp/reverse.hmt")]
pub struct TraceCommand {
    /// Trace file, text or binary, or - for standard input
    trace: PathBuf,
    /// Print the tokens at these positions, A..B without B
    #[arg(long, value_name = "A..B", value_parser = range, conflicts_with = "output")]
    range: Option<Range<u64>>,
    /// Write the trace there, in binary if the name ends in .hmt
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Model file, for the token ids of a text trace [default: the one in the binary]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The prompt that a text trace begins with, if that is no program: names of tokens, separated by
    /// white space
    #[arg(long, value_name = "FILE")]
    prompt: Option<PathBuf>,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
}

/// Most tokens of a range in one JSON object; without --json a range is written as it is read.
const MOST_IN_JSON: usize = 1 << 20;

/// `A..B`, either of which may be left out.
fn range(text: &str) -> Result<Range<u64>, String> {
    let (start, end) = text.split_once("..").ok_or("expected A..B")?;
    let number = |text: &str, otherwise| match text {
        "" => Ok(otherwise),
        text => text.parse().map_err(|error| format!("{text:?}: {error}")),
    };
    let (start, end) = (number(start, 0)?, number(end, u64::MAX)?);
    if start < end { Ok(start..end) } else { Err("A has to be less than B".into()) }
}

#[derive(Serialize)]
struct Report {
    trace: String,
    format: &'static str,
    prompt_tokens: u64,
    generated_tokens: u64,
    halted: bool,
    /// The position of the first token after the stop token, where there should be none.
    after_stop: Option<u64>,
    cut: bool,
    bytes: Option<u64>,
    model_digest: Option<String>,
    program_digest: Option<String>,
    output: Option<String>,
    /// The tokens that were asked for.
    tokens: Option<Vec<String>>,
}

impl TraceCommand {
    pub fn run(&self) -> Result<Verdict, CliError> {
        let read = [
            ("the trace", Some(&*self.trace)),
            ("the model", self.model.as_deref()),
            ("the prompt", self.prompt.as_deref()),
        ];
        outputs::check(self.output.as_deref(), &read)?;
        let model = inputs::model(self.model.as_deref())?;
        let known = self.prompt.as_deref().map(|path| inputs::prompt(path, model.vocabulary()));
        let mut file = TraceFile::open(&self.trace, &model, known.transpose()?.as_deref())?;
        let names = trace_file::names(&file, &model);
        if let (Some(range), false) = (&self.range, self.json) {
            return show(&mut file, &names, range).map(|()| Verdict::Done);
        }
        let mut asked = self.range.as_ref().map(|_| Vec::new());
        match &self.output {
            Some(target) => trace_output::convert(&mut file, &model, target)?,
            None => {
                while let Some(token) = file.next().transpose()? {
                    if let (Some(asked), Some(range)) = (&mut asked, &self.range)
                        && range.contains(&(file.taken() - 1))
                    {
                        if asked.len() == MOST_IN_JSON {
                            return Err(CliError::LongRange { limit: MOST_IN_JSON });
                        }
                        asked.push(names[token.index()].clone());
                    }
                }
            }
        }
        let tokens = file.taken();
        if let Some(range) = self.range.clone().filter(|range| range.start >= tokens) {
            return Err(out_of(range, &file));
        }
        let report = Report {
            trace: file.name().to_owned(),
            format: if file.header().is_some() { "binary" } else { "text" },
            prompt_tokens: file.prompt_tokens(),
            generated_tokens: tokens - file.prompt_tokens(),
            halted: file.halted(),
            after_stop: file.after_stop(),
            cut: file.is_cut(),
            bytes: file.progress().0,
            model_digest: file.header().map(|header| trace_file::hex(&header.model)),
            program_digest: file.header().map(|header| trace_file::hex(&header.program)),
            output: self.output.as_ref().map(|path| path.display().to_string()),
            tokens: asked,
        };
        report.tell(self.json).map(|()| Verdict::Done)
    }
}

/// Prints a range, a line for each instruction, with the position of its first
/// token. In the program an instruction's bytes follow it; later they precede its end.
fn show(file: &mut TraceFile, names: &[String], range: &Range<u64>) -> Result<(), CliError> {
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let prompt = file.prompt_tokens();
    let mut line_begins = true;
    while file.taken() < range.end
        && let Some(token) = file.next().transpose()?
    {
        let position = file.taken() - 1;
        if position < range.start {
            continue;
        }
        let name = shown::name(&names[token.index()]);
        let is_byte = file.tokenizer().symbol(token).is_some_and(|symbol| symbol.byte().is_some());
        let first = position == range.start;
        if !first && (position == prompt || line_begins || (position < prompt && !is_byte)) {
            writeln!(out).map_err(CliError::Stdout)?;
            line_begins = true;
        }
        let before = if line_begins { format!("{position}\t") } else { " ".into() };
        write!(out, "{before}{name}").map_err(CliError::Stdout)?;
        line_begins = position >= prompt && !is_byte;
    }
    if file.taken() <= range.start {
        return Err(out_of(range.clone(), file));
    }
    writeln!(out).and_then(|()| out.flush()).map_err(CliError::Stdout)
}

fn out_of(Range { start, end }: Range<u64>, file: &TraceFile) -> CliError {
    CliError::Range { path: file.name().to_owned(), start, end, tokens: file.taken() }
}

impl Report {
    fn tell(&self, json: bool) -> Result<(), CliError> {
        if json {
            return report::json(self);
        }
        let mut end = match (self.halted, self.after_stop) {
            (true, _) => "halted".to_owned(),
            (false, None) => "without the stop token".to_owned(),
            (false, Some(position)) => {
                format!("goes on after the stop token, from position {}", grouped(position))
            }
        };
        if self.cut {
            end += "; the file breaks off";
        }
        let mut text = format!(
            "trace       {}, {}\ntokens      {} of the prompt, {} generated, {end}\n",
            shown::path(&self.trace),
            self.format,
            grouped(self.prompt_tokens),
            grouped(self.generated_tokens),
        );
        let tokens = self.prompt_tokens + self.generated_tokens;
        if let Some(bytes) = self.bytes {
            let each = bytes as f64 / tokens as f64;
            text += &format!("size        {} bytes, {each:.2} a token\n", grouped(bytes));
        }
        for (name, digest) in [("model", &self.model_digest), ("program", &self.program_digest)] {
            if let Some(digest) = digest {
                text += &format!("{name:11} {digest}\n");
            }
        }
        if let Some(output) = &self.output {
            text += &format!("written     {}\n", shown::path(output));
        }
        report::print(&text)
    }
}
