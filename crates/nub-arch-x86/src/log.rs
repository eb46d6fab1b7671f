//! The guest's log: what it does besides calls, a line each, for whoever looks into one. The host shows it.

use core::fmt::{self, Write as _};

use crate::{boot, processor};

/// Writes a line, formatted as by `format!`, where the host wants a log. Needs no memory.
macro_rules! log {
    ($($text:tt)*) => {
        $crate::log::line(format_args!($($text)*))
    };
}
pub(crate) use log;

struct Port;

impl fmt::Write for Port {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(processor::debug);
        Ok(())
    }
}

#[inline]
pub(crate) fn line(text: fmt::Arguments<'_>) {
    if boot::info().log == 1 {
        write(text);
    }
}

#[cold]
fn write(text: fmt::Arguments<'_>) {
    // The port takes everything.
    let _ = Port.write_fmt(text);
    processor::debug(b'\n');
}
