//! Images. Whatever the bytes are:
//! - reading them gives an Image that is written as these very bytes, or an error with a place in them;
//! - an Image is valid or refused with a reason, and never runs otherwise;
//! - a valid one can be instantiated and called as [`exercise`](crate::exercise) says.
//!
//! `change` has the changes that leave an Image an Image.

mod change;

use javm_cap::image::limits::MAX_CODE_BYTES;
use javm_cap::image::{MAGIC, VERSION};
use javm_cap::{DecodeErrorReason, Image, LoadError, ValidImage};
use rand::RngExt;

use crate::exercise::{exercise, seed_of};
use crate::{MAX_BYTES, Random, Reached, Target, mutation};

/// This target.
pub const TARGET: Target =
    Target { name: "image", run, generate: change::generate, mutate, repair, least_accepted: 30 };

fn run(bytes: &[u8]) -> Reached {
    let loaded = ValidImage::load(bytes);
    let image = match Image::decode(bytes) {
        Ok(image) => image,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error} in {} bytes", bytes.len());
            assert!(!error.to_string().is_empty());
            assert_eq!(loaded, Err(LoadError::Encoding(error)));
            return Reached::Refused;
        }
    };
    assert!(image.encode() == bytes, "the Image that was read is written differently");
    assert!(bytes[MAGIC.len()..].starts_with(&image.manifest()), "the manifest is not what the encoding starts with");
    let hash = image.hash();
    match image.validate() {
        Ok(valid) => {
            assert_eq!(valid.hash(), hash, "validation changes the hash");
            assert_eq!(loaded.as_ref(), Ok(&valid));
            check_valid(&valid);
            exercise(&valid, seed_of(bytes));
            Reached::Accepted
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(loaded, Err(LoadError::Invalid(error)));
            Reached::Refused
        }
    }
}

/// What having a [`ValidImage`] tells.
pub(crate) fn check_valid(valid: &ValidImage) {
    let program = valid.program();
    let starts = program.block_starts(javm_isa::Mode::Image);
    assert!(program.code_length() <= MAX_CODE_BYTES && program.blob() == valid.image().code);
    assert!(program.jump_table().iter().all(|&entry| starts.contains(entry)), "a jump table entry is no block");
    for (pc, instruction) in program.instructions(javm_isa::Mode::Image) {
        let target = instruction.static_target();
        assert!(target.is_none_or(|target| starts.contains(target)), "the jump at {pc:#x} goes to no block");
    }
    for (number, endpoint) in valid.image().endpoints.iter().enumerate() {
        assert!(starts.contains(endpoint.entry), "endpoint {} is no block", endpoint.name);
        assert_eq!(valid.endpoint(&endpoint.name), Some(number), "endpoint {} is not found", endpoint.name);
    }
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    if random.random_ratio(1, 3) {
        return mutation::bytes(random, bytes, other);
    }
    match Image::decode(bytes) {
        Ok(mut image) => {
            change::change(random, &mut image, other);
            let changed = image.encode();
            if changed.len() <= MAX_BYTES {
                *bytes = changed;
            }
        }
        Err(_) => mutation::bytes(random, bytes, other),
    }
}

/// Makes bytes an Image by doing what the error says, as often as it takes.
fn repair(bytes: &mut Vec<u8>) {
    for _ in 0..64 {
        let Err(error) = Image::decode(bytes) else { return };
        let at = error.offset;
        match error.reason {
            DecodeErrorReason::Hash { stated, actual } => {
                // It is stated somewhere before what it is of.
                let Some(place) = bytes[..at].windows(32).position(|window| window == stated.as_bytes()) else {
                    return;
                };
                bytes[place..place + 32].copy_from_slice(actual.as_bytes());
            }
            DecodeErrorReason::TrailingBytes(_) => bytes.truncate(at),
            DecodeErrorReason::Truncated { needed, left } if bytes.len() + needed - left <= MAX_BYTES => {
                bytes.resize(bytes.len() + needed - left, 1);
            }
            DecodeErrorReason::NotZero(_) | DecodeErrorReason::Unknown { .. } => bytes[at] = 0,
            DecodeErrorReason::Magic => {
                let length = bytes.len().min(MAGIC.len());
                bytes[..length].copy_from_slice(&MAGIC[..length]);
            }
            DecodeErrorReason::Version(_) => bytes[at..at + 2].copy_from_slice(&VERSION.to_le_bytes()),
            _ => return,
        }
    }
}
