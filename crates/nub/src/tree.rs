//! Trees of capabilities, and single ones: to the machine and back.

use std::collections::BTreeMap;

use javm_cap::{CapHash, Capability, Instance, Path, ValidImage};
use nub_kernel::InstanceId;

use crate::description::Description;
use crate::error::Error;
use crate::handle::Nub;
use crate::supervisor::{Made, Origin, Supervisor};

impl Nub {
    /// Keeps a tree of capabilities, built with [`cap`](crate::cap), whose root is this Instance. Everything in it is
    /// taken as it stands: any kind, Suspended Instances too. Images in it are [published](Nub::publish_image) with it, and
    /// stay so when it is dropped.
    ///
    /// What is shared is sent to a guest once, however often it stands in the tree. The handle holds on to the tree as it is
    /// now, which is what it will be again when a guest has [ended](Nub#when-a-guest-ends).
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bytes = include_bytes!("../../../guests/images/counter.nub");
    /// use nub::cap::{CNode, Instance, Path};
    /// let image = nub::ValidImage::load(bytes)?;
    /// let mut root = Instance::new(image.clone());
    /// root.put_at(&[200], CNode::new())?;
    /// root.put_at(&[200, 1], Instance::new(image))?;
    /// let mut nub = nub::Nub::new_local();
    /// let root = nub.load(root)?;
    /// let options = nub::InvokeOptions { path: Path::new(&[200, 1])?, ..Default::default() };
    /// assert_eq!(nub.invoke(root, "add", &[5], &options)?.value, 5);
    /// assert_eq!(nub.invoke(root, "get", &[], &nub::InvokeOptions::default())?.value, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Bounds`]: it is too large, or too high. [`Error::Invalid`]: an Instance in it is larger than its quota, or Suspended
    /// as no call can be. [`Error::OutOfMemory`]. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn load(&mut self, root: Instance) -> Result<InstanceId, Error> {
        self.admit(&root.clone().into())?;
        let made = self.reader.ask(|live| {
            let number = live.backend.machine().load(&root)?;
            Ok(Made::new(live, number, root.image().clone(), Origin::Tree(root.clone())))
        })?;
        Ok(self.insert(made))
    }

    /// Publishes every Image that is not published yet in a capability that may enter the state.
    fn admit(&mut self, capability: &Capability) -> Result<(), Error> {
        let mut images = BTreeMap::new();
        check(capability, |image| {
            images.entry(image.hash()).or_insert_with(|| image.clone());
        })?;
        images.into_values().try_for_each(|image| self.publish_image(image).map(drop))
    }

    /// What stands at a path below an Instance, with everything below it, or that one itself; `None` where nothing does.
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn capability(&mut self, instance: InstanceId, path: &Path) -> Result<Option<Capability>, Error> {
        self.reader.ask_about(instance, |machine, number| machine.capability(number, path))
    }

    /// What stands at a path below an Instance, without what it consists of; `None` where nothing does.
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn describe(&mut self, instance: InstanceId, path: &Path) -> Result<Option<Description>, Error> {
        self.reader.ask_about(instance, |machine, number| machine.describe(number, path))
    }

    /// The hash of what stands at a path below an Instance; `None` where nothing does.
    ///
    /// # Errors
    /// Those of [`Nub::describe`].
    pub fn capability_hash(&mut self, instance: InstanceId, path: &Path) -> Result<Option<CapHash>, Error> {
        Ok(self.describe(instance, path)?.map(|found| found.hash))
    }

    /// Keeps a capability of any kind under its hash, for grants, gifts and trees: a guest is not sent it again when it is
    /// used there. An Image, and each that is in it, is [published](Nub::publish_image).
    ///
    /// # Errors
    /// Those of [`Nub::load`].
    pub fn put_cap(&mut self, capability: &Capability) -> Result<CapHash, Error> {
        let hash = capability.hash();
        if self.contains(&hash) {
            return Ok(hash);
        }
        self.admit(capability)?;
        if !matches!(capability, Capability::Image(_)) {
            self.reader.ask(|live| live.backend.machine().hold(capability))?;
            self.reader.supervisor.insert_put(capability.clone());
        }
        Ok(hash)
    }

    /// The capability of this hash that was put; an Image that was published.
    #[must_use]
    pub fn cap(&self, hash: &CapHash) -> Option<Capability> {
        self.image(hash).map(Capability::from).or_else(|| self.reader.supervisor.put(hash))
    }

    /// Keeps a capability no longer. Gives `false` if none of this hash was [put](Nub::put_cap). What was made with it stays.
    ///
    /// # Errors
    /// Those of [`Nub::unpublish`], where it is an Image.
    pub fn drop_cap(&mut self, hash: &CapHash) -> Result<bool, Error> {
        if self.image(hash).is_some() {
            return self.unpublish(hash);
        }
        match self.reader.supervisor.remove_put(hash) {
            Some(_) => self.reader.ask(|live| live.backend.machine().release(hash)).map(|()| true),
            None => Ok(false),
        }
    }
}

/// Whether a capability may enter the state, which every kernel takes for granted of what is there. Gives `image` each Image in
/// it.
fn check(capability: &Capability, image: impl FnMut(&ValidImage)) -> Result<(), Error> {
    capability.measure().within_bounds()?;
    Ok(capability.survey(image)?)
}

/// The same of what goes with a call. What was [put](Nub::put_cap) was looked at then.
pub(crate) fn check_gift(supervisor: &Supervisor, gift: &Capability) -> Result<(), Error> {
    let is_put = |hash| supervisor.put(&hash).is_some();
    if gift.remembered_hash().is_some_and(is_put) { Ok(()) } else { check(gift, |_| {}) }
}
