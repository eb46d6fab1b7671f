//! A program as its author would write and test it, with everything that an endpoint can take and return.

#![allow(missing_docs, dead_code)]

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use javm_guest::test::Endpoint as _;
use javm_guest::{
    Address, Scratchpad, Typed, endpoint, hash, import, log, memory, persistent_heap, state, test, types,
};

memory! { stack: 16 << 10, heap: 0, scratchpad: 64 << 10 }
persistent_heap!(1 << 20);

import! {
    /// A service that nobody grants.
    pub CLOCK: slot 20, service 7, optional
}

state! {
    static BALANCES: BTreeMap<Address, u64> = BTreeMap::new();
    /// What was paid, in order.
    pub static PAYMENTS: Vec<Payment> = Vec::new();
}

#[derive(Typed, Clone, PartialEq, Debug)]
pub struct Payment {
    to: Address,
    amount: u64,
    parts: Vec<(u8, Option<bool>)>,
}

#[derive(Typed, PartialEq, Debug)]
struct Letter<'a> {
    r#type: &'a str,
    body: &'a [u8],
    copies: Vec<&'a str>,
}

#[derive(PartialEq, Debug)]
enum Refusal {
    TooLittle { has: u64 },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal::TooLittle { has } = self;
        write!(f, "there are only {has}")
    }
}

#[endpoint]
fn mint(to: Address, amount: u64) {
    BALANCES.with_mut(|balances| *balances.entry(to).or_default() += amount);
}

#[endpoint]
fn pay(from: Address, payment: Payment) -> Result<u64, Refusal> {
    let has = balance(from);
    let left = has.checked_sub(payment.amount).ok_or(Refusal::TooLittle { has })?;
    BALANCES.with_mut(|balances| {
        balances.insert(from, left);
        *balances.entry(payment.to).or_default() += payment.amount;
    });
    log!("{} paid", payment.amount);
    PAYMENTS.with_mut(|payments| payments.push(payment));
    Ok(left)
}

#[endpoint(name = "balance.of")]
fn balance(of: Address) -> u64 {
    BALANCES.with(|balances| balances.get(&of).copied().unwrap_or(0))
}

#[endpoint]
fn scalars(a: u8, b: i16, c: bool, d: u64) -> i64 {
    i64::from(a) + i64::from(b) + i64::from(c) + d as i64
}

#[endpoint]
fn shorten<'a>(letter: Letter<'a>, length: u32) -> Option<(&'a str, &'a [u8])> {
    Some((letter.copies.first()?, letter.body.get(..length as usize)?))
}

#[endpoint]
fn nothing() {}

/// Called as what an endpoint's code might call something of its own.
#[endpoint]
fn call(argument: u8) -> u8 {
    argument + 1
}

/// The same.
#[endpoint]
fn argument_0(result: u8) -> u8 {
    result + 2
}

#[endpoint]
fn fallible_with_an_alias(n: u8) -> core::result::Result<(), String> {
    if n == 0 { Ok(()) } else { Err(alloc::format!("{n} is not 0")) }
}

/// What a program written before there were types does: bytes by convention.
#[endpoint]
fn digest(length: u64) -> u64 {
    let mut pad = Scratchpad::take_rest();
    let end = pad.len() - 32;
    pad.hash(hash::Algorithm::Blake2b256, 0..length as usize, end).expect("within the scratchpad");
    u64::from_le_bytes(pad[end..][..8].try_into().unwrap_or_default())
}

const ADA: Address = Address([1; 32]);
const BOB: Address = Address([2; 32]);

fn payment(amount: u64) -> Payment {
    Payment { to: BOB, amount, parts: Vec::from([(1, None), (2, Some(true))]) }
}

#[test]
fn endpoints_are_functions() {
    mint(ADA, 10);
    assert_eq!(pay(ADA, payment(4)), Ok(6));
    assert_eq!((balance(ADA), balance(BOB)), (6, 4));
    assert_eq!(pay(ADA, payment(7)), Err(Refusal::TooLittle { has: 6 }));
    assert_eq!(PAYMENTS.with(Vec::clone), [payment(4)]);
    assert_eq!(test::logs(), ["4 paid"]);
    assert_eq!(test::fresh(|| balance(ADA)), 0, "another Instance");
    assert_eq!(scalars(1, -2, true, 3), 3);
    nothing();
    assert_eq!((call(1), argument_0(1)), (2, 3));
    assert_eq!(fallible_with_an_alias(0), Ok(()));
    assert_eq!(fallible_with_an_alias(1), Err("1 is not 0".into()));
}

#[test]
fn endpoints_may_have_any_name() {
    assert_eq!(endpoint_call::call([1, 0, 0, 0]), 2);
    assert_eq!(endpoint_argument_0::call([1, 0, 0, 0]), 3);
}

#[test]
fn derived_types_are_those_of_the_language() {
    use types::{Shape, Signature, Typed};
    const SIGNATURE: Signature =
        Signature { name: "f", arguments: &[("p", Payment::SHAPE), ("l", Letter::SHAPE)], returns: Shape::UNIT };
    const BYTES: [u8; SIGNATURE.encoded_len()] = match SIGNATURE.encode() {
        Ok(bytes) => bytes,
        Err(error) => panic!("{}", error.message()),
    };
    let method = types::Method::decode(&BYTES).expect("it was encoded");
    let fields = |argument: &types::Field| match argument.ty.kind() {
        types::Kind::Struct(structure) => {
            let fields: Vec<String> = structure.fields.iter().map(|field| alloc::format!("{field}")).collect();
            alloc::format!("{} {{ {} }}", structure.name, fields.join(", "))
        }
        _ => panic!("it is a struct"),
    };
    let found: Vec<String> = method.arguments().iter().map(fields).collect();
    let payment_type = "Payment { to: address32, amount: u64, parts: list<(u8, option<bool>)> }";
    assert_eq!(found, [payment_type, "Letter { type: string, body: bytes, copies: list<string> }"]);

    let letter = Letter { r#type: "spam", body: b"eat", copies: Vec::from(["ann", "ben"]) };
    let bytes = types::encode(&letter).expect("it is short");
    assert_eq!(types::decode::<Letter>(&bytes), Ok(letter));
    let bytes = types::encode(&payment(1)).expect("it is short");
    assert_eq!(types::decode::<Payment>(&bytes), Ok(payment(1)));
    assert!(types::decode::<Payment>(&bytes[..40]).is_err());
}

#[test]
fn what_is_borrowed_is_borrowed_from_the_arguments() {
    let letter = Letter { r#type: "a", body: b"0123", copies: Vec::from(["x"]) };
    assert_eq!(shorten(letter, 2), Some(("x", b"01".as_slice())));
}

#[test]
fn services_answer() {
    test::set_scratchpad(&[b"abc".as_slice(), &[0; 61]].concat());
    assert_eq!(digest(3).to_le_bytes(), [0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72]);
    assert_eq!(javm_guest::Call::method(0).slot::<CLOCK>(), Err(javm_guest::Status::EMPTY));
}
