//! Services.

use sha2::Digest;

use crate::call::SCRATCH;
use crate::operate::{Ask, Reply};
use crate::state::{LogEntry, Place};
use crate::table::Status;
use crate::value::{Service, TypeDef, Value};
use crate::world::World;

/// The id of LOG.
pub const LOG: u32 = 1;
/// The id of HASH.
pub const HASH: u32 = 2;
/// The id of BLOCK.
pub const BLOCK: u32 = 3;
/// The id of VERIFY.
pub const VERIFY: u32 = 4;

/// The TypeDef of each service, in the order of their ids from 1 on.
pub const SERVICE_TYPES: [(u32, &str); 4] = [
    (LOG, "interface log {\n    append(offset: u64, length: u64, topic: u64) -> u64;\n}\n"),
    (
        HASH,
        "interface hash {\n    blake2b(offset: u64, length: u64, output: u64);\n    keccak(offset: u64, length: u64, output: u64);\n    \
         sha256(offset: u64, length: u64, output: u64);\n}\n",
    ),
    (BLOCK, "interface block {\n    height() -> u64;\n    prior(output: u64);\n}\n"),
    (
        VERIFY,
        "interface verify {\n    ed25519(offset: u64, length: u64) -> bool;\n    secp256k1(offset: u64, length: u64, output: u64) -> \
         bool;\n}\n",
    ),
];

/// The TypeDef of a service.
#[must_use]
pub fn service_type(id: u32) -> Option<TypeDef> {
    SERVICE_TYPES.iter().find(|(of, _)| *of == id).map(|(_, text)| TypeDef::parse(text))
}

/// What a service gives: the result for φ7, and bytes for the scratchpad.
struct Given {
    result: u64,
    write: Option<(u64, Vec<u8>)>,
}

impl From<u64> for Given {
    fn from(result: u64) -> Given {
        Given { result, write: None }
    }
}

impl World {
    pub(crate) fn call_service(&mut self, ask: &Ask, service: Service) -> Result<Reply, Status> {
        let limit = self.limit(ask, u64::MAX);
        let logs = self.state.logs.clone();
        let (price, given) = self.serve(ask, service.id)?;
        if price > limit {
            self.state.logs = logs;
            return Err(Status::OutOfGas);
        }
        self.state.frame_mut().gas -= price;
        self.charged(price);
        if let Some((offset, bytes)) = given.write {
            for (offset, byte) in (offset..).zip(bytes) {
                self.state.set_slot_byte(0, offset, byte);
            }
        }
        Ok(Reply { result: given.result, status: Status::Halt, detail: 0 })
    }

    /// The bytes of a range of the scratchpad that came with the call.
    fn scratchpad(&self, ask: &Ask, offset: u64, length: u64) -> Result<Vec<u8>, Status> {
        let empty = crate::value::Data::new(0);
        let data = match self.state.value(&Place(vec![0])) {
            Some(Value::Data(data)) if ask.has(SCRATCH) => data,
            _ => &empty,
        };
        match offset.checked_add(length) {
            Some(end) if end <= data.bytes() => Ok(data.read(offset, length)),
            _ => Err(Status::Range),
        }
    }

    /// The price and what is given. Only the log is changed.
    fn serve(&mut self, ask: &Ask, id: u32) -> Result<(u64, Given), Status> {
        let [a, b, c, _] = ask.operands;
        match (id, ask.number) {
            (LOG, 0) => {
                let bytes = self.scratchpad(ask, a, b)?;
                let used: u64 = self.state.logs.iter().map(|entry| entry.bytes.len() as u64 + 16).sum();
                if used + b + 16 > self.parameters.max_log_bytes {
                    return Err(Status::Quota);
                }
                self.state.logs.push(LogEntry { topic: c, bytes });
                Ok((100 + b, (self.state.logs.len() as u64 - 1).into()))
            }
            (HASH, method @ 0..=2) => {
                let bytes = self.scratchpad(ask, a, b)?;
                self.scratchpad(ask, c, 32)?;
                let (digest, of_byte): (Vec<u8>, u64) = match method {
                    0 => (blake2b_simd::Params::new().hash_length(32).hash(&bytes).as_bytes().to_vec(), 4),
                    1 => (sha3::Keccak256::digest(&bytes).to_vec(), 8),
                    _ => (sha2::Sha256::digest(&bytes).to_vec(), 10),
                };
                Ok((300 + of_byte * b, Given { result: 0, write: Some((c, digest)) }))
            }
            (BLOCK, 0) => Ok((100, self.height.into())),
            (BLOCK, 1) => {
                self.scratchpad(ask, a, 32)?;
                Ok((150, Given { result: 0, write: Some((a, self.prior_root.to_vec())) }))
            }
            (VERIFY, 0) => {
                let bytes = self.scratchpad(ask, a, b)?;
                if b < 96 {
                    return Err(Status::Range);
                }
                Ok((200_000 + 12 * b, u64::from((self.verify)(0, &bytes).is_some()).into()))
            }
            (VERIFY, 1) => {
                let bytes = self.scratchpad(ask, a, b)?;
                self.scratchpad(ask, c, 64)?;
                if b != 97 {
                    return Err(Status::Range);
                }
                let key = (self.verify)(1, &bytes);
                Ok((300_000, Given { result: key.is_some().into(), write: key.map(|key| (c, key)) }))
            }
            _ => Err(Status::NoEndpoint),
        }
    }
}
