//! Rust's own types.

use alloc::string::String;
use alloc::vec::Vec;

use super::Typed;
use super::decode::{Decode, DecodeError, DecodeErrorReason, Decoder, RegisterError};
use super::encode::{Encode, EncodeError, Sink};
use crate::address::Address;
use crate::primitive::Primitive;
use crate::shape::Shape;

macro_rules! typed {
    ($($ty:ty = $primitive:ident;)*) => {
        $(impl Typed for $ty {
            const SHAPE: Shape = Shape::Primitive(Primitive::$primitive);
        })*
    };
}

typed! {
    bool = Bool;
    Address = Address;
    [u8; 32] = Address;
    String = String;
    str = String;
    u16 = U16;
    u32 = U32;
    u64 = U64;
    u128 = U128;
    i8 = I8;
    i16 = I16;
    i32 = I32;
    i64 = I64;
    i128 = I128;
}

impl Typed for u8 {
    const SHAPE: Shape = Shape::Primitive(Primitive::U8);
    const LIST: Shape = Shape::Primitive(Primitive::Bytes);
}

impl<T: Typed> Typed for [T] {
    const SHAPE: Shape = T::LIST;
}

impl<T: Typed> Typed for Vec<T> {
    const SHAPE: Shape = T::LIST;
}

impl<T: Typed> Typed for Option<T> {
    const SHAPE: Shape = Shape::Option(&T::SHAPE);
}

impl<T: Typed + ?Sized> Typed for &T {
    const SHAPE: Shape = T::SHAPE;
    const LIST: Shape = T::LIST;
}

macro_rules! integers {
    ($($ty:ident)*) => {
        $(
            impl Encode for $ty {
                fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
                    sink.write(&self.to_le_bytes())
                }

                integers!(@to_register $ty);
            }

            impl<'a> Decode<'a> for $ty {
                fn decode(decoder: &mut Decoder<'a>) -> Result<$ty, DecodeError> {
                    Ok($ty::from_le_bytes(decoder.array()?))
                }

                integers!(@from_register $ty);
            }
        )*
    };
    (@to_register u128) => {};
    (@to_register i128) => {};
    (@to_register u8) => {
        fn encode_list<S: Sink + ?Sized>(list: &[u8], sink: &mut S) -> Result<(), EncodeError> {
            sink.count(list.len())?;
            sink.write(list)
        }

        fn to_register(&self) -> Option<u64> {
            Some((*self).into())
        }
    };
    (@to_register $ty:ident) => {
        // Sign-extends what is signed and zero-extends what is not.
        fn to_register(&self) -> Option<u64> {
            Some(*self as u64)
        }
    };
    (@from_register u128) => {};
    (@from_register i128) => {};
    (@from_register u8) => {
        fn decode_list(decoder: &mut Decoder<'a>) -> Result<Vec<u8>, DecodeError> {
            Ok(decoder.counted_bytes()?.into())
        }

        integers!(@narrow u8);
    };
    (@from_register $ty:ident) => {
        integers!(@narrow $ty);
    };
    (@narrow $ty:ident) => {
        fn from_register(register: u64) -> Result<$ty, RegisterError> {
            let value = register as $ty;
            if value as u64 == register { Ok(value) } else { Err(out_of_range::<$ty>(register)) }
        }
    };
}

integers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

fn out_of_range<T: Typed>(register: u64) -> RegisterError {
    match T::SHAPE {
        Shape::Primitive(ty) => RegisterError::Range { register, ty },
        _ => RegisterError::NotScalar,
    }
}

impl Encode for bool {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
        sink.write(&[(*self).into()])
    }

    fn to_register(&self) -> Option<u64> {
        Some((*self).into())
    }
}

impl<'a> Decode<'a> for bool {
    fn decode(decoder: &mut Decoder<'a>) -> Result<bool, DecodeError> {
        decoder.flag(DecodeErrorReason::Bool)
    }

    fn from_register(register: u64) -> Result<bool, RegisterError> {
        match register {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(out_of_range::<bool>(register)),
        }
    }
}

impl Encode for Address {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
        sink.write(&self.0)
    }
}

impl<'a> Decode<'a> for Address {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Address, DecodeError> {
        decoder.array().map(Address)
    }
}

impl Encode for [u8; 32] {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
        sink.write(self)
    }
}

impl<'a> Decode<'a> for [u8; 32] {
    fn decode(decoder: &mut Decoder<'a>) -> Result<[u8; 32], DecodeError> {
        decoder.array()
    }
}

impl Encode for str {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
        u8::encode_list(self.as_bytes(), sink)
    }
}

impl Encode for String {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
        self.as_str().encode(sink)
    }
}

impl<'a> Decode<'a> for &'a str {
    fn decode(decoder: &mut Decoder<'a>) -> Result<&'a str, DecodeError> {
        decoder.text()
    }
}

impl<'a> Decode<'a> for String {
    fn decode(decoder: &mut Decoder<'a>) -> Result<String, DecodeError> {
        decoder.text().map(Into::into)
    }
}

impl<T: Encode> Encode for [T] {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
        T::encode_list(self, sink)
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
        T::encode_list(self, sink)
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Vec<T> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Vec<T>, DecodeError> {
        T::decode_list(decoder)
    }
}

impl<'a> Decode<'a> for &'a [u8] {
    fn decode(decoder: &mut Decoder<'a>) -> Result<&'a [u8], DecodeError> {
        decoder.counted_bytes()
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
        match self {
            None => sink.write(&[0]),
            Some(content) => {
                sink.write(&[1])?;
                content.encode(sink)
            }
        }
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Option<T> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Option<T>, DecodeError> {
        if decoder.flag(DecodeErrorReason::OptionTag)? { decoder.read().map(Some) } else { Ok(None) }
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
        (**self).encode(sink)
    }

    fn to_register(&self) -> Option<u64> {
        (**self).to_register()
    }
}

macro_rules! tuples {
    ($(($($name:ident $place:tt)*))*) => {
        $(
            impl<$($name: Typed),*> Typed for ($($name,)*) {
                const SHAPE: Shape = Shape::Tuple(&[$($name::SHAPE),*]);
            }

            impl<$($name: Encode),*> Encode for ($($name,)*) {
                fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
                    let _ = &sink;
                    $(self.$place.encode(sink)?;)*
                    Ok(())
                }
            }

            impl<'a, $($name: Decode<'a>),*> Decode<'a> for ($($name,)*) {
                fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
                    let _ = &decoder;
                    Ok(($(decoder.read::<$name>()?,)*))
                }
            }
        )*
    };
}

tuples! {
    ()
    (A 0)
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
    (A 0 B 1 C 2 D 3 E 4)
    (A 0 B 1 C 2 D 3 E 4 F 5)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7)
}
