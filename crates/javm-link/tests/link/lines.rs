//! Source lines: what debug information in every form comes to (`fixtures/lines.c`), and what is wrong with it.

use javm_link::symbols::Frame;
use javm_link::{DebugNote, Linked, Options, link};

const SOURCE: &str = include_str!("../fixtures/lines.c");

const FORMS: [(&str, &[u8]); 5] = [
    ("tables", include_bytes!("../fixtures/lines.tables.o")),
    ("dwarf4-relaxed", include_bytes!("../fixtures/lines.dwarf4-relaxed.o")),
    ("dwarf5-relaxed", include_bytes!("../fixtures/lines.dwarf5-relaxed.o")),
    ("combined", include_bytes!("../fixtures/lines.combined.o")),
    ("static", include_bytes!("../fixtures/lines.static.elf")),
];

fn linked(bytes: &[u8]) -> Linked {
    link(bytes, &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The number of the line with this comment.
fn line(comment: &str) -> u32 {
    let found = SOURCE.lines().position(|line| line.ends_with(&format!("// {comment}")));
    found.unwrap_or_else(|| panic!("no line '{comment}'")) as u32 + 1
}

/// Function, line, and whether it is inlined, from the innermost out.
fn short<'a>(frames: &[Frame<'a>]) -> Vec<(&'a str, u32, bool)> {
    frames.iter().map(|frame| (frame.function, frame.line.unwrap_or(0), frame.is_inlined)).collect()
}

#[test]
fn every_form_tells_lines_and_inlined_calls() {
    for (form, bytes) in FORMS {
        let linked = linked(bytes);
        assert_eq!(linked.notes, [], "{form}");
        let symbols = &linked.symbols;
        let code = linked.image.clone().validate().unwrap();
        let code = code.program();
        let places: Vec<Vec<Frame>> =
            code.instructions(javm_isa::Mode::Image).map(|(pc, _)| symbols.frames_at(pc)).collect();
        let there = |expected: &[(&str, u32, bool)]| {
            assert!(places.iter().any(|frames| short(frames) == expected), "{form}: {expected:?} not in {places:#?}");
        };
        for call in ["first call", "second call"] {
            there(&[
                ("innermost", line("load"), true),
                ("middle", line(call), true),
                ("outer", line("call of middle"), false),
            ]);
        }
        there(&[("fails", line("trap"), false)]);
        there(&[("start", line("call of outer"), false)]);
        there(&[("start", line("call of fails"), false)]);
        for frame in places.iter().flatten() {
            assert_eq!(frame.file, Some("lines.c"), "{form}: {places:#?}");
            assert!(frame.line.is_none_or(|line| line as usize <= SOURCE.lines().count()), "{form}: {frame:?}");
        }
        // The trap itself, to the instruction.
        let (pc, _) = code
            .instructions(javm_isa::Mode::Image)
            .find(|(pc, i)| {
                i.opcode == javm_isa::Opcode::Trap && symbols.function_at(*pc).is_some_and(|f| f.name == "fails")
            })
            .unwrap();
        assert_eq!(short(&symbols.frames_at(pc)), [("fails", line("trap"), false)], "{form}");
        assert_eq!(linked.report.line_runs, symbols.lines.runs().len());
        let text = symbols.to_json().unwrap();
        assert!(!text.contains("/folder"), "{text}");
        let again = javm_link::SymbolMap::from_json(&text, linked.image.hash()).unwrap();
        assert_eq!(again, *symbols);
    }
}

#[test]
fn the_image_does_not_depend_on_debug_information() {
    // The same code three times: with short and with full tables, and with tables that cannot be read.
    let image = |bytes| linked(bytes).image;
    let tables = image(FORMS[0].1);
    assert_eq!(tables, image(include_bytes!("../fixtures/lines.compressed.o")));
    let mut cut = FORMS[0].1.to_vec();
    erase(&mut cut, ".debug_line");
    assert_eq!(tables, image(&cut));
}

/// Where a section's contents are in a right file.
pub fn contents(file: &[u8], wanted: &str) -> Option<std::ops::Range<usize>> {
    let word = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
    let half = |at: usize| usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
    let header = |index: usize| word(40) + 64 * index;
    let names = word(header(half(62)) + 24);
    for index in 0..half(60) {
        let name = u32::from_le_bytes(file[header(index)..header(index) + 4].try_into().unwrap()) as usize;
        if file[names + name..].starts_with(format!("{wanted}\0").as_bytes()) {
            let start = word(header(index) + 24);
            return Some(start..start + word(header(index) + 32));
        }
    }
    None
}

fn erase(file: &mut [u8], section: &str) {
    let range = contents(file, section).unwrap_or_else(|| panic!("no section {section}"));
    file[range].fill(0xFF);
}

#[test]
fn what_is_missing_or_wrong_is_said_and_nothing_else() {
    let compressed = linked(include_bytes!("../fixtures/lines.compressed.o"));
    assert_eq!(compressed.notes, [DebugNote::Compressed]);
    assert!(compressed.symbols.lines.is_empty());
    let none = linked(include_bytes!("../fixtures/programs.combined.o"));
    assert_eq!(none.notes, [DebugNote::Missing]);
    assert_eq!(none.report.line_runs, 0);
    // The static form has no relocations that would repair what is erased.
    for section in [".debug_info", ".debug_abbrev", ".debug_line"] {
        let mut bytes = FORMS[4].1.to_vec();
        erase(&mut bytes, section);
        let linked = linked(&bytes);
        assert!(matches!(linked.notes[..], [DebugNote::Damaged(_)]), "{section}: {:?}", linked.notes);
        let start = linked.image.endpoints[0].entry;
        assert_eq!(linked.symbols.frames_at(start).last().map(|frame| frame.function), Some("start"), "{section}");
    }
}

/// Many calls over the same ranges: the file stays small, and so does the work.
#[test]
fn tables_that_are_shared_again_and_again() {
    use super::elf::File;
    // An abbreviation of a call with a list of ranges, and one of a unit.
    let abbreviations = [1, 0x11, 1, 0, 0, 2, 0x1D, 0, 0x55, 0x17, 0, 0, 0_u8];
    // Ranges, DWARF 4: pairs of eight bytes.
    let mut ranges = Vec::new();
    for number in 0..4000_u64 {
        ranges.extend((1 + number).to_le_bytes());
        ranges.extend((u64::MAX >> 1).to_le_bytes());
    }
    ranges.extend([0; 16]);
    let mut unit = Vec::new();
    unit.extend([4, 0, 0, 0, 0, 0, 8, 1]);
    for _ in 0..20_000 {
        unit.extend([2, 0, 0, 0, 0]);
    }
    unit.push(0);
    let mut info = (unit.len() as u32).to_le_bytes().to_vec();
    info.extend(unit);
    let mut file = File::with_main(&super::rv::code(&[super::rv::ret()]));
    file.section(".debug_abbrev", 0, &abbreviations);
    file.section(".debug_info", 0, &info);
    file.section(".debug_ranges", 0, &ranges);
    let linked = linked(&file.build());
    assert_eq!(linked.notes, [DebugNote::TooMuch]);
}
