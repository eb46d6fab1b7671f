//! The C programs of `guests/c` as host code, where there is a C compiler, and what `javm.h` asks of a host.

use crate::workload::Call;

#[cfg(native_c)]
mod machine {
    use javm_guest::{Scratchpad, Status};

    unsafe extern "C" {
        pub fn render(width: u64, height: u64, max_iter: u64) -> u64;
        pub fn pack(length: u64, level: u64) -> u64;
        pub fn unpack(length: u64) -> u64;
        pub fn crc(length: u64) -> u64;
    }

    /// `struct javm_reply`.
    #[repr(C)]
    pub struct Reply {
        result: u64,
        status: u64,
        detail: u64,
    }

    /// Calls of services: none is granted.
    #[unsafe(no_mangle)]
    extern "C" fn javm_host_call(_slot: u8, _method: u16, _flags: u8, _gas: u64, _arguments: *const u64) -> Reply {
        Reply { result: 0, status: Status::EMPTY.number(), detail: 0 }
    }

    /// Operations of the kernel: none is answered.
    #[unsafe(no_mangle)]
    extern "C" fn javm_host_operate(_what: u64, _last: u64, _operands: *const u64) -> Reply {
        Reply { result: 0, status: Status::UNKNOWN.number(), detail: 0 }
    }

    /// Where the scratchpad is. The heap of a program here is the host's, by `malloc`.
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

/// Whether so many bytes are in the scratchpad: a C program that fails ends the process.
#[cfg(native_c)]
fn check_length(length: u64) {
    assert!(length <= javm_guest::Scratchpad::mapped() as u64, "there are no {length} bytes in the scratchpad");
}

/// `compress` of `guests/c/zlib`, of bytes for which there is room when they are compressed.
pub fn zlib_compress(bytes: Vec<u8>, level: u64) -> Call {
    #[cfg(native_c)]
    let native: Option<super::Native> = Some(|[length, level, ..]| {
        check_length(length);
        assert!(level <= 9, "there is no level {level}");
        // SAFETY: it reads so many bytes of the scratchpad, and writes no more behind them than there is room.
        unsafe { machine::pack(length, level) }
    });
    #[cfg(not(native_c))]
    let native = None;
    Call { endpoint: "compress", registers: vec![bytes.len() as u64, level], scratchpad: Some(bytes), native }
}

/// `decompress` of `guests/c/zlib`, of a whole stream for whose contents there is room.
pub fn zlib_decompress(stream: Vec<u8>) -> Call {
    #[cfg(native_c)]
    let native: Option<super::Native> = Some(|[length, ..]| {
        check_length(length);
        // SAFETY: it reads so many bytes of the scratchpad, and writes no more behind them than there is room.
        unsafe { machine::unpack(length) }
    });
    #[cfg(not(native_c))]
    let native = None;
    Call { endpoint: "decompress", registers: vec![stream.len() as u64], scratchpad: Some(stream), native }
}

/// `crc32` of `guests/c/zlib`.
pub fn zlib_crc32(bytes: Vec<u8>) -> Call {
    #[cfg(native_c)]
    let native: Option<super::Native> = Some(|[length, ..]| {
        check_length(length);
        // SAFETY: it reads so many bytes of the scratchpad.
        unsafe { machine::crc(length) }
    });
    #[cfg(not(native_c))]
    let native = None;
    Call { endpoint: "crc32", registers: vec![bytes.len() as u64], scratchpad: Some(bytes), native }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;
    use std::path::Path;

    use sha2::{Digest, Sha256};

    #[test]
    fn zlib_is_what_its_authors_released() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/c/zlib/vendor");
        let sums = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
        for line in sums.lines() {
            let (sum, name) = line.split_once("  ").unwrap();
            let digest = Sha256::digest(fs::read(folder.join(name)).unwrap());
            let found = digest.iter().fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").unwrap();
                text
            });
            assert_eq!(found, sum, "{name} has been changed");
        }
        // Nothing is there that has no hash.
        assert_eq!(fs::read_dir(folder.join("zlib-1.3.2")).unwrap().count(), sums.lines().count());
    }
}
