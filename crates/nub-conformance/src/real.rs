//! Real values and programs for those of the model.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use javm_cap::{
    Access, Backing, CNode, CapHash, Capability, Data, DynamicMapping, DynamicMappings, Instance, Interface, Mapping,
    Mask, Path, Right, RunState, TypeDef, ValidImage, Wanted, Why,
};
use javm_isa::{CostModel, Mode};
use javm_model::generate::Plan;
use javm_model::{Action, Image, Run, Script, Source, Status, Value, measure};

const REGISTERS: [&str; 13] = ["ra", "sp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5"];

/// The real Image of each of the model's, by the model's first hash, with what the model is to have instead.
#[derive(Default)]
pub struct Builder {
    images: BTreeMap<[u8; 32], BuiltImage>,
    /// That of [`Builder::once`].
    once: Option<[u8; 32]>,
}

/// An Image of a plan, and what was built of it.
#[derive(Clone)]
struct BuiltImage {
    original: Rc<Image>,
    built: Rc<Image>,
    real: ValidImage,
}

/// The text of an action.
fn text(action: &Action) -> Option<String> {
    let name = |register: u8| REGISTERS[usize::from(register)];
    Some(match *action {
        Action::Block(_) => return None,
        Action::Fallthrough => "fallthrough".into(),
        Action::Set(register, value) => format!("load_imm_64 {}, {value}", name(register)),
        Action::Store(register, address) => format!("store_u8 [{}], {}", address as i32, name(register)),
        Action::Load(register, address) => format!("load_u8 {}, [{}]", name(register), address as i32),
        Action::Ecall => "ecall".into(),
        Action::Ecalli(reference) => format!("ecalli {}", reference as i32),
        Action::Return => "jump_ind ra, 0".into(),
        Action::Trap => "trap".into(),
    })
}

impl Builder {
    /// Builds the root, and has the plan be about what was built.
    ///
    /// # Panics
    /// If the plan has what no real value can be: it is part of a test.
    pub fn root(&mut self, plan: &mut Plan) -> Instance {
        let mut root = plan.world.state.root.clone();
        self.replace(&mut root);
        for call in &mut plan.calls {
            if let Some(gift) = &mut call.gift {
                self.replace(gift);
            }
        }
        plan.world.state.root = root;
        match self.capability(&plan.world.state.root) {
            Capability::Instance(instance) => instance,
            _ => panic!("the root is an Instance"),
        }
    }

    /// The Image of a plan from which the one of this hash was built.
    #[must_use]
    pub fn original(&self, built: &[u8; 32]) -> Option<Rc<Image>> {
        let mut images = self.images.iter().filter(|(hash, image)| image.built.hash == *built && *hash != built);
        images.next().map(|(_, image)| image.original.clone())
    }

    /// The model's Image for one that is used once: it is known until the next one is.
    ///
    /// # Panics
    /// As [`Builder::root`].
    pub fn once(&mut self, image: &Rc<Image>) -> Rc<Image> {
        if let Some(hash) = self.once.take() {
            self.images.remove(&hash);
        }
        let (built, real) = build(image);
        if !self.images.contains_key(&built.hash) {
            self.once = Some(built.hash);
            self.images.insert(built.hash, BuiltImage { original: image.clone(), built: built.clone(), real });
        }
        built
    }

    /// The Image of one of the model's.
    ///
    /// # Panics
    /// As [`Builder::root`].
    pub fn image(&mut self, image: &Rc<Image>) -> (Rc<Image>, ValidImage) {
        if let Some(BuiltImage { built, real, .. }) = self.images.get(&image.hash) {
            return (built.clone(), real.clone());
        }
        let (built, real) = build(image);
        let entry = BuiltImage { original: image.clone(), built: built.clone(), real: real.clone() };
        self.images.insert(image.hash, entry.clone());
        self.images.insert(built.hash, entry);
        (built, real)
    }

    fn replace(&mut self, value: &mut Value) {
        match value {
            Value::Image(image) => *image = self.image(image).0,
            Value::CNode(table) => table.slots.values_mut().for_each(|value| self.replace(value)),
            Value::Instance(instance) => {
                let old = instance.image.clone();
                let old_size = measure::size_of_instance(instance);
                instance.image = self.image(&old).0;
                instance.table.slots.values_mut().for_each(|value| self.replace(value));
                // As far from its size as it was: real Images have other sizes.
                let size = measure::size_of_instance(instance);
                if let Some(quota) = &mut instance.quota {
                    *quota = quota.saturating_sub(old_size) + size;
                }
                if let Run::Suspended(suspended) = &mut instance.run {
                    let index = old.script.index(suspended.pc, false);
                    suspended.pc = instance.image.script.offset(index);
                }
            }
            _ => {}
        }
    }

    /// The real value.
    ///
    /// # Panics
    /// As [`Builder::root`].
    pub fn capability(&mut self, value: &Value) -> Capability {
        match value {
            Value::Data(data) => Capability::Data(data_of(data)),
            Value::CNode(table) => Capability::CNode(self.table(table)),
            Value::Image(image) => Capability::Image(self.image(image).1),
            Value::TypeDef(typedef) => Capability::TypeDef(TypeDef::decode(&typedef.encoding).expect("valid")),
            Value::Instance(instance) => Capability::Instance(self.instance(instance)),
            Value::Callable(callable) => {
                let interface = match &callable.typedef {
                    Some(typedef) => Interface::TypeDef(TypeDef::decode(&typedef.encoding).expect("valid")),
                    None => Interface::Image(CapHash(callable.interface)),
                };
                let right = Right {
                    mask: Mask::new(callable.mask),
                    ceiling: callable.ceiling,
                    badge: callable.badge,
                    distance: callable.distance,
                    path: Path::new(&callable.path).expect("short"),
                };
                Capability::Callable(javm_cap::Callable::new(interface, right).expect("valid"))
            }
            Value::Service(service) => {
                Capability::Service(javm_cap::Service { id: service.id, parameter: service.parameter })
            }
        }
    }

