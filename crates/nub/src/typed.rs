//! Calls with values instead of registers: lowered to registers and scratchpad before, lifted from them after.
//!
//! How values travel is `docs/spec/types.md`, "Calls".

use javm_cap::Endpoint;
use javm_types::typed::{self, LowerArguments};
use javm_types::{Decode, Method, Value};
use nub_kernel::{Ended, EndpointRef, InstanceId, Outcome};

use crate::error::{Error, TypeMismatch};
use crate::handle::Nub;
use crate::options::InvokeOptions;
use crate::reader::Reader;

/// What a call with values came to.
#[derive(Clone, Debug)]
pub struct Returned<T> {
    /// What it returned; `None` unless it halted.
    pub value: Option<T>,
    /// Everything else.
    pub outcome: Outcome,
}

impl Nub {
    /// Calls an endpoint with values, checked against its signature. Otherwise as [`Nub::invoke`].
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bytes = include_bytes!("../../../guests/images/counter.nub");
    /// let mut nub = nub::Nub::new_local();
    /// let image = nub.publish(bytes)?;
    /// let counter = nub.instantiate(&image, &nub::Grants::services())?;
    /// let returned = nub.invoke_values(counter, "add", &[5_u64.into()], &nub::InvokeOptions::default())?;
    /// assert_eq!(returned.value, Some(5_u64.into()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Nub::invoke`]; [`Error::NoSignature`], [`Error::Values`], [`Error::ScratchpadTaken`]: nothing was
    /// called. [`Error::Result`]: the call has ended and its changes stay, but what it returned is not of its type.
    pub fn invoke_values<'a>(
        &mut self,
        instance: InstanceId,
        endpoint: impl Into<EndpointRef<'a>>,
        arguments: &[Value],
        options: &InvokeOptions,
    ) -> Result<Returned<Value>, Error> {
        let (endpoint, declared) = declared(&self.reader, instance, options, endpoint)?;
        with_values(&declared, arguments, options, |registers, options| {
            self.invoke(instance, endpoint, registers, options)
        })
    }

    /// Calls an endpoint with Rust values, whose types are checked against its signature: a tuple of arguments. Otherwise
    /// as [`Nub::invoke_values`].
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bytes = include_bytes!("../../../guests/images/counter.nub");
    /// let mut nub = nub::Nub::new_local();
    /// let image = nub.publish(bytes)?;
    /// let counter = nub.instantiate(&image, &nub::Grants::services())?;
    /// let total: Option<u64> = nub.invoke_typed(counter, "add", &(5_u64,), &nub::InvokeOptions::default())?.value;
    /// assert_eq!(total, Some(5));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Nub::invoke_values`], and [`Error::Mismatch`] where a type is not that of the signature.
    pub fn invoke_typed<'a, A: LowerArguments, R: for<'b> Decode<'b>>(
        &mut self,
        instance: InstanceId,
        endpoint: impl Into<EndpointRef<'a>>,
        arguments: &A,
        options: &InvokeOptions,
    ) -> Result<Returned<R>, Error> {
        let (endpoint, declared) = declared(&self.reader, instance, options, endpoint)?;
        with_types(&declared, arguments, options, |registers, options| {
            self.invoke(instance, endpoint, registers, options)
        })
    }
}

impl Reader {
    /// [`Reader::query`] with values, as [`Nub::invoke_values`] takes and gives them.
    ///
    /// # Errors
    /// Those of [`Nub::invoke_values`].
    pub fn query_values<'a>(
        &self,
        instance: InstanceId,
        endpoint: impl Into<EndpointRef<'a>>,
        arguments: &[Value],
        options: &InvokeOptions,
    ) -> Result<Returned<Value>, Error> {
        let (endpoint, declared) = declared(self, instance, options, endpoint)?;
        with_values(&declared, arguments, options, |registers, options| {
            self.query(instance, endpoint, registers, options)
        })
    }

    /// [`Reader::query`] with Rust values, as [`Nub::invoke_typed`] takes and gives them.
    ///
    /// # Errors
    /// Those of [`Nub::invoke_typed`].
    pub fn query_typed<'a, A: LowerArguments, R: for<'b> Decode<'b>>(
        &self,
        instance: InstanceId,
        endpoint: impl Into<EndpointRef<'a>>,
        arguments: &A,
        options: &InvokeOptions,
    ) -> Result<Returned<R>, Error> {
        let (endpoint, declared) = declared(self, instance, options, endpoint)?;
        with_types(&declared, arguments, options, |registers, options| {
            self.query(instance, endpoint, registers, options)
        })
    }
}

