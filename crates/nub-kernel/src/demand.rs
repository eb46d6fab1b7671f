//! What entering a program takes: its price, and how many pages it may write to.

use javm_cap::{Access, DynamicMappings};

use crate::frame::Via;

/// What entering a program costs, from the gas limit of the call.
pub mod price {
    /// Each time.
    pub const ENTRY: u64 = 400;
    /// More, through a Callable.
    pub const THROUGH_CALLABLE: u64 = 600;
    /// For each mapping.
    pub const MAPPING: u64 = 30;
    /// For each ephemeral page.
    pub const EPHEMERAL_PAGE: u64 = 120;
    /// For each persistent page that is mapped read-write.
    pub const WRITABLE_PAGE: u64 = 20;
}

/// What a program asks for to be entered.
#[derive(Clone, Copy)]
pub(crate) struct Demand {
    /// How many pages it may write to.
    pub(crate) writable: u32,
    /// What entering it costs.
    pub(crate) price: u64,
}

impl Demand {
    /// That of a program with so many mappings, of pages of Data for writing, and of ephemeral pages.
    pub(crate) fn new(mappings: usize, writable: u32, ephemeral: u32) -> Demand {
        let price = price::ENTRY
            + price::MAPPING * mappings as u64
            + price::EPHEMERAL_PAGE * u64::from(ephemeral)
            + price::WRITABLE_PAGE * u64::from(writable);
        Demand { writable: writable + ephemeral, price }
    }

    /// The same, entered in this way.
    #[inline]
    pub(crate) fn through(self, via: Via) -> Demand {
        let through = if matches!(via, Via::Callable { .. }) { price::THROUGH_CALLABLE } else { 0 };
        Demand { price: self.price + through, ..self }
    }

    /// The same with what MAP has added.
    pub(crate) fn with(self, dynamic: &DynamicMappings) -> Demand {
        let writable = dynamic.iter().filter(|mapping| mapping.access == Access::ReadWrite);
        let writable: u32 = writable.map(|mapping| mapping.pages).sum();
        let price = price::MAPPING * dynamic.len() as u64 + price::WRITABLE_PAGE * u64::from(writable);
        Demand { writable: self.writable + writable, price: self.price + price }
    }
}
