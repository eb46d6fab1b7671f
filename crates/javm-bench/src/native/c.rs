//! The C programs of `guests/c` as host code, where there is a C compiler, and what `javm.h` asks of a host.

use crate::workload::Call;

#[cfg(native_c)]
mod machine {
    use javm_guest::{Scratchpad, Status};

    unsafe extern "C" {
        pub fn render(width: u64, height: u64, max_iter: u64) -> u64;
    }

    /// `struct javm_reply`.
    #[repr(C)]
    pub struct Reply {
        result: u64,
        status: u64,
    }

    /// Calls of services: none is granted.
    #[unsafe(no_mangle)]
    extern "C" fn javm_host_call(_slot: u8, _method: u16, _flags: u8, _gas: u64, _arguments: *const u64) -> Reply {
        Reply { result: 0, status: Status::EMPTY.number() }
    }

    /// Operations of the kernel: none is answered.
    #[unsafe(no_mangle)]
    extern "C" fn javm_host_operate(_operation: u64, _operand: u64) -> Reply {
        Reply { result: 0, status: 25 }
    }

    /// Where the scratchpad is; the programs here have no heap.
    ///
    /// # Safety
    /// `bytes` is valid for writing.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn javm_host_memory(heap: i32, bytes: *mut usize) -> *mut u8 {
        let (start, length) = match heap {
            0 => {
                // It stays where it is until another one is set, between two calls of programs.
                let mut scratchpad = Scratchpad::take_rest();
                (scratchpad.as_mut_ptr(), scratchpad.len())
            }
            _ => (core::ptr::null_mut(), 0),
        };
        // SAFETY: promised by the caller.
        unsafe { bytes.write(length) };
        start
    }
}

/// `render` of `guests/c/mandelbrot`, for pictures that fit into the scratchpad.
pub fn mandelbrot(width: u64, height: u64, max_iter: u64) -> Call {
    #[cfg(native_c)]
    let native: Option<super::Native> = Some(|[width, height, max_iter, _]| {
        let bytes = width.checked_mul(height).filter(|&bytes| bytes <= javm_guest::Scratchpad::mapped() as u64);
        assert!(bytes.is_some(), "the picture does not fit");
        // SAFETY: it writes width times height bytes to the scratchpad, which is as large at least.
        unsafe { machine::render(width, height, max_iter) }
    });
    // There was no C compiler.
    #[cfg(not(native_c))]
    let native = None;
    Call { endpoint: "render", registers: vec![width, height, max_iter], scratchpad: Some(Vec::new()), native }
}
