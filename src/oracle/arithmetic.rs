//! The results of the native arithmetic, and the digits it notes on the way, each
//! straight from its definition.

use crate::machine::Op;

/// The result of an instruction with two operands, the second on top; none where
/// it traps.
pub fn binary(op: Op, a: u32, b: u32) -> Option<u32> {
    let count = b % 32;
    Some(match op {
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
        Op::Shl => a << count,
        Op::ShrU => a >> count,
        Op::ShrS => (a.cast_signed() >> count).cast_unsigned(),
        Op::Rotl => a.rotate_left(count),
        Op::Rotr => a.rotate_right(count),
        Op::Mul => a.wrapping_mul(b),
        Op::DivU => return a.checked_div(b),
        Op::RemU => return a.checked_rem(b),
        _ => unreachable!("{} has not two operands and a result", op.name()),
    })
}

/// The digits that stand before the result's bytes. A divisor is not 0 here.
pub fn digits(op: Op, a: u32, b: u32) -> Vec<u16> {
    match op {
        Op::Mul => carries(a, b).to_vec(),
        Op::DivU | Op::RemU => (a / b).to_be_bytes().map(u16::from).to_vec(),
        _ => Vec::new(),
    }
}

/// c_i = floor(S_i / 256) with S_i = Σ_{j ≤ i} a_j·b_(i-j) + c_(i-1).
fn carries(a: u32, b: u32) -> [u16; 4] {
    let (a, b) = (a.to_le_bytes().map(u32::from), b.to_le_bytes().map(u32::from));
    let mut carry = 0;
    [0, 1, 2, 3].map(|i| {
        let sum: u32 = (0..=i).map(|j| a[j] * b[i - j]).sum::<u32>() + carry;
        carry = sum / 256;
        carry as u16
    })
}

