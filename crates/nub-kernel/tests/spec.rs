//! `docs/spec/operations.md` and `services.md` against the tables in the code, both ways.

use nub_kernel::Status;
use nub_kernel::operation::{HOP_PRICE, Operation, UNKNOWN_OPERATION_PRICE};
use nub_kernel::service::Service;

const PAGE: &str = include_str!("../../../docs/spec/operations.md");
const SERVICES: &str = include_str!("../../../docs/spec/services.md");

/// The cells of the rows of the table below a heading whose first row begins with `first`.
fn table(page: &'static str, heading: &str, first: &str) -> Vec<Vec<&'static str>> {
    let section = page.split(heading).nth(1).unwrap_or_else(|| panic!("no heading {heading}"));
    section
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {first} |")))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>())
        .collect()
}

#[test]
fn operations() {
    let expected: Vec<Vec<String>> = Operation::ALL
        .iter()
        .map(|operation| {
            let row = [(*operation as u8).to_string(), operation.name().into(), operation.price().to_string()];
            let parts: Vec<String> = operation.parts().iter().map(|(price, what)| format!("{price} {what}")).collect();
            row.into_iter().chain([parts.join(", ")]).collect()
        })
        .collect();
    let mut rows = table(PAGE, "## Operations\n", "number");
    rows.iter_mut().for_each(|row| {
        row.remove(3);
    });
    assert_eq!(rows, expected);
    assert!(PAGE.contains(&format!("costs {HOP_PRICE} more")));
    assert!(PAGE.contains(&format!("is not in the table costs {UNKNOWN_OPERATION_PRICE} and gives UNKNOWN")));
    for operation in Operation::ALL {
        assert_eq!(Operation::from_number(*operation as u8), Some(*operation));
        assert!(PAGE.contains(&format!("\n### {}\n", operation.name())), "{} has no section", operation.name());
    }
}

#[test]
fn statuses() {
    let expected: Vec<Vec<String>> = Status::ALL
        .iter()
        .map(|status| vec![status.number().to_string(), status.name().into(), status.meaning().into()])
        .collect();
    assert_eq!(table(PAGE, "## Statuses\n", "number"), expected);
}

#[test]
fn services() {
    let expected: Vec<Vec<String>> =
        Service::ALL.iter().map(|service| vec![(*service as u32).to_string(), service.name().into()]).collect();
    assert_eq!(table(SERVICES, "# Services\n", "id"), expected);
    for service in Service::ALL {
        assert!(SERVICES.contains(&format!("\n## {}\n", service.name())), "{} has no section", service.name());
        let block = format!("```typedef {}\n", service.name().to_lowercase());
        let text = SERVICES.split(&block).nth(1).and_then(|rest| rest.split("```").next()).expect("a TypeDef");
        let definition: javm_types::TypeDef = text.parse().expect("it is right");
        assert_eq!(service.interface(), javm_cap::TypeDef::new(definition).hash(), "{}", service.name());
    }
}
