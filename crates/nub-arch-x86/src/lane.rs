//! A lane: takes requests from its slot, answers them, and sleeps when there are none.

#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;

use nub_arch_x86_abi::reply::Refused;
use nub_arch_x86_abi::slot::{BUFFER_OFFSET, BUFFER_SIZE, MAX_MESSAGE};
use nub_arch_x86_abi::wire::Writer;
use nub_arch_x86_abi::{Reply, Slot, layout, turn};

use crate::log::log;
use crate::room::Room;
use crate::{boot, processor, serve};

/// Both sides of a lane's slot, from the guest's end.
struct Turn {
    slot: &'static Slot,
    buffer: *mut u8,
    /// What requests and replies are collected in.
    request: Vec<u8>,
    reply: Vec<u8>,
    /// Why there is no memory for the request; it is taken, but not kept.
    refused: Option<Refused>,
}

impl Turn {
    /// Waits for a part of a request, and takes the turn.
    fn wait(&self) {
        turn::guest::wait(self.slot, || self.slot.idle_spins.load(Relaxed), processor::leave);
    }

    /// Waits for a part and takes it; whether the message is whole.
    fn take_part(&mut self) -> bool {
        self.wait();
        let length = (self.slot.length.load(Relaxed) as usize).min(BUFFER_SIZE);
        let rest = u64::from(self.slot.rest.load(Relaxed));
        let start = self.request.len();
        if start as u64 + length as u64 <= MAX_MESSAGE {
            // For all of the message, as far as one may go: growing would copy it again and again.
            let room = (length as u64).saturating_add(rest).min(MAX_MESSAGE - start as u64);
            let room = (room as usize).max(length);
            if self.request.capacity() - start < room && self.refused.is_none() {
                let asked = Room { block: (start + room) as u64, ..Room::default() };
                self.refused = asked.for_a_call().err();
            }
            if self.refused.is_some() {
                return rest == 0;
            }
            self.request.reserve(room);
            // SAFETY: the buffer has BUFFER_SIZE bytes, which the host leaves alone while it is the guest's turn; the
            // vector has room for `length` more.
            unsafe {
                core::ptr::copy_nonoverlapping(self.buffer, self.request.as_mut_ptr().add(start), length);
                self.request.set_len(start + length);
            }
        }
        rest == 0
    }

    /// Gives the host a part of the reply.
    fn give_part(&mut self, from: usize) -> usize {
        let part = &self.reply[from..];
        let length = part.len().min(BUFFER_SIZE);
        // SAFETY: the buffer has BUFFER_SIZE bytes, which the host leaves alone while it is the guest's turn.
        unsafe { core::ptr::copy_nonoverlapping(part.as_ptr(), self.buffer, length) };
        self.slot.length.store(length as u32, Relaxed);
        self.slot.rest.store((part.len() - length) as u32, Relaxed);
        turn::guest::answer(self.slot, processor::leave);
        from + length
    }

    /// Takes a whole request.
    fn take(&mut self) {
        self.request.clear();
        self.refused = None;
        while !self.take_part() {
            self.reply.clear();
            self.give_part(0);
        }
    }

    /// Gives the whole reply.
    fn give(&mut self) {
        let mut given = self.give_part(0);
        while given < self.reply.len() {
            // The host asks for the next part with an empty request.
            self.wait();
            given = self.give_part(given);
        }
    }
}

/// The longest message whose memory is kept for the next one.
const KEPT: usize = 2 << 20;

/// Serves a lane for ever.
pub fn serve(lane: usize) -> ! {
    let info = boot::info();
    log!(
        "starts: privilege {}, {} lanes, {} MiB of memory from {} MiB on",
        if boot::is_user() { "user" } else { "supervisor" },
        info.lanes,
        info.memory >> 20,
        info.free >> 20
    );
    let slot = boot::slot(lane);
    let buffer = boot::linear(layout::slot(lane) + BUFFER_OFFSET) as *mut u8;
    let mut turn = Turn { slot, buffer, request: Vec::new(), reply: Vec::new(), refused: None };
    loop {
        turn.take();
        let mut writer = Writer::reusing(core::mem::take(&mut turn.reply));
        match turn.refused.take() {
            Some(refused) => Reply::Refused(refused).encode(&mut writer),
            None => serve::answer(lane, &turn.request, &mut writer),
        }
        turn.reply = writer.into_bytes();
        turn.give();
        for buffer in [&mut turn.request, &mut turn.reply] {
            if buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
        }
    }
}
