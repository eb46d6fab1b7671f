//! Rust's own types: their shapes, and that they are written as values are.

use javm_types::limits::MAX_VALUE_BYTES;
use javm_types::{
    Address, Decode, DecodeError, DecodeErrorReason, Decoder, Encode, EncodeError, Shape, Signature, Sink, Type, Typed,
    Value, decode, encode, encode_into, encoded_len,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::signatures::type_of;
use crate::strategies::config;

#[derive(Clone, PartialEq, Debug)]
struct Order<'a> {
    owner: Address,
    amount: u64,
    note: &'a str,
    parts: Vec<Option<(i16, bool)>>,
}

impl Typed for Order<'_> {
    const SHAPE: Shape = Shape::Struct {
        name: "Order",
        fields: &[
            ("owner", Address::SHAPE),
            ("amount", u64::SHAPE),
            ("note", <&str>::SHAPE),
            ("parts", <Vec<Option<(i16, bool)>>>::SHAPE),
        ],
    };
}

impl Encode for Order<'_> {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
        self.owner.encode(sink)?;
        self.amount.encode(sink)?;
        self.note.encode(sink)?;
        self.parts.encode(sink)
    }
}

impl<'a> Decode<'a> for Order<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        Ok(Order { owner: decoder.read()?, amount: decoder.read()?, note: decoder.read()?, parts: decoder.read()? })
    }
}

/// Checks that a Rust value is written as its type says, and read back.
fn same<'a, T: Encode + Decode<'a> + PartialEq + core::fmt::Debug>(value: &T, bytes: &'a mut Vec<u8>) {
    *bytes = encode(value).expect("it is short");
    let ty = type_of(T::SHAPE);
    let dynamic = Value::decode(&ty, bytes).unwrap_or_else(|error| panic!("{ty}: {error}"));
    assert_eq!(dynamic.encode(&ty).as_deref(), Ok(bytes.as_slice()));
    assert_eq!(encoded_len(value), Ok(bytes.len()));
    let mut place = vec![0; bytes.len()];
    assert_eq!(encode_into(value, &mut place), Ok(bytes.len()));
    assert_eq!(&place, bytes);
    if let Some(shorter) = bytes.len().checked_sub(1) {
        assert_eq!(encode_into(value, &mut place[..shorter]), Err(EncodeError::Full { room: shorter }));
    }
    assert_eq!(decode::<T>(bytes).as_ref(), Ok(value));
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn rust_values_are_written_as_their_types_say(
        integers in any::<((u8, u16, u32, u64, u128), (i8, i16, i32, i64, i128))>(),
        mixed in any::<(bool, Option<u16>, Option<Option<bool>>, [u8; 32], String)>(),
        lists in (vec(any::<u8>(), 0..9), vec(any::<Option<String>>(), 0..4), vec(vec(any::<i32>(), 0..3), 0..3)),
        parts in vec(any::<Option<(i16, bool)>>(), 0..4),
    ) {
        same(&integers, &mut Vec::new());
        same(&mixed, &mut Vec::new());
        same(&lists, &mut Vec::new());
        let order = Order { owner: Address(mixed.3), amount: integers.0.3, note: &mixed.4, parts };
        same(&order, &mut Vec::new());
        same(&vec![order.clone(), order], &mut Vec::new());
        let borrowed: (&[u8], &str) = (&lists.0, &mixed.4);
        same(&borrowed, &mut Vec::new());
    }

    /// Whatever the bytes, reading Rust types and reading values agree on whether they are right.
    #[test]
    fn both_readers_accept_the_same_bytes(bytes in vec(prop_oneof![4 => Just(0), 2 => 0..3_u8, 1 => any::<u8>()], 0..80)) {
        fn check<'a, T: Decode<'a> + Encode>(bytes: &'a [u8]) -> Result<(), TestCaseError> {
            let dynamic = Value::decode(&type_of(T::SHAPE), bytes);
            match decode::<T>(bytes) {
                Ok(value) => {
                    prop_assert_eq!(encode(&value), Ok(bytes.to_vec()));
                    prop_assert!(dynamic.is_ok());
                }
                Err(error) => prop_assert_eq!(dynamic.map_err(|error| error.error), Err(error)),
            }
            Ok(())
        }
        check::<Order>(&bytes)?;
        check::<Vec<Order>>(&bytes)?;
        check::<Vec<(bool, Option<()>)>>(&bytes)?;
        check::<(u8, Vec<u8>, &str)>(&bytes)?;
        check::<Option<Vec<String>>>(&bytes)?;
        check::<(u16, i128, bool)>(&bytes)?;
    }
}

