//! Requests, and what the kernel says to them.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use javm_cap::{Access, CapHash, Capability, Data, Image, LoadError, PAGE_SIZE, Path, Service, ValidImage};
use javm_interpreter::{Exit, State};
use javm_isa::{Mode, Program};
use nub_arch_x86_abi::reply::{self, Ran, Refused, Scratchpad, Stats};
use nub_arch_x86_abi::request::{self, Bare, Endpoint, Failure, Invoke, Place, Range, ServiceGrant};
use nub_arch_x86_abi::wire::Writer;
use nub_arch_x86_abi::{Reply, Request};
use nub_kernel::{
    Block, Call, Chain, Ended, EndpointRef, Grants, InstanceId, InstantiateError, InvokeError, Kernel, Outcome,
    Parameters, UnpublishError, bare,
};
use spin::Mutex;

use crate::log::log;
use crate::machine::X86Arch;
use crate::room::Room;
use crate::space::policy;
use crate::{boot, disturb, fail, memory, query, space, stale, tlb, transfer, window, work};

/// The lane that the kernel runs on.
const KERNEL_LANE: usize = 0;

pub(crate) static KERNEL: Mutex<Option<Kernel<X86Arch>>> = Mutex::new(None);

/// Answers the request in `bytes`.
pub(crate) fn answer(lane: usize, bytes: &[u8], to: &mut Writer) {
    tlb::enter();
    // What a call comes to goes right from where it stands to the host: it is large, as is what was asked.
    let answered = match Invoke::decode_request(bytes) {
        Ok(Some((invoke, true))) if lane != KERNEL_LANE => query::answer(lane, &invoke, to),
        Ok(Some(_)) if lane != KERNEL_LANE => Err(not_this(lane)),
        Ok(Some((invoke, is_query))) => with_kernel(|kernel| {
            let instance = InstanceId::from_number(invoke.place.instance);
            if is_query {
                let called = call(&invoke, to, |id, call| kernel.query(id, call));
                query::want(kernel, instance);
                called
            } else {
                let called = call(&invoke, to, |id, call| kernel.invoke(id, call, None));
                query::refresh(kernel, instance);
                called
            }
        }),
        Ok(None) => answer_other(lane, bytes, to),
        Err(error) => Err(malformed(&error)),
    };
    if let Err(refused) = answered {
        log!("refuses request {} of {} bytes: {refused:?}", bytes.first().copied().unwrap_or_default(), bytes.len());
        Reply::Refused(refused).encode(to);
    }
}

/// What the kernel says, which lives from its first request on.
fn with_kernel<T>(ask: impl FnOnce(&mut Kernel<X86Arch>) -> T) -> T {
    ask(KERNEL.lock().get_or_insert_with(|| Kernel::new(X86Arch)))
}

fn malformed(error: &dyn core::fmt::Display) -> Refused {
    Refused::Malformed(error.to_string())
}

/// Windows belong to the lane that runs them.
fn not_this(lane: usize) -> Refused {
    Refused::Other(alloc::format!("lane {lane} does not run the kernel"))
}

/// Answers a request that is no call.
#[inline(never)]
fn answer_other(lane: usize, bytes: &[u8], to: &mut Writer) -> Result<(), Refused> {
    let request = Request::decode(bytes).map_err(|error| malformed(&error))?;
    log!("request {} of {} bytes", bytes.first().copied().unwrap_or_default(), bytes.len());
    if boot::info().test_requests == 1 && matches!(request, Request::Fail(Failure::Garbage)) {
        to.raw(&[0xff; 100]);
    } else {
        reply_to(lane, &request)?.encode(to);
    }
    Ok(())
}

