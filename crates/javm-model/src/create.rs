//! NEW_DATA, NEW_CNODE, SPAWN, UPGRADE, MINT, ATTENUATE.

use std::rc::Rc;

use crate::hash;
use crate::image::{Image, Wanted};
use crate::operate::{Ask, Done, high, low};
use crate::service::service_type;
use crate::state::Place;
use crate::table::{Operation, Status};
use crate::value::{CNode, Callable, Data, Instance, Run, Value};
use crate::world::World;

/// The flags of MINT.
const ITSELF: u8 = 1;
const TYPEDEF: u8 = 2;

/// Whether something can stand in for what an import asks for.
pub(crate) fn satisfies(value: &Value, wanted: &Wanted) -> bool {
    let interface = match *wanted {
        Wanted::TypeDef(hash) => Some(hash),
        Wanted::Service(id) => service_type(id).map(|typedef| hash::of_typedef(&typedef)),
    };
    match value {
        Value::Service(service) => match *wanted {
            Wanted::Service(id) => service.id == id,
            Wanted::TypeDef(hash) => service_type(service.id).is_some_and(|typedef| hash::of_typedef(&typedef) == hash),
        },
        Value::Callable(callable) => interface == Some(callable.interface),
        Value::Instance(instance) => interface.is_some_and(|interface| instance.image.implements(&interface)),
        _ => false,
    }
}

impl World {
    pub(crate) fn new_data(&mut self, ask: &Ask, destination: &Place) -> Result<Done, Status> {
        self.state.free(destination)?;
        self.state.put(destination, Value::Data(Data::new(ask.operands[0] as u32)));
        Ok(Done::default())
    }

    pub(crate) fn new_cnode(&mut self, destination: &Place) -> Result<Done, Status> {
        self.state.free(destination)?;
        self.state.put(destination, Value::CNode(CNode::new()));
        Ok(Done::default())
    }

    fn image(&self, place: &Place) -> Result<Rc<Image>, Status> {
        match self.state.present(place)? {
            Value::Image(image) => Ok(image.clone()),
            _ => Err(Status::Kind),
        }
    }

    pub(crate) fn spawn(&mut self, image: &Place, destination: &Place, grants: Option<&Place>) -> Result<Done, Status> {
        let image = self.image(image)?;
        let granted = match grants {
            None => CNode::default(),
            Some(grants) => match self.state.present(grants)? {
                Value::CNode(table) => table.clone(),
                _ => return Err(Status::Kind),
            },
        };
        self.state.free(destination)?;
        let mut instance = Instance::new(&image);
        for (&slot, import) in &image.imports {
            match granted.slots.get(&slot).filter(|value| satisfies(value, &import.wanted)) {
                Some(value) => {
                    instance.table.slots.insert(slot, value.clone());
                }
                None if import.required => return Err(Status::Denied),
                None => {}
            }
        }
        for (slot, _) in image.imports.iter().filter(|(slot, _)| instance.table.slots.contains_key(slot)) {
            if let Some(grants) = grants {
                self.state.not_pinned(&Place([&grants.0[..], &[*slot]].concat()))?;
            }
        }
        let filled = instance.table.slots.len() as u64;
        instance.table.changes = 1 + filled;
        self.state.put(destination, Value::Instance(Box::new(instance)));
        Ok(Done { price: Operation::Spawn.unit() * filled, ..Done::default() })
    }

    pub(crate) fn upgrade(&mut self, place: &Place, image: &Place) -> Result<Done, Status> {
        match self.state.present(place)? {
            Value::Instance(instance) if instance.run == Run::Idle => {}
            Value::Instance(_) => return Err(Status::Busy),
            _ => return Err(Status::Kind),
        }
        self.state.not_pinned(place)?;
        let image = self.image(image)?;
        if let Some(Value::Instance(instance)) = self.state.value_mut(place) {
            instance.image = image;
            instance.table.changes += 1;
        }
        Ok(Done::default())
    }

    /// The mask at an address of the program's memory: everything at 0.
    fn mask(&self, address: u32) -> Result<[u8; 32], Status> {
        let mut mask = [0xff; 32];
        if address != 0 {
            if !self.state.allows(address.into(), 32, false) {
                return Err(Status::Range);
            }
            mask.copy_from_slice(&self.state.load_range(address.into(), 32));
        }
        Ok(mask)
    }

    pub(crate) fn mint(&mut self, ask: &Ask, places: &[Place]) -> Result<Done, Status> {
        let mut places = places.iter();
        let running = self.state.frame().path.clone();
        let place = if ask.has(ITSELF) { None } else { places.next() };
        let (Some(destination), typedef) = (places.next(), places.next()) else { return Err(Status::Range) };
        let image = match place {
            None => self.state.running().image.clone(),
            Some(place) => match self.state.present(place)? {
                Value::Instance(instance) => instance.image.clone(),
                _ => return Err(Status::Kind),
            },
        };
        let typedef = match typedef {
            None => None,
            Some(typedef) => match self.state.present(typedef)? {
                Value::TypeDef(typedef) => Some(typedef.clone()),
                _ => return Err(Status::Kind),
            },
        };
        debug_assert_eq!(typedef.is_some(), ask.has(TYPEDEF));
        self.state.free(destination)?;
        let path = match place {
            None => running.clone(),
            Some(place) => self.state.path(place).ok_or(Status::Range)?,
        };
        // The Instances on the way from the running one, which does not count, to the place.
        let below = (running.len() + 1..=path.len()).filter(|&length| self.state.instance(&path[..length]).is_some());
        let distance = below.count() as u8;
        let path = self.state.written(&path)?;
        let interface = typedef.as_ref().map_or_else(|| image.interface(), |typedef| hash::of_typedef(typedef));
        if !image.implements(&interface) {
            return Err(Status::NoEndpoint);
        }
        let methods = typedef.as_ref().map_or(image.endpoints.len(), |typedef| typedef.methods.len());
        let mut mask = self.mask(high(ask.operands[1]))?;
        for method in methods..256 {
            mask[method / 8] &= !(1 << (method % 8));
        }
        let [_, _, ceiling, badge] = ask.operands;
        self.state
            .put(destination, Value::Callable(Callable { interface, typedef, mask, ceiling, badge, distance, path }));
        Ok(Done::default())
    }

    pub(crate) fn attenuate(&mut self, ask: &Ask, callable: &Place, destination: &Place) -> Result<Done, Status> {
        let mut weaker = match self.state.present(callable)? {
            Value::Callable(callable) => callable.clone(),
            _ => return Err(Status::Kind),
        };
        self.state.free(destination)?;
        let mask = self.mask(low(ask.operands[1]))?;
        weaker.mask.iter_mut().zip(mask).for_each(|(byte, mask)| *byte &= mask);
        weaker.ceiling = weaker.ceiling.min(ask.operands[2]);
        self.state.put(destination, Value::Callable(weaker));
        Ok(Done::default())
    }
}
