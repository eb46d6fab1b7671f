//! Capabilities on their way to a guest and from it, as archives. What comes from there is hostile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use javm_cap::archive::Writer;
use javm_cap::{CapHash, Capability, Measure, Path, Tag, ValidImage, Why};
use javm_isa::CostModel;
use nub_host_kvm::reply::Found;
use nub_host_kvm::request::Place;
use nub_host_kvm::{Reply, Request};

use super::incoming::Incoming;
use super::{Guest, Trouble};
use crate::description::{Description, Standing};
use crate::error::Error;

/// A part that goes to the guest has so many bytes, and those of one node more: about what is on its way at a time.
const PART: usize = 240 << 10;

/// How long a part may take: as long as publishing an Image, which may be in it.
pub(super) const PART_TIME: Duration = Duration::from_secs(20);

/// What a guest has, besides Instances.
#[derive(Default)]
pub(super) struct There {
    /// The Images that are published there.
    images: Mutex<BTreeMap<CapHash, ValidImage>>,
    /// How many need each capability that is held there. Taken while one is sent, so that no two are at a time.
    held: Mutex<BTreeMap<CapHash, u64>>,
    /// The pages that an Image maps, of those that were published.
    most_pages: AtomicU64,
    /// Whether one of them has the flat cost model.
    is_any_flat: AtomicBool,
}

/// What a call may take at most that any program on its way may be part of.
#[derive(Clone, Copy)]
pub(super) struct Most {
    /// The cost model whose gas takes longest, of the Images that were published.
    pub(super) model: CostModel,
    /// The pages that an Image maps.
    pub(super) pages: u64,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl There {
    pub(super) fn published(&self, image: &ValidImage) {
        lock(&self.images).insert(image.hash(), image.clone());
        let mapped = image.image().memory.values().map(|mapping| u64::from(mapping.pages)).sum();
        self.most_pages.fetch_max(mapped, Relaxed);
        if image.image().cost_model == CostModel::Flat {
            self.is_any_flat.store(true, Relaxed);
        }
    }

    /// What a call may take: of whichever Images, for a program may be given any.
    pub(super) fn most(&self) -> Most {
        let model = if self.is_any_flat.load(Relaxed) { CostModel::Flat } else { CostModel::Pipeline };
        Most { model, pages: self.most_pages.load(Relaxed) }
    }

    pub(super) fn unpublished(&self, image: &CapHash) {
        lock(&self.images).remove(image);
    }

    fn image(&self, hash: &CapHash) -> Option<ValidImage> {
        lock(&self.images).get(hash).cloned()
    }
}

impl Guest {
    /// Has the guest hold a capability until [`Guest::let_go`] was called as often.
    pub(super) fn have_held(&self, capability: &Capability) -> Result<CapHash, Trouble> {
        let hash = capability.hash();
        let mut held = lock(&self.there.held);
        if let Some(count) = held.get_mut(&hash) {
            *count += 1;
            return Ok(hash);
        }
        let mut writer = Writer::new(capability.clone());
        let mut is_first = true;
        while let Some(part) = writer.part(PART, |image| self.there.image(image).is_some()) {
            self.ask(&Request::Receive { is_first, part: &part }, PART_TIME, done)?;
            is_first = false;
        }
        // The guest hashes all of it.
        self.ask(&Request::Hold(hash.0), Duration::from_secs(60), done)?;
        held.insert(hash, 1);
        Ok(hash)
    }

    /// The guest need not hold a capability any longer, for one of those who needed it.
    pub(super) fn let_go(&self, hash: &CapHash) -> Result<(), Trouble> {
        let mut held = lock(&self.there.held);
        match held.get_mut(hash) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => {
                held.remove(hash);
                self.ask(&Request::Release(hash.0), PART_TIME, |reply| matches!(reply, Reply::Flag(_)).then_some(()))?;
            }
            None => {}
        }
        Ok(())
    }

    /// Does something for which the guest holds a capability.
    pub(super) fn while_held<T>(
        &self,
        capability: Option<&Capability>,
        perform: impl FnOnce(Option<CapHash>) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let hash = capability.map(|capability| self.have_held(capability)).transpose()?;
        let done = perform(hash);
        let let_go = hash.map_or(Ok(()), |hash| self.let_go(&hash));
        let done = done?;
        let_go?;
        Ok(done)
    }

    /// What stands at a place, as the guest says it; to be sent where that is wished for.
    pub(super) fn found(&self, instance: u64, path: &Path, send: bool) -> Result<Option<Found>, Trouble> {
        let place = Place { instance, path };
        // All of it may have to be hashed, which no gas bounds.
        self.ask(&Request::Describe { place, send }, Duration::from_secs(60), |reply| match reply {
            Reply::Found(found) => Some(found),
            _ => None,
        })
    }

    /// What the guest has found, sent by it.
    pub(super) fn fetch(&self, found: &Found) -> Result<Capability, Trouble> {
        let Some(ticket) = found.ticket else { return Err(self.distrust("that it sends what it does not")) };
        // It can send no more than it has; here it takes more room than there.
        let mut incoming = Incoming::new(found.hash, self.sandbox.config().memory.saturating_mul(4));
        let begun = Instant::now();
        loop {
            let part = self.ask(&Request::Send(ticket), PART_TIME, |reply| match reply {
                Reply::Part(part) => Some(part),
                _ => None,
            })?;
            let image = |hash: &CapHash| self.there.image(hash);
            incoming.take(&part, begun.elapsed(), image).map_err(|what| self.distrust(&what))?;
            if part.is_last {
                break;
            }
        }
        incoming.finish().map_err(|what| self.distrust(&what))?.map_err(|refused| Error::Refused(refused).into())
    }
}

fn done(reply: Reply) -> Option<()> {
    (reply == Reply::Done).then_some(())
}

/// What the guest says of something; `None` where nothing is like that.
pub(super) fn description(found: &Found) -> Option<Description> {
    let kind = Tag::from_number(found.tag)?;
    let instance = match &found.instance {
        None => None,
        Some(standing) => Some(Standing {
            image: CapHash(standing.image),
            suspended: match standing.suspended {
                None => None,
                Some((number, detail)) => Some(Why::from_parts(number, detail)?),
            },
            quota: standing.quota,
            home: standing.home.as_deref().map(Path::new).transpose().ok()?,
        }),
    };
    if instance.is_some() != (kind == Tag::Instance) {
        return None;
    }
    let measure = Measure { size: found.size, height: found.height };
    Some(Description { kind, hash: CapHash(found.hash), measure, instance })
}
