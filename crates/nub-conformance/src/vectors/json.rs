//! Values, calls and outcomes as `vectors/README.md` writes them.

use std::collections::BTreeMap;

use javm_cap::ValidImage;
use javm_isa::{Mode, Program};
use javm_model::{Data, Hash, HostCall, Operation, Outcome, Parameters, Path, Run, Step, Value, Via, World, hash};
use serde_json::{Map, Value as Json, json};

use crate::real::Builder;

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number of 64 bits.
fn wide(number: u64) -> String {
    format!("{number:#x}")
}

/// What is written once in a file and named by its hash.
#[derive(Default)]
pub(super) struct Shared {
    /// Whether Images have listings.
    listings: bool,
    images: BTreeMap<String, Json>,
    typedefs: BTreeMap<String, Json>,
}

impl Shared {
    /// Nothing yet. Whether Images get listings for people.
    pub(super) fn new(listings: bool) -> Shared {
        Shared { listings, ..Shared::default() }
    }

    /// Both lists, as the end of a file has them.
    pub(super) fn into_json(self) -> (Json, Json) {
        (json!(self.images), json!(self.typedefs))
    }

    fn image(&mut self, image: &ValidImage) -> String {
        let name = hex(&image.hash().0);
        let listings = self.listings;
        let entry = || {
            let mut entry = json!({ "encoding": hex(&image.image().encode()) });
            if listings {
                let listing = Program::parse(&image.image().code).map(|program| {
                    let lines =
                        program.instructions(Mode::Image).map(|(pc, instruction)| format!("{pc:4} {instruction}"));
                    lines.collect::<Vec<_>>()
                });
                entry["listing"] = json!(listing.unwrap_or_default());
            }
            entry
        };
        self.images.entry(name.clone()).or_insert_with(entry);
        name
    }

    fn typedef(&mut self, typedef: &javm_model::TypeDef) -> String {
        let name = hex(&hash::of_typedef(typedef));
        self.typedefs.entry(name.clone()).or_insert_with(|| json!({ "encoding": hex(&typedef.encoding) }));
        name
    }

    /// A value, whose Images are those that were built of the model's.
    pub(super) fn value(&mut self, value: &Value, builder: &mut Builder) -> Json {
        match value {
            Value::Data(data) => json!({ "data": data_json(data) }),
            Value::CNode(table) => json!({ "cnode": self.slots(table, builder) }),
            Value::Image(image) => json!({ "image": self.image(&builder.image(image).1) }),
            Value::TypeDef(typedef) => json!({ "typedef": self.typedef(typedef) }),
            Value::Instance(instance) => {
                let mut object = Map::new();
                object.insert("image".into(), json!(self.image(&builder.image(&instance.image).1)));
                object.insert("slots".into(), self.slots(&instance.table, builder));
                if let Some(quota) = instance.quota {
                    object.insert("quota".into(), json!(quota));
                }
                if let Some(home) = &instance.home {
                    object.insert("home".into(), json!(home));
                }
                if let Run::Suspended(suspended) = &instance.run {
                    object.insert("suspended".into(), suspended_json(suspended));
                }
                json!({ "instance": object })
            }
            Value::Callable(callable) => {
                let mut object = json!({
                    "interface": hex(&callable.interface), "mask": hex(&callable.mask), "ceiling": wide(callable.ceiling),
                    "badge": wide(callable.badge), "distance": callable.distance, "path": callable.path,
                });
                if let Some(typedef) = &callable.typedef {
                    object["typedef"] = json!(self.typedef(typedef));
                }
                json!({ "callable": object })
            }
            Value::Service(service) => json!({ "service": { "id": service.id, "parameter": wide(service.parameter) } }),
        }
    }

    fn slots(&mut self, table: &javm_model::CNode, builder: &mut Builder) -> Json {
        let slots = table.slots.iter().map(|(slot, value)| (slot.to_string(), self.value(value, builder)));
        Json::Object(slots.collect())
    }

    /// What is called, and with what: as many arguments as the endpoint takes.
    pub(super) fn call(&mut self, call: &HostCall, arity: usize, builder: &mut Builder) -> Json {
        let mut object = Map::new();
        object.insert("path".into(), json!(call.path));
        object.insert("endpoint".into(), json!(call.endpoint));
        object.insert("arguments".into(), json!(call.arguments[..arity].iter().copied().map(wide).collect::<Vec<_>>()));
        object.insert("gas".into(), json!(call.gas));
        if let Some(scratchpad) = &call.scratchpad {
            object.insert("scratchpad".into(), data_json(scratchpad));
        }
        if let Some(gift) = &call.gift {
            object.insert("gift".into(), self.value(gift, builder));
        }
        if let Via::Event(origin) = call.via {
            object.insert("origin".into(), json!(hex(&origin)));
        }
        Json::Object(object)
    }
}

