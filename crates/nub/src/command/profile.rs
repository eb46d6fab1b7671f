//! Where a program's gas goes: exact, from traced runs, by the functions that were at work and those that called them.
//!
//! Gas is charged for a block before it runs. It is divided among the functions whose instructions the block consists of
//! (the compiler inlines), by how many each has in it. What an operation of the kernel costs goes to a function
//! `[kernel]` below the one that asked for it.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::path::{Path, PathBuf};

use inferno::flamegraph;
use javm_isa::{BlockCosts, Mode, Program};
use nub::TraceLine;

use super::calls::{Calls, Change};
use super::failure::Failure;
use super::files;
use super::number;
use super::symbols::Symbols;

/// Calls deeper than this count for the function that made the last one above.
const MAX_DEPTH: u32 = 200;

/// Most different stacks. What comes after them counts for the function that makes the call.
const MAX_STACKS: usize = 1 << 18;

/// Most blocks that are counted apart for different stacks. What comes after them counts for the function alone.
const MAX_COUNTS: usize = 1 << 22;

/// What stands for the kernel's own work.
const KERNEL: &str = "[kernel]";

/// Functions at one place of the code, as a number.
type PlaceId = u32;

/// Hashes a few small numbers; each block that runs asks for that.
#[derive(Default)]
struct Mixer(u64);

type Fast = BuildHasherDefault<Mixer>;

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(byte.into()));
    }

    fn write_u32(&mut self, number: u32) {
        // The odd number closest to 2^64 over the golden ratio spreads whatever it is multiplied with.
        self.0 = (self.0.rotate_left(32) ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}

/// A way of calls: where the last one stands, and the way to there.
struct Node {
    caller: u32,
    place: PlaceId,
    depth: u32,
}

/// The gas of everything that has run, and whose it is.
pub(super) struct Profile<'a> {
    program: &'a Program,
    symbols: &'a Symbols,
    costs: BlockCosts,
    calls: Calls<'a>,
    /// The ways of calls that there were; the first is that of no call at all.
    nodes: Vec<Node>,
    children: HashMap<(u32, PlaceId), u32, Fast>,
    /// The way of calls to what is running.
    node: u32,
    /// For each code offset the place there plus one, or 0 where nobody has asked yet.
    places: Vec<PlaceId>,
    scopes: HashMap<(u32, u32), PlaceId>,
    /// The functions of each place, the outermost first, joined by `;`.
    names: Vec<String>,
    /// How often each block ran, by way of calls and code offset.
    blocks: HashMap<(u32, u32), u64, Fast>,
    /// The block that ran last, and how often in a row.
    last: ((u32, u32), u64),
    /// What the kernel's work cost, by way of calls and place.
    kernel: HashMap<(u32, PlaceId), u64>,
    /// The gas that was left at the last instruction, and which that was.
    gas: u64,
    pc: u32,
}

