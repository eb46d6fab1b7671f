//! Bytes as hexadecimal digits.

/// A list of bytes as one value of a flag.
#[derive(Clone, Debug)]
pub(super) struct Bytes(pub(super) Vec<u8>);

/// The bytes that these digits are, with or without `0x` before them.
///
/// # Errors
/// What is no digit, or that one is left over.
pub(super) fn parse(text: &str) -> Result<Bytes, String> {
    let digits: Vec<u32> = text
        .strip_prefix("0x")
        .unwrap_or(text)
        .chars()
        .map(|c| c.to_digit(16).ok_or_else(|| format!("'{c}' is no hexadecimal digit")))
        .collect::<Result<_, _>>()?;
    if !digits.len().is_multiple_of(2) {
        return Err("an odd number of hexadecimal digits: two make a byte".into());
    }
    Ok(Bytes(digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()))
}

/// The digits of bytes.
pub(super) fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
