//! Callables: their encoding read and written, what they allow, and which endpoint is meant.

use javm_cap::{
    Callable, CallableError, Data, Image, Instance, Interface, Mask, Path, PathError, Right, RunState, StateError,
    Suspended, TypeDef, Why,
};
use proptest::prelude::*;

use crate::fixtures::{adder, callables, config, everything, path, token, valid};

fn decode(bytes: &[u8]) -> Result<Callable, javm_cap::DecodeError> {
    let token = token();
    Callable::decode(bytes, |hash| Some(token).filter(|token| token.hash() == *hash))
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn what_can_be_read_is_written_again(which in 0..2usize, at in 0..99usize, value in any::<u8>(), length in 0..120usize) {
        let mut bytes = callables()[which].1.encode().to_vec();
        bytes[at] = value;
        if let Ok(callable) = decode(&bytes) {
            prop_assert_eq!(callable.encode().to_vec(), bytes.clone());
        }
        bytes.resize(length, 0);
        prop_assert_eq!(decode(&bytes).is_ok(), length == 99 && decode(&bytes).is_ok());
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (at, value, said) in [
        (0, 0x14, "tag, at byte 0: 20 stands for nothing here (0x15 = Callable)"),
        (33, 0x1b, "mask, at byte 33: 4 is more than the limit of 3"),
        (81, 17, "distance, at byte 81: 17 is more than the limit of 16"),
        (82, 17, "path length, at byte 82: 17 is more than the limit of 16"),
        (85, 1, "path, at byte 85: it must be zero, not 0x1"),
    ] {
        let mut bytes = callables()[0].1.encode();
        bytes[at] = value;
        assert_eq!(decode(&bytes).expect_err("it is wrong").to_string(), said);
    }
    let bytes = callables()[0].1.encode();
    assert_eq!(
        decode(&bytes[..98]).expect_err("it is short").to_string(),
        "path, at byte 98: 1 bytes are needed and 0 are left"
    );
    let interface = Interface::TypeDef(token());
    let right = Right { mask: Mask::first(5), ceiling: 0, badge: 0, distance: 0, path: Path::ROOT };
    let wrong = Callable::new(interface.clone(), right);
    assert_eq!(wrong, Err(CallableError::Mask { method: 4, methods: 4 }));
    let wrong = Callable::new(interface, Right { mask: Mask::first(4), distance: 17, ..right });
    assert_eq!(wrong, Err(CallableError::Distance(17)));
    assert_eq!(Path::new(&[0; 17]), Err(PathError(17)));
    assert_eq!(path(&[1; 10]).join(&[2; 7]), Err(PathError(17)));
    assert_eq!(path(&[1]).join(&[2, 3]), Ok(path(&[1, 2, 3])));
}

#[test]
fn a_right_is_only_ever_weakened() {
    let [(_, all), _] = callables();
    let mask = Mask::default().with(1).with(2).with(255);
    let some = all.attenuate(&mask, 5_000_000);
    assert_eq!(some.right(), &Right { mask: Mask::default().with(1), ..*all.right() });
    assert_eq!(some.attenuate(&Mask::first(256), 3).right().ceiling, 3);
    assert_eq!(some.interface(), all.interface());
    assert_ne!(some.hash(), all.hash());
    assert_eq!(all.attenuate(&Mask::first(256), u64::MAX), all);
}

/// An Image with the endpoints of the text, which lists the TypeDef or not.
fn implementing(endpoints: &[(&str, u8, Option<&str>)], typedef: Option<&TypeDef>) -> Image {
    let mut image = adder();
    let model = image.endpoints.remove(0);
    image.endpoints = endpoints
        .iter()
        .map(|&(name, arity, signature)| {
            let mut endpoint = model.clone();
            endpoint.name = name.parse().expect("a name");
            endpoint.arity = arity;
            endpoint.signature = signature.map(|text| text.parse().expect("a signature"));
            endpoint
        })
        .collect();
    image.typedefs.extend(typedef.map(TypeDef::hash));
    image
}

#[test]
fn a_method_is_the_endpoint_of_its_name_arity_and_signature() {
    let typedef = TypeDef::new("interface i { a(x: u64); b(); c(t: string) -> u8; d(); }".parse().expect("a TypeDef"));
    let right =
        Right { mask: Mask::default().with(0).with(1).with(2), ceiling: 0, badge: 0, distance: 0, path: Path::ROOT };
    let callable = Callable::new(Interface::TypeDef(typedef.clone()), right).expect("they exist");
    let image = valid(implementing(
        &[("d", 0, None), ("c", 1, Some("c(t: string) -> u8")), ("b", 1, None), ("a", 1, None)],
        Some(&typedef),
    ));
    let found: Vec<_> = (0..5).map(|method| callable.endpoint(&image, method)).collect();
    // `b` has another arity, `d` is not in the mask.
    assert_eq!(found, [Some(3), None, Some(1), None, None]);
    let other = valid(implementing(&[("c", 1, Some("c(t: bytes) -> u8")), ("a", 1, None)], Some(&typedef)));
    assert_eq!(callable.endpoint(&other, 2), None, "another signature");
    let unlisted = valid(implementing(&[("a", 1, None)], None));
    assert_eq!(callable.endpoint(&unlisted, 0), None, "the Image does not list it");
}

#[test]
fn the_interface_of_an_image_is_its_endpoints_in_order() {
    let image = valid(implementing(&[("a", 1, None), ("b", 0, None)], None));
    let right =
        Right { mask: Mask::first(256).and(&Mask::first(2)), ceiling: 0, badge: 0, distance: 0, path: Path::ROOT };
    let callable = Callable::new(Interface::of_image(&image), right).expect("any mask");
    assert_eq!([0, 1, 2].map(|method| callable.endpoint(&image, method)), [Some(0), Some(1), None]);
    let mut same = implementing(&[("a", 1, None), ("b", 0, None)], Some(&token()));
    same.endpoints[0].registers[1] = 77;
    assert_eq!(callable.endpoint(&valid(same), 1), Some(1), "what is behind the endpoints may differ");
    for other in [
        implementing(&[("b", 0, None), ("a", 1, None)], None),
        implementing(&[("a", 1, None)], None),
        implementing(&[("a", 2, None), ("b", 0, None)], None),
        implementing(&[("a", 1, None), ("b", 0, Some("b()"))], None),
    ] {
        assert_eq!(callable.endpoint(&valid(other), 0), None);
    }
}

#[test]
fn a_suspended_instance_has_the_ephemeral_pages_of_its_image_and_counts_them() {
    let mut instance = Instance::new(valid(everything()));
    let (idle, before) = (instance.hash(), instance.measure());
    let suspended = |pages| {
        RunState::Suspended(Suspended {
            why: Why::OutOfGas,
            block_paid: false,
            pc: 0,
            registers: [0; 13],
            ephemeral: Data::new(pages).expect("few"),
            mappings: Default::default(),
        })
    };
    let wrong = instance.set_state(suspended(15));
    assert_eq!(wrong, Err(StateError::EphemeralPages { found: 15, expected: 16 }));
    assert_eq!((instance.hash(), instance.state()), (idle, &RunState::Idle));
    assert_eq!(instance.set_state(suspended(16)), Ok(RunState::Idle));
    assert_ne!(instance.hash(), idle);
    assert_eq!(instance.measure().size, before.size + 16);
    assert_eq!(instance.set_image(valid(adder())), Err(StateError::NotIdle));
    let copy = instance.clone();
    assert_eq!(instance.set_state(RunState::Idle), Ok(suspended(16)));
    assert_eq!((instance.hash(), instance.measure()), (idle, before));
    assert_eq!(copy.state(), &suspended(16), "a copy does not see it");

    assert!(instance.set_quota(Some((1 << 40) + 1)).is_err());
    instance.set_quota(Some(1 << 40)).expect("the bound");
    instance.set_home(Some(path(&[1, 2])));
    assert_eq!((instance.quota(), instance.home()), (Some(1 << 40), Some(&path(&[1, 2]))));
    assert_ne!(instance.hash(), idle);
    instance.set_quota(None).expect("none");
    instance.set_home(None);
    assert_eq!(instance.hash(), idle);
    instance.set_image(valid(adder())).expect("it is Idle");
    assert_eq!(instance.table(), &Instance::new(valid(everything())).table().clone());
}