#[test]
fn shapes_say_what_the_language_says() {
    let text = |shape| type_of(shape).to_string();
    assert_eq!(text(<Vec<u8>>::SHAPE), "bytes");
    assert_eq!(text(<&[u8]>::SHAPE), "bytes");
    assert_eq!(text(<Vec<&u8>>::SHAPE), "bytes");
    assert_eq!(text(<Vec<i8>>::SHAPE), "list<i8>");
    assert_eq!(text(<Vec<Vec<u8>>>::SHAPE), "list<bytes>");
    assert_eq!(text(<[u8; 32]>::SHAPE), "address32");
    assert_eq!(text(<&&str>::SHAPE), "string");
    assert_eq!(text(<Option<()>>::SHAPE), "option<()>");
    assert_eq!(text(<(u8,)>::SHAPE), "(u8,)");
    assert_eq!(
        text(<(bool, [u8; 32], String, u64, u128, i16, i32, i64)>::SHAPE),
        "(bool, address32, string, u64, u128, i16, i32, i64)"
    );
    assert_eq!(type_of(<()>::SHAPE), Type::UNIT);
    assert_eq!(text(Order::SHAPE), "Order");
}

/// Elements may be much larger in memory than in their encoding.
#[test]
fn a_count_alone_takes_no_memory() {
    let mut bytes = 1_000_000_u32.to_le_bytes().to_vec();
    let error = decode::<Vec<Option<Order>>>(&bytes).expect_err("there is nothing");
    assert_eq!(error.reason, DecodeErrorReason::Count { count: 1_000_000, most: 0 });
    bytes.extend([0; 100]);
    let error = decode::<Vec<Option<Order>>>(&bytes).expect_err("there is not enough");
    assert_eq!(error.reason, DecodeErrorReason::Count { count: 1_000_000, most: 100 });
}

#[test]
fn nothing_longer_than_a_value_is_written() {
    assert_eq!(Vec::new().count(usize::MAX), Err(EncodeError::TooLong));
    let half = vec![0_u8; MAX_VALUE_BYTES / 2];
    assert_eq!(encoded_len(&(&half, &half)), Err(EncodeError::TooLong));
    assert_eq!(encode(&(&half, &half)), Err(EncodeError::TooLong));
    assert_eq!(encoded_len(&(&half, &half[8..])), Ok(MAX_VALUE_BYTES));
    let error = decode::<(&[u8], &[u8])>(&vec![0; MAX_VALUE_BYTES + 1]).expect_err("too long");
    assert_eq!((error.offset, error.reason), (MAX_VALUE_BYTES, DecodeErrorReason::TooLong(MAX_VALUE_BYTES + 1)));
}

#[test]
fn a_method_of_rust_types_says_so() {
    const PLACE: Signature =
        Signature { name: "place", arguments: &[("order", Order::SHAPE)], returns: <Option<u64>>::SHAPE };
    static BYTES: [u8; PLACE.encoded_len()] = match PLACE.encode() {
        Ok(bytes) => bytes,
        Err(error) => panic!("{}", error.message()),
    };
    let method = javm_types::Method::decode(&BYTES).expect("the compiler wrote it");
    assert_eq!(method.to_string(), "place(order: Order) -> option<u64>");
}
