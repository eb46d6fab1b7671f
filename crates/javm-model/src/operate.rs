//! The order of things, which `docs/spec/operations.md` prescribes for every operation.

use crate::script::Request;
use crate::state::Place;
use crate::table::{HOP_PRICE, Operation, Status, UNKNOWN_PRICE};
use crate::value::PAGE_SIZE;
use crate::world::{Step, World};

/// The gas that is left does not cover what comes next.
pub(crate) struct TooLittleGas;

/// φ7, φ8 and φ9.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) result: u64,
    pub(crate) status: Status,
    pub(crate) detail: u64,
}

impl From<Status> for Reply {
    fn from(status: Status) -> Reply {
        Reply { result: 0, status, detail: 0 }
    }
}

/// What comes of asking.
pub(crate) enum Answer {
    Reply(Reply),
    Yield(u64),
}

/// What an operation that was done gives, and what follows from the state for its price.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) result: u64,
    pub(crate) detail: u64,
    pub(crate) price: u64,
}

/// An operation and its operands.
#[derive(Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) operation: Operation,
    pub(crate) operands: [u64; 4],
    pub(crate) last: u64,
    pub(crate) flags: u8,
    pub(crate) number: u16,
    pub(crate) reference: u32,
}

pub(crate) fn low(operand: u64) -> u32 {
    operand as u32
}

pub(crate) fn high(operand: u64) -> u32 {
    (operand >> 32) as u32
}

/// The last page that may be mapped.
const LAST_PAGE: u64 = (1 << 20) - 2;

fn pages_may_be_mapped(first: u64, pages: u64) -> bool {
    first >= 16 && pages >= 1 && first <= LAST_PAGE && pages <= LAST_PAGE + 1 - first
}

impl Ask {
    fn new(operation: Operation, request: &Request, ecalli: Option<u32>) -> Ask {
        Ask {
            operation,
            operands: request.operands,
            last: request.last,
            flags: (request.word >> 8) as u8,
            number: (request.word >> 16) as u16,
            reference: ecalli.unwrap_or(high(request.word)),
        }
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Step 3: nothing but what the operation has is set in φ11.
    fn is_well_formed(&self) -> bool {
        let (is_call, is_resume) = (self.operation == Operation::Call, self.operation == Operation::Resume);
        self.flags & !self.operation.flags() == 0
            && (self.number == 0 || is_call)
            && (self.reference == 0 || is_call || is_resume)
    }

    /// Step 4: operands that need no look at the state are in their ranges.
    fn is_in_range(&self) -> bool {
        const ADDRESSES: u64 = 1 << 32;
        let [a, b, c, d] = self.operands;
        let reference = |operand: u64| operand < ADDRESSES;
        let record = |address: u64, length: u64| address <= ADDRESSES - length;
        match self.operation {
            Operation::Copy | Operation::Move | Operation::Swap | Operation::Upgrade | Operation::Mint => true,
            Operation::Drop | Operation::NewCNode | Operation::Stat => reference(a),
            Operation::NewData => a <= 1 << 20 && reference(b),
            Operation::Resize => reference(a) && b <= 1 << 20,
            Operation::Read | Operation::Write => reference(a) && d <= ADDRESSES && record(c, d),
            Operation::Spawn => !self.has(1) || reference(b),
            Operation::Attenuate => b < ADDRESSES,
            Operation::Map => {
                let offset = c <= 1 << 20 && c + d.min(1 << 20) <= 1 << 20;
                reference(a) && pages_may_be_mapped(b, d) && offset && self.last <= 1
            }
            Operation::Unmap => reference(a) && low(a) & 0xff == 0 && pages_may_be_mapped(b, c),
            Operation::RegsGet => reference(a) && record(b, 120),
            Operation::RegsSet => reference(a) && record(b, 108),
            Operation::Hash => reference(a) && record(b, 32),
            Operation::SetQuota => reference(a) && (b <= 1 << 40 || b == u64::MAX),
            Operation::SelfRecord => record(a, 64),
            Operation::Call | Operation::Resume | Operation::Gas | Operation::Quota | Operation::Yield => true,
        }
    }

    /// The references, in the order of the operands.
    fn references(&self) -> Vec<u32> {
        let [a, b, ..] = self.operands;
        match self.operation {
            Operation::Copy | Operation::Move | Operation::Swap | Operation::Upgrade | Operation::Attenuate => {
                vec![low(a), high(a)]
            }
            Operation::Spawn if self.has(1) => vec![low(a), high(a), low(b)],
            Operation::Spawn => vec![low(a), high(a)],
            Operation::Mint => {
                let place = (!self.has(1)).then_some(low(a));
                let typedef = self.has(2).then_some(low(b));
                place.into_iter().chain([high(a)]).chain(typedef).collect()
            }
            Operation::NewData => vec![low(b)],
            Operation::Call | Operation::Resume => vec![self.reference],
            Operation::Gas | Operation::SelfRecord | Operation::Quota | Operation::Yield => Vec::new(),
            _ => vec![low(a)],
        }
    }

    /// Step 2: what follows from the registers.
    fn price(&self) -> u64 {
        let base = self.operation.base();
        if !self.is_in_range() {
            return base;
        }
        let hops = |reference: u32| reference.to_le_bytes()[1..].iter().take_while(|&&hop| hop != 0).count() as u64;
        let hops: u64 = self.references().into_iter().map(hops).sum();
        let [_, b, c, d] = self.operands;
        let pages = match self.operation {
            Operation::Read | Operation::Write => pages_touched(b, d),
            Operation::Map => d,
            Operation::Unmap => c,
            _ => 0,
        };
        base + HOP_PRICE * hops + self.operation.unit() * pages
    }
}

/// Pages of a Data that a range touches.
pub(crate) fn pages_touched(offset: u64, length: u64) -> u64 {
    const PAGE: u128 = PAGE_SIZE as u128;
    let (offset, length) = (u128::from(offset), u128::from(length));
    if length == 0 { 0 } else { ((offset + length - 1) / PAGE - offset / PAGE + 1) as u64 }
}

impl World {
    /// Asks for what φ11, or the reference of an `ecalli`, says.
    pub(crate) fn answer(&mut self, ecalli: Option<u32>) -> Result<Answer, TooLittleGas> {
        let registers = &self.state.frame().registers;
        let request = Request {
            operands: [registers[7], registers[8], registers[9], registers[10]],
            word: registers[11],
            last: registers[12],
        };
        let operation =
            if ecalli.is_some() { Some(Operation::Call) } else { Operation::from_number(request.word as u8) };
        let (gas, spent) = (self.state.frame().gas, self.spent);
        let before = self.watch.map(|_| self.state.clone());
        let answer = match operation {
            None => self.pay(UNKNOWN_PRICE).map(|()| Answer::Reply(Status::Unknown.into())),
            Some(operation) => self.operate(&Ask::new(operation, &request, ecalli)),
        };
        match answer {
            Ok(Answer::Reply(reply)) => {
                let step = Step {
                    depth: self.state.frames.len(),
                    request,
                    ecalli,
                    result: reply.result,
                    status: reply.status,
                    detail: reply.detail,
                    gas: self.state.frame().gas,
                };
                if let (Some(watch), Some(before)) = (self.watch, before) {
                    watch(&before, &self.state, &step);
                }
                self.steps.push(step);
            }
            Ok(Answer::Yield(_)) => {}
            Err(TooLittleGas) => {
                self.state.frame_mut().gas = gas;
                self.spent = spent;
            }
        }
        answer
    }

