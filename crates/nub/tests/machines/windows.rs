//! Instances that come and go find their memory mounted.

use nub::cap::{Access, Backing, Image, Instance, Mapping, SCRATCHPAD_SLOT};
use nub::{Ended, Endpoint, Grants, InvokeOptions, Nub};

use crate::{COUNTER, built, kvm};

/// A new Instance, called so often, and dropped.
fn spawn(nub: &mut Nub, image: &nub::CapHash, calls: u64) {
    let counter = nub.instantiate(image, &Grants::services()).expect("it is made");
    for call in 1..=calls {
        let outcome = nub.invoke(counter, "add", &[1], &InvokeOptions::default()).expect("it is called");
        assert_eq!((outcome.ended, outcome.value), (Ended::Halt, call), "it has begun with nothing");
    }
    assert!(nub.drop_instance(counter));
}

#[test]
fn the_next_instance_of_an_image_costs_no_fault_and_no_flush() {
    let Some(mut nub) = built(kvm()) else { return };
    let image = nub.publish(COUNTER).expect("an Image");
    for calls in [1, 3] {
        // The first one finds nothing, and the second may find pages that the first has only read.
        (0..2).for_each(|_| spawn(&mut nub, &image, calls));
        let cost = |nub: &mut Nub| nub.stats().map(|stats| (stats.window_faults, stats.flushes, stats.windows));
        let before = cost(&mut nub).expect("it answers");
        (0..200).for_each(|_| spawn(&mut nub, &image, calls));
        assert_eq!(cost(&mut nub), Ok(before));
    }
}

/// Where the programs that pass a scratchpad on see it, and where the next one stands.
const SHOWN: u32 = 0x100;
const NEXT: u8 = 20;

/// Three programs that pass a scratchpad of so many pages on, each with the next one in its table. Each reads a word of it;
/// the last one writes to it if that is said.
fn convoy(pages: u32, writes: bool) -> Instance {
    let program = |text: &str| {
        let program = javm_isa::assemble(text).unwrap_or_else(|error| panic!("{error}"));
        let backing = Backing::Persistent { slot: SCRATCHPAD_SLOT, offset_pages: 0 };
        let access = if writes { Access::ReadWrite } else { Access::ReadOnly };
        let endpoint = Endpoint::new("carry".parse().expect("a name"), 0);
        let image = Image {
            memory: [(SHOWN, Mapping { pages, access, backing })].into(),
            ..Image::new(javm_isa::CostModel::Pipeline, program.blob().to_vec(), vec![endpoint])
        };
        Instance::new(image.validate().expect("it is valid"))
    };
    let last = match writes {
        true => program("load_imm a0, 7\n store_u64 [0x100008], a0\n jump_ind ra, 0"),
        false => program("load_u64 a0, [0x100000]\n jump_ind ra, 0"),
    };
    (0..2).fold(last, |next, _| {
        let pass_on =
            "move_reg s0, ra\n load_u64 a1, [0x100000]\n load_imm a4, 0x100\n load_imm a5, 0\n ecalli 20\n jump_ind s0, 0";
        let mut program = program(pass_on);
        program.put_at(&[NEXT], next).expect("it is small");
        program
    })
}

/// However long it is: what it shows are the pages of the Data themselves.
#[test]
fn no_page_of_a_scratchpad_is_copied_between_programs() {
    let Some(mut nub) = built(kvm()) else { return };
    for (pages, writes) in [(1, false), (4096, false), (4096, true)] {
        let root = nub.load(convoy(pages, writes)).expect("it is a tree");
        let mut content = vec![0; pages as usize * 4096];
        content.iter_mut().step_by(4096).for_each(|byte| *byte = 9);
        let mut copies = || {
            let count = |nub: &mut Nub| nub.stats().expect("it answers").window_copies.expect("a guest counts them");
            let before = count(&mut nub);
            let options = InvokeOptions { scratchpad: Some(content.clone()), ..InvokeOptions::default() };
            let outcome = nub.invoke(root, "carry", &[], &options).expect("it is called");
            assert_eq!(outcome.ended, Ended::Halt);
            let mut word = [0; 8];
            outcome.scratchpad.expect("it comes back").read(8, &mut word).expect("inside");
            assert_eq!(u64::from_le_bytes(word), if writes { 7 } else { 0 });
            count(&mut nub) - before
        };
        match writes {
            // Not even when it is shown for the first time.
            false => assert_eq!([copies(), copies()], [0, 0], "{pages} pages"),
            // A page that a program may write to is shown as a copy of its own, in the window of each, once it is touched.
            true => {
                assert!((1..=6).contains(&copies()), "the page that is touched, in three windows, and on its way back")
            }
        }
        assert!(nub.drop_instance(root));
    }
}