/// What is said to a request that is no call.
fn reply_to(lane: usize, request: &Request<'_>) -> Result<Reply, Refused> {
    match request {
        Request::Ping => Ok(Reply::Done),
        Request::Fail(failure) if boot::info().test_requests == 1 => {
            fail::fail(*failure);
            // Noticed as soon as any is needed.
            Ok(Reply::Done)
        }
        Request::Disturb(disturbance) if boot::info().test_requests == 1 => {
            disturb::begin(*disturbance).map(|()| Reply::Done)
        }
        Request::Watch(part, rounds) if boot::info().test_requests == 1 => {
            stale::play(*part, *rounds);
            Ok(Reply::Done)
        }
        Request::Fail(_) | Request::Watch(..) | Request::Disturb(_) => Err(Refused::TestsOnly),
        Request::Measure(work, times) => {
            work::perform(*work, *times);
            Ok(Reply::Done)
        }
        Request::Costs(costs) => {
            policy::announce(*costs);
            // A 32nd of the memory, which is what is kept back from calls anyway.
            policy::announce_extra((boot::info().memory / 32) as usize / PAGE_SIZE);
            Ok(Reply::Done)
        }
        Request::Send(ticket) => transfer::send(*ticket).map(Reply::Part),
        _ if lane != KERNEL_LANE => Err(not_this(lane)),
        request => with_kernel(|kernel| {
            let reply = perform(kernel, request);
            if let Request::Drop(instance) = request {
                query::refresh(kernel, InstanceId::from_number(*instance));
            }
            reply
        }),
    }
}

/// What the kernel says to a request that is for it and no call.
fn perform(kernel: &mut Kernel<X86Arch>, request: &Request<'_>) -> Result<Reply, Refused> {
    Ok(match request {
        Request::PutCap(image) => {
            let hash = publish(kernel, image)?;
            transfer::published(hash);
            Reply::Hash(hash.0)
        }
        Request::Unpublish(hash) => match kernel.unpublish(&CapHash(*hash)) {
            Ok(was_there) => {
                transfer::unpublished(&CapHash(*hash));
                Reply::Flag(was_there)
            }
            Err(UnpublishError::InUse { image, instances }) => {
                return Err(Refused::InUse { image: image.0, instances });
            }
            Err(other) => return Err(Refused::Other(other.to_string())),
        },
        Request::Contains(hash) => Reply::Flag(kernel.image(&CapHash(*hash)).is_some()),
        Request::Instantiate { image, all_services, services } => {
            NODES.to_stay()?;
            let grants = if *all_services { Grants::services() } else { Grants::none() };
            let grants = services.iter().fold(grants, |grants, &ServiceGrant { slot, id, parameter }| {
                grants.with(slot, Capability::Service(Service { id, parameter }))
            });
            Reply::Instance(kernel.instantiate(&CapHash(*image), &grants).map_err(not_made)?.number())
        }
        Request::Copy(instance) => {
            NODES.to_stay()?;
            Reply::Instance(kernel.copy(InstanceId::from_number(*instance)).map_err(not_called)?.number())
        }
        Request::Drop(instance) => Reply::Flag(kernel.drop_instance(InstanceId::from_number(*instance))),
        Request::Root(instance) => {
            Reply::Hash(kernel.instance(InstanceId::from_number(*instance)).map_err(not_called)?.hash().0)
        }
        Request::Stats => Reply::Stats(Stats {
            images: kernel.image_count() as u64,
            instances: kernel.instance_count() as u64,
            found_programs: kernel.found_program_count() as u64,
            idle_windows: kernel.idle_window_count() as u64,
            ..stats()
        }),
        Request::Receive { is_first, part } => {
            transfer::receive(kernel, *is_first, part)?;
            Reply::Done
        }
        Request::Hold(hash) => {
            transfer::hold(CapHash(*hash))?;
            Reply::Done
        }
        Request::Release(hash) => Reply::Flag(transfer::release(&CapHash(*hash))),
        Request::Load(hash) => {
            NODES.to_stay()?;
            match transfer::held(&CapHash(*hash))? {
                Capability::Instance(root) => Reply::Instance(kernel.keep(root).number()),
                other => return Err(Refused::Other(alloc::format!("{} is no Instance", other.tag()))),
            }
        }
        Request::ImageAt(place) => {
            let instance = InstanceId::from_number(place.instance);
            Reply::Hash(kernel.image_at(instance, &path_of(place)?).map_err(not_called)?.0)
        }
        Request::Describe { place, send } => Reply::Found(standing_at(kernel, place)?.map(|capability| {
            let description = transfer::describe(&capability);
            let ticket = send.then(|| transfer::offer(capability));
            reply::Found { ticket, ..description }
        })),
        Request::Prove { place, range } => prove(kernel, place, *range)?,
        Request::SetChain(chain) => {
            set_chain(kernel, chain)?;
            Reply::Done
        }
        Request::Run(bare) => Reply::Ran(run(bare)?),
        // The others were answered before.
        _ => return Err(Refused::Malformed("no request to the kernel".into())),
    })
}

