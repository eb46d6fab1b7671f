//! `docs/spec/operations.md` against the tables in the code, both ways.

use nub_kernel::Status;
use nub_kernel::operation::Operation;
use nub_kernel::service::Service;

const PAGE: &str = include_str!("../../../docs/spec/operations.md");

/// The cells of the table below a heading whose first row begins with `first`, header and rule left out.
fn table(heading: &str, first: &str) -> Vec<Vec<&'static str>> {
    let section = PAGE.split(heading).nth(1).unwrap_or_else(|| panic!("no heading {heading}"));
    section
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {first} |")))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn operations() {
    let expected: Vec<Vec<String>> = Operation::ALL
        .iter()
        .map(|operation| vec![(*operation as u8).to_string(), operation.name().into(), operation.price().to_string()])
        .collect();
    assert_eq!(table("## Operations", "number"), expected);
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
    assert_eq!(table("## Statuses", "number"), expected);
}

#[test]
fn services() {
    let expected: Vec<Vec<String>> =
        Service::ALL.iter().map(|service| vec![(*service as u32).to_string(), service.name().into()]).collect();
    assert_eq!(table("## Services", "id"), expected);
    for service in Service::ALL {
        assert!(PAGE.contains(&format!("\n### {}\n", service.name())), "{} has no section", service.name());
    }
}
