//! A growing list of numbers, packed but for what was written or read of late.
//!
//! What heads look up stands mostly near the end: an operand was pushed some tokens ago.
//! So numbers are written to an open page as they are. A page that is full is *packed*, and a few
//! pages that were in use lately are kept as numbers, too. To unpack one takes up to 45
//! microseconds; a page that was unpacked [`MAX_UNPACKED`] times is no longer compressed, so that
//! this is at most 45 nanoseconds for each number, whatever heads ask for. What comes back
//! is always what was written.
//!
//! Packing knows nothing of what numbers mean. If all of a page are whole it takes the
//! least from each, otherwise it takes their bits; then all lowest bytes stand side by side, all
//! second-lowest, and so on up to the last that is not zero everywhere, and these *planes* are
//! compressed. Bits, bytes and addresses leave most planes empty. The bytes of a value as it is
//! written token by token move from plane to plane, position by position, so that all planes but
//! one are copies.

use lz4_flex::block;

/// Numbers of a page: so many loop iterations of a program that they repeat themselves, and so few
/// that one is unpacked in the time of some tokens.
const PAGE: usize = 1 << 12;

/// Pages that are kept as numbers, half a megabyte.
const KEPT: usize = 16;

/// After so many times it pays to keep a page's planes as they are.
const MAX_UNPACKED: u8 = 4;

/// A growing list of numbers. The sign of a zero is not kept, which no product or comparison can
/// tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    packed: Vec<Packed>,
    /// The last page, never full.
    open: Vec<f64>,
    /// Page p can be here at p mod [`KEPT`] only.
    kept: [Option<Kept>; KEPT],
}

#[derive(Clone, Debug)]
struct Kept {
    page: usize,
    numbers: Vec<f64>,
}

impl Pages {
    #[inline]
    pub(super) fn push(&mut self, number: f64) {
        self.open.push(number);
        if self.open.len() == PAGE {
            self.close();
        }
    }

    /// The next page begins. The one before stays as it is for a while.
    #[cold]
    fn close(&mut self) {
        let page = self.packed.len();
        self.packed.push(Packed::new(&self.open));
        let kept = Kept { page, numbers: std::mem::take(&mut self.open) };
        let before = self.kept[page % KEPT].replace(kept);
        // Its room, if it had any.
        self.open = before.map_or_else(|| Vec::with_capacity(PAGE), |before| before.numbers);
        self.open.clear();
    }

    /// A number that was pushed.
    #[inline]
    pub(super) fn at(&mut self, index: usize) -> f64 {
        let (page, at) = (index / PAGE, index % PAGE);
        if page == self.packed.len() {
            return self.open[at];
        }
        match &self.kept[page % KEPT] {
            Some(kept) if kept.page == page => kept.numbers[at],
            _ if self.packed[page].unpacked == MAX_UNPACKED => self.packed[page].at(at),
            _ => self.keep(page)[at],
        }
    }

    /// Unpacks a page, in place of another.
    #[cold]
    fn keep(&mut self, page: usize) -> &[f64] {
        let empty = || Kept { page, numbers: Vec::with_capacity(PAGE) };
        let kept = self.kept[page % KEPT].get_or_insert_with(empty);
        kept.page = page;
        self.packed[page].unpack(&mut kept.numbers);
        &kept.numbers
    }

    /// Bytes of heap held.
    pub(super) fn heap_bytes(&self) -> usize {
        let numbers = self.kept.iter().flatten().map(|kept| kept.numbers.capacity());
        self.packed.iter().map(|packed| packed.planes.len()).sum::<usize>()
            + self.packed.capacity() * size_of::<Packed>()
            + (numbers.sum::<usize>() + self.open.capacity()) * size_of::<f64>()
    }
}

/// The numbers of a page.
#[derive(Clone, Debug)]
struct Packed {
    /// The least, if all are whole.
    least: Option<i64>,
    /// Planes that are not zero everywhere, and those below.
    count: u8,
    /// How often it was unpacked.
    unpacked: u8,
    /// These planes, compressed unless that was often.
    planes: Box<[u8]>,
}

/// The whole number that this is.
fn whole(number: f64) -> Option<i64> {
    let whole = number as i64;
    (whole as f64 == number).then_some(whole)
}

impl Packed {
    fn new(numbers: &[f64]) -> Packed {
        let wholes: Option<Vec<i64>> = numbers.iter().copied().map(whole).collect();
        let least = wholes.as_ref().and_then(|wholes| wholes.iter().min().copied());
        let codes: Vec<u64> = match (&wholes, least) {
            // Differences may wrap around; so do sums, when they are taken back.
            (Some(wholes), Some(least)) => {
                wholes.iter().map(|whole| whole.wrapping_sub(least) as u64).collect()
            }
            _ => numbers.iter().map(|number| number.to_bits()).collect(),
        };
        let used = codes.iter().fold(0, |all, code| all | code);
        let count = (u64::BITS - used.leading_zeros()).div_ceil(8) as u8;
        let plane = |plane: u8| codes.iter().map(move |code| (code >> (8 * plane)) as u8);
        let planes: Vec<u8> = (0..count).flat_map(plane).collect();
        Packed { least, count, unpacked: 0, planes: block::compress(&planes).into() }
    }

