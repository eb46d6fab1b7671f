//! Programs that the command brings along, so that a machine can be measured with nothing else on it.

use std::collections::BTreeMap;

use javm_cap::{
    Access, Backing, Data, Endpoint, EndpointName, Image, Import, Mapping, PAGE_SIZE, SCRATCHPAD_SLOT, ValidImage,
    Wanted,
};
use javm_isa::{CostModel, REG_COUNT};
use nub_kernel::service::Service;

/// Where the page of state is.
const STATE_PAGE: u32 = 0x20;
/// Where the scratchpad is.
const SCRATCHPAD_PAGE: u32 = 0x30;
/// Where ephemeral memory is.
const WORK_PAGE: u32 = 0x40;
/// And how much of it.
const WORK_PAGES: u32 = 64;

/// Where state and LOG are.
pub(super) const STATE_SLOT: u8 = 3;
pub(super) const LOG_SLOT: u8 = 4;

/// A program: what it is called, what it does how often, and its text. Its one endpoint takes a number.
pub(super) struct Program {
    /// The name of the figure.
    pub(super) name: &'static str,
    /// What is given to its endpoint; also how often a call does what the figure is about.
    pub(super) times: u64,
    text: &'static str,
}

/// Returns a number that it keeps in memory.
pub(super) const EMPTY: Program =
    Program { name: "call/empty", times: 1, text: "load_u64 a0, [0x20000]\n jump_ind ra, 0" };

/// What is measured by whole calls of one Instance.
pub(super) const CALLS: &[Program] = &[
    EMPTY,
    // The gas that is left, by `ecall`.
    Program {
        name: "call/operation",
        times: 1000,
        text: "
            move_reg t0, a0
            fallthrough
         @next:
            load_imm a4, 23
            ecall
            add_imm_64 t0, t0, -1
            branch_ne_imm t0, 0, @next
            jump_ind ra, 0",
    },
    // An empty log entry, by `ecalli`.
    Program {
        name: "call/service",
        times: 1000,
        text: "
            move_reg t0, a0
            fallthrough
         @next:
            load_imm a0, 0
            load_imm a1, 0
            load_imm a4, 0x100
            ecalli 4
            add_imm_64 t0, t0, -1
            branch_ne_imm t0, 0, @next
            jump_ind ra, 0",
    },
];

/// What is measured by the time of a whole call of a fresh Instance.
pub(super) const WORK: &[Program] = &[
    // Each step on the last one's result.
    Program {
        name: "exec/arithmetic",
        times: 100_000,
        text: "
            move_reg t0, a0
            load_imm a1, 0x12345678
            fallthrough
         @next:
            shlo_l_imm_64 a2, a1, 13
            xor a1, a1, a2
            shlo_r_imm_64 a2, a1, 7
            xor a1, a1, a2
            mul_64 a2, a1, t0
            add_64 a0, a0, a2
            add_imm_64 t0, t0, -1
            branch_ne_imm t0, 0, @next
            jump_ind ra, 0",
    },
    // Writes words to ephemeral memory and reads them again, all over it.
    Program {
        name: "exec/memory",
        times: 100_000,
        text: "
            move_reg t0, a0
            load_imm a2, 0
            load_imm a0, 0
            fallthrough
         @next:
            add_imm_64 a1, a2, 0x40000
            store_ind_u64 [a1], t0
            load_ind_u64 a3, [a1]
            add_64 a0, a0, a3
            add_imm_64 a2, a2, 24
            and_imm a2, a2, 0x3FFF8
            add_imm_64 t0, t0, -1
            branch_ne_imm t0, 0, @next
            jump_ind ra, 0",
    },
];

impl Program {
    /// It as an Image.
    ///
    /// # Errors
    /// None: a test makes an Image of each.
    pub(super) fn image(&self) -> Result<ValidImage, String> {
        image(self.text)
    }
}

/// Straight code in blocks, as long as a small program: what predecoding is measured with.
///
/// # Errors
/// None: a test makes it.
pub(super) fn long() -> Result<ValidImage, String> {
    let mut text = String::new();
    for block in 0..1000 {
        text.push_str(&format!(
            "@b{block}:\n load_ind_u64 a1, [sp + {}]\n add_64 a2, a1, a0\n shlo_l_imm_64 a3, a2, {}\n \
             xor a0, a0, a3\n mul_64 t0, a0, a1\n store_ind_u32 [sp + {}], t0\n branch_lt_u a0, a2, @b{}\n",
            block % 512 * 8,
            block % 64,
            block % 1024 * 4,
            block * 7 % 1000,
        ));
    }
    text.push_str("jump_ind ra, 0");
    image(&text)
}

/// A program that does nothing, with 1 MiB of state that is another one for each seed.
///
/// # Errors
/// None: a test makes one.
pub(super) fn large(seed: u64) -> Result<ValidImage, String> {
    let mut image = EMPTY.image()?.image().clone();
    let mut number = seed;
    let words = std::iter::repeat_with(|| {
        // Knuth's linear congruential generator: no two words of a page are the same, and no page is another.
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        number
    });
    let content: Vec<u8> = words.take((1 << 20) / 8).flat_map(u64::to_le_bytes).collect();
    image.slots.insert(STATE_SLOT, Data::from_bytes(&content).map_err(|error| error.to_string())?);
    image.validate().map_err(|error| error.to_string())
}

fn image(text: &str) -> Result<ValidImage, String> {
    let program = javm_isa::assemble(text).map_err(|error| error.to_string())?;
    let name: EndpointName = "main".parse().map_err(|error| format!("{error:?}"))?;
    let shown = |pages, slot| Mapping {
        pages,
        access: Access::ReadWrite,
        backing: Backing::Persistent { slot, offset_pages: 0 },
    };
    let work = Mapping { pages: WORK_PAGES, access: Access::ReadWrite, backing: Backing::Ephemeral };
    let mut registers = [0; REG_COUNT];
    registers[javm_isa::Reg::SP.index()] = u64::from(WORK_PAGE) * PAGE_SIZE as u64;
    let endpoint = Endpoint { registers, ..Endpoint::new(name, 1) };
    let image = Image {
        memory: BTreeMap::from([
            (STATE_PAGE, shown(1, STATE_SLOT)),
            (SCRATCHPAD_PAGE, shown(1, SCRATCHPAD_SLOT)),
            (WORK_PAGE, work),
        ]),
        slots: BTreeMap::from([(STATE_SLOT, Data::from_bytes(&[1; 8]).map_err(|error| error.to_string())?)]),
        imports: BTreeMap::from([(LOG_SLOT, Import { required: true, wanted: Wanted::Service(Service::Log as u32) })]),
        ..Image::new(CostModel::Pipeline, program.blob().to_vec(), vec![endpoint])
    };
    image.validate().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_an_image() {
        for program in CALLS.iter().chain(WORK) {
            program.image().unwrap_or_else(|error| panic!("{}: {error}", program.name));
        }
        assert_ne!(large(1).unwrap().hash(), large(2).unwrap().hash());
        assert!(long().unwrap().program().instructions(javm_isa::Mode::Image).count() > 7000);
    }
}
