//! Arguments and results: values of a script, and what a program writes of them.

use std::fmt;

use wast::core::{NanPattern, WastArgCore, WastRetCore};
use wast::{WastArg, WastRet};

use crate::wasm::Argument;

/// What a program writes of a reference that is null.
const NULL: &str = "0";

/// What a result must be, as a line.
#[derive(Clone, Debug)]
pub enum Expected {
    /// This.
    Line(String),
    /// A NaN with this many digits, whose first, behind the sign, has the bits that each has;
    /// canonical if no others are set.
    Nan { digits: usize, canonical: bool },
    /// Any reference but null.
    Reference,
    /// One of these.
    Either(Vec<Expected>),
}

impl Expected {
    /// Whether a line is what it must be.
    pub fn is(&self, line: &str) -> bool {
        match self {
            Expected::Line(expected) => line == expected,
            Expected::Reference => line != NULL,
            Expected::Either(all) => all.iter().any(|one| one.is(line)),
            Expected::Nan { digits, canonical } => {
                let (all, quiet) = match digits {
                    8 => (0x7f80_0000, 0x0040_0000),
                    _ => (0x7ff0_0000_0000_0000, 0x0008_0000_0000_0000u64),
                };
                let bits = line.strip_prefix("0x").filter(|hex| hex.len() == *digits);
                let bits = bits.and_then(|hex| u64::from_str_radix(hex, 16).ok());
                let sign = 1 << (4 * digits - 1);
                bits.is_some_and(|bits| match canonical {
                    true => bits & !sign == all | quiet,
                    false => bits & (all | quiet) == all | quiet,
                })
            }
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Line(line) => f.write_str(line),
            Expected::Nan { canonical: true, .. } => f.write_str("nan:canonical"),
            Expected::Nan { canonical: false, .. } => f.write_str("nan:arithmetic"),
            Expected::Reference => f.write_str("a reference"),
            Expected::Either(all) => {
                let all: Vec<String> = all.iter().map(Expected::to_string).collect();
                write!(f, "either {}", all.join(" or "))
            }
        }
    }
}

/// The arguments, if none is a vector.
pub fn arguments(args: &[WastArg]) -> Option<Vec<Argument>> {
    let value = |arg: &WastArg| match arg {
        WastArg::Core(WastArgCore::I32(value)) => Some((*value).into()),
        WastArg::Core(WastArgCore::I64(value)) => Some((*value).into()),
        WastArg::Core(WastArgCore::F32(value)) => Some(Argument::Bits(value.bits.into())),
        WastArg::Core(WastArgCore::F64(value)) => Some(Argument::Bits(value.bits)),
        WastArg::Core(WastArgCore::RefNull(_)) => Some(Argument::Bits(0)),
        // A reference is one more than what it is called.
        WastArg::Core(WastArgCore::RefExtern(name)) => Some(Argument::Bits(u64::from(*name) + 1)),
        _ => None,
    };
    args.iter().map(value).collect()
}

/// The results, if none is a vector.
pub fn results(results: &[WastRet]) -> Option<Vec<Expected>> {
    let value = |result: &WastRet| match result {
        WastRet::Core(result) => of(result),
        _ => None,
    };
    results.iter().map(value).collect()
}

fn of(result: &WastRetCore) -> Option<Expected> {
    let nan = |digits, canonical| Expected::Nan { digits, canonical };
    Some(match result {
        WastRetCore::I32(value) => Expected::Line(value.to_string()),
        WastRetCore::I64(value) => Expected::Line(value.to_string()),
        WastRetCore::F32(NanPattern::CanonicalNan) => nan(8, true),
        WastRetCore::F32(NanPattern::ArithmeticNan) => nan(8, false),
        WastRetCore::F32(NanPattern::Value(value)) => {
            Expected::Line(format!("{:#010x}", value.bits))
        }
        WastRetCore::F64(NanPattern::CanonicalNan) => nan(16, true),
        WastRetCore::F64(NanPattern::ArithmeticNan) => nan(16, false),
        WastRetCore::F64(NanPattern::Value(value)) => {
            Expected::Line(format!("{:#018x}", value.bits))
        }
        WastRetCore::RefNull(_) => Expected::Line(NULL.into()),
        WastRetCore::RefExtern(Some(name)) => Expected::Line((u64::from(*name) + 1).to_string()),
        WastRetCore::RefExtern(None) | WastRetCore::RefFunc(_) => Expected::Reference,
        WastRetCore::Either(all) => {
            Expected::Either(all.iter().map(of).collect::<Option<Vec<_>>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nans_are_told_apart_by_their_bits() {
        let canonical = Expected::Nan { digits: 8, canonical: true };
        let arithmetic = Expected::Nan { digits: 8, canonical: false };
        for (line, is_canonical, is_arithmetic) in [
            ("0x7fc00000", true, true),
            ("0xffc00000", true, true),
            ("0x7fc00001", false, true),
            ("0x7f800001", false, false),
            ("0x7f800000", false, false),
            ("2143289344", false, false),
            ("0x7ff8000000000000", false, false),
        ] {
            assert_eq!(canonical.is(line), is_canonical, "{line}");
            assert_eq!(arithmetic.is(line), is_arithmetic, "{line}");
        }
    }
}
