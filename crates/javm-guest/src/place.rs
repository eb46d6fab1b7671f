//! Places: where a capability stands, named as a program names it.

use core::fmt;

/// A slot, in the program's own table or in one that can be reached from it: what `docs/spec/capabilities.md` calls a
/// reference.
///
/// ```
/// use javm_guest::Place;
///
/// /// A child of this program.
/// const CHILD: Place = Place::slot(20);
/// /// What stands in slot 4 of the child's table.
/// const ITS_TOKEN: Place = CHILD.at(4);
/// assert_eq!(format!("{ITS_TOKEN}"), "20/4");
/// ```
///
/// What cannot be named does not compile when the place is a constant, and panics otherwise:
///
/// ```compile_fail
/// const DEEP: javm_guest::Place = javm_guest::Place::slot(4).at(5).at(6).at(7).at(8);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place(u32);

impl Place {
    /// The gift slot: what goes with a call, and comes back, by [`Call::with_gift`](crate::Call::with_gift).
    pub const GIFT: Place = Place(1);

    /// A slot of the program's own table.
    ///
    /// # Panics
    /// For 0, 2 and 3, in which the memory stands that the program uses: the scratchpad, its constants, its variables.
    /// [`Place::of_memory`] names them.
    #[must_use]
    pub const fn slot(slot: u8) -> Place {
        assert!(
            slot != 0 && slot != 2 && slot != 3,
            "slots 0, 2 and 3 hold the scratchpad, the constants and the variables of the program"
        );
        Place(slot as u32)
    }

    /// Any slot of the program's own table, also one whose Data is mapped where the program has its variables.
    ///
    /// # Safety
    /// While there are references to the memory that is mapped from the slot nothing is done to it by this place that
    /// changes the memory or takes it away. Looking ([`stat`](crate::operation::stat)), copying from it and reading it
    /// are always fine.
    #[must_use]
    pub const unsafe fn of_memory(slot: u8) -> Place {
        Place(slot as u32)
    }

    /// A slot of the table that stands in this place: of a CNode, or of an Instance that is not on the call stack.
    ///
    /// # Panics
    /// For a fifth slot: a reference goes through at most three tables. And through slot 0, through which no way leads.
    #[must_use]
    pub const fn at(self, slot: u8) -> Place {
        let [last, first, second, third] = self.0.to_le_bytes();
        assert!(last != 0, "no way leads through slot 0");
        assert!(third == 0, "a way leads through at most three tables");
        Place(u32::from_le_bytes(match (first, second) {
            (0, _) => [slot, last, 0, 0],
            (_, 0) => [slot, first, last, 0],
            _ => [slot, first, second, last],
        }))
    }

    /// The place as operations take it.
    #[must_use]
    pub const fn reference(self) -> u32 {
        self.0
    }

    /// The slot, if it is one of the program's own table.
    #[must_use]
    pub const fn own_slot(self) -> Option<u8> {
        if self.0 < 256 { Some(self.0 as u8) } else { None }
    }
}

/// The slots on the way to it, and its own, with `/` between.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [last, hops @ ..] = self.0.to_le_bytes();
        for hop in hops.into_iter().take_while(|&hop| hop != 0) {
            write!(f, "{hop}/")?;
        }
        write!(f, "{last}")
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn hops_stand_in_order_behind_the_slot() {
        let place = Place::slot(7).at(8).at(9).at(0);
        assert_eq!(place.reference(), u32::from_le_bytes([0, 7, 8, 9]));
        assert_eq!((place.to_string(), place.own_slot()), ("7/8/9/0".into(), None));
        assert_eq!((Place::GIFT.at(5).reference(), Place::GIFT.own_slot()), (0x0105, Some(1)));
    }

    #[test]
    #[should_panic(expected = "a way leads through at most three tables")]
    fn a_way_has_an_end() {
        let _ = Place::slot(7).at(8).at(9).at(10).at(11);
    }

    #[test]
    #[should_panic(expected = "no way leads through slot 0")]
    fn no_way_leads_through_the_scratchpad() {
        let _ = Place::slot(7).at(0).at(8);
    }

    #[test]
    #[should_panic(expected = "slots 0, 2 and 3 hold")]
    fn memory_in_use_is_not_a_place_to_change() {
        let _ = Place::slot(3);
    }
}