impl<'a> Profile<'a> {
    pub(super) fn new(program: &'a Program, costs: BlockCosts, symbols: &'a Symbols) -> Profile<'a> {
        Profile {
            program,
            symbols,
            costs,
            calls: Calls::new(program, symbols),
            nodes: vec![Node { caller: 0, place: 0, depth: 0 }],
            children: HashMap::default(),
            node: 0,
            places: vec![0; program.code_length() as usize],
            scopes: HashMap::new(),
            names: Vec::new(),
            blocks: HashMap::default(),
            last: ((0, 0), 0),
            kernel: HashMap::new(),
            gas: 0,
            pc: 0,
        }
    }

    /// A call from outside begins at `entry` with so much gas.
    pub(super) fn begin(&mut self, entry: u32, gas: u64) {
        self.calls.clear();
        (self.node, self.gas, self.pc) = (0, gas, entry);
    }

    /// Notes the instruction that is about to run.
    pub(super) fn step(&mut self, line: &TraceLine<'_>) {
        match self.calls.step(line, self.node) {
            None => {}
            Some(Change::Returned(node)) => self.node = node,
            Some(Change::Made(pc)) => {
                let caller = self.calls.open().find_map(Result::ok).map_or(self.node, |call| call.note);
                let place = self.place(pc);
                self.node = self.child(caller, place);
            }
        }
        if line.gas != self.gas {
            self.charge(line);
        }
        self.pc = line.pc;
    }

    /// The call from outside has ended with so much gas left. What nobody was charged for yet is the kernel's.
    pub(super) fn end(&mut self, gas: u64) {
        let rest = self.gas.saturating_sub(gas);
        if rest > 0 {
            self.charge_kernel(rest);
        }
        self.gas = gas;
    }

    /// The open calls, for whoever wants to know where the run has ended.
    pub(super) fn calls(&mut self) -> &mut Calls<'a> {
        &mut self.calls
    }

    fn charge(&mut self, line: &TraceLine<'_>) {
        let spent = self.gas.saturating_sub(line.gas);
        self.gas = line.gas;
        let block = self.costs.get(line.pc).map_or(0, u64::from);
        let block = if block <= spent { block } else { 0 };
        if block > 0 {
            let key = (self.node, line.pc);
            if self.last.0 == key {
                self.last.1 += 1;
            } else {
                self.settle();
                self.last = (key, 1);
            }
        }
        if spent > block {
            self.charge_kernel(spent - block);
        }
    }

    fn settle(&mut self) {
        let (key, count) = self.last;
        if count > 0 {
            let is_full = self.blocks.len() >= MAX_COUNTS && !self.blocks.contains_key(&key);
            let key = if is_full { (0, key.1) } else { key };
            *self.blocks.entry(key).or_insert(0) += count;
        }
        self.last.1 = 0;
    }

    /// The last instruction has asked the kernel for something.
    fn charge_kernel(&mut self, gas: u64) {
        let place = self.place(self.pc);
        *self.kernel.entry((self.node, place)).or_insert(0) += gas;
    }

    fn place(&mut self, pc: u32) -> PlaceId {
        if let Some(&known) = self.places.get(pc as usize).filter(|&&known| known > 0) {
            return known - 1;
        }
        let names = &mut self.names;
        let symbols = self.symbols;
        let mut new = || {
            let places = symbols.places(pc);
            let name = |place: &super::symbols::Place| match place.name() {
                Some(name) => frame_name(name),
                None => "?".into(),
            };
            names.push(places.iter().rev().map(name).collect::<Vec<_>>().join(";"));
            names.len() as PlaceId - 1
        };
        let scope = symbols.scope(pc).unwrap_or((u32::MAX, 0));
        let place = *self.scopes.entry(scope).or_insert_with(&mut new);
        if let Some(known) = self.places.get_mut(pc as usize) {
            *known = place + 1;
        }
        place
    }

    fn child(&mut self, caller: u32, place: PlaceId) -> u32 {
        if let Some(&known) = self.children.get(&(caller, place)) {
            return known;
        }
        let depth = self.nodes[caller as usize].depth + 1;
        if depth > MAX_DEPTH || self.nodes.len() >= MAX_STACKS {
            return caller;
        }
        let node = self.nodes.len() as u32;
        self.nodes.push(Node { caller, place, depth });
        self.children.insert((caller, place), node);
        node
    }

    /// How the gas of a block is divided: so much for each place, together all of it.
    fn shares(&mut self, start: u32, cost: u64) -> Vec<(PlaceId, u64)> {
        let mut counts: Vec<(PlaceId, u64)> = Vec::new();
        let mut pc = start;
        loop {
            let place = self.place(pc);
            match counts.iter_mut().find(|(known, _)| *known == place) {
                Some((_, count)) => *count += 1,
                None => counts.push((place, 1)),
            }
            let ends = self.program.opcode_at(pc, Mode::Image).is_none_or(|opcode| opcode.is_terminator());
            pc = self.program.next(pc);
            if ends || pc >= self.program.code_length() || self.costs.get(pc).is_some() {
                break;
            }
        }
        let instructions: u64 = counts.iter().map(|(_, count)| count).sum();
        for (_, count) in &mut counts {
            *count = cost * *count / instructions;
        }
        // What does not divide goes to where the block starts.
        let divided: u64 = counts.iter().map(|(_, share)| share).sum();
        if let Some((_, first)) = counts.first_mut() {
            *first += cost - divided;
        }
        counts
    }

    /// Gas by stack: functions joined by `;`, the outermost first.
    fn stacks(&mut self) -> BTreeMap<String, u64> {
        self.settle();
        let mut gas: HashMap<(u32, PlaceId), u64> = HashMap::new();
        let mut shares: HashMap<u32, Vec<(PlaceId, u64)>> = HashMap::new();
        for ((node, start), count) in std::mem::take(&mut self.blocks) {
            let cost = self.costs.get(start).map_or(0, u64::from);
            let shares = shares.entry(start).or_insert_with(|| self.shares(start, cost));
            for &(place, share) in shares.iter() {
                *gas.entry((node, place)).or_insert(0) += share * count;
            }
        }
        let mut stacks = BTreeMap::new();
        let all = gas.into_iter().map(|((node, place), gas)| (self.path(node, place), gas));
        let kernel =
            self.kernel.iter().map(|(&(node, place), &gas)| (format!("{};{KERNEL}", self.path(node, place)), gas));
        for (stack, gas) in all.chain(kernel).filter(|&(_, gas)| gas > 0) {
            *stacks.entry(stack).or_insert(0) += gas;
        }
        stacks
    }

    fn path(&self, mut node: u32, place: PlaceId) -> String {
        let mut parts = vec![&*self.names[place as usize]];
        while node > 0 {
            let Node { caller, place, .. } = self.nodes[node as usize];
            parts.push(&self.names[place as usize]);
            node = caller;
        }
        parts.reverse();
        parts.join(";")
    }

    /// Writes it: as text, a stack a line, if the file's name ends in `.folded`, else as a picture.
    pub(super) fn write(&mut self, file: &Path, title: &str) -> Result<(), Failure> {
        let stacks = self.stacks();
        let gas: u64 = stacks.values().sum();
        let lines: Vec<String> = stacks.iter().map(|(stack, gas)| format!("{stack} {gas}")).collect();
        if file.extension().is_some_and(|extension| extension == "folded") {
            let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
            return files::write(file, text.as_bytes());
        }
        if gas == 0 {
            return Err(Failure::Usage("--profile: no gas was used, so there is nothing to draw".into()));
        }
        let mut options = flamegraph::Options::default();
        options.title = title.into();
        options.subtitle = Some(format!("{} gas", number::grouped(gas)));
        options.count_name = "gas".into();
        // The same colours for the same functions, always.
        options.deterministic = true;
        let mut picture = Vec::new();
        flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut picture)
            .map_err(|error| Failure::write(file.display(), error))?;
        files::write(file, &picture)
    }
}

/// A function's name as a part of a stack, where `;` separates, and a number behind a space is an amount.
fn frame_name(name: &str) -> String {
    let name = name.replace(';', ",").replace(char::is_control, "?");
    match name.rsplit_once(' ') {
        Some((before, last)) if last.parse::<f64>().is_ok() => format!("{before}_{last}"),
        _ => name,
    }
}

/// Where the profile goes, once it is known that it can.
pub(super) fn destination(asked: Option<&PathBuf>) -> Result<Option<&PathBuf>, Failure> {
    if let Some(file) = asked {
        files::check_writable(file)?;
    }
    Ok(asked)
}
