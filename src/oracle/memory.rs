//! The memory of the oracle.

use std::collections::BTreeMap;

/// Bytes by address; a byte that was never written is 0. Addresses reach beyond
/// 2³², for operand and immediate are added without wrapping.
#[derive(Debug, Default)]
pub struct Memory {
    pages: BTreeMap<u64, Box<[u8; Memory::PAGE]>>,
}

impl Memory {
    const PAGE: usize = 4096;

    /// The byte at an address.
    pub fn read(&self, address: u64) -> u8 {
        let (page, offset) = Self::split(address);
        self.pages.get(&page).map_or(0, |bytes| bytes[offset])
    }

    pub(super) fn write(&mut self, address: u64, byte: u8) {
        let (page, offset) = Self::split(address);
        self.pages.entry(page).or_insert_with(|| Box::new([0; Self::PAGE]))[offset] = byte;
    }

    fn split(address: u64) -> (u64, usize) {
        let page = Self::PAGE as u64;
        (address / page, (address % page) as usize)
    }
}
