//! SPAWN, UPGRADE, MINT, ATTENUATE: Instances, and rights to call them.

use javm_cap::{
    CNode, Callable, CapHash, Capability, Import, Instance, Interface, Mask, Measure, Path, Right, RunState, TypeDef,
    ValidImage, Wanted,
};

use super::operands::{SPAWN_SLOT, high, low};
use super::{DONE, Operands, flag};
use crate::arch::Arch;
use crate::engine::{Answer, Refusal};
use crate::process::{Change, Process};
use crate::reference::Reference;
use crate::service::Service;
use crate::status::Status;

/// Whether an Image lists a TypeDef, or has just these endpoints.
fn implements(image: &ValidImage, interface: &CapHash) -> bool {
    image.image().typedefs.contains(interface) || image.interface() == *interface
}

/// Whether something can stand in for what an import asks for.
pub(crate) fn satisfies(capability: &Capability, wanted: &Wanted) -> bool {
    let interface = match *wanted {
        Wanted::TypeDef(hash) => Some(hash),
        Wanted::Service(id) => Service::from_number(id).map(Service::interface),
        _ => None,
    };
    match capability {
        Capability::Service(service) => match *wanted {
            Wanted::Service(id) => service.id == id,
            _ => Service::from_number(service.id).map(Service::interface) == interface && interface.is_some(),
        },
        Capability::Callable(callable) => interface == Some(callable.interface().hash()),
        Capability::Instance(instance) => interface.is_some_and(|interface| implements(instance.image(), &interface)),
        _ => false,
    }
}

impl<A: Arch> Process<'_, A> {
    fn image(&self, place: &Reference) -> Result<ValidImage, Status> {
        match self.present(place)? {
            Capability::Image(image) => Ok(image.clone()),
            _ => Err(Status::Kind),
        }
    }

    /// SPAWN.
    pub(crate) fn spawn(&mut self, operands: &Operands) -> Answer {
        let (image, destination) = (self.walk(low(operands.a()))?, self.walk(high(operands.a()))?);
        let granted = operands.has(flag::GRANTS).then(|| self.walk(low(operands.b()))).transpose()?;
        let image = self.image(&image)?;
        let grants = match &granted {
            None => CNode::new(),
            Some(place) => match self.present(place)? {
                Capability::CNode(table) => table.clone(),
                _ => return Err(Status::Kind.into()),
            },
        };
        self.vacant(&destination)?;
        let fits = |slot: u8, import: &Import| grants.get(slot).filter(|granted| satisfies(granted, &import.wanted));
        let imports = &image.image().imports;
        if imports.iter().any(|(&slot, import)| import.required && fits(slot, import).is_none()) {
            return Err(Status::Denied.into());
        }
        let mut instance = Instance::new(image.clone());
        for (&slot, import) in imports {
            let Some(found) = fits(slot, import) else { continue };
            if granted.and_then(|place| place.join(slot)).is_some_and(|place| self.is_pinned(&place)) {
                return Err(Status::Busy.into());
            }
            instance.put_at(&[slot], found.clone()).map_err(|_| Status::Range)?;
        }
        self.check(&[Change { place: &destination, old: Measure::default(), new: instance.measure() }])?;
        let filled = instance.table().iter().count() as u64;
        let price = SPAWN_SLOT * filled;
        let gas = &mut self.top().state.gas;
        *gas = gas.checked_sub(price).ok_or(Refusal::TooLittleGas)?;
        instance.count_changes(self.epoch, 1 + filled);
        self.put(&destination, instance.into());
        DONE
    }

    /// UPGRADE.
    pub(crate) fn upgrade(&mut self, operands: &Operands) -> Answer {
        let (place, image) = (self.walk(low(operands.a()))?, self.walk(high(operands.a()))?);
        let instance = self.instance(&place)?;
        let old = instance.measure();
        if !matches!(instance.state(), RunState::Idle) || self.is_pinned(&place) {
            return Err(Status::Busy.into());
        }
        let (before, quota) = (instance.image().measure().size, instance.quota());
        let image = self.image(&image)?;
        let new = Measure { size: old.size - before + image.measure().size, ..old };
        self.check(&[Change { place: &place, old, new }])?;
        // What is checked is around the place; its own quota stands in it.
        if new.size > old.size && quota.is_some_and(|quota| new.size > quota) {
            return Err(Status::Quota.into());
        }
        self.change_instance(&place, |instance| {
            let set = instance.set_image(image);
            debug_assert!(set.is_ok(), "it is Idle");
        });
        DONE
    }

    /// The mask at an address of the program's memory; every method for address 0.
    fn mask(&mut self, address: u32) -> Result<Mask, Status> {
        let mut bytes = [0xff; 32];
        if address != 0 {
            self.top().load(address.into(), &mut bytes).ok_or(Status::Range)?;
        }
        Ok(Mask::new(bytes))
    }

    /// MINT.
    pub(crate) fn mint(&mut self, operands: &Operands) -> Answer {
        let place = (!operands.has(flag::ITSELF)).then(|| self.walk(low(operands.a()))).transpose()?;
        let destination = self.walk(high(operands.a()))?;
        let typedef = operands.has(flag::TYPEDEF).then(|| self.walk(low(operands.b()))).transpose()?;
        let image = match &place {
            None => self.running().program.valid().clone(),
            Some(place) => self.instance(place)?.image().clone(),
        };
        let typedef: Option<TypeDef> = match &typedef {
            None => None,
            Some(place) => match self.present(place)? {
                Capability::TypeDef(typedef) => Some(typedef.clone()),
                _ => return Err(Status::Kind.into()),
            },
        };
        self.vacant(&destination)?;
        let path: Path = match &place {
            None => self.running().path,
            Some(place) => self.path_of(place).ok_or(Status::Range)?,
        };
        let distance = self.distance_to(&path);
        let path = self.written(&path).ok_or(Status::Range)?;
        let methods =
            typedef.as_ref().map_or(image.image().endpoints.len(), |typedef| typedef.definition().methods().len());
        let interface = typedef.map_or_else(|| Interface::of_image(&image), Interface::TypeDef);
        if !implements(&image, &interface.hash()) {
            return Err(Status::NoEndpoint.into());
        }
        let mask = self.mask(high(operands.b()))?.and(&Mask::first(methods));
        let right = Right { mask, ceiling: operands.c(), badge: operands.d(), distance, path };
        let callable = Callable::new(interface, right).map_err(|_| Status::Range)?;
        self.make(&destination, Capability::Callable(callable))
    }

    /// ATTENUATE.
    pub(crate) fn attenuate(&mut self, operands: &Operands) -> Answer {
        let (place, destination) = (self.walk(low(operands.a()))?, self.walk(high(operands.a()))?);
        let callable = match self.present(&place)? {
            Capability::Callable(callable) => callable.clone(),
            _ => return Err(Status::Kind.into()),
        };
        self.vacant(&destination)?;
        let mask = self.mask(low(operands.b()))?;
        self.make(&destination, Capability::Callable(callable.attenuate(&mask, operands.c())))
    }
}
