//! What flags may be set to where the library says what there is.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::engine::Attention;

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
