//! The memory of the oracle.

use std::collections::BTreeMap;

/// Byte i of the global with immediate m lies at i + m - 2²³, before all memory, and in memory if m is too
/// large.
pub(super) const GLOBALS: i64 = -(1 << 23);

/// Bytes by address; a byte that was never written is 0. Addresses reach beyond
/// 2³², for operand and immediate are added without wrapping, and below 0, where globals lie.
#[derive(Debug, Default)]
pub struct Memory {
    pages: BTreeMap<i64, Box<[u8; Memory::PAGE]>>,
}

impl Memory {
    const PAGE: usize = 4096;

    /// The byte at an address.
    pub fn read(&self, address: i64) -> u8 {
        let (page, offset) = Self::split(address);
        self.pages.get(&page).map_or(0, |bytes| bytes[offset])
    }

    pub(super) fn write(&mut self, address: i64, byte: u8) {
        let (page, offset) = Self::split(address);
        self.pages.entry(page).or_insert_with(|| Box::new([0; Self::PAGE]))[offset] = byte;
    }

    fn split(address: i64) -> (i64, usize) {
        let page = Self::PAGE as i64;
        (address.div_euclid(page), address.rem_euclid(page) as usize)
    }
}
