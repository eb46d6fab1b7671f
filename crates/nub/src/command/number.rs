//! Numbers as people write and read them.

/// Reads a 64-bit integer: decimal, `0x…` or `0b…`, with `_` anywhere between digits, negative ones as two's complement.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (digits, radix) = match magnitude.get(..2) {
        Some("0x" | "0X") => (&magnitude[2..], 16),
        Some("0b" | "0B") => (&magnitude[2..], 2),
        _ => (magnitude, 10),
    };
    let plain: String = digits.chars().filter(|&c| c != '_').collect();
    if plain.is_empty() || !plain.chars().all(|c| c.is_digit(radix)) {
        return Err("not an integer: write decimal, 0x… or 0b… digits, with - in front for negative ones".into());
    }
    let magnitude = u64::from_str_radix(&plain, radix).map_err(|_| "does not fit into 64 bits".to_string())?;
    if !negative {
        return Ok(magnitude);
    }
    if magnitude > 1 << 63 {
        return Err("does not fit into 64 bits: the lowest number is -9223372036854775808".into());
    }
    Ok(magnitude.wrapping_neg())
}

/// Reads a number of bytes: an integer, optionally with KiB or MiB behind it.
pub(super) fn parse_size(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text {
        _ if text.ends_with("KiB") => (&text[..text.len() - 3], 1 << 10),
        _ if text.ends_with("MiB") => (&text[..text.len() - 3], 1 << 20),
        _ => (text, 1),
    };
    let bytes = parse(digits.trim())?.checked_mul(unit);
    bytes.and_then(|bytes| u32::try_from(bytes).ok()).ok_or_else(|| "does not fit into 32 bits".to_string())
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the unit that reads best.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..=4095 => format!("{bytes} B"),
        4096..=4_194_303 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// A duration in the unit that reads best.
pub(super) fn duration(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        _ if seconds < 1e-3 => format!("{:.1} µs", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        assert_eq!(parse("5"), Ok(5));
        assert_eq!(parse("1_000_000"), Ok(1_000_000));
        assert_eq!(parse("0xFFFF_FFFF_FFFF_FFFF"), Ok(u64::MAX));
        assert_eq!(parse("0b101"), Ok(5));
        assert_eq!(parse("-1"), Ok(u64::MAX));
        assert_eq!(parse("-9223372036854775808"), Ok(1 << 63));
        for wrong in
            ["", "-", "abc", "1.5", "0x", "0xg", "--1", "18446744073709551616", "-9223372036854775809", "é", "+1"]
        {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("64KiB"), Ok(65536));
        assert_eq!(parse_size("1 MiB"), Ok(1 << 20));
        assert_eq!(parse_size("4096"), Ok(4096));
        assert!(parse_size("4096MiB").is_err());
        assert!(parse_size("KiB").is_err());
        assert!(parse_size("-1").is_err());
    }

    #[test]
    fn groups() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
