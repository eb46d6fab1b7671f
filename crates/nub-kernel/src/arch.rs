//! What the kernel asks of the machine that it runs on.
//!
//! Two traits: an [`Arch`] makes address spaces and runs an engine in them; an [`AddressSpace`] is the memory of one
//! running program, as the kernel arranges it. How a program reaches its memory is the engines' trait
//! [`Memory`], of which every address space is one.
//!
//! A block device joins [`Arch`] with the store, which is the first to need it.

use javm_cap::{Access, Data, PageRef};
use javm_interpreter::{Code, Exit, Memory, State};
use javm_isa::Instruction;

use crate::random::Seed;

/// A machine.
pub trait Arch {
    /// The memory of a running program.
    type Space: AddressSpace;

    /// Its name in reports, for example `local`.
    const NAME: &'static str;

    /// What everything random in the kernel is made of. None of it reaches state. The default is for machines whose keys
    /// nobody hostile chooses, such as tests.
    fn seed(&mut self) -> Seed {
        Seed::default()
    }

    /// Makes an address space with nothing mapped.
    fn create_space(&mut self) -> Self::Space;

    /// Whether the kernel is to let go, before each run of a program, of all that it keeps only to be fast: for tests of that
    /// nothing but time depends on it.
    fn evicts(&self) -> bool {
        false
    }

    /// Runs `code` from `state` on in `space` until it leaves the engine. The default is the interpreter, which every
    /// machine has; a machine with another engine chooses here, and nothing that a program or the kernel can observe
    /// depends on the choice.
    fn run(&mut self, code: &Code, state: &mut State, space: &mut Self::Space) -> Exit {
        javm_interpreter::run(code, state, space)
    }

    /// Like [`Arch::run`], but calls `trace` before each instruction.
    fn run_traced(&mut self, code: &Code, state: &mut State, space: &mut Self::Space, trace: Trace<'_>) -> Exit {
        javm_interpreter::run_traced(code, state, space, &mut |state: &State, instruction: &Instruction| {
            trace(state, instruction);
        })
    }
}

/// Who watches a run: called before each instruction with the state as that instruction finds it.
pub type Trace<'a> = &'a mut dyn FnMut(&State, &Instruction);

/// The memory of a running program: 2^20 pages of 4096 bytes, each part of at most one mapping.
///
/// Pages are shared with what is mapped until they are written to; a write never shows in the Data that was mapped, but
/// is collected by [`AddressSpace::withdraw`]. Page numbers are below 2^20; a range that runs past it is cut there.
pub trait AddressSpace: Memory + Sized {
    /// Maps `pages` pages from `first_page` on to those of `data` from page `offset` on, in place of what was there.
    /// Pages past the end of `data` stay inaccessible. Work does not grow with `pages`.
    fn map_data(&mut self, first_page: u32, pages: u32, data: &Data, offset: u32, access: Access);

    /// The Data that is mapped at a page.
    fn mapped(&self, page: u32) -> Option<&Data>;

    /// Maps `pages` writable pages of zeros from `first_page` on, in place of what was there. Work does not grow with
    /// `pages`.
    fn map_zero(&mut self, first_page: u32, pages: u32);

    /// Makes a range of pages inaccessible; what was written there is dropped.
    fn unmap(&mut self, first_page: u32, pages: u32);

    /// Changes what is allowed on the mapped pages of a range.
    fn set_access(&mut self, first_page: u32, pages: u32, access: Access);

    /// Whether any page was written to or set and neither withdrawn nor discarded since.
    fn has_changed(&mut self) -> bool;

    /// The page there, if it is not the one that was mapped any more because it was written to or set.
    fn changed_page(&mut self, page: u32) -> Option<PageRef>;

    /// Puts another page there, as if the program had written it; whether the program may write does not matter. Gives
    /// `false`, and does nothing, where nothing is mapped.
    #[must_use]
    fn set_page(&mut self, page: u32, content: PageRef) -> bool;

    /// Hands every changed page of a range to `take`, in ascending order, by its number: the range reads again as it was
    /// mapped.
    fn withdraw(&mut self, first_page: u32, pages: u32, take: impl FnMut(u32, PageRef));

    /// How many pages of a range, which is all that a Data was mapped at, are other than those of the Data, if [`AddressSpace::collect`] can put them
    /// into it; `None` where [`AddressSpace::withdraw`] has to. What was written that stood there before counts as not written.
    fn differing(&mut self, first_page: u32, pages: u32) -> Option<u32> {
        let _ = (first_page, pages);
        None
    }

    /// Lets go of the Data that is mapped at a range, all of which it was mapped at, so that whoever else has it may change it in place. Until one is
    /// [attached](AddressSpace::attach) again, what was not written there reads as zeros.
    fn detach(&mut self, first_page: u32, pages: u32) {
        let _ = (first_page, pages);
    }

    /// Puts the pages of a detached range that differ, which were counted before, into the Data that was mapped there:
    /// `data`, from page `offset` on. That is then what the range reads as, and nothing in it was written to.
    fn collect(&mut self, first_page: u32, pages: u32, data: &mut Data, offset: u32) {
        let _ = (first_page, pages, data, offset);
    }

    /// Maps the Data again that was detached from a range, with what was collected.
    fn attach(&mut self, first_page: u32, pages: u32, data: &Data) {
        let _ = (first_page, pages, data);
    }

    /// Drops what was written to or set in a range: it reads again as it was mapped.
    fn discard(&mut self, first_page: u32, pages: u32);

    /// Offers a page that the kernel has no use for any more, for later writes.
    fn reuse(&mut self, page: PageRef) {
        let _ = page;
    }

    /// Offers a page that somebody else has and may give up, for writes once nobody has it any more.
    fn lend(&mut self, page: &PageRef) {
        let _ = page;
    }

    /// Lets go of everything that is not mapped any more. Nothing but memory in use changes by it.
    fn settle(&mut self) {}

    /// A second address space that reads the same now; afterwards neither sees what the other writes. Copies no page.
    #[must_use]
    fn fork(&mut self) -> Self;

    /// Unmaps everything and drops what was written, keeping allocations for the next use.
    fn clear(&mut self);
}