    pub(crate) fn give(&mut self, reply: Reply) {
        self.state.frame_mut().registers[7..10].copy_from_slice(&[
            reply.result,
            reply.status.number().into(),
            reply.detail,
        ]);
    }

    fn pay(&mut self, price: u64) -> Result<(), TooLittleGas> {
        let frame = self.state.frame_mut();
        frame.gas = frame.gas.checked_sub(price).ok_or(TooLittleGas)?;
        self.charged(price);
        Ok(())
    }

    fn operate(&mut self, ask: &Ask) -> Result<Answer, TooLittleGas> {
        self.pay(ask.price())?;
        if !ask.is_well_formed() || !ask.is_in_range() {
            return Ok(Answer::Reply(Status::Range.into()));
        }
        let places = ask.references().into_iter().map(|reference| self.state.walk(reference)).collect();
        let places: Vec<Place> = match places {
            Ok(places) => places,
            Err(status) => return Ok(Answer::Reply(status.into())),
        };
        match ask.operation {
            Operation::Call => return Ok(Answer::Reply(self.call(ask, &places[0]).unwrap_or_else(Reply::from))),
            Operation::Resume => return Ok(Answer::Reply(self.resume(ask, &places[0]).unwrap_or_else(Reply::from))),
            Operation::Yield if self.may_yield() => return Ok(Answer::Yield(ask.operands[0])),
            Operation::Yield => return Ok(Answer::Reply(Status::Denied.into())),
            _ => {}
        }
        let before = self.state.clone();
        let done = self.perform(ask, &places).and_then(|done| self.state.check_bounds(&self.parameters).map(|()| done));
        match done {
            Err(status) => {
                self.state = before;
                Ok(Answer::Reply(status.into()))
            }
            Ok(done) => {
                if let Err(refused) = self.pay(done.price) {
                    self.state = before;
                    return Err(refused);
                }
                Ok(Answer::Reply(Reply { result: done.result, status: Status::Halt, detail: done.detail }))
            }
        }
    }

    /// Steps 6 and 7, and what is done if nothing is wrong. Bounds and the rest of the price come behind.
    fn perform(&mut self, ask: &Ask, places: &[Place]) -> Result<Done, Status> {
        match ask.operation {
            Operation::Copy => self.copy(ask, &places[0], &places[1]),
            Operation::Move => self.r#move(ask, &places[0], &places[1]),
            Operation::Swap => self.swap(&places[0], &places[1]),
            Operation::Drop => self.drop(&places[0]),
            Operation::NewData => self.new_data(ask, &places[0]),
            Operation::NewCNode => self.new_cnode(&places[0]),
            Operation::Resize => self.resize(ask, &places[0]),
            Operation::Read => self.read(ask, &places[0]),
            Operation::Write => self.write(ask, &places[0]),
            Operation::Spawn => self.spawn(&places[0], &places[1], places.get(2)),
            Operation::Upgrade => self.upgrade(&places[0], &places[1]),
            Operation::Mint => self.mint(ask, places),
            Operation::Attenuate => self.attenuate(ask, &places[0], &places[1]),
            Operation::Map => self.map(ask, &places[0]),
            Operation::Unmap => self.unmap(ask, &places[0]),
            Operation::RegsGet => self.regs_get(ask, &places[0]),
            Operation::RegsSet => self.regs_set(ask, &places[0]),
            Operation::Stat => self.stat(&places[0]),
            Operation::Hash => self.hash(ask, &places[0]),
            Operation::SetQuota => self.set_quota(ask, &places[0]),
            Operation::Gas => Ok(Done { result: self.state.frame().gas, ..Done::default() }),
            Operation::SelfRecord => self.self_record(ask),
            Operation::Quota => Ok(Done { result: self.quota_left(), ..Done::default() }),
            Operation::Call | Operation::Resume | Operation::Yield => unreachable!("answered before"),
        }
    }
}