fn data_json(data: &Data) -> Json {
    let trimmed = |page: &[u8]| hex(&page[..page.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)]);
    let content: Map<String, Json> =
        data.stored().iter().map(|(index, page)| (index.to_string(), json!(trimmed(page)))).collect();
    json!({ "pages": data.pages, "content": content })
}

fn suspended_json(suspended: &javm_model::Suspended) -> Json {
    let mappings = javm_model::measure::entries(&suspended.dynamic);
    let mappings = mappings.iter().map(|entry| {
        json!({
            "first_page": entry.first_page, "pages": entry.pages, "slot": entry.slot, "offset": entry.offset,
            "writable": entry.writable,
        })
    });
    json!({
        "why": suspended.why.name(), "detail": wide(suspended.detail), "pc": suspended.pc, "block_paid": suspended.paid,
        "registers": suspended.registers.map(wide), "ephemeral": data_json(&suspended.ephemeral),
        "mappings": mappings.collect::<Vec<_>>(),
    })
}

/// What the calls are a part of, if it is not a chain that does not say, outside of blocks.
pub(super) fn chain(world: &World) -> Option<Json> {
    let World { parameters, height, prior_root, .. } = world;
    let is_usual = (*parameters, *height, *prior_root) == (Parameters::default(), 0, [0; 32]);
    let Parameters { max_writable_pages, max_changed_pages, max_log_bytes, max_depth } = parameters;
    (!is_usual).then(|| {
        json!({
            "writable_pages": max_writable_pages, "changed_pages": max_changed_pages, "log_bytes": max_log_bytes,
            "depth": max_depth, "height": wide(*height), "prior_root": hex(prior_root),
        })
    })
}

/// The hash of everything in a world, by path; the root aside.
pub(super) type Hashes = BTreeMap<Path, Hash>;

pub(super) fn hashes(world: &World) -> Hashes {
    world.tree().into_iter().filter(|(at, _)| !at.is_empty()).collect()
}

/// What a call comes to, and what it has changed in the world.
pub(super) fn outcome(outcome: &Outcome, root: &Hash, before: &Hashes, after: &Hashes) -> Json {
    let logs = outcome.logs.iter().map(|entry| json!({ "topic": wide(entry.topic), "bytes": hex(&entry.bytes) }));
    let live = outcome.live.each_ref().map(|value| value.as_ref().map(|value| hex(&hash::of(value))));
    let [scratchpad, gift] = live;
    let path = |path: &[u8]| path.iter().map(|slot| format!("/{slot}")).collect::<String>();
    let changed = after.iter().filter(|&(at, hash)| before.get(at) != Some(hash));
    let changed = changed.map(|(at, hash)| (path(at), json!(hex(hash))));
    let gone = before.keys().filter(|at| !after.contains_key(*at)).map(|at| (path(at), Json::Null));
    let hashes: Map<String, Json> = changed.chain(gone).collect();
    json!({
        "status": outcome.status.name(), "value": wide(outcome.value), "detail": wide(outcome.detail),
        "gas_left": outcome.gas, "logs": logs.collect::<Vec<_>>(), "scratchpad": scratchpad, "gift": gift,
        "root": hex(root), "hashes": hashes,
    })
}

/// The operations of a call, for who looks for a mistake.
pub(super) fn trace(world: &World) -> Vec<String> {
    world.steps.iter().map(line).collect()
}

fn line(step: &Step) -> String {
    let operation = Operation::from_number(step.request.word as u8).map_or("UNKNOWN", Operation::name);
    let asked = match step.ecalli {
        Some(reference) => format!("ecalli {reference:#x}"),
        None => operation.into(),
    };
    let [a, b, c, d] = step.request.operands;
    format!(
        "{} {asked} {a:#x} {b:#x} {c:#x} {d:#x} {:#x} {:#x} -> {} {:#x} {:#x}, gas {}",
        step.depth,
        step.request.word,
        step.request.last,
        step.status.name(),
        step.result,
        step.detail,
        step.gas
    )
}