/// Which endpoint is meant, and how it is declared.
fn declared<'a>(
    reader: &Reader,
    instance: InstanceId,
    options: &InvokeOptions,
    endpoint: impl Into<EndpointRef<'a>>,
) -> Result<(EndpointRef<'a>, Endpoint), Error> {
    let endpoint = endpoint.into();
    Ok((endpoint, reader.endpoint_at(instance, &options.path, endpoint)?))
}

fn method(endpoint: &Endpoint) -> Result<&Method, Error> {
    endpoint.signature.as_ref().ok_or_else(|| Error::NoSignature(endpoint.name.to_string()))
}

/// Performs a call with values.
fn with_values(
    declared: &Endpoint,
    arguments: &[Value],
    options: &InvokeOptions,
    perform: impl FnOnce(&[u64], &InvokeOptions) -> Result<Outcome, Error>,
) -> Result<Returned<Value>, Error> {
    let method = method(declared)?;
    let lowered = javm_types::lower_arguments(method, arguments)?;
    let options = with_arguments(options, lowered.scratchpad)?;
    let outcome = perform(&lowered.registers[..usize::from(lowered.arity)], &options)?;
    let value = lift(method, &outcome)?;
    Ok(Returned { value, outcome })
}

/// Performs a call with Rust values.
fn with_types<A: LowerArguments, R: for<'b> Decode<'b>>(
    declared: &Endpoint,
    arguments: &A,
    options: &InvokeOptions,
    perform: impl FnOnce(&[u64], &InvokeOptions) -> Result<Outcome, Error>,
) -> Result<Returned<R>, Error> {
    check::<A, R>(method(declared)?)?;
    let mut registers = [0; 4];
    let (used, encoded) = if A::IN_REGISTERS {
        registers = typed::lower_arguments(arguments, &mut [])?;
        (A::COUNT, None)
    } else {
        let encoded = javm_types::encode(arguments)?;
        registers[0] = encoded.len() as u64;
        (1, Some(encoded))
    };
    let options = with_arguments(options, encoded)?;
    let outcome = perform(&registers[..used], &options)?;
    let value = match outcome.ended {
        Ended::Halt => {
            let lifted = typed::lift_result(outcome.value, &filled(&outcome));
            Some(lifted.map_err(|error| Error::Result(error.to_string()))?)
        }
        _ => None,
    };
    Ok(Returned { value, outcome })
}

/// Compares Rust's types with those of a signature.
fn check<A: LowerArguments, R: for<'b> Decode<'b>>(method: &Method) -> Result<(), TypeMismatch> {
    let javm_types::Shape::Tuple(given) = A::SHAPE else { return Err(TypeMismatch::new("the arguments", method)) };
    if given.len() != method.arguments().len() {
        return Err(TypeMismatch::new("the number of arguments", method));
    }
    match given.iter().zip(method.arguments()).find(|(given, argument)| !given.is(&argument.ty)) {
        Some((_, argument)) => Err(TypeMismatch::new(argument.name.as_str(), method)),
        None if !R::SHAPE.is(method.returns()) => Err(TypeMismatch::new("the result", method)),
        None => Ok(()),
    }
}

/// The options with the scratchpad that the arguments need.
fn with_arguments(options: &InvokeOptions, encoded: Option<Vec<u8>>) -> Result<InvokeOptions, Error> {
    match (encoded, &options.scratchpad) {
        (Some(_), Some(_)) => Err(Error::ScratchpadTaken),
        (None, _) => Ok(options.clone()),
        (encoded, None) => Ok(InvokeOptions { scratchpad: encoded, ..options.clone() }),
    }
}

/// What a call has returned, by the signature of its endpoint; `None` unless it halted.
///
/// # Errors
/// [`Error::Result`] when it is not of the type that the signature says.
pub fn lift(method: &Method, outcome: &Outcome) -> Result<Option<Value>, Error> {
    if outcome.ended != Ended::Halt {
        return Ok(None);
    }
    let scratchpad = if method.returns_register() { Vec::new() } else { filled(outcome) };
    let value = javm_types::lift_result(method, outcome.value, &scratchpad);
    value.map(Some).map_err(|error| Error::Result(error.to_string()))
}

