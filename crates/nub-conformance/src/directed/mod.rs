//! Directed cases: what the pages of the norm say, one thing after the other, as programs that ask for it and what must come
//! of it in the model. Every call that a case makes is recorded, so that other machines can be compared in it, and so that
//! vectors can be made of it.

mod bounds;
mod calls;
mod creating;
mod fixture;
mod mistakes;
mod places;
mod references;
mod services;
mod spaces;
mod states;

use std::cell::RefCell;

use javm_model::{HostCall, World};

/// One of them.
pub struct Case {
    /// Where it stands and what it is about.
    pub name: &'static str,
    run: fn(),
}

/// A call that a case has made, and the world before it.
#[derive(Clone)]
pub struct Recorded {
    /// The world.
    pub world: World,
    /// The call.
    pub call: HostCall,
}

thread_local! {
    static RECORD: RefCell<Vec<Recorded>> = const { RefCell::new(Vec::new()) };
}

fn note(world: &World, call: &HostCall) {
    RECORD.with_borrow_mut(|record| record.push(Recorded { world: world.clone(), call: call.clone() }));
}

impl Case {
    /// Runs it in the model. Gives the calls that it made.
    ///
    /// # Panics
    /// If the model does not do what the case is about: it is a test.
    #[must_use]
    pub fn run(&self) -> Vec<Recorded> {
        RECORD.take();
        (self.run)();
        RECORD.take()
    }
}

macro_rules! cases {
    ($($module:ident: $($name:ident)*;)*) => {
        /// All of them.
        pub const CASES: &[Case] = &[
            $($(Case { name: concat!(stringify!($module), "::", stringify!($name)), run: $module::$name },)*)*
        ];
    };
}

cases! {
    bounds:
        no_path_is_written_that_is_longer_than_sixteen
        whatever_grows_keeps_quotas
        pages_are_counted_where_they_are_collected
        a_resumption_is_within_the_bounds_of_a_call
        writable_pages_of_a_usual_chain
        what_is_mapped_is_paid_for_at_the_entry;
    calls:
        every_end_by_the_owner_atomic_or_not
        through_a_callable_everything_is_undone_and_nobody_yields
        refusals_of_a_call
        refusals_of_a_callable
        the_stack_has_a_greatest_depth
        scratchpad_and_gift_go_and_come_back
        gas_is_limited_and_comes_back
        an_operation_that_is_not_covered_stops_before_it
        one_that_ran_out_of_gas_goes_on_with_more
        a_pager_maps_what_its_child_misses
        a_generator_goes_on_in_a_later_call
        resume_undone_stays_suspended
        what_is_suspended_above_one_that_runs_goes_on
        ends_that_cannot_be
        writable_pages_are_bounded
        calls_from_the_host
        a_program_stands_in_for_a_service
        a_copy_that_is_run_changes_the_copy
        regs_are_those_of_the_end
        a_chain_runs_as_a_child_of_another;
    creating:
        new_data_and_tables
        spawns
        upgrades
        mints
        attenuates
        what_is_granted_must_not_be_live;
    mistakes:
        no_operation_goes_unpaid
        a_child_drops_what_it_was_passed
        no_mapping_reaches_the_end_of_memory
        a_resumption_never_lands_between
        every_loop_pays
        a_table_is_small
        a_call_does_not_empty_the_slot_of_who_calls
        a_resumption_does_not_empty_the_slot_of_who_runs;
    places:
        references_are_walked
        copies_and_moves
        a_gift_has_no_path_to_be_rebased_from
        home_is_where_it_came_from_and_stays
        swaps
        drops
        heights_and_sizes_are_bounded
        quotas_hold_wherever_it_grows
        resizes
        reads_and_writes
        a_read_over_itself_is_of_what_was
        what_is_on_the_stack_is_pinned;
    references:
        every_operation_walks
        every_operation_keeps_quotas;
    services:
        refusals
        prices_are_within_the_limit
        logs_are_kept_and_bounded
        what_they_give
        verdicts_are_those_of_the_oracle
        signatures;
    spaces:
        maps
        unmaps
        entries_are_bounded
        mappings_follow_the_slot
        regs;
    states:
        operations_that_do_not_exist
        words_are_whole
        stats
        hashes_and_their_price
        a_hash_is_of_what_services_have_stored
        stores_are_changes_when_collected
        quotas
        gas
        selves
        changes_of_what_is_new;
}
