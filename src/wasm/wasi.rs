//! WASI preview 1, for programs that export `_start`: what an import is, and what a program is given.
//!
//! Its functions are the runtime's (`runtime/wasi_*.c`), so the transformer runs them. What a program is given
//! is a payload that lies outside of its memory, for a C library takes all memory that there is. The payload is
//!
//! ```text
//! 256 zeros                                 with endless memory the cells of one that can grow lie there
//! count and bytes of the arguments          two words, the low byte first
//! count and bytes of the environment        two words
//! bytes of the standard input               a word
//! the arguments                             each ended by a 0, the program's name first
//! the environment                           NAME=VALUE, each ended by a 0
//! the standard input
//! ```
//!
//! Where there is none all of it reads as 0: no arguments, no environment, an empty input. The program leaves
//! its exit code in a local, right before it halts: four bytes, `commit(-1,sts=0,bt=0)`, `halt`, which no
//! other compiled program ends with ([`exit_code`]).

use super::error::{Result, WasmError};
use super::module::{Module, PAGE};
use super::outside::PAGES;
use super::{InputRoom, cells, runtime};
use crate::machine::{End, HALT, Op, Symbol};

/// Zeros before what a program is given. `input_base` begins below 2^32, and cells that lie from there on are
/// not to be written over.
const ZEROS: u64 = 256;

/// What a program of WASI is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Its arguments, the program's name first.
    pub arguments: Vec<Vec<u8>>,
    /// Its environment: `NAME=VALUE`.
    pub environment: Vec<Vec<u8>>,
    /// Its standard input.
    pub input: Vec<u8>,
}

impl Given {
    /// The payload that gives it to a program: what [`super::Compiled::with_input`] takes.
    pub fn payload(&self) -> Vec<u8> {
        let [arguments, environment] = [&self.arguments, &self.environment].map(|strings| {
            strings.iter().flat_map(|string| string.iter().copied().chain([0])).collect::<Vec<u8>>()
        });
        let words = [
            self.arguments.len(),
            arguments.len(),
            self.environment.len(),
            environment.len(),
            self.input.len(),
        ];
        let mut payload = vec![0; ZEROS as usize];
        payload.extend(words.iter().flat_map(|&word| (word as u32).to_le_bytes()));
        payload.extend([&arguments[..], &environment, &self.input].concat());
        payload
    }
}

/// The exit code of a run whose last tokens these are, if its program is one of WASI that ended.
pub fn exit_code(last: &[Symbol]) -> Option<u32> {
    let [.., a, b, c, d, end, HALT] = last else { return None };
    let End::Commit { depth, pushes } = Op::LocalSet.end() else { return None };
    let byte = |symbol: &Symbol| if let Symbol::Byte(byte) = symbol { Some(*byte) } else { None };
    let bytes = [byte(a)?, byte(b)?, byte(c)?, byte(d)?];
    let is_set = *end == Symbol::Commit { depth, pushes, branched: false };
    is_set.then(|| u32::from_le_bytes(bytes))
}

/// How many tokens [`exit_code`] looks at.
pub const EXIT_TOKENS: usize = 6;

/// The function of the runtime that an import is.
pub fn import(module: &str, name: &str) -> Option<u32> {
    let of = |room: &str| runtime::function(&format!("{room}.{name}"));
    match module {
        "wasi_snapshot_preview1" => of("wasi"),
        // The version before differs in the order of constants that have no effect here, and in two layouts.
        "wasi_unstable" => of("wasi_unstable").or_else(|| of("wasi")),
        _ => None,
    }
}

/// The address of the payload, whether there is one or not.
pub fn address(module: &Module, endless_memory: bool) -> u32 {
    u32::try_from(cells::end(module, endless_memory)).unwrap_or(u32::MAX)
}

/// Where what the program is given goes.
pub fn room(module: &Module, endless_memory: bool) -> Result<InputRoom> {
    let address = address(module, endless_memory);
    let over = cells::end(module, endless_memory) - u64::from(address);
    if over > ZEROS {
        let bytes = 4 * u64::from(module.global_words());
        let most = ZEROS.saturating_sub(over.saturating_sub(bytes));
        return Err(WasmError::TooManyGlobals { bytes, most });
    }
    if address == u32::MAX {
        // Behind all that there is.
        return Ok(InputRoom { address, capacity: u32::MAX });
    }
    let first_page = module.outside.first_page;
    let room = (first_page * PAGE).saturating_sub(u64::from(address) + 1);
    if room < ZEROS {
        let initial = module.memory.as_ref().map_or(0, |memory| memory.initial);
        return Err(WasmError::NoRoomOutside { pages: PAGES - first_page, initial });
    }
    Ok(InputRoom { address, capacity: room as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Symbol::Byte;

    #[test]
    fn what_is_given_has_its_lengths_before_it() {
        let given = Given {
            arguments: vec![b"a".to_vec(), b"bc".to_vec()],
            environment: vec![b"X=1".to_vec()],
            input: b"in".to_vec(),
        };
        let payload = given.payload();
        assert!(payload[..ZEROS as usize].iter().all(|&byte| byte == 0));
        let words = [2, 5, 1, 4, 2].map(u32::to_le_bytes).concat();
        assert_eq!(payload[ZEROS as usize..], [&words[..], b"a\0bc\0X=1\0in"].concat());
    }

    #[test]
    fn an_exit_code_is_what_is_set_right_before_the_end() {
        let set = Symbol::Commit { depth: -1, pushes: false, branched: false };
        let bytes = [Byte(1), Byte(2), Byte(0), Byte(0)];
        let run = |end| [&bytes[..], &[end, HALT]].concat();
        assert_eq!(exit_code(&run(set)), Some(0x201));
        assert_eq!(exit_code(&run(Symbol::ReturnCommit)), None);
        assert_eq!(exit_code(&[set, HALT]), None);
    }
}