/// Has calls be a part of this, queries too.
fn set_chain(kernel: &mut Kernel<X86Arch>, chain: &request::Chain) -> Result<(), Refused> {
    let request::Chain { writable_pages, depth, changed_pages, log_bytes, height, prior_root } = *chain;
    let bounded = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let parameters =
        Parameters { writable_pages, changed_pages, log_bytes: bounded(log_bytes), depth: bounded(depth.into()) };
    let chain = Chain { parameters, block: Block { height, prior_root } };
    kernel.set_chain(chain).map_err(|error| malformed(&error))?;
    query::forget();
    Ok(())
}

/// What stands at a place.
fn standing_at(kernel: &Kernel<X86Arch>, place: &Place<'_>) -> Result<Option<Capability>, Refused> {
    let instance = InstanceId::from_number(place.instance);
    kernel.capability(instance, &path_of(place)?).map_err(not_called)
}

fn path_of(place: &Place<'_>) -> Result<Path, Refused> {
    Path::new(place.path).map_err(|error| malformed(&error))
}

/// A proof of what stands at a place, or of bytes of the Data there, with these bytes.
fn prove(kernel: &Kernel<X86Arch>, place: &Place<'_>, range: Option<(u64, u64)>) -> Result<Reply, Refused> {
    let root = kernel.instance(InstanceId::from_number(place.instance)).map_err(not_called)?;
    let length = range.map_or(0, |(_, length)| length);
    Room { block: length.saturating_mul(2), heap: length, frames: 0 }.for_a_call()?;
    let proven = Capability::Instance(root.clone()).prove_with_bytes(place.path, range);
    let (proof, content) = proven.map_err(|error| Refused::NoProof(error.to_string()))?;
    Ok(Reply::Proof(proof, content))
}

/// For the nodes of a new Instance.
const NODES: Room = Room { block: 0, heap: 64 << 10, frames: 0 };

/// Publishes an Image, if there is memory for it.
fn publish(kernel: &mut Kernel<X86Arch>, encoded: &[u8]) -> Result<CapHash, Refused> {
    let malformed = |error: &dyn core::fmt::Display| Refused::Image(error.to_string());
    let weight = Image::weigh(encoded).map_err(|error| malformed(&LoadError::Encoding(error)))?;
    let (tables, code, pages) = (weight.tables as u64, u64::from(weight.code), u64::from(weight.pages));
    // An entry of a table takes a few times what its encoding does; a page has nodes above it.
    let decoded = Room { block: code, heap: 16 * tables + 256 * pages, frames: pages * PAGE_SIZE as u64 };
    decoded.to_stay()?;
    let image = ValidImage::load(encoded).map_err(|error| malformed(&error))?;
    // Each instruction takes 20 bytes in tables that grow and are copied at last; there are no more than bytes.
    let expected = |instructions: u64| Room { block: 40 * instructions, heap: 40 * instructions + code, frames: 0 };
    if expected(code).to_stay().is_err() {
        expected(image.program().instructions(Mode::Image).count() as u64).to_stay()?;
    }
    Ok(kernel.publish(image))
}

fn stats() -> Stats {
    let mut stats = Stats::default();
    memory::count(&mut stats);
    (stats.windows, stats.flushes) = window::count();
    (stats.window_faults, stats.window_copies) = (space::faults(), space::copies());
    stats
}

/// For the pages that a program writes at each call, and their tables.
const WINDOW: u64 = 512 << 10;

/// No endpoint takes more arguments than there are registers.
const FEW_ARGUMENTS: usize = javm_isa::REG_COUNT;

