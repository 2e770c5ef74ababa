//! The tokens of a trace, or a part of them, as lines.

use std::collections::VecDeque;
use std::io::{BufWriter, Stdout, Write};
use std::ops::Range;

use super::CliError;
use super::annotation::{Annotation, Annotator, COLUMNS, Standing};
use super::trace_file::TraceFile;
use crate::model::Token;
use crate::shown;

/// Which tokens.
#[derive(Clone, Debug)]
pub enum Part {
    /// Those at these positions.
    Range(Range<u64>),
    /// The last so many.
    Tail(usize),
}

/// A token that is listed.
#[derive(Clone, Copy)]
struct Item {
    position: u64,
    token: Token,
    /// Whether it begins an instruction.
    begins: bool,
    standing: Option<Standing>,
}

/// Calls `each` for the tokens of a part of a trace, in their order.
fn select<'a>(
    file: &mut TraceFile,
    part: &Part,
    mut annotator: Option<&mut Annotator<'a>>,
    mut each: impl FnMut(Item, Option<&Annotator<'a>>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let prompt = file.prompt_tokens();
    let mut last = VecDeque::new();
    let mut begins = true;
    while !matches!(part, Part::Range(range) if file.taken() >= range.end)
        && let Some(token) = file.next().transpose()?
    {
        let position = file.taken() - 1;
        let symbol = file.tokenizer().symbol(token);
        let standing = annotator.as_mut().map(|annotator| annotator.take(symbol));
        // In the program an instruction's bytes follow it; later they precede its end.
        let is_byte = symbol.is_some_and(|symbol| symbol.byte().is_some());
        let begins_here = begins || position == prompt || (position < prompt && !is_byte);
        begins = position >= prompt && !is_byte;
        let item = Item { position, token, begins: begins_here, standing };
        match part {
            Part::Range(range) if range.contains(&position) => each(item, annotator.as_deref())?,
            Part::Range(_) => {}
            Part::Tail(count) => {
                if last.len() == *count {
                    last.pop_front();
                }
                last.push_back(item);
            }
        }
    }
    if let Part::Range(Range { start, end }) = *part
        && file.taken() <= start
    {
        let (path, tokens) = (file.name().to_owned(), file.taken());
        return Err(CliError::Range { path, start, end, tokens });
    }
    last.into_iter().try_for_each(|item| each(item, annotator.as_deref()))
}

/// Prints a part: a line for each instruction, with the position of its first token; or, with what stands
/// beside them, one for each token.
pub fn print(
    file: &mut TraceFile,
    names: &[String],
    part: &Part,
    mut annotator: Option<Annotator>,
) -> Result<(), CliError> {
    let mut out = BufWriter::new(std::io::stdout());
    if annotator.is_some() {
        writeln!(out, "position\ttoken\t{COLUMNS}").map_err(CliError::Stdout)?;
    }
    let mut first = true;
    let mut line = |item: Item, annotator: Option<&Annotator>, out: &mut BufWriter<Stdout>| {
        let name = shown::name(&names[item.token.index()]);
        let was_first = std::mem::take(&mut first);
        match annotator.zip(item.standing) {
            Some((annotator, standing)) => {
                let columns = annotator.annotation(standing).columns();
                writeln!(out, "{}\t{name}\t{columns}", item.position)
            }
            None if was_first => write!(out, "{}\t{name}", item.position),
            None if item.begins => write!(out, "\n{}\t{name}", item.position),
            None => write!(out, " {name}"),
        }
    };
    select(file, part, annotator.as_mut(), |item, annotator| {
        line(item, annotator, &mut out).map_err(CliError::Stdout)
    })?;
    if annotator.is_none() {
        writeln!(out).map_err(CliError::Stdout)?;
    }
    out.flush().map_err(CliError::Stdout)
}

/// The names of a part's tokens, and what stands beside them; no more than `most`.
pub fn collect(
    file: &mut TraceFile,
    names: &[String],
    part: &Part,
    mut annotator: Option<Annotator>,
    most: usize,
) -> Result<(Vec<String>, Option<Vec<Annotation>>), CliError> {
    let mut tokens = Vec::new();
    let mut places = annotator.as_ref().map(|_| Vec::new());
    select(file, part, annotator.as_mut(), |item, annotator| {
        if tokens.len() == most {
            return Err(CliError::LongRange { limit: most });
        }
        tokens.push(names[item.token.index()].clone());
        if let (Some(places), Some(annotator), Some(standing)) =
            (&mut places, annotator, item.standing)
        {
            places.push(annotator.annotation(standing));
        }
        Ok(())
    })?;
    Ok((tokens, places))
}
