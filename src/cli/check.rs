//! Comparing a run with a reference trace, token for token.

use serde::Serialize;

use crate::machine::Symbol;
use crate::program::Trace;

/// The first difference of two traces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Position in the trace, from 0.
    pub position: usize,
    /// The reference's token, `None` where it has ended.
    pub expected: Option<String>,
    /// The run's token, `None` where it has ended.
    pub got: Option<String>,
}

impl Mismatch {
    /// As a sentence.
    pub fn sentence(&self) -> String {
        let name = |token: &Option<String>| match token {
            Some(token) => format!("`{token}`"),
            None => "the end of the trace".into(),
        };
        let Mismatch { position, expected, got } = self;
        format!("position {position}: expected {}, got {}", name(expected), name(got))
    }
}

/// The first position at which prompt and generated tokens differ from the
/// reference, lengths included.
pub fn compare(
    reference: &Trace,
    prompt: &[Symbol],
    generated: impl Iterator<Item = Symbol>,
) -> Option<Mismatch> {
    let expected_prompt = reference.program.prompt();
    let mut expected = expected_prompt.iter().chain(&reference.generated).copied();
    let mut got = prompt.iter().copied().chain(generated);
    for position in 0.. {
        match (expected.next(), got.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let name = |symbol: Option<Symbol>| symbol.map(|symbol| symbol.to_string());
                return Some(Mismatch { position, expected: name(a), got: name(b) });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::text::parse_trace;

    #[test]
    fn any_difference_is_found_at_its_place() {
        let reference = parse_trace(b"{ halt 00 00 00 00 } 00 ff halt").unwrap();
        let prompt = reference.program.prompt();
        let found = |generated: &[Symbol]| {
            let generated = generated.iter().copied();
            compare(&reference, &prompt, generated).map(|mismatch| mismatch.sentence())
        };
        let [a, b, c] = [reference.generated[0], reference.generated[1], reference.generated[2]];
        assert_eq!(found(&[a, b, c]), None);
        assert_eq!(found(&[a, a, c]).unwrap(), "position 8: expected `ff`, got `00`");
        assert_eq!(found(&[a]).unwrap(), "position 8: expected `ff`, got the end of the trace");
        assert_eq!(
            found(&[a, b, c, c]).unwrap(),
            "position 10: expected the end of the trace, got `halt`"
        );
    }
}
