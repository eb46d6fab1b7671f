//! The machine, as the kernel sees it.

use javm_interpreter::{Code, Exit, State};
use nub_kernel::random::Seed;
use nub_kernel::{Arch, Trace};

use crate::space::Space;
use crate::space::policy::Policy;
use crate::space::view::View as _;
use crate::window::Window;
use crate::{boot, disturb, processor, tlb};

/// The memory of a program on this machine.
pub type X86Space = Space<Window>;

/// This machine, on whichever lane it is used.
#[derive(Default)]
pub struct X86Arch;

/// A window of the lane that this runs on.
fn window() -> Window {
    let lane = processor::lane();
    match Window::new(lane) {
        Some(window) => window,
        None => panic!("lane {lane} has no window left"),
    }
}

/// Makes a space ready for accesses of this lane.
fn enter(space: &mut X86Space) {
    if !space.view().is_here() || disturb::evicts() {
        space.move_to(window());
    }
    tlb::enter();
    // Without this the first access would find nothing, by a trap.
    space.refresh();
}

impl Arch for X86Arch {
    type Space = X86Space;

    const NAME: &'static str = "kvm";

    fn seed(&mut self) -> Seed {
        boot::info().seed
    }

    fn create_space(&mut self) -> X86Space {
        Space::new(window(), Policy::current())
    }

    fn evicts(&self) -> bool {
        disturb::evicts()
    }

    fn run(&mut self, code: &Code, state: &mut State, space: &mut X86Space) -> Exit {
        disturb::step();
        enter(space);
        let exit = javm_interpreter::run(code, state, space);
        disturb::step();
        exit
    }

    fn run_traced(&mut self, code: &Code, state: &mut State, space: &mut X86Space, trace: Trace<'_>) -> Exit {
        enter(space);
        javm_interpreter::run_traced(code, state, space, &mut |state, instruction| trace(state, instruction))
    }
}
