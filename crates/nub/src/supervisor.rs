//! What all handles of a kernel share: the machine, what outlives it, and who replaces it when it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use javm_cap::{CapHash, Capability, Instance, Service, ValidImage};
use nub_kernel::{Chain, InstanceId, InvokeError};

use crate::backend::{Backend, End, Machine, Trouble};
use crate::backoff::BackOff;
use crate::builder::{ArchChoice, Builder, Privilege};
use crate::error::{Error, Recovery};
use crate::health::Health;

/// A machine, from its start to its end. Whoever asks it holds on to it.
pub(crate) struct Live {
    /// How many machines there were before it.
    pub(crate) number: u64,
    pub(crate) backend: Backend,
    began: Instant,
}

/// An Instance: how it was made, and where it is.
pub(crate) struct Made {
    pub(crate) image: ValidImage,
    origin: Origin,
    place: Mutex<Place>,
}

/// What an Instance is made of, in each machine that comes.
#[derive(Clone)]
pub(crate) enum Origin {
    /// Its Image, and these services in these slots.
    Image(Vec<(u8, Service)>),
    /// A tree that was loaded.
    Tree(Instance),
}

/// Where an Instance is.
#[derive(Clone, Copy)]
enum Place {
    /// In the machine of this number, under this number of its own; in no later one yet.
    In { live: u64, number: u64 },
    /// Nowhere any more.
    Dropped,
}

impl Made {
    pub(crate) fn new(live: &Live, number: u64, image: ValidImage, origin: Origin) -> Made {
        Made { image, origin, place: Mutex::new(Place::In { live: live.number, number }) }
    }

    /// A copy that was made in this machine.
    pub(crate) fn copied(&self, live: &Live, number: u64) -> Made {
        Made::new(live, number, self.image.clone(), self.origin.clone())
    }

    /// The machine's number of it; where the machine is newer, it is made there first, once for all who ask. `None` if it
    /// was dropped.
    fn number_in(&self, live: &Live) -> Result<Option<u64>, Trouble> {
        let mut place = lock(&self.place);
        match *place {
            Place::Dropped => Ok(None),
            Place::In { live: there, number } if there == live.number => Ok(Some(number)),
            Place::In { .. } => {
                let machine = live.backend.machine();
                let number = match &self.origin {
                    Origin::Image(services) => machine.instantiate(&self.image, services)?,
                    Origin::Tree(root) => machine.load(root)?,
                };
                *place = Place::In { live: live.number, number };
                Ok(Some(number))
            }
        }
    }

    /// Drops it. Gives the number that this machine had for it.
    fn dropped(&self, live: &Live) -> Option<u64> {
        match std::mem::replace(&mut *lock(&self.place), Place::Dropped) {
            Place::In { live: there, number } if there == live.number => Some(number),
            _ => None,
        }
    }
}

/// Whether there is a machine.
enum Standing {
    Up(Arc<Live>),
    /// There were so many, and the last has ended.
    Down {
        ends: u64,
    },
}

/// What is known of the machines that have ended.
#[derive(Default)]
struct Record {
    back_off: BackOff,
    last_end: Option<End>,
}

/// Images that are published.
#[derive(Default)]
struct Images {
    /// Each with the number of its publication.
    by_hash: BTreeMap<CapHash, (u64, ValidImage)>,
    publications: u64,
}

impl Images {
    /// In the order in which they were published: so there is memory for the next in a new machine as there was before.
    fn in_order(&self) -> Vec<&ValidImage> {
        let mut all: Vec<_> = self.by_hash.values().collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, image)| image).collect()
    }
}

