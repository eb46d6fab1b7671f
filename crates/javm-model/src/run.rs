//! A script's actions, one after the other.

use crate::memory::Denied;
use crate::operate::Answer;
use crate::script::Action;
use crate::world::World;

/// Where a return leads that ends the call.
pub(crate) const HALT_ADDRESS: u64 = 0xFFFF_0000;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Halt,
    Panic,
    Fault(u64),
    OutOfGas,
    Yield(u64),
}

impl From<Denied> for End {
    fn from(denied: Denied) -> End {
        match denied {
            Denied::Panic => End::Panic,
            Denied::Fault(page) => End::Fault(page),
        }
    }
}

impl World {
    /// Runs the last frame until it ends. What it calls runs inside.
    pub(crate) fn run(&mut self) -> End {
        loop {
            let image = self.state.running().image.clone();
            let frame = self.state.frame_mut();
            let Some(action) = image.script.action(frame.index) else { return End::Panic };
            match action {
                Action::Block(cost) => {
                    if !frame.paid {
                        let Some(left) = frame.gas.checked_sub(cost) else { return End::OutOfGas };
                        frame.gas = left;
                        frame.paid = true;
                        self.charged(cost);
                    }
                }
                Action::Fallthrough => frame.paid = false,
                Action::Set(register, value) => frame.registers[usize::from(register)] = value,
                Action::Store(register, address) => {
                    let byte = frame.registers[usize::from(register)] as u8;
                    if let Err(denied) = self.state.store(address, byte) {
                        return denied.into();
                    }
                }
                Action::Load(register, address) => match self.state.load(address) {
                    Ok(byte) => self.state.frame_mut().registers[usize::from(register)] = byte.into(),
                    Err(denied) => return denied.into(),
                },
                Action::Ecall | Action::Ecalli(_) => {
                    let reference = match action {
                        Action::Ecalli(reference) => Some(reference),
                        _ => None,
                    };
                    match self.answer(reference) {
                        Ok(Answer::Reply(reply)) => self.give(reply),
                        Ok(Answer::Yield(value)) => {
                            let frame = self.state.frame_mut();
                            frame.registers[7..10].fill(0);
                            frame.index += 1;
                            return End::Yield(value);
                        }
                        // Nothing has happened: more gas could repeat the instruction.
                        Err(_) => return End::OutOfGas,
                    }
                }
                Action::Return if frame.registers[0] as u32 as u64 == HALT_ADDRESS => return End::Halt,
                Action::Return | Action::Trap => return End::Panic,
            }
            self.state.frame_mut().index += 1;
        }
    }
}
