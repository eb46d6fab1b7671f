//! The tables of the pages are those of the model.

use javm_model::{HOP_PRICE, Operation, SERVICE_TYPES, Status, UNKNOWN_PRICE, hash, measure, service_type};

const OPERATIONS: &str = include_str!("../../../../docs/spec/operations.md");
const SERVICES: &str = include_str!("../../../../docs/spec/services.md");
const CAPABILITIES: &str = include_str!("../../../../docs/spec/capabilities.md");
const CALLS: &str = include_str!("../../../../docs/spec/calls.md");

/// The cells of the rows of the table with this head.
fn table(page: &'static str, head: &str) -> Vec<Vec<&'static str>> {
    let rows = page.split(head).nth(1).unwrap_or_else(|| panic!("no table {head}")).lines().skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect()
}

#[test]
fn operations() {
    let rows = table(OPERATIONS, "| number | name | base | part | of |");
    let expected: Vec<Vec<String>> = Operation::ALL
        .iter()
        .map(|operation| {
            let (part, of) = operation.part();
            let numbers = [operation.number().to_string(), operation.name().into(), operation.base().to_string()];
            numbers.into_iter().chain([part.into(), of.into()]).collect()
        })
        .collect();
    assert_eq!(rows, expected);
    for operation in Operation::ALL {
        assert!(OPERATIONS.contains(&format!("\n### {}\n", operation.name())), "{} has no section", operation.name());
    }
    assert!(OPERATIONS.contains(&format!("costs {HOP_PRICE} more")));
    assert!(OPERATIONS.contains(&format!("is not in the table costs {UNKNOWN_PRICE} and gives UNKNOWN")));
}

#[test]
fn statuses() {
    let rows = table(OPERATIONS, "| number | name | meaning |");
    let rows: Vec<(&str, &str)> = rows.iter().map(|row| (row[0], row[1])).collect();
    let numbers: Vec<String> = Status::ALL.iter().map(|status| status.number().to_string()).collect();
    let expected: Vec<(&str, &str)> =
        numbers.iter().zip(Status::ALL).map(|(number, status)| (number.as_str(), status.name())).collect();
    assert_eq!(rows, expected);
}

#[test]
fn bounds() {
    let rows = table(CAPABILITIES, "| name | value | of whom | why |");
    let rows: Vec<(&str, u64)> = rows.iter().map(|row| (row[0], row[1].parse().expect("a number"))).collect();
    let parameters = javm_model::Parameters::default();
    let expected = [
        ("MAX_HEIGHT", measure::MAX_HEIGHT),
        ("MAX_SIZE", measure::MAX_SIZE),
        ("MAX_DEPTH", parameters.max_depth as u64),
        ("MAX_DYNAMIC_MAPPINGS", measure::MAX_DYNAMIC_MAPPINGS as u64),
        ("MAX_WRITABLE_PAGES", parameters.max_writable_pages),
        ("MAX_CHANGED_PAGES", parameters.max_changed_pages),
        ("MAX_LOG_BYTES", parameters.max_log_bytes),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn entries() {
    use javm_model::{Data, Image, Mapping, Script, Source, entry_price};
    let rows = table(CALLS, "| what | gas | why |");
    let gas: Vec<u64> = rows.iter().map(|row| row[1].parse().expect("a number")).collect();
    let mut image = Image::of(Script::new(vec![javm_model::Action::Block(1)]));
    assert_eq!(entry_price(&image, &Default::default(), false), gas[0]);
    assert_eq!(entry_price(&image, &Default::default(), true), gas[0] + gas[1]);
    image.slots.insert(5, Data::new(9));
    let mapping = |pages, writable, source| Mapping { pages, writable, source };
    image.memory.insert(16, mapping(3, true, Source::Ephemeral));
    image.memory.insert(32, mapping(4, true, Source::Slot(5, 0)));
    image.memory.insert(48, mapping(5, false, Source::Slot(5, 4)));
    // Two entries: the third page goes on where the first ends, the second does not.
    let dynamic = [(64, (7, 0, true)), (65, (7, 1, true)), (66, (7, 3, false))].into_iter().collect();
    assert_eq!(entry_price(&image, &dynamic, false), gas[0] + 5 * gas[2] + 3 * gas[3] + (4 + 2) * gas[4]);
}

#[test]
fn the_interfaces_of_services() {
    for (id, text) in SERVICE_TYPES {
        assert!(SERVICES.contains(&format!("\n{text}```")), "service {id}:\n{text}");
        let rows = table(SERVICES, "| id | name |");
        let name = rows.iter().find(|row| row[0] == id.to_string()).expect("it is in the table")[1];
        let name = name.to_lowercase();
        assert!(text.starts_with(&format!("interface {name} ")));
        let hash = hash::of_typedef(&service_type(id).expect("it is in the table"));
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(SERVICES.contains(&format!("\n{name:6} {hex}\n")), "{name:6} {hex}");
    }
}
