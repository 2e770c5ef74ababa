//! The initial memory of a module, and how it gets into the prompt.
//!
//! A byte in a payload costs one token, a payload seven more: five for its
//! `input_base`, two for the `00` and the commit behind it. A store costs fifteen
//! tokens in the prompt and as many again when it runs, so payloads win even for
//! a single byte. Zeros need nothing. The `00` that the machine writes behind a
//! payload falls on a zero of the image, because a payload ends where the
//! image's next byte is zero: segments that touch are one payload.

use std::collections::BTreeMap;

/// What stands around the bytes of a payload, in tokens.
const PAYLOAD_TOKENS: u64 = 7;

/// Small, for segments of a byte may be far apart.
const PAGE: usize = 256;

/// Bytes by address; all others are zero.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pages: BTreeMap<u64, Box<[u8; PAGE]>>,
}

impl Image {
    /// Lays a segment over what is there.
    pub fn write(&mut self, begin: u64, bytes: &[u8]) {
        for (address, &byte) in (begin..).zip(bytes) {
            let page =
                self.pages.entry(address / PAGE as u64).or_insert_with(|| Box::new([0; PAGE]));
            page[address as usize % PAGE] = byte;
        }
    }

    /// The payloads that make the image, with their addresses. Runs of zeros that
    /// are cheaper to write than a payload of their own are written.
    pub fn payloads(&self) -> Vec<(u64, Vec<u8>)> {
        let mut payloads: Vec<(u64, Vec<u8>)> = Vec::new();
        for (address, byte) in self.bytes_set() {
            match payloads.last_mut() {
                Some((begin, bytes)) if address - *begin <= bytes.len() as u64 + PAYLOAD_TOKENS => {
                    bytes.resize((address - *begin) as usize, 0);
                    bytes.push(byte);
                }
                _ => payloads.push((address, vec![byte])),
            }
        }
        payloads
    }

    /// The bytes that are not zero, by address.
    fn bytes_set(&self) -> impl Iterator<Item = (u64, u8)> {
        self.pages.iter().flat_map(|(&page, bytes)| {
            let addresses = page * PAGE as u64..;
            addresses.zip(bytes.iter().copied()).filter(|&(_, byte)| byte != 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(segments: &[(u64, &[u8])]) -> Image {
        let mut image = Image::default();
        segments.iter().for_each(|&(begin, bytes)| image.write(begin, bytes));
        image
    }

    #[test]
    fn segments_that_touch_are_one_payload_in_either_order() {
        let expected = vec![(8, b"abcd".to_vec())];
        assert_eq!(image(&[(8, b"ab"), (10, b"cd")]).payloads(), expected);
        assert_eq!(image(&[(10, b"cd"), (8, b"ab")]).payloads(), expected);
    }

    #[test]
    fn later_segments_overwrite_earlier_ones() {
        assert_eq!(image(&[(0, b"abcd"), (1, b"XY")]).payloads(), [(0, b"aXYd".to_vec())]);
    }

    #[test]
    fn zeros_cost_nothing_but_short_gaps_are_written() {
        assert_eq!(image(&[(0, &[0; 100])]).payloads(), []);
        assert_eq!(image(&[(0, b"a\0\0b\0\0")]).payloads(), [(0, b"a\0\0b".to_vec())]);
        let far = image(&[(0, b"a"), (9, b"b")]).payloads();
        assert_eq!(far, [(0, b"a".to_vec()), (9, b"b".to_vec())]);
    }

    #[test]
    fn no_payload_is_clobbered_by_the_terminator_of_another() {
        let payloads = image(&[(4090, b"0123456789"), (0, b"x"), (5000, b"y")]).payloads();
        for pair in payloads.windows(2) {
            assert!(pair[0].0 + (pair[0].1.len() as u64) < pair[1].0);
        }
    }
}