/// The carries from one byte to the next of the upper half of a product, of which the first is `carry`, and the half:
/// what a_j·b_k with j + k > 3 add up to.
pub fn upper(a: u32, b: u32, carry: u16) -> ([u16; 4], u32) {
    let (a, b) = (a.to_le_bytes().map(u32::from), b.to_le_bytes().map(u32::from));
    let mut carries = [carry, 0, 0, 0];
    let mut bytes = [0; 4];
    for m in 0..4 {
        let products: u32 = (m + 1..4).map(|j| a[j] * b[4 + m - j]).sum();
        let sum = products + u32::from(carries[m]);
        bytes[m] = sum as u8;
        if let Some(next) = carries.get_mut(m + 1) {
            *next = (sum / 256) as u16;
        }
    }
    (carries, u32::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{DIGITS, Instruction, Symbol};
    use crate::oracle::{Stopped, trace};
    use crate::program::Program;

    /// The tokens of `a op b`, without those of the two constants.
    fn run(op: Op, operands: &[u32]) -> (Vec<String>, Stopped) {
        let mut code: Vec<Instruction> =
            operands.iter().map(|&v| Instruction::new(Op::Const, v)).collect();
        code.extend([Instruction::new(op, 0), Instruction::new(Op::Halt, 0)]);
        let program = Program::new(code, Vec::new()).unwrap();
        let (tokens, stopped) = trace(&program, u64::MAX).unwrap();
        (tokens[5 * operands.len()..].iter().map(Symbol::to_string).collect(), stopped)
    }

    #[test]
    fn a_product_notes_its_carries_and_then_its_bytes() {
        let (tokens, _) = run(Op::Mul, &[0xffff_ffff, 0xffff_ffff]);
        let expected = "d(254) d(509) d(764) d(1019) 01 00 00 00 commit(-1,sts=1,bt=0) halt";
        assert_eq!(tokens.join(" "), expected);
    }

    #[test]
    fn an_upper_half_goes_on_from_the_last_carry_of_the_lower_one() {
        let samples = [0, 1, 255, 256, 0x1234_5678, 0x8000_0000, 0xdead_beef, u32::MAX];
        for (a, b) in samples.iter().flat_map(|&a| samples.map(|b| (a, b))) {
            let (digits, half) = upper(a, b, carries(a, b)[3]);
            assert_eq!(u64::from(half), (u64::from(a) * u64::from(b)) >> 32);
            assert!(digits.iter().all(|&digit| digit < DIGITS));
        }
    }

    #[test]
    fn an_upper_half_never_wraps_whatever_digit_was_written_before() {
        // No product, and no quotient, has a digit beyond this.
        let greatest = carries(u32::MAX, u32::MAX)[3];
        let samples = [0, 1, 255, 256, 0x1234_5678, 0x8000_0000, 0xdead_beef, u32::MAX];
        for (a, b) in samples.iter().flat_map(|&a| samples.map(|b| (a, b))) {
            let own = carries(a, b)[3];
            let (digits, half) = upper(a, b, greatest);
            let product = (u64::from(a) * u64::from(b)) >> 32;
            assert_eq!(u64::from(half), product + u64::from(greatest - own));
            assert!(digits.iter().all(|&digit| digit <= greatest));
        }
    }

    #[test]
    fn the_greatest_carry_is_a_digit() {
        assert!(carries(u32::MAX, u32::MAX).iter().all(|&carry| carry < DIGITS));
    }

    #[test]
    fn a_product_is_what_its_carries_say() {
        let samples = [0, 1, 255, 256, 0x1234_5678, 0x8000_0000, 0xdead_beef, u32::MAX];
        for (a, b) in samples.iter().flat_map(|&a| samples.map(|b| (a, b))) {
            let (x, y) = (a.to_le_bytes(), b.to_le_bytes());
            let c = carries(a, b);
            let bytes = [0, 1, 2, 3].map(|i: usize| {
                let sum: u32 = (0..=i).map(|j| u32::from(x[j]) * u32::from(y[i - j])).sum();
                let carried = if i == 0 { 0 } else { u32::from(c[i - 1]) };
                u8::try_from(sum + carried - 256 * u32::from(c[i])).unwrap()
            });
            assert_eq!(Some(u32::from_le_bytes(bytes)), binary(Op::Mul, a, b));
        }
    }

    #[test]
    fn quotient_and_remainder_note_the_quotient_highest_digit_first() {
        let (tokens, _) = run(Op::DivU, &[0x0403_0201, 1]);
        assert_eq!(tokens.join(" "), "d(4) d(3) d(2) d(1) 01 02 03 04 commit(-1,sts=1,bt=0) halt");
        let (tokens, _) = run(Op::RemU, &[1007, 1000]);
        assert_eq!(tokens.join(" "), "d(0) d(0) d(0) d(1) 07 00 00 00 commit(-1,sts=1,bt=0) halt");
    }

    #[test]
    fn division_by_zero_and_unreachable_trap_and_halt() {
        for (op, operands) in [(Op::DivU, &[1, 0][..]), (Op::RemU, &[1, 0]), (Op::Unreachable, &[])]
        {
            assert_eq!(run(op, operands), (vec!["trap".into(), "halt".into()], Stopped::Trapped));
        }
    }

    #[test]
    fn counts_are_taken_modulo_32() {
        for op in [Op::Shl, Op::ShrU, Op::ShrS, Op::Rotl, Op::Rotr] {
            for count in 0..32 {
                let a = 0x8765_4321;
                assert_eq!(binary(op, a, count), binary(op, a, count + 32));
            }
            assert_eq!(binary(op, 0x8765_4321, 64), Some(0x8765_4321));
        }
    }

    #[test]
    fn the_sign_fills_and_what_leaves_comes_back() {
        assert_eq!(binary(Op::ShrS, 0x8000_0000, 31), Some(u32::MAX));
        assert_eq!(binary(Op::Rotl, 0x8000_0001, 1), Some(3));
    }
}
