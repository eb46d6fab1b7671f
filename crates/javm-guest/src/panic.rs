//! The end of a program that panics: the message with file and line goes to LOG, and the call ends as a panic.

/// A panic while a panic is told, in somebody's `Display`, says nothing more.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    use crate::machine::per_call;

    per_call! {
        static TOLD: u8;
    }
    if TOLD.get() == 0 {
        TOLD.set(1);
        match info.location() {
            Some(place) => crate::log::last_line(format_args!("panicked at {place}: {}", info.message())),
            None => crate::log::last_line(format_args!("panicked: {}", info.message())),
        }
    }
    crate::machine::trap()
}
