//! The services of nub's kernel for a program that runs in polkavm: what the workloads call, at the same prices.
//!
//! Prices and refusals follow `docs/spec/services.md`. Where they did not, gas or results of the two sides would
//! differ, and nothing that differs is timed.

use javm_cap::{Image, Wanted};
use nub_kernel::Status;
use nub_kernel::operation::{Operation, Request, flag};
use nub_kernel::service::Service;
use polkavm::{RawInstance, Reg};
use sha2::Digest;

/// What a program can call, and what it has logged.
pub(super) struct Services {
    slots: [Option<Service>; 256],
    /// Where the scratchpad is, and its length.
    scratchpad: Option<(u32, u32)>,
    logs: Vec<(u64, Vec<u8>)>,
}

/// A reply: φ7 and φ8.
type Reply = (u64, Status);

impl Services {
    pub(super) fn of(image: &Image, scratchpad: Option<(u32, u32)>) -> Services {
        let mut slots = [None; 256];
        for (&slot, import) in &image.imports {
            if let Wanted::Service(id) = import.wanted {
                slots[usize::from(slot)] = Service::from_number(id);
            }
        }
        Services { slots, scratchpad, logs: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.logs.clear();
    }

    /// Answers a host call. `ecall` comes as `ecalli 0`: slot 0 never holds a service.
    ///
    /// # Errors
    /// What it does not know.
    pub(super) fn answer(&mut self, number: u32, instance: &mut RawInstance) -> Result<(), String> {
        let request = Request::from_register(instance.reg(Reg::A4));
        let (result, status) = match (number, Operation::from_number(request.operation)) {
            (0, Some(Operation::Gas)) => {
                pay(instance, Operation::Gas.price())?;
                (instance.gas() as u64, Status::Halt)
            }
            (0, other) => return Err(format!("operation {other:?} is not answered here")),
            (reference, _) => {
                pay(instance, Operation::Call.price())?;
                self.call(reference, request, instance).unwrap_or_else(|status| (0, status))
            }
        };
        instance.set_reg(Reg::A0, result);
        instance.set_reg(Reg::A1, status.number());
        instance.set_reg(Reg::A2, 0);
        Ok(())
    }

    fn call(&mut self, reference: u32, request: Request, instance: &mut RawInstance) -> Result<Reply, Status> {
        if request.flags & !Operation::Call.flags() != 0 {
            return Err(Status::Range);
        }
        let slot = u8::try_from(reference).map_err(|_| Status::Empty)?;
        let service = self.slots[usize::from(slot)].ok_or(Status::Empty)?;
        let scratchpad = self.scratchpad.filter(|_| request.flags & flag::SCRATCH != 0).unwrap_or((0, 0));
        let [offset, length, third] = [Reg::A0, Reg::A1, Reg::A2].map(|reg| instance.reg(reg));
        let price = service.price(request.endpoint, length).ok_or(Status::NoEndpoint)?;
        check(offset, length, scratchpad)?;
        if service == Service::Hash {
            check(third, 32, scratchpad)?;
        }
        let left = instance.gas() as u64;
        let most = left - left / 64;
        let limit = match instance.reg(Reg::A5) {
            0 => most,
            asked => asked.min(most),
        };
        if price > limit {
            return Err(Status::OutOfGas);
        }
        instance.set_gas((left - price) as i64);
        let at = |offset: u64| scratchpad.0 + offset as u32;
        let bytes = instance.read_memory(at(offset), length as u32).map_err(|_| Status::Range)?;
        let result = match service {
            Service::Log => {
                self.logs.push((third, bytes));
                self.logs.len() as u64 - 1
            }
            Service::Hash => {
                let digest: [u8; 32] = match request.endpoint {
                    0 => {
                        let hash = blake2b_simd::Params::new().hash_length(32).hash(&bytes);
                        hash.as_bytes().try_into().unwrap_or_default()
                    }
                    1 => sha3::Keccak256::digest(&bytes).into(),
                    _ => sha2::Sha256::digest(&bytes).into(),
                };
                instance.write_memory(at(third), &digest).map_err(|_| Status::Range)?;
                0
            }
            // No benchmark calls them.
            Service::Block | Service::Verify => return Err(Status::NoEndpoint),
        };
        Ok((result, Status::Halt))
    }
}

fn pay(instance: &mut RawInstance, price: u64) -> Result<(), String> {
    let left = (instance.gas() as u64).checked_sub(price).ok_or("out of gas in a host call")?;
    instance.set_gas(left as i64);
    Ok(())
}

fn check(offset: u64, length: u64, scratchpad: (u32, u32)) -> Result<(), Status> {
    match offset.checked_add(length) {
        Some(end) if end <= u64::from(scratchpad.1) => Ok(()),
        _ => Err(Status::Range),
    }
}