pub(crate) struct Supervisor {
    arch: ArchChoice,
    builder: Builder,
    privilege: Option<Privilege>,
    standing: RwLock<Standing>,
    record: Mutex<Record>,
    /// Held while a new machine is started, so that one thread does it for all. Taken before all others.
    restarting: Mutex<()>,
    images: RwLock<Images>,
    instances: RwLock<BTreeMap<InstanceId, Arc<Made>>>,
    /// Capabilities that were put, but for Images.
    put: RwLock<BTreeMap<CapHash, Capability>>,
    /// What calls are a part of, in this machine and each later one.
    chain: Mutex<Chain>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

macro_rules! shared {
    ($lock:expr) => {
        $lock.read().unwrap_or_else(PoisonError::into_inner)
    };
}

macro_rules! alone {
    ($lock:expr) => {
        $lock.write().unwrap_or_else(PoisonError::into_inner)
    };
}

/// Says to a new machine what calls are a part of, where it would not take that for granted.
fn enter(backend: &Backend, chain: &Chain) -> Result<(), Trouble> {
    if *chain == Chain::default() { Ok(()) } else { backend.machine().set_chain(chain) }
}

impl Supervisor {
    /// Starts a machine of this kind; not [`ArchChoice::Auto`].
    pub(crate) fn start(arch: ArchChoice, builder: &Builder) -> Result<Supervisor, Error> {
        let chain = Chain { parameters: builder.parameters, ..Chain::default() };
        chain.parameters.check()?;
        let backend = Backend::start(arch, builder)?;
        enter(&backend, &chain).map_err(|trouble| match trouble {
            Trouble::Refused(error) => error,
            Trouble::Ended(end) => Error::NotStarted(end.text),
        })?;
        Ok(Supervisor {
            arch,
            builder: *builder,
            privilege: backend.privilege(),
            standing: RwLock::new(Standing::Up(Arc::new(Live { number: 0, backend, began: Instant::now() }))),
            record: Mutex::default(),
            restarting: Mutex::new(()),
            images: RwLock::default(),
            instances: RwLock::default(),
            put: RwLock::default(),
            chain: Mutex::new(chain),
        })
    }

    /// Has calls be in this block of the chain, or of another one.
    pub(crate) fn set_chain(&self, live: &Live, chain: Chain) -> Result<(), Trouble> {
        // Whoever starts a new machine waits until it is known what is said to it.
        let mut now = lock(&self.chain);
        live.backend.machine().set_chain(&chain)?;
        *now = chain;
        Ok(())
    }

    pub(crate) fn chain(&self) -> Chain {
        *lock(&self.chain)
    }

    pub(crate) fn arch(&self) -> ArchChoice {
        self.arch
    }

    /// The machine, be it dead or alive; how many there were where there is none.
    pub(crate) fn live(&self) -> Result<Arc<Live>, u64> {
        match &*shared!(self.standing) {
            Standing::Up(live) => Ok(live.clone()),
            Standing::Down { ends } => Err(*ends),
        }
    }

    /// Why the last machine that ended did.
    pub(crate) fn last_end(&self) -> Option<End> {
        lock(&self.record).last_end.clone()
    }

    /// Makes sure that there is a later machine than that of this number, which has ended, for this reason where it is known. One
    /// thread does it for all that come.
    pub(crate) fn replace(&self, number: u64, end: Option<End>) -> Recovery {
        let _alone = lock(&self.restarting);
        let (ends, live) = match &*shared!(self.standing) {
            Standing::Up(live) if live.number > number => return Recovery::Restarted,
            Standing::Up(live) => (live.number + 1, Some(live.clone())),
            Standing::Down { ends } => (*ends, None),
        };
        let now = Instant::now();
        if let Some(live) = live {
            let mut record = lock(&self.record);
            record.back_off.ended(now, now.saturating_duration_since(live.began));
            record.last_end = end.or_else(|| live.backend.end());
            // Its memory goes back, and its processors stop, when the last who asked it has let go of it.
            *alone!(self.standing) = Standing::Down { ends };
        }
        if let Some(delayed) = self.delay(now) {
            return delayed;
        }
        match self.start_again(ends) {
            Ok(live) => {
                *alone!(self.standing) = Standing::Up(Arc::new(live));
                Recovery::Restarted
            }
            Err(why) => {
                lock(&self.record).back_off.ended(Instant::now(), Duration::ZERO);
                Recovery::Failed(why)
            }
        }
    }

    /// That it is too early for a new machine, where it is.
    fn delay(&self, now: Instant) -> Option<Recovery> {
        let back_off = &lock(&self.record).back_off;
        let left = back_off.left(now);
        (!left.is_zero()).then(|| Recovery::Delayed { ended: back_off.in_a_row(), left })
    }

    /// A new machine with every Image in it. Instances follow when they are needed.
    fn start_again(&self, number: u64) -> Result<Live, String> {
        let backend = Backend::start(self.arch, &self.builder).map_err(|error| error.to_string())?;
        let prepare = || -> Result<(), Trouble> {
            enter(&backend, &self.chain())?;
            shared!(self.images).in_order().into_iter().try_for_each(|image| backend.machine().publish(image))
        };
        prepare().map_err(|trouble| match trouble {
            Trouble::Ended(end) => end.text,
            Trouble::Refused(error) => error.to_string(),
        })?;
        Ok(Live { number, backend, began: Instant::now() })
    }

    pub(crate) fn image(&self, hash: &CapHash) -> Option<ValidImage> {
        shared!(self.images).by_hash.get(hash).map(|(_, image)| image.clone())
    }

