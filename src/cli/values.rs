//! What flags may be set to where the library says what there is.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::engine::Attention;
use crate::engine::verify::Method;

/// A number of tokens, as people write it: 5000, 1_000_000, 10k, 2G.
pub fn tokens(text: &str) -> Result<u64, String> {
    let number = parse_size::parse_size(text);
    number.map_err(|error| format!("{error}; a number of tokens is 5000, 1_000_000, 10k, 2G"))
}

impl ValueEnum for Attention {
    fn value_variants<'a>() -> &'a [Attention] {
        Attention::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Attention::Hull => "Every head by its convex hull, whatever its kind",
            Attention::Brute => "Every head by a scan over all positions",
            Attention::Kinds => {
                "Every head as its kind allows, and heads without effect not at all"
            }
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

/// Of a whole trace: a sample is asked for by its size.
impl ValueEnum for Method {
    fn value_variants<'a>() -> &'a [Method] {
        &[Method::Sparse, Method::Dgemm, Method::Plan]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Method::Dgemm => {
                "Dense products over many positions at once, as the model's format defines it"
            }
            Method::Sparse => "Products of the weights that are not 0, over many positions at once",
            Method::Spot => return None,
            Method::Plan => {
                "The model compiled to the few operations that matter, on several threads"
            }
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}