    fn table(&mut self, table: &javm_model::CNode) -> CNode {
        let slots: Vec<_> = table.slots.iter().map(|(&slot, value)| (slot, self.capability(value))).collect();
        CNode::from_slots(slots).expect("small")
    }

    fn instance(&mut self, model: &javm_model::Instance) -> Instance {
        let image = self.image(&model.image).1;
        let mut instance = Instance::new(image);
        *instance.table_mut() = self.table(&model.table);
        instance.set_quota(model.quota).expect("small");
        instance.set_home(model.home.as_ref().map(|home| Path::new(home).expect("short")));
        if let Run::Suspended(suspended) = &model.run {
            let why = match suspended.why {
                Status::Panic => Why::Panic,
                Status::Fault => Why::Fault { page: suspended.detail as u32 },
                Status::OutOfGas => Why::OutOfGas,
                _ => Why::Yield { value: suspended.detail },
            };
            let mut mappings = DynamicMappings::new();
            for (&first_page, &(slot, offset, writable)) in &suspended.dynamic {
                let access = if writable { Access::ReadWrite } else { Access::ReadOnly };
                mappings.map(DynamicMapping { first_page, pages: 1, offset, access, slot }).expect("few");
            }
            let state = javm_cap::Suspended {
                why,
                block_paid: suspended.paid,
                pc: suspended.pc,
                registers: suspended.registers,
                ephemeral: data_of(&suspended.ephemeral),
                mappings,
            };
            instance.set_state(RunState::Suspended(state)).expect("its own pages");
        }
        instance
    }
}

/// The real Data.
///
/// # Panics
/// If it is longer than any: it is part of a test.
#[must_use]
pub fn data_of(data: &javm_model::Data) -> Data {
    let mut real = Data::new(data.pages).expect("small");
    for (index, page) in data.stored() {
        real.write(u64::from(index) * 4096, &page).expect("inside");
    }
    real
}

/// The real Image, and the model's with the real one's hash, size, offsets and costs.
fn build(model: &Image) -> (Rc<Image>, ValidImage) {
    let mut model = model.clone();
    // A real Image has what it maps.
    for data in model.slots.values_mut().filter(|data| data.pages == 0) {
        *data = javm_model::Data::new(1);
    }
    let model = &model;
    let actions = model.script.actions();
    let source: Vec<String> = actions.iter().filter_map(text).collect();
    let program = javm_isa::assemble(&source.join("\n")).unwrap_or_else(|error| panic!("{error}"));
    let mut starts = program.instructions(Mode::Image).map(|(pc, _)| pc);
    // A block stands where the instruction behind it does.
    let mut offsets = Vec::new();
    for action in actions {
        if !matches!(action, Action::Block(_)) {
            let pc = starts.next().expect("an instruction for each action");
            let blocks =
                actions[offsets.len()..].iter().take_while(|action| matches!(action, Action::Block(_))).count();
            offsets.extend(std::iter::repeat_n(pc, blocks + 1));
        }
    }
    let code = javm_interpreter::Code::new(&program, Mode::Image, CostModel::Flat);
    let priced: Vec<Action> = actions
        .iter()
        .zip(&offsets)
        .map(|(action, &offset)| match action {
            Action::Block(_) => Action::Block(code.block_cost(offset).expect("a block starts there")),
            other => *other,
        })
        .collect();
    let script = Script::at(priced, offsets);
    let moved = |entry: u32| script.offset(model.script.index(entry, false));
    let endpoints = model.endpoints.iter().map(|endpoint| javm_cap::Endpoint {
        name: endpoint.name.parse().expect("a name"),
        entry: moved(endpoint.entry),
        arity: endpoint.arity,
        registers: endpoint.registers,
        signature: endpoint.signature.clone(),
    });
    let memory = model.memory.iter().map(|(&first, mapping)| {
        let backing = match mapping.source {
            Source::Slot(slot, offset_pages) => Backing::Persistent { slot, offset_pages },
            Source::Ephemeral => Backing::Ephemeral,
        };
        let access = if mapping.writable { Access::ReadWrite } else { Access::ReadOnly };
        (first, Mapping { pages: mapping.pages, access, backing })
    });
    let imports = model.imports.iter().map(|(&slot, import)| {
        let wanted = match import.wanted {
            javm_model::Wanted::Service(id) => Wanted::Service(id),
            javm_model::Wanted::TypeDef(hash) => Wanted::TypeDef(CapHash(hash)),
        };
        (slot, javm_cap::Import { required: import.required, wanted })
    });
    let image = javm_cap::Image {
        cost_model: CostModel::Flat,
        code: program.blob().to_vec(),
        endpoints: endpoints.collect(),
        memory: memory.collect(),
        slots: model.slots.iter().map(|(&slot, data)| (slot, data_of(data))).collect(),
        imports: imports.collect(),
        typedefs: model.typedefs.iter().map(|&hash| CapHash(hash)).collect::<BTreeSet<_>>(),
    };
    let bytes = image.encode().len() as u64;
    let valid = image.validate().unwrap_or_else(|error| panic!("{error}\n{}", source.join("\n")));
    let endpoints = model
        .endpoints
        .iter()
        .map(|endpoint| javm_model::Endpoint { entry: moved(endpoint.entry), ..endpoint.clone() })
        .collect();
    let image = Image { hash: valid.hash().0, bytes, endpoints, script, ..model.clone() };
    (Rc::new(image), valid)
}
