//! What a program is given: its input; and if it is one of WASI its arguments and environment, too.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{CliError, inputs};
use crate::wasm::wasi;

/// The input of a program.
#[derive(Debug, Default, Args)]
pub struct GivenInput {
    /// The input, as text: for a program of WASI its standard input [default: the bundled program's own,
    /// else none]
    #[arg(long, value_name = "STRING", allow_hyphen_values = true)]
    #[arg(conflicts_with_all = ["input", "input_hex", "invoke"])]
    args: Option<String>,
    /// The input, from a file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["input_hex", "invoke"])]
    pub input: Option<PathBuf>,
    /// The input, as hexadecimal digits
    #[arg(long, value_name = "HEX", conflicts_with = "invoke")]
    input_hex: Option<String>,
    /// A variable of the environment of a program of WASI; again for more
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable, conflicts_with = "invoke")]
    env: Vec<String>,
    /// Arguments of a program of WASI, behind its name, which is that of its file without the ending
    #[arg(index = 2, last = true, value_name = "ARG", conflicts_with = "invoke")]
    arguments: Vec<OsString>,
}

impl GivenInput {
    /// The bytes of the input, if it is given.
    pub fn read(&self) -> Result<Option<Vec<u8>>, CliError> {
        Ok(match (&self.args, &self.input, &self.input_hex) {
            (Some(text), _, _) => Some(text.clone().into_bytes()),
            (_, Some(path), _) => Some(inputs::read(path)?),
            (_, _, Some(digits)) => Some(hex(digits)?),
            _ => None,
        })
    }

    /// What a program of WASI in this file is given, with what [`GivenInput::read`] gave: a pipe can be read
    /// once.
    pub fn of_wasi(&self, path: &Path, input: Option<Vec<u8>>) -> wasi::Given {
        let name = path.file_stem().unwrap_or(path.as_os_str());
        let arguments = [name].into_iter().chain(self.arguments.iter().map(OsString::as_os_str));
        wasi::Given {
            arguments: arguments.map(|argument| argument.as_encoded_bytes().to_vec()).collect(),
            environment: self.env.iter().map(|variable| variable.clone().into_bytes()).collect(),
            input: input.unwrap_or_default(),
        }
    }

    /// The flag by which an input is given, if one is.
    pub fn flag(&self) -> Option<&'static str> {
        match self {
            GivenInput { args: Some(_), .. } => Some("--args"),
            GivenInput { input: Some(_), .. } => Some("--input"),
            GivenInput { input_hex: Some(_), .. } => Some("--input-hex"),
            _ => self.wasi_flag(),
        }
    }

    /// What is given that only programs of WASI take, if something is.
    pub fn wasi_flag(&self) -> Option<&'static str> {
        match (&self.env[..], &self.arguments[..]) {
            ([_, ..], _) => Some("--env"),
            (_, [_, ..]) => Some("-- ARG..."),
            _ => None,
        }
    }
}

/// A name, `=`, and a value.
fn variable(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("a variable is NAME=VALUE".into()),
    }
}

/// Bytes from pairs of hexadecimal digits, with blanks where they please.
fn hex(digits: &str) -> Result<Vec<u8>, CliError> {
    let digits: Vec<char> = digits.chars().filter(|digit| !digit.is_whitespace()).collect();
    let value = |digit: char| digit.to_digit(16).ok_or(CliError::HexDigit { digit });
    let values = digits.iter().map(|&digit| value(digit)).collect::<Result<Vec<u32>, _>>()?;
    if !values.len().is_multiple_of(2) {
        return Err(CliError::HexLength { digits: values.len() });
    }
    Ok(values.chunks(2).map(|pair| (16 * pair[0] + pair[1]) as u8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_input_is_pairs_of_digits() {
        assert_eq!(hex("00 fF7e").unwrap(), [0, 255, 126]);
        assert!(hex("0").is_err() && hex("0g").is_err());
    }

    #[test]
    fn a_variable_has_a_name() {
        assert!(variable("A=").is_ok() && variable("A=B=C").is_ok());
        assert!(variable("A").is_err() && variable("=B").is_err());
    }
}
