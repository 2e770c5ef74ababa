//! `hardmax trace`: what a trace holds, ranges of it, and conversion.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, value_parser};
use serde::Serialize;

use super::annotation::{AnnotateBy, Annotation, Annotator};
use super::places::program_of;
use super::report::{self, grouped};
use super::trace_file::{self, TraceFile};
use super::trace_listing::{self, Part};
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
  hardmax trace tests/vectors/reverse_ref.txt --tail 20
  hardmax trace tests/vectors/reverse_ref.txt --annotate tests/vectors/reverse.txt --tail 20
  hardmax oracle programs/gcd.wat --trace /tmp/gcd.hmt --invoke gcd 84 36
  hardmax trace /tmp/gcd.hmt --annotate programs/gcd.wat --invoke gcd 84 36
  hardmax trace tests/vectors/reverse_ref.txt --output /tmp/reverse.hmt")]
pub struct TraceCommand {
    /// Trace file, text or binary, or - for standard input
    trace: PathBuf,
    /// Print the tokens at these positions, A..B without B
    #[arg(long, value_name = "A..B", value_parser = range, conflicts_with = "output")]
    range: Option<Range<u64>>,
    /// Print the last N tokens
    #[arg(long, value_name = "N", conflicts_with_all = ["range", "output"])]
    #[arg(value_parser = value_parser!(u32).range(1..=MOST_OF_TAIL))]
    tail: Option<u32>,
    #[command(flatten)]
    annotate: AnnotateBy,
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

/// Most tokens of a tail: they are kept until it is known that they are the last.
const MOST_OF_TAIL: i64 = 1 << 24;

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
    /// The tokens that were asked for, and what stands beside each.
    tokens: Option<Vec<String>>,
    places: Option<Vec<Annotation>>,
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
        let resolved = self.annotate.source.as_ref().map(|source| source.resolve()).transpose()?;
        // With the input that the trace has, which need not be the one of the source.
        let program = match (&resolved, &self.annotate.source) {
            (Some(resolved), Some(source)) => {
                Some(program_of(&resolved.program, source.path(), &file)?)
            }
            _ => None,
        };
        let annotator = resolved.as_ref().zip(program.as_ref()).map(|(resolved, program)| {
            Annotator::new(program, &resolved.compiled, file.prompt_tokens())
        });
        let part = self.part();
        if let (Some(part), false) = (&part, self.json) {
            return trace_listing::print(&mut file, &names, part, annotator)
                .map(|()| Verdict::Done);
        }
        let asked = match (&self.output, &part) {
            (Some(target), _) => {
                trace_output::convert(&mut file, &model, target)?;
                None
            }
            (None, Some(part)) => {
                Some(trace_listing::collect(&mut file, &names, part, annotator, MOST_IN_JSON)?)
            }
            (None, None) => None,
        };
        while file.next().transpose()?.is_some() {}
        let tokens = file.taken();
        let (asked, places) = asked.unzip();
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
            places: places.flatten(),
        };
        report.tell(self.json).map(|()| Verdict::Done)
    }

    /// The tokens that are listed; all, where they are annotated and nothing else is said.
    fn part(&self) -> Option<Part> {
        match (&self.range, self.tail) {
            (Some(range), _) => Some(Part::Range(range.clone())),
            (None, Some(count)) => Some(Part::Tail(count as usize)),
            (None, None) => self.annotate.source.as_ref().map(|_| Part::Range(0..u64::MAX)),
        }
    }
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
