//! The machine, as the kernel sees it.

use javm_interpreter::{Code, Exit, State};
use nub_kernel::Arch;

use crate::space::X86Space;
use crate::window::Window;

/// A lane of this machine.
pub struct X86Arch {
    lane: usize,
}

impl X86Arch {
    /// The machine as `lane` has it. Only that lane may run what is made of it.
    pub fn new(lane: usize) -> X86Arch {
        X86Arch { lane }
    }
}

impl Arch for X86Arch {
    type Space = X86Space;

    const NAME: &'static str = "kvm";

    fn create_space(&mut self) -> X86Space {
        match Window::new(self.lane) {
            Some(window) => X86Space::new(window),
            None => panic!("lane {} has no window left", self.lane),
        }
    }

    fn run(&mut self, code: &Code, state: &mut State, space: &mut X86Space) -> Exit {
        // Without this the first access would find nothing, by a trap.
        space.refresh();
        javm_interpreter::run(code, state, space)
    }
}