    /// Gives all numbers; not if that was often.
    fn unpack(&mut self, numbers: &mut Vec<f64>) {
        let planes = block::decompress(&self.planes, usize::from(self.count) * PAGE);
        let planes = planes.expect("what was compressed can be decompressed");
        let mut codes = [0u64; PAGE];
        for (plane, bytes) in planes.chunks_exact(PAGE).enumerate() {
            for (code, byte) in codes.iter_mut().zip(bytes) {
                *code |= u64::from(*byte) << (8 * plane);
            }
        }
        numbers.clear();
        numbers.extend(codes.iter().map(|&code| self.number(code)));
        self.unpacked += 1;
        if self.unpacked == MAX_UNPACKED {
            self.planes = planes.into();
        }
    }

    /// A number, once it was unpacked often.
    fn at(&self, at: usize) -> f64 {
        let byte = |plane: usize| u64::from(self.planes[plane * PAGE + at]) << (8 * plane);
        self.number((0..usize::from(self.count)).fold(0, |code, plane| code | byte(plane)))
    }

    fn number(&self, code: u64) -> f64 {
        match self.least {
            Some(least) => least.wrapping_add(code as i64) as f64,
            None => f64::from_bits(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(a: f64, b: f64) -> bool {
        a == b || a.to_bits() == b.to_bits()
    }

    /// One number of every `step`, from the end and from the beginning.
    fn assert_equal(pages: &mut Pages, numbers: &[f64], step: usize) {
        assert_eq!(pages.packed.len() * PAGE + pages.open.len(), numbers.len());
        for at in (0..numbers.len()).rev().step_by(step).chain((0..numbers.len()).step_by(step)) {
            let found = pages.at(at);
            assert!(equal(found, numbers[at]), "{at}: {found} for {}", numbers[at]);
        }
    }

    #[test]
    fn every_number_comes_back_from_every_page() {
        let mut random = fastrand::Rng::with_seed(1);
        let (mut pages, mut numbers) = (Pages::default(), Vec::new());
        // Pages of one kind of numbers, then such with an odd one in a random place.
        for page in 0..3 * KEPT {
            let odd = (page > KEPT).then(|| random.usize(..PAGE));
            for at in 0..PAGE {
                let number = match (page % 8, random.u64(..)) {
                    (_, bits) if odd == Some(at) => f64::from_bits(bits),
                    (0, _) => 5.0,
                    (1, bits) => (bits % 2) as f64,
                    (2, bits) => (bits as u16 as i16).into(),
                    (3, bits) => (bits as u32).into(),
                    (4, bits) => (bits >> 11) as f64 - 2f64.powi(52),
                    (5, bits) => (bits % 7) as f64 / 4.0,
                    (6, bits) => bits as i64 as f64,
                    (_, bits) => f64::from_bits(bits),
                };
                pages.push(number);
                numbers.push(number);
            }
            assert_equal(&mut pages, &numbers, 1 + numbers.len() / 64);
        }
        numbers.push(-1.5);
        pages.push(-1.5);
        assert_equal(&mut pages, &numbers, 1);
        for _ in 0..10_000 {
            let at = random.usize(..numbers.len());
            assert!(equal(pages.at(at), numbers[at]), "{at}");
        }
    }

    #[test]
    fn what_is_no_plain_number_comes_back() {
        let odd = [f64::NAN, f64::INFINITY, -1e300, 2f64.powi(63), -2f64.powi(63), 0.1, -0.0];
        for number in odd {
            let numbers: Vec<f64> =
                (0..PAGE).map(|at| if at == 7 { number } else { 1.0 }).collect();
            let mut pages = Pages::default();
            (0..2).for_each(|_| numbers.iter().for_each(|&number| pages.push(number)));
            pages.kept = Default::default();
            assert_equal(&mut pages, &numbers.repeat(2), 1);
        }
    }

    #[test]
    fn pages_come_back_however_many_there_are() {
        let number = |at: usize| (at % 251) as f64;
        let count = KEPT * (KEPT + 2);
        let mut pages = Pages::default();
        (0..count * PAGE).for_each(|at| pages.push(number(at)));
        for page in (0..count).rev().chain(0..count) {
            let at = page * PAGE + page;
            assert_eq!(pages.at(at), number(at), "{page}");
        }
    }

    /// The last four bytes as one number, as a value on its way to the stack; half of them random.
    #[test]
    fn a_window_of_bytes_takes_less_than_it_has() {
        let mut random = fastrand::Rng::with_seed(1);
        let (mut pages, mut window) = (Pages::default(), 0u32);
        for at in 0..100 * PAGE {
            let byte = if at % 8 < 4 { random.u8(..) } else { 7 };
            window = window >> 8 | u32::from(byte) << 24;
            pages.push(window.into());
        }
        let bytes = pages.heap_bytes() - (KEPT + 1) * PAGE * size_of::<f64>();
        assert!(bytes < 100 * PAGE * 9 / 4, "{bytes}");
    }
}
