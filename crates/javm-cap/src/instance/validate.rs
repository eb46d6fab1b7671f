//! What must hold of an Instance before it may enter the state, beyond what its type says: where a kernel has made it this
//! holds, and elsewhere it may not.

use javm_isa::{Mode, Opcode, Program};
use thiserror::Error;

use super::{Instance, RunState, Suspended, Why};

/// What is wrong with an Instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum InstanceError {
    /// It is larger than its quota.
    #[error("it has {size} pages, more than its quota of {quota}: make the quota larger, or put less below it")]
    Quota {
        /// Its size in pages, with everything below it.
        size: u64,
        /// The most that it may count for.
        quota: u64,
    },
    /// It is Suspended where no call is ever stopped.
    #[error(
        "it is Suspended at code offset {pc:#x} with the gas of that block {}: {why}",
        if *block_paid { "paid" } else { "not paid" },
        why = if *block_paid { "no instruction of its Image stands there" } else { "no basic block of its Image starts there" }
    )]
    Pc {
        /// The code offset.
        pc: u32,
        /// Whether its basic block is paid.
        block_paid: bool,
    },
    /// It is Suspended by a fault at an address that is no page's.
    #[error("it is Suspended by a fault at the page {page:#x}, which is no multiple of 4096")]
    Fault {
        /// The address.
        page: u32,
    },
    /// What MAP is said to have added cannot stand beside the rest.
    #[error(
        "its dynamic mapping at page {first_page:#x} shows pages, of memory or of its slot, that another one or the Image's \
         memory map shows, too: no page is mapped twice"
    )]
    Mapping {
        /// The first page of the mapping.
        first_page: u32,
    },
}

impl Instance {
    /// Whether it may enter the state: its size is within its quota, and a call of its Image can have been stopped as it is
    /// Suspended. What is in its table is not looked at: [`Capability::survey`](crate::Capability::survey) does. Constant work
    /// for an Idle one.
    ///
    /// # Errors
    /// [`InstanceError`]: what is wrong with it.
    pub fn validate(&self) -> Result<(), InstanceError> {
        if let Some(quota) = self.quota() {
            let size = self.measure().size;
            if size > quota {
                return Err(InstanceError::Quota { size, quota });
            }
        }
        match self.state() {
            RunState::Idle => Ok(()),
            RunState::Suspended(suspended) => self.validate_suspended(suspended),
        }
    }

    fn validate_suspended(&self, suspended: &Suspended) -> Result<(), InstanceError> {
        let &Suspended { why, block_paid, pc, ref mappings, .. } = suspended;
        if let Why::Fault { page } = why
            && Why::from_parts(why.number(), why.detail()).is_none()
        {
            return Err(InstanceError::Fault { page });
        }
        if !can_stop_at(self.image().program(), pc, block_paid) {
            return Err(InstanceError::Pc { pc, block_paid });
        }
        match mappings.first_refused(self.image().image()) {
            Some(first_page) => Err(InstanceError::Mapping { first_page }),
            None => Ok(()),
        }
    }
}

/// Whether a run can be stopped at a code offset, its block paid or not.
///
/// What is not paid begins a block, or stands behind the end of one: the trap there is where a run ends that has no gas for it.
/// What is paid is an instruction, or the trap behind one that nothing stands behind.
fn can_stop_at(program: &Program, pc: u32, block_paid: bool) -> bool {
    let opcode_at = |pc| program.opcode_at(pc, Mode::Image);
    let before = program.previous(pc).and_then(opcode_at);
    let is_place = match block_paid {
        true => program.is_instruction_start(pc) || before.is_some(),
        false => (pc == 0 && opcode_at(0).is_some()) || before.is_some_and(Opcode::is_terminator),
    };
    is_place && pc <= program.code_length()
}
