//! `--arg` and the result: between texts and what a call takes and returns, by the endpoint's signature where it has one.

use std::path::Path;

use javm_cap::Endpoint;
use nub::types::{self, Method, Value, json};
use nub::{InvokeOptions, InvokeOutcome};

use super::failure::Failure;
use super::number;

/// What a call takes, and how its result is read.
pub(super) struct Prepared<'a> {
    /// φ7 and on.
    pub registers: Vec<u64>,
    /// The start of the scratchpad, if arguments stand there.
    pub scratchpad: Option<Vec<u8>>,
    /// By which the result is read; `None` for a number.
    pub signature: Option<&'a Method>,
}

impl Prepared<'_> {
    /// The options of the call, with what is given for the scratchpad if no arguments stand there.
    pub(super) fn options(&self, path: &Path, gas: u64, given: Option<Vec<u8>>) -> Result<InvokeOptions, Failure> {
        if given.is_some() && self.scratchpad.is_some() {
            return Err(Failure::nub(path, nub::Error::ScratchpadTaken));
        }
        Ok(InvokeOptions { gas, scratchpad: given.or_else(|| self.scratchpad.clone()), ..InvokeOptions::default() })
    }
}

/// Reads the arguments of a call. With `raw` they are numbers for registers, whatever the signature says.
pub(super) fn prepare<'a>(texts: &[String], endpoint: &'a Endpoint, raw: bool) -> Result<Prepared<'a>, Failure> {
    match &endpoint.signature {
        Some(signature) if !raw => typed(texts, signature),
        _ => {
            let numbers = texts.iter().map(|text| {
                number::parse(text).map_err(|error| Failure::Usage(format!("--arg {text}: {error}; {}", why(endpoint))))
            });
            Ok(Prepared { registers: numbers.collect::<Result<_, _>>()?, scratchpad: None, signature: None })
        }
    }
}

/// Why only numbers will do.
fn why(endpoint: &Endpoint) -> String {
    match &endpoint.signature {
        Some(signature) => format!("without --raw it is read as {signature} says"),
        None => format!("endpoint {} has no signature and takes numbers only", endpoint.name),
    }
}

fn typed<'a>(texts: &[String], signature: &'a Method) -> Result<Prepared<'a>, Failure> {
    let values = values(texts, signature).map_err(|error| match error.reason {
        json::JsonErrorReason::ArgumentCount { .. } => Failure::Usage(format!("--arg: {error}")),
        _ => Failure::Usage(format!("--arg: {error}; the endpoint is {signature}")),
    })?;
    let lowered =
        types::lower_arguments(signature, &values).map_err(|error| Failure::Usage(format!("--arg: {error}")))?;
    Ok(Prepared {
        registers: lowered.registers[..usize::from(lowered.arity)].to_vec(),
        scratchpad: lowered.scratchpad,
        signature: Some(signature),
    })
}

/// One text for each argument, or a JSON array of all of them where that cannot be meant.
fn values(texts: &[String], signature: &Method) -> Result<Vec<Value>, json::JsonError> {
    match texts {
        [all] if signature.arguments().len() != 1 && all.trim_start().starts_with('[') => {
            json::parse_argument_list(signature, all)
        }
        _ => json::parse_arguments(signature, texts),
    }
}

/// The most characters of a result that people are shown.
const MOST_SHOWN: usize = 4000;

/// What a call returned, ready to be shown.
pub(super) enum ResultValue {
    /// A number, or nothing at all.
    Register,
    /// A value of the type that the signature says.
    Typed { json: serde_json::Value, text: String, integer: bool },
    /// Something else than the signature says.
    Wrong(String),
}

impl ResultValue {
    pub(super) fn of(signature: Option<&Method>, outcome: &InvokeOutcome) -> ResultValue {
        let Some(signature) = signature else { return ResultValue::Register };
        let returns = signature.returns();
        match nub::lift(signature, outcome) {
            Ok(None) => ResultValue::Register,
            Ok(Some(_)) if returns.is_unit() => {
                ResultValue::Typed { json: serde_json::Value::Null, text: "()".into(), integer: false }
            }
            Ok(Some(value)) => match value.json(returns) {
                Ok(json) => {
                    let integer = matches!(value, Value::Unsigned(_)) && returns.is_scalar();
                    ResultValue::Typed { text: json.to_string(), json: json.to_value(), integer }
                }
                Err(error) => ResultValue::Wrong(error.to_string()),
            },
            Err(error) => ResultValue::Wrong(error.to_string()),
        }
    }

    /// For machines; null where there is no signature or no result.
    pub(super) fn json(&self) -> serde_json::Value {
        match self {
            ResultValue::Typed { json, .. } => json.clone(),
            ResultValue::Register | ResultValue::Wrong(_) => serde_json::Value::Null,
        }
    }

    /// For people. `register` is φ7.
    pub(super) fn text(&self, register: u64) -> String {
        match self {
            ResultValue::Register | ResultValue::Wrong(_) => register.to_string(),
            ResultValue::Typed { text, .. } => match text.char_indices().nth(MOST_SHOWN) {
                Some((end, _)) => format!("{}… ({} bytes in all; --json has them)", &text[..end], text.len()),
                None => text.clone(),
            },
        }
    }

    /// Whether it is an unsigned number that may have been meant as another.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, ResultValue::Register | ResultValue::Typed { integer: true, .. })
    }

    pub(super) fn error(&self) -> Option<&str> {
        match self {
            ResultValue::Wrong(error) => Some(error),
            _ => None,
        }
    }
}
