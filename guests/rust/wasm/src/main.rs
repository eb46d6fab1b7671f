//! A WebAssembly machine: modules that arrive with the call, run by the `wasmi` crate as it is.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use javm_guest::{endpoint, memory};
use wasmi::{Engine, Extern, ExternType, F32, F64, Instance, Linker, Module, Store, Val, ValType};

memory! { stack: 256 << 10, heap: 8 << 20, scratchpad: 1 << 20 }

/// Instantiates `module`, which imports nothing, runs its start function, and calls what it exports as `export`. Numbers
/// of 32 bits are those of an `i32`, sign-extended; floating-point numbers are their bits.
///
/// # Errors
/// What is wrong with the module, the name or the arguments; the trap that ended the function.
#[endpoint]
pub fn call(module: &[u8], export: &str, arguments: Vec<i64>) -> Result<Vec<i64>, String> {
    let (mut store, instance) = instantiate(module)?;
    let function = match instance.get_export(&store, export) {
        Some(Extern::Func(function)) => function,
        Some(_) => return Err(format!("'{export}' is exported, but is no function")),
        None => return Err(format!("the module exports no '{export}'")),
    };
    let signature = function.ty(&store);
    let (parameters, results) = (signature.params(), signature.results());
    if parameters.len() != arguments.len() {
        return Err(format!("'{export}' takes {} arguments, not {}", parameters.len(), arguments.len()));
    }
    let arguments: Vec<Val> = parameters
        .iter()
        .zip(arguments)
        .enumerate()
        .map(|(i, (&ty, number))| value(ty, number).map_err(|why| format!("argument {i} of '{export}': {why}")))
        .collect::<Result<_, _>>()?;
    let mut values: Vec<Val> = results.iter().map(|&ty| Val::default_for_ty(ty)).collect();
    function.call(&mut store, &arguments, &mut values).map_err(|error| format!("'{export}' ended: {error}"))?;
    values
        .iter()
        .enumerate()
        .map(|(i, value)| number(value).ok_or(format!("result {i} of '{export}' is a reference")))
        .collect()
}

/// The names of the functions that `module` exports, in alphabetical order, each with its type.
///
/// # Errors
/// What is wrong with the module.
#[endpoint]
pub fn exports(module: &[u8]) -> Result<Vec<String>, String> {
    let module = load(&Engine::default(), module)?;
    let functions = module.exports().filter_map(|export| match export.ty() {
        ExternType::Func(ty) => Some(format!("{}: {:?} -> {:?}", export.name(), ty.params(), ty.results())),
        _ => None,
    });
    Ok(functions.collect())
}

fn load(engine: &Engine, module: &[u8]) -> Result<Module, String> {
    Module::new(engine, module).map_err(|error| format!("the module is not valid: {error}"))
}

fn instantiate(module: &[u8]) -> Result<(Store<()>, Instance), String> {
    let engine = Engine::default();
    let module = load(&engine, module)?;
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .map_err(|error| format!("the module does not start: {error}"))?;
    Ok((store, instance))
}

/// A number as an argument.
fn value(ty: ValType, number: i64) -> Result<Val, String> {
    let narrow = || format!("{number} is no number of 32 bits");
    match ty {
        ValType::I64 => Ok(Val::I64(number)),
        ValType::I32 => i32::try_from(number).map(Val::I32).map_err(|_| narrow()),
        ValType::F32 => i32::try_from(number).map(|bits| Val::F32(F32::from_bits(bits as u32))).map_err(|_| narrow()),
        ValType::F64 => Ok(Val::F64(F64::from_bits(number as u64))),
        other => Err(format!("a {other:?} cannot be given")),
    }
}

/// A result as a number.
fn number(value: &Val) -> Option<i64> {
    match value {
        Val::I64(number) => Some(*number),
        Val::I32(number) => Some(i64::from(*number)),
        Val::F32(number) => Some(i64::from(number.to_bits() as i32)),
        Val::F64(number) => Some(number.to_bits() as i64),
        _ => None,
    }
}
