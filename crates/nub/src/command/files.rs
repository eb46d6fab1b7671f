//! Reading and writing files whole.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::failure::Failure;

/// What files should be, of those that messages say more about.
pub(super) const IMAGE: &str = "an Image";
pub(super) const MANIFEST: &str = "a manifest";
pub(super) const VECTOR: &str = "a test vector";
/// The largest file that is read as an Image: well above the largest valid one.
pub(super) const MAX_IMAGE_BYTES: u64 = 256 << 20;
/// The largest scratchpad that a call may bring.
pub(super) const MAX_SCRATCHPAD_BYTES: u64 =
    nub_kernel::kernel::MAX_SCRATCHPAD_PAGES as u64 * javm_cap::PAGE_SIZE as u64;
/// The largest file that is linked.
pub(super) const MAX_ELF_BYTES: u64 = 1 << 30;

/// Reads a file of at most `most` bytes; `what` says what it should be.
pub(super) fn read(path: &Path, what: &'static str, most: u64) -> Result<Vec<u8>, Failure> {
    let in_path = |error| Failure::read(path, what, error);
    let file = File::open(path).map_err(in_path)?;
    let metadata = file.metadata().map_err(in_path)?;
    if metadata.is_dir() {
        return Err(in_path(std::io::ErrorKind::IsADirectory.into()));
    }
    let too_large = |length| Failure::TooLarge { path: path.into(), length, what, most };
    if metadata.len() > most {
        return Err(too_large(metadata.len()));
    }
    // A pipe does not say how long it is.
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(in_path)?;
    if bytes.len() as u64 > most {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Checks that [`write`] can be expected to work, for those who would otherwise find out after long work.
pub(super) fn check_writable(path: &Path) -> Result<(), Failure> {
    let in_path = |error| Failure::write(path.display(), error);
    if path.is_dir() {
        return Err(in_path(std::io::ErrorKind::IsADirectory.into()));
    }
    if !path.exists() || path.is_file() {
        tempfile::Builder::new().prefix(".nub-").tempfile_in(folder_of(path)).map_err(in_path)?;
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file so that it is there whole or, after any failure, as it was before.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let in_path = |error| Failure::write(path.display(), error);
    // Devices and pipes cannot be replaced; they are written to.
    if path.exists() && !path.is_file() {
        return std::fs::write(path, bytes).map_err(in_path);
    }
    let mut file = tempfile::Builder::new().prefix(".nub-").tempfile_in(folder_of(path)).map_err(in_path)?;
    file.write_all(bytes).map_err(in_path)?;
    file.as_file().sync_all().map_err(in_path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are private; results are as readable as any other new file.
        let mode = std::fs::metadata(path).map_or(0o644, |metadata| metadata.permissions().mode());
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).map_err(in_path)?;
    }
    file.persist(path).map_err(|error| in_path(error.error))?;
    Ok(())
}
