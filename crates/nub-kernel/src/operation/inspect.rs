//! REGS_GET, REGS_SET, STAT, SET_QUOTA, SELF: what is known of Instances, and set.

use javm_cap::{Capability, RunState, Why};
use javm_isa::REG_COUNT;

use super::operands::{REGISTERS_RECORD, SELF_RECORD, low};
use super::{DONE, Operands, flag};
use crate::arch::Arch;
use crate::engine::{Answer, Reply};
use crate::frame::Via;
use crate::process::Process;
use crate::status::Status;

/// Bytes of the registers.
const REGISTERS: usize = 8 * REG_COUNT;

impl<A: Arch> Process<'_, A> {
    /// REGS_GET.
    pub(crate) fn regs_get(&mut self, operands: &Operands) -> Answer {
        let place = self.walk(low(operands.a()))?;
        let suspended = self.suspended(&place)?;
        let mut record = [0; REGISTERS_RECORD as usize];
        let (registers, rest) = record.split_at_mut(REGISTERS);
        for (bytes, register) in registers.as_chunks_mut().0.iter_mut().zip(&suspended.registers) {
            *bytes = register.to_le_bytes();
        }
        rest[..4].copy_from_slice(&suspended.pc.to_le_bytes());
        rest[4] = suspended.why.number();
        rest[5] = u8::from(suspended.block_paid);
        rest[8..].copy_from_slice(&suspended.why.detail().to_le_bytes());
        self.top().store(operands.b(), &record).ok_or(Status::Range)?;
        DONE
    }

    /// REGS_SET.
    pub(crate) fn regs_set(&mut self, operands: &Operands) -> Answer {
        let place = self.walk(low(operands.a()))?;
        let mut suspended = self.suspended(&place)?.clone();
        let image = self.instance(&place)?.image().clone();
        let mut record = [0; REGISTERS + 4];
        let length = if operands.has(flag::PC) { record.len() } else { REGISTERS };
        self.top().load(operands.b(), &mut record[..length]).ok_or(Status::Range)?;
        let (registers, pc) = record.split_at(REGISTERS);
        for (register, bytes) in suspended.registers.iter_mut().zip(registers.as_chunks().0) {
            *register = u64::from_le_bytes(*bytes);
        }
        if operands.has(flag::PC) {
            let pc = pc.as_chunks().0.first().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            if !self.programs.of(&image).is_entry(pc) {
                return Err(Status::Range.into());
            }
            (suspended.pc, suspended.block_paid) = (pc, false);
        }
        self.change_instance(&place, |instance| {
            let set = instance.set_state(RunState::Suspended(suspended));
            debug_assert!(set.is_ok(), "its ephemeral pages are as many as before");
        });
        DONE
    }

    /// STAT.
    pub(crate) fn stat(&mut self, operands: &Operands) -> Answer {
        let place = self.walk(low(operands.a()))?;
        let found = self.present(&place)?;
        let measure = found.measure();
        let mut result = u64::from(found.tag().number()) | u64::from(measure.height) << 24;
        if let Capability::Instance(instance) = found {
            let (state, why) = match instance.state() {
                _ if self.is_running(&place) => (2, 0),
                RunState::Idle => (0, 0),
                RunState::Suspended(suspended) => (1, Why::number(suspended.why)),
            };
            result |= state << 8 | u64::from(why) << 16;
            result |= u64::from(instance.quota().is_some()) << 32 | u64::from(instance.home().is_some()) << 33;
        }
        Ok(Some(Reply { result, status: Status::Halt, detail: measure.size }))
    }

    /// SET_QUOTA.
    pub(crate) fn set_quota(&mut self, operands: &Operands) -> Answer {
        let place = self.walk(low(operands.a()))?;
        let size = self.instance(&place)?.measure().size;
        if self.is_pinned(&place) {
            return Err(Status::Busy.into());
        }
        let quota = Some(operands.b()).filter(|&pages| pages != u64::MAX);
        if quota.is_some_and(|pages| size > pages) {
            return Err(Status::Quota.into());
        }
        self.change_instance(&place, |instance| {
            let set = instance.set_quota(quota);
            debug_assert!(set.is_ok(), "it is in range");
        });
        DONE
    }

    /// SELF: how the call came, distance, length of the path, badge, path, origin.
    pub(crate) fn self_record(&mut self, operands: &Operands) -> Answer {
        let frame = self.running();
        let (via, distance, badge) = match frame.call.via {
            Via::Owner => (0, 0, 0),
            Via::Callable { badge, distance } => (1, distance, badge),
            Via::Event { .. } => (2, 0, 0),
            Via::Host => (3, 0, 0),
        };
        let path = self.written(&frame.path).ok_or(Status::Range)?;
        let mut record = [0; SELF_RECORD as usize];
        record[..3].copy_from_slice(&[via, distance, path.len() as u8]);
        record[8..16].copy_from_slice(&badge.to_le_bytes());
        record[16..32].copy_from_slice(path.padded());
        if let Via::Event { origin } = frame.call.via {
            record[32..].copy_from_slice(&origin);
        }
        self.top().store(operands.a(), &record).ok_or(Status::Range)?;
        DONE
    }
}
