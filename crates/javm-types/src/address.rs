//! 32 bytes that name somebody or something.

use core::fmt;
use core::str::FromStr;

use crate::hex::{self, HexError};

/// A value of the type `address32`: the hash of a key, of a capability, an id. What it names is up to the interface.
///
/// ```
/// use javm_types::Address;
/// let address: Address = format!("0x{}", "07".repeat(32)).parse()?;
/// assert_eq!(address, Address([7; 32]));
/// assert_eq!(address.to_string(), format!("0x{}", "07".repeat(32)));
/// # Ok::<(), javm_types::HexError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(pub [u8; 32]);

impl FromStr for Address {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Address, HexError> {
        let mut bytes = [0; 32];
        hex::decode_exactly(text, &mut bytes)?;
        Ok(Address(bytes))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<[u8; 32]> for Address {
    fn from(bytes: [u8; 32]) -> Address {
        Address(bytes)
    }
}

impl From<Address> for [u8; 32] {
    fn from(address: Address) -> [u8; 32] {
        address.0
    }
}
