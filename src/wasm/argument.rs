//! Arguments of exports: numbers as people write them, or bits.

use wasmparser::ValType;

use super::Argument;
use super::assembler::Assembler;
use super::types::{Width, width};

/// Pushes an argument of this type; nothing if it is no value of the type.
pub fn push(asm: &mut Assembler, argument: &Argument, ty: ValType) -> Option<()> {
    let bits = bits(argument, ty)?;
    let width = width(ty, String::new, 0).ok()?;
    if width == Width::Four {
        u32::try_from(bits).ok()?;
    }
    asm.constant_as(width, bits);
    Some(())
}

fn bits(argument: &Argument, ty: ValType) -> Option<u64> {
    let text = match argument {
        Argument::Bits(bits) => return Some(*bits),
        Argument::Written(text) => text,
    };
    Some(match ty {
        ValType::I32 => u64::from(integer(text, 32)? as u32),
        ValType::I64 => integer(text, 64)?,
        ValType::F32 => u64::from(text.parse::<f32>().ok()?.to_bits()),
        ValType::F64 => text.parse::<f64>().ok()?.to_bits(),
        ValType::Ref(_) => (text == "null").then_some(0)?,
        ValType::V128 => return None,
    })
}

/// A number of so many bits, signed or unsigned, decimal or hexadecimal.
fn integer(text: &str, bits: u32) -> Option<u64> {
    let (minus, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (radix, digits) = match digits.strip_prefix("0x") {
        Some(digits) => (16, digits),
        None => (10, digits),
    };
    // Parsing a number admits a sign, which stood before the prefix if at all.
    digits.starts_with(|first: char| first.is_ascii_hexdigit()).then_some(())?;
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    let most = if minus { 1 << (bits - 1) } else { u64::MAX >> (64 - bits) };
    let value = if minus { magnitude.wrapping_neg() } else { magnitude };
    (magnitude <= most).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_bits_of_their_type_and_others_are_refused() {
        let written = |text: &str, ty| bits(&Argument::Written(text.into()), ty);
        assert_eq!(written("-1", ValType::I32), Some(0xffff_ffff));
        assert_eq!(written("-1", ValType::I64), Some(u64::MAX));
        assert_eq!(written("1.5", ValType::F32), Some(0x3fc0_0000));
        assert_eq!(written("-inf", ValType::F64), Some(0xfff0_0000_0000_0000));
        assert_eq!(written("4294967296", ValType::I32), None);
        assert_eq!(written("1.5", ValType::I64), None);
        assert_eq!(written("1", ValType::V128), None);
    }

    #[test]
    fn integers_have_their_bits_with_or_without_a_sign() {
        let value = |text| integer(text, 32).map(|value| value as u32 as i32);
        assert_eq!(value("-2147483648"), Some(i32::MIN));
        assert_eq!(value("4294967295"), Some(-1));
        assert_eq!(value("0xffffffff"), Some(-1));
        assert_eq!(value("-0x10"), Some(-16));
        for wrong in ["", "-", "0x", "+1", "0x+1", "--1", "1.5", "4294967296", "-2147483649"] {
            assert_eq!(value(wrong), None, "{wrong}");
        }
        assert_eq!(integer("-9223372036854775808", 64), Some(1 << 63));
        assert_eq!(integer("0xffffffffffffffff", 64), Some(u64::MAX));
        assert_eq!(integer("-9223372036854775809", 64), None);
    }

    #[test]
    fn bits_of_eight_bytes_are_no_i32() {
        let mut asm = Assembler::default();
        assert_eq!(push(&mut asm, &Argument::Bits(1 << 32), ValType::I32), None);
        assert_eq!(push(&mut asm, &Argument::Bits(1 << 32), ValType::I64), Some(()));
    }
}
