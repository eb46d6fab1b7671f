//! A capability that a guest sends in parts. They may be anything, at any pace.

use std::time::Duration;

use javm_cap::archive::{ArchiveErrorReason, Reader};
use javm_cap::{CapHash, Capability, Hash, ValidImage};
use nub_host_kvm::reply::Part;

use super::transfer::PART_TIME;

/// What has come so far.
pub(super) struct Incoming {
    /// What it has to be.
    hash: Hash,
    reader: Reader,
    /// Bytes.
    received: u64,
    /// Why it is not taken although the guest may mean well. The rest is taken all the same: the guest keeps it until it is sent.
    refused: Option<String>,
}

impl Incoming {
    /// Nothing yet of what has this hash, for which there are `room` bytes here.
    pub(super) fn new(hash: Hash, room: u64) -> Incoming {
        Incoming { hash, reader: Reader::new(room), received: 0, refused: None }
    }

    /// Takes the next part, so long after the first was asked for. `image` has the Images that the guest has.
    ///
    /// # Errors
    /// What no guest does that means well.
    pub(super) fn take(
        &mut self,
        part: &Part,
        taken: Duration,
        image: impl Fn(&CapHash) -> Option<ValidImage>,
    ) -> Result<(), String> {
        self.received += part.bytes.len() as u64;
        if part.bytes.is_empty() && !part.is_last {
            return Err("a part with nothing in it".into());
        }
        if is_too_slow(taken, self.received) {
            return Err(format!("{} bytes of a tree in {} s", self.received, taken.as_secs()));
        }
        if self.refused.is_some() {
            return Ok(());
        }
        match self.reader.read(&part.bytes, image) {
            Ok(()) => Ok(()),
            // It was unpublished meanwhile.
            Err(error) if matches!(error.reason, ArchiveErrorReason::UnknownImage(_)) => {
                self.refused = Some(error.to_string());
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// What came, after the last part; or why it is not taken.
    ///
    /// # Errors
    /// What no guest does that means well.
    pub(super) fn finish(self) -> Result<Result<Capability, String>, String> {
        if let Some(refused) = self.refused {
            return Ok(Err(refused));
        }
        match self.reader.finish() {
            Ok(capability) if capability.hash().0 == self.hash => Ok(Ok(capability)),
            Ok(_) => Err("another capability than it said".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Whether a guest that has sent so many bytes of a tree takes longer than any that means well: each part is waited for by
/// itself, and a guest may send as many as it likes.
fn is_too_slow(taken: Duration, received: u64) -> bool {
    /// Bytes a second; the slowest machine that nub was tried on sends a hundred times as many.
    const SLOWEST: u64 = 1 << 20;
    taken > PART_TIME + Duration::from_secs(received / SLOWEST)
}

#[cfg(test)]
mod tests {
    use javm_cap::archive::Writer;
    use javm_cap::{CNode, Data, Instance};
    use proptest::prelude::*;

    use super::*;

    const ROOM: u64 = 64 << 20;

    fn image() -> ValidImage {
        let bytes = include_bytes!("../../../../../guests/images/counter.nub");
        ValidImage::load(bytes).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A table with Data of several pages and Instances.
    fn tree() -> Capability {
        let bytes: Vec<u8> = (0..40_000u32).map(|index| (index % 253) as u8 | 1).collect();
        let data = Data::from_bytes(&bytes).expect("it is short");
        let mut table = CNode::from_slots([(3, data)]).expect("it is small");
        for slot in [4, 9] {
            table.set(slot, Instance::new(image())).expect("it is small");
        }
        table.into()
    }

    fn parts(capability: &Capability, size: usize) -> Vec<Part> {
        let mut writer = Writer::new(capability.clone());
        let mut parts = Vec::new();
        while let Some(bytes) = writer.part(size, |_| true) {
            parts.push(Part { is_last: false, bytes: bytes.to_vec() });
        }
        if let Some(last) = parts.last_mut() {
            last.is_last = true;
        }
        parts
    }

    /// What comes of these parts, up to the last, of something that is said to have this hash.
    fn receive(hash: Hash, parts: &[Part], knows: bool) -> Result<Result<Capability, String>, String> {
        let mut incoming = Incoming::new(hash, ROOM);
        let image = image();
        for part in parts {
            incoming.take(part, Duration::ZERO, |hash| (knows && *hash == image.hash()).then(|| image.clone()))?;
            if part.is_last {
                break;
            }
        }
        incoming.finish()
    }

    #[test]
    fn what_is_sent_by_the_rules_is_what_was_asked_for() {
        let tree = tree();
        let mut parts = parts(&tree, 5000);
        assert!(parts.len() > 3, "{}", parts.len());
        assert_eq!(receive(tree.hash().0, &parts, true), Ok(Ok(tree.clone())));
        // An empty last part is one.
        parts.last_mut().expect("there are some").is_last = false;
        parts.push(Part { is_last: true, bytes: Vec::new() });
        assert_eq!(receive(tree.hash().0, &parts, true), Ok(Ok(tree)));
    }

    #[test]
    fn an_image_that_was_unpublished_is_no_lie() {
        let tree = tree();
        let refused =
            receive(tree.hash().0, &parts(&tree, 5000), false).expect("it is no lie").expect_err("it is unknown");
        assert!(refused.contains(&image().hash().to_string()), "{refused}");
    }

    #[test]
    fn lies_are_found_out() {
        let (tree, other) = (tree(), Capability::from(Data::new(3).expect("it is short")));
        let honest = parts(&tree, 5000);
        let lie = |hash: CapHash, parts: &[Part]| receive(hash.0, parts, true).expect_err("it is a lie");

        assert_eq!(lie(other.hash(), &honest), "another capability than it said");
        assert_eq!(lie(tree.hash(), &parts(&other, 5000)), "another capability than it said");
        // Cut short, a part left out, one twice, two in the wrong order.
        for length in 0..honest.len() {
            let mut cut = honest[..length].to_vec();
            if let Some(last) = cut.last_mut() {
                last.is_last = true;
            }
            lie(tree.hash(), &cut);
            let mut without = honest.clone();
            without.remove(length);
            lie(tree.hash(), &without);
        }
        let mut swapped = honest.clone();
        swapped.swap(0, 1);
        lie(tree.hash(), &swapped);
        // Nothing, again and again.
        assert_eq!(lie(tree.hash(), &[Part { is_last: false, bytes: vec![] }]), "a part with nothing in it");
        // More than there is room for.
        let mut incoming = Incoming::new(tree.hash().0, 8192);
        let taken = honest.iter().try_for_each(|part| incoming.take(part, Duration::ZERO, |_| Some(image())));
        assert!(taken.is_err());
    }

    #[test]
    fn a_guest_that_sends_little_for_long_is_not_waited_for() {
        let seconds = Duration::from_secs;
        assert!(!is_too_slow(PART_TIME, 1) && is_too_slow(PART_TIME + seconds(1), 1));
        assert!(!is_too_slow(seconds(1000), 1 << 30) && is_too_slow(seconds(1100), 1 << 30));
        let mut incoming = Incoming::new([0; 32], ROOM);
        let part = Part { is_last: false, bytes: vec![0] };
        let said = incoming.take(&part, PART_TIME + seconds(2), |_| None).expect_err("it takes too long");
        assert!(said.contains("1 bytes of a tree in 22 s"), "{said}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever is changed of what is sent: it is what was asked for, or nothing.
        #[test]
        fn changed_bytes_give_the_same_or_nothing(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..4),
            size in 1usize..9000,
        ) {
            let tree = tree();
            let mut parts = parts(&tree, size);
            for (part, at, byte) in &changes {
                let index = part.index(parts.len());
                let bytes = &mut parts[index].bytes;
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            if let Ok(Ok(received)) = receive(tree.hash().0, &parts, true) {
                prop_assert_eq!(received, tree);
            }
        }

        #[test]
        fn any_bytes_are_nothing(bytes in prop::collection::vec(any::<u8>(), 0..3000), cut in 1usize..500) {
            let mut parts: Vec<Part> = bytes.chunks(cut).map(|bytes| Part { is_last: false, bytes: bytes.to_vec() }).collect();
            parts.push(Part { is_last: true, bytes: vec![] });
            prop_assert!(!matches!(receive([7; 32], &parts, true), Ok(Ok(_))));
        }
    }
}
