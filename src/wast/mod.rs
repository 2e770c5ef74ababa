//! Scripts of WebAssembly's test suite, `.wast`: modules, and what must hold of them.
//!
//! State outlives a call in a script, so all that is done with an instance, and with those that share
//! something with it, runs as *one* program, in order ([`crate::wasm::link`]), each call writing its
//! results. A call that is expected to trap ends a program: it is executed behind all that came before it
//! and did not trap, and is not repeated for what follows. Of an instantiation that traps the elements
//! and the data are written for what follows. So an assertion that depends on what a *call* had changed
//! before it trapped would show as a failure.
//!
//! - *passed*: the assertion holds; of a trap, and of what must not link, in the specification's words
//! - *refused*: it needs what programs do not have, and the compiler said so, of it or of what its instance had to
//!   do before
//! - *failed*: anything else
//!
//! | | |
//! |---|---|
//! | `script` | directives, in order |
//! | `check` | programs, out of what was asked, and whether the answers are right |
//! | `expected` | arguments and results |

mod check;
mod expected;
mod script;

use wast::Wast;
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};

use crate::machine::Symbol;
use crate::oracle::Stopped;
use crate::program::Program;
use script::Script;

/// What came of the assertions of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many hold.
    pub passed: usize,
    /// Those that need what programs do not have.
    pub refused: Vec<Finding>,
    /// Those that do not hold.
    pub failed: Vec<Finding>,
    /// Tokens of the programs that were executed.
    pub tokens: u64,
}

/// An assertion that does not hold, or nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line of the script, from 1.
    pub line: usize,
    /// Why.
    pub message: String,
}

/// What executes a program: gives each generated token to a function, and says how it ended.
pub type Execute<'e> = dyn Fn(&Program, &mut dyn FnMut(Symbol)) -> Result<Stopped, String> + 'e;

/// How scripts are executed.
pub struct Options<'e> {
    /// By what.
    pub execute: &'e Execute<'e>,
    /// For machines that do not know the size of memory: there accesses beyond its end do not trap, and what is
    /// to trap is not asked.
    pub endless_memory: bool,
}

/// Runs a script; or says why it is none, with the line.
pub fn run(text: &str, options: &Options) -> Result<Report, Finding> {
    let finding = |error: wast::Error| {
        let (line, column) = error.span().linecol_in(text);
        Finding { line: line + 1, message: format!("column {}: {}", column + 1, error.message()) }
    };
    let mut lexer = Lexer::new(text);
    // Names of the suite are any characters at all.
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).map_err(finding)?;
    let Wast { directives } = parser::parse(&buffer).map_err(finding)?;
    let mut script = Script::new(options);
    for directive in directives {
        let line = directive.span().linecol_in(text).0 + 1;
        script.directive(directive, line);
    }
    Ok(script.finish())
}