/// Makes a call as it came from the host by what performs it, and writes what it comes to.
pub(crate) fn call(
    invoke: &Invoke<'_>,
    to: &mut Writer,
    perform: impl FnOnce(InstanceId, &Call<'_>) -> Result<Outcome, InvokeError>,
) -> Result<(), Refused> {
    // The scratchpad as it goes in, and twice on its way out; and what a window keeps.
    let given = invoke.scratchpad.map_or(0, <[u8]>::len) as u64;
    Room { block: 2 * given, heap: given, frames: given + WINDOW }.for_a_call()?;
    let endpoint = match invoke.endpoint {
        Endpoint::Number(number) => EndpointRef::Number(number),
        Endpoint::Name(name) => EndpointRef::Name(name),
    };
    let mut few = [0; FEW_ARGUMENTS];
    let count = invoke.arguments.count();
    let many: Vec<u64>;
    let arguments = match few.get_mut(..count) {
        Some(few) => {
            few.iter_mut().zip(invoke.arguments.iter()).for_each(|(place, argument)| *place = argument);
            &*few
        }
        // That is refused, with how many there are.
        None => {
            many = invoke.arguments.iter().collect();
            &many
        }
    };
    let gift = invoke.gift.map(|hash| transfer::held(&CapHash(hash))).transpose()?;
    let (path, scratchpad, origin) = (path_of(&invoke.place)?, invoke.scratchpad, invoke.origin);
    let call = Call { path, scratchpad, gift: gift.as_ref(), origin, ..Call::new(endpoint, arguments, invoke.gas) };
    let outcome = perform(InstanceId::from_number(invoke.place.instance), &call).map_err(not_called)?;
    outcome_of(outcome).encode(to);
    Ok(())
}

fn outcome_of(outcome: Outcome) -> reply::Outcome {
    let ended = match outcome.ended {
        Ended::Halt => reply::Ended::Halt,
        Ended::Panic => reply::Ended::Panic,
        Ended::Fault { page } => reply::Ended::Fault(page),
        Ended::OutOfGas => reply::Ended::OutOfGas,
        Ended::Refused(status) => reply::Ended::Refused(status as u8),
    };
    let scratchpad = outcome.scratchpad.map(|data| Scratchpad { pages: data.pages(), bytes: data.used_bytes() });
    let logs = outcome.logs.into_iter().map(|entry| reply::LogEntry { topic: entry.topic, bytes: entry.bytes });
    reply::Outcome {
        ended,
        gas_used: outcome.gas_used,
        registers: outcome.registers,
        pc: outcome.pc,
        scratchpad,
        logs: logs.collect(),
        gift: outcome.gift.map(|gift| {
            let description = transfer::describe(&gift);
            Box::new(reply::Found { ticket: Some(transfer::offer(gift)), ..description })
        }),
    }
}

/// Runs a program without an Image, in a window of its own.
fn run(asked: &Bare<'_>) -> Result<Ran, Refused> {
    let program = Program::parse(asked.program).map_err(|error| malformed(&error))?;
    let range = |range: &Range<'_>| {
        let mut content = Data::new(range.pages).map_err(|error| malformed(&error))?;
        content.write(0, range.bytes).map_err(|error| malformed(&error))?;
        let access = if range.writable { Access::ReadWrite } else { Access::ReadOnly };
        Ok(bare::Range { first_page: range.first_page, access, content })
    };
    let mut memory = asked.memory.iter().map(range).collect::<Result<Vec<_>, Refused>>()?;
    let mut state = State { registers: asked.registers, pc: asked.pc, gas: asked.gas, block_paid: false };
    let exit = match bare::run(&mut X86Arch, &program, &mut state, &mut memory) {
        Exit::Halt => reply::Exit::Halt,
        Exit::Panic => reply::Exit::Panic,
        Exit::Fault(page) => reply::Exit::Fault(page),
        Exit::OutOfGas => reply::Exit::OutOfGas,
        Exit::Host(immediate) => reply::Exit::Host(immediate),
        Exit::Operation => reply::Exit::Operation,
    };
    let memory = memory.iter().map(|range| range.content.used_bytes()).collect();
    Ok(Ran { exit, registers: state.registers, pc: state.pc, gas: state.gas, memory })
}

fn not_made(error: InstantiateError) -> Refused {
    match error {
        InstantiateError::UnknownImage(hash) => Refused::UnknownImage(hash.0),
        InstantiateError::Denied { slot, wanted } => Refused::Denied { slot, wanted },
        InstantiateError::NoImport(slot) => Refused::NoImport(slot),
        other => Refused::Other(other.to_string()),
    }
}

fn not_called(error: InvokeError) -> Refused {
    match error {
        InvokeError::UnknownInstance(instance) => Refused::UnknownInstance(instance.number()),
        InvokeError::UnknownEndpoint { asked, known } => Refused::UnknownEndpoint { asked, known },
        InvokeError::Arguments { endpoint, expected, given } => {
            Refused::Arguments { endpoint, expected, given: given as u64 }
        }
        InvokeError::Refused { status, .. } => Refused::Target(status as u8),
        InvokeError::Scratchpad(length) => Refused::Scratchpad(length as u64),
        other => Refused::Other(other.to_string()),
    }
}
