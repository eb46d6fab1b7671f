//! Calls whose arguments or result are in the scratchpad, at its start, where what the program itself was given may stand.
//!
//! If nobody has a part of the scratchpad it goes with the call as it is. Otherwise another one goes, and the program's own
//! stands aside meanwhile, in a slot of the program's table: what borrows from it borrows from the same bytes afterwards.

use javm_types::EncodeError;

use crate::{Call, Failure, Place, Scratchpad};

/// The slot where the program's own scratchpad stands while another one goes with a call.
pub const ASIDE: u8 = 15;

/// Writes arguments to the start of some bytes, and gives the registers.
type Lower<'a> = &'a dyn Fn(&mut [u8]) -> Result<[u64; 4], EncodeError>;

/// Makes a call. Returns φ7 and the bytes that begin with the result, if it is not in φ7 itself.
pub(crate) fn call(
    call: Call,
    place: Place,
    in_registers: bool,
    lower: Lower<'_>,
    returns_register: bool,
) -> Result<(u64, Scratchpad), Failure> {
    scratchpad::make_whole()?;
    let mut room = Scratchpad::take_rest();
    let registers = lower(&mut room).map_err(Failure::Arguments)?;
    let call = call.arguments(registers);
    if room.offset() > 0 {
        let length = if in_registers { 0 } else { registers[0] as usize };
        let register = scratchpad::send_another(call, place, &mut room, length, returns_register)?;
        return Ok((register, room));
    }
    // SAFETY: nobody has a part of the scratchpad but `room`, to which there are no references meanwhile.
    let reply = unsafe { call.with_scratchpad() }.place(place);
    scratchpad::make_whole()?;
    Ok((Failure::unless_halted(reply)?, room))
}

#[cfg(target_os = "none")]
mod scratchpad {
    use javm_types::LiftError;

    use super::{ASIDE, Call, Failure, Place, Scratchpad};
    use crate::Status;
    use crate::operation::{self, Kind};

    // SAFETY: it is changed by the functions of this module alone, which say why they may.
    const OWN: Place = unsafe { Place::of_memory(0) };
    const OTHER: Place = Place::slot(ASIDE);
    const PAGE: usize = 4096;

    fn mapped_pages() -> u32 {
        (Scratchpad::mapped() / PAGE) as u32
    }

    /// Sees to it that all that is mapped is there: a caller may have given less, a callee may have taken it away.
    ///
    /// It is only made longer, so that references to what is there stay good; where nothing is there, there are none.
    pub(super) fn make_whole() -> Result<(), Status> {
        let pages = mapped_pages();
        match operation::stat(OWN) {
            _ if pages == 0 => Ok(()),
            Ok(found) if found.kind() == Kind::Data && found.pages >= pages.into() => Ok(()),
            Ok(found) if found.kind() == Kind::Data => operation::resize(OWN, pages),
            Ok(_) => operation::drop(OWN).and_then(|()| operation::new_data(pages, OWN)),
            Err(_) => operation::new_data(pages, OWN),
        }
    }

    /// Makes the call with a scratchpad that begins with the first `length` bytes of `room`, and copies the result there.
    ///
    /// Never inlined: between the two exchanges the compiler finds no access of anybody's to the bytes that are away.
    #[inline(never)]
    pub(super) fn send_another(
        call: Call,
        place: Place,
        room: &mut Scratchpad,
        length: usize,
        returns_register: bool,
    ) -> Result<u64, Failure> {
        // Something may be left of a call that was never ended.
        match operation::drop(OTHER) {
            Ok(()) | Err(Status::EMPTY) => {}
            Err(status) => return Err(status.into()),
        }
        operation::new_data(mapped_pages(), OTHER)?;
        operation::write(OTHER, 0, &room[..length])?;
        operation::swap(OWN, OTHER)?;
        // SAFETY: what goes is not what there are references to.
        let reply = unsafe { call.with_scratchpad() }.place(place);
        let returned = operation::stat(OWN);
        match returned {
            Ok(_) => operation::swap(OWN, OTHER)?,
            Err(_) => operation::move_(OTHER, OWN)?,
        }
        let outcome = Failure::unless_halted(reply).and_then(|register| match returned {
            _ if returns_register => Ok(register),
            Ok(found) if found.kind() == Kind::Data => {
                let available = (found.pages as usize).saturating_mul(PAGE).min(room.len());
                let result = usize::try_from(register).ok().filter(|&result| result <= available);
                let wrong = Failure::Result(LiftError::Length { length: register, available });
                operation::read(OTHER, 0, &mut room[..result.ok_or(wrong)?])?;
                Ok(register)
            }
            _ => Err(Failure::Result(LiftError::Length { length: register, available: 0 })),
        });
        if returned.is_ok() {
            operation::drop(OTHER)?;
        }
        outcome
    }
}

#[cfg(not(target_os = "none"))]
mod scratchpad {
    use super::{Call, Failure, Place, Scratchpad};
    use crate::{Status, machine};

    /// As host code it always is.
    #[expect(clippy::unnecessary_wraps, reason = "in nub it may be refused")]
    pub(super) fn make_whole() -> Result<(), Status> {
        Ok(())
    }

    /// Makes the call with the bytes of `room` at the start of the scratchpad, and puts everything back where it was.
    pub(super) fn send_another(
        call: Call,
        place: Place,
        room: &mut Scratchpad,
        length: usize,
        returns_register: bool,
    ) -> Result<u64, Failure> {
        let all = machine::scratchpad();
        // SAFETY: it is there, and nobody but this function touches it meanwhile.
        let before = unsafe { (*all).to_vec() };
        let mut sent = room[..length].to_vec();
        sent.resize(before.len(), 0);
        // SAFETY: as above.
        unsafe { (*all).copy_from_slice(&sent) };
        // SAFETY: what there are references to is put back before anybody looks.
        let reply = unsafe { call.with_scratchpad() }.place(place);
        // SAFETY: as above.
        let after = unsafe { (*all).to_vec() };
        // SAFETY: as above.
        unsafe { (*all).copy_from_slice(&before) };
        let register = Failure::unless_halted(reply)?;
        if !returns_register {
            let length = room.len();
            room.copy_from_slice(&after[..length]);
        }
        Ok(register)
    }
}