/// The start of the scratchpad that φ7 says is filled; as much of it as there is.
fn filled(outcome: &Outcome) -> Vec<u8> {
    let Some(data) = &outcome.scratchpad else { return Vec::new() };
    let mut bytes = vec![0; usize::try_from(outcome.value.min(data.size())).unwrap_or(0)];
    match data.read(0, &mut bytes) {
        Ok(()) => bytes,
        // It is as long as it says.
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorCode, Grants};
    use javm_types::Address;

    const REGISTRY: &[u8] = include_bytes!("../../../guests/images/registry.nub");
    const ADA: Address = Address([1; 32]);

    fn registry() -> (Nub, InstanceId) {
        let mut nub = Nub::for_tests().expect("a machine");
        let image = nub.publish(REGISTRY).expect("an Image");
        let instance = nub.instantiate(&image, &Grants::services()).expect("all is granted");
        (nub, instance)
    }

    #[test]
    fn values_go_in_and_come_out() {
        let (mut nub, registry) = registry();
        let options = InvokeOptions::default();
        let set = |nub: &mut Nub, value: &[u8]| {
            let arguments = ["a".into(), ADA.into(), value.to_vec().into()];
            nub.invoke_values(registry, "set", &arguments, &options).expect("it is called").value
        };
        assert_eq!(set(&mut nub, b"one"), Some(Value::Option(None)));
        assert_eq!(set(&mut nub, b"two"), Some(Value::some(b"one".to_vec())));

        type Entry = (Address, Vec<u8>, u32);
        let error = nub.invoke_typed::<_, Option<Entry>>(registry, "get", &("a",), &options).expect_err("a tuple");
        assert_eq!(
            error.to_string(),
            "the result does not have the type of the signature, get(name: string) -> option<Entry>"
        );
        let names = nub.invoke_typed::<_, Vec<String>>(registry, "names", &("", 9_u16), &options).expect("it fits");
        assert_eq!(names.value, Some(vec![String::from("a")]));
        let len = nub.invoke_typed::<_, u64>(registry, "len", &(), &options).expect("it fits");
        assert_eq!(len.value, Some(1));
        let not_hers = nub.invoke_typed::<_, ()>(registry, "remove", &("a", Address([2; 32])), &options);
        let not_hers = not_hers.expect("that it fails is an outcome");
        assert_eq!((not_hers.value, not_hers.outcome.ended), (None, Ended::Panic));
    }

    #[test]
    fn what_does_not_fit_is_not_called() {
        let (mut nub, registry) = registry();
        let options = InvokeOptions::default();
        let code = |error: Result<_, Error>| error.map(|_: ()| ()).expect_err("it does not fit").code();
        let values = nub.invoke_values(registry, "names", &["".into(), 70_000_u32.into()], &options);
        assert_eq!(code(values.map(drop)), ErrorCode::Values);
        let types = nub.invoke_typed::<_, Vec<String>>(registry, "names", &("", 9_u32), &options);
        assert_eq!(code(types.map(drop)), ErrorCode::Values);
        let count = nub.invoke_typed::<_, Vec<String>>(registry, "names", &("",), &options);
        assert_eq!(code(count.map(drop)), ErrorCode::Values);
        let taken = InvokeOptions { scratchpad: Some(vec![0]), ..InvokeOptions::default() };
        let taken = nub.invoke_typed::<_, Vec<String>>(registry, "names", &("", 9_u16), &taken);
        assert_eq!(code(taken.map(drop)), ErrorCode::ScratchpadTaken);
        assert_eq!(nub.state_root(registry), super::tests::registry().0.state_root(registry), "nothing has changed");
    }

    #[test]
    fn a_program_that_breaks_its_word_is_found_out() {
        // Returns 2, which is no bool: a0 = 2; jump_ind ra.
        let code = vec![0, 0, 5, 51, 7, 2, 50, 0, 0b01001];
        let endpoint = javm_cap::Endpoint {
            signature: Some("f() -> bool".parse().expect("a method")),
            ..javm_cap::Endpoint::new("f".parse().expect("a name"), 0)
        };
        let image = javm_cap::Image::new(javm_isa::CostModel::Flat, code, vec![endpoint]);
        let mut nub = Nub::for_tests().expect("a machine");
        let image = nub.publish(&image.encode()).expect("it is valid");
        let instance = nub.instantiate(&image, &Grants::services()).map_err(|error| error.to_string());
        let instance = instance.expect("nothing is imported");
        let error = nub.invoke_values(instance, "f", &[], &InvokeOptions::default()).expect_err("2 is no bool");
        assert_eq!(error.code(), ErrorCode::Result);
        assert_eq!(
            error.to_string(),
            "the program returned something else than its signature says: φ7: 0x2 is no bool; it must be 0 or 1"
        );
    }
}