    /// The capability of this hash that was put.
    pub(crate) fn put(&self, hash: &CapHash) -> Option<Capability> {
        shared!(self.put).get(hash).cloned()
    }

    pub(crate) fn insert_put(&self, capability: Capability) {
        alone!(self.put).insert(capability.hash(), capability);
    }

    pub(crate) fn remove_put(&self, hash: &CapHash) -> Option<Capability> {
        alone!(self.put).remove(hash)
    }

    /// An Image was published in this machine: it is published in each later one, too. Does nothing if there is a later one
    /// already, which does not have it.
    pub(crate) fn insert_image(&self, live: &Live, image: ValidImage) {
        let _no_restart = lock(&self.restarting);
        if self.live().is_ok_and(|now| now.number != live.number) {
            return;
        }
        let mut images = alone!(self.images);
        let number = images.publications;
        images.publications += 1;
        images.by_hash.entry(image.hash()).or_insert((number, image));
    }

    /// An Image was unpublished in this machine: it is published in no later one. Does nothing if there is a later one already,
    /// which has it.
    pub(crate) fn remove_image(&self, live: &Live, image: &CapHash) {
        let _no_restart = lock(&self.restarting);
        if self.live().map_or(true, |now| now.number == live.number) {
            alone!(self.images).by_hash.remove(image);
        }
    }

    /// The Instances of an Image.
    pub(crate) fn instances_of(&self, image: &CapHash) -> BTreeSet<InstanceId> {
        let instances = shared!(self.instances);
        instances.iter().filter(|(_, made)| made.image.hash() == *image).map(|(&instance, _)| instance).collect()
    }

    pub(crate) fn made(&self, instance: InstanceId) -> Result<Arc<Made>, Error> {
        let found = shared!(self.instances).get(&instance).cloned();
        Ok(found.ok_or(InvokeError::UnknownInstance(instance))?)
    }

    pub(crate) fn insert(&self, instance: InstanceId, made: Made) {
        alone!(self.instances).insert(instance, Arc::new(made));
    }

    /// Drops an Instance. Gives `false` if there was none.
    pub(crate) fn drop_instance(&self, instance: InstanceId) -> bool {
        let Some(made) = alone!(self.instances).remove(&instance) else { return false };
        if let Ok(live) = self.live()
            && let Some(number) = made.dropped(&live)
        {
            // In a machine that ends now the Instance is gone, too; the next call tells of the end.
            let _ = live.backend.machine().drop_instance(number);
        }
        true
    }

    /// Asks a machine about an Instance, which is made there first if the machine is new.
    pub(crate) fn ask_about<T>(
        &self,
        live: &Live,
        instance: InstanceId,
        question: impl FnOnce(&dyn Machine, u64) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let number = self.number_in(live, instance)?;
        question(live.backend.machine(), number).map_err(|trouble| match trouble {
            // It was dropped meanwhile; the machine knows its own numbers only.
            Trouble::Refused(_) if self.made(instance).is_err() => InvokeError::UnknownInstance(instance).into(),
            trouble => trouble,
        })
    }

    /// A machine's number of an Instance, which is made there first if the machine is new.
    pub(crate) fn number_in(&self, live: &Live, instance: InstanceId) -> Result<u64, Trouble> {
        let unknown = || Trouble::from(InvokeError::UnknownInstance(instance));
        // Mostly nobody has to be waited for, and then nothing is held on to.
        if let Some(made) = shared!(self.instances).get(&instance)
            && let Ok(place) = made.place.try_lock()
            && let Place::In { live: there, number } = *place
            && there == live.number
        {
            return Ok(number);
        }
        self.made(instance)?.number_in(live)?.ok_or_else(unknown)
    }

    pub(crate) fn privilege(&self) -> Option<Privilege> {
        self.privilege
    }

    pub(crate) fn health(&self) -> Health {
        let live = self.live();
        let restarts = live.as_ref().map_or_else(|ends| ends - 1, |live| live.number);
        let live = live.ok();
        let end = live.as_ref().and_then(|live| live.backend.end());
        let guest = live.as_ref().and_then(|live| live.backend.guest());
        let record = lock(&self.record);
        let is_alive = live.is_some() && end.is_none();
        Health {
            arch: self.arch.name(),
            privilege: self.privilege,
            lanes: guest.map(|guest| guest.lanes()),
            is_alive,
            last_end: end.or_else(|| record.last_end.clone()).map(|end| end.text),
            restarts,
            ends_in_a_row: record.back_off.in_a_row(),
            next_start_in: (!is_alive).then(|| record.back_off.left(Instant::now())),
            boot_time: guest.map(|guest| guest.boot_time()),
        }
    }
}
