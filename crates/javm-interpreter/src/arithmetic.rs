//! The arithmetic that has edges: none of it traps, whatever the operands.

/// The quotient rounded down; all ones for a zero divisor.
pub(crate) fn div_u_32(a: u64, b: u64) -> u64 {
    match (a as u32).checked_div(b as u32) {
        Some(quotient) => extend_32(quotient),
        None => u64::MAX,
    }
}

/// The quotient rounded towards zero; all ones for a zero divisor, the dividend where the quotient overflows.
pub(crate) fn div_s_32(a: u64, b: u64) -> u64 {
    match b as i32 {
        0 => u64::MAX,
        divisor => extend_32((a as i32).wrapping_div(divisor) as u32),
    }
}

/// The remainder; the dividend for a zero divisor.
pub(crate) fn rem_u_32(a: u64, b: u64) -> u64 {
    extend_32((a as u32).checked_rem(b as u32).unwrap_or(a as u32))
}

/// The remainder with the dividend's sign; the dividend for a zero divisor, zero where the quotient overflows.
pub(crate) fn rem_s_32(a: u64, b: u64) -> u64 {
    match b as i32 {
        0 => extend_32(a as u32),
        divisor => extend_32((a as i32).wrapping_rem(divisor) as u32),
    }
}

/// As [`div_u_32`], in 64 bits.
pub(crate) fn div_u_64(a: u64, b: u64) -> u64 {
    a.checked_div(b).unwrap_or(u64::MAX)
}

/// As [`div_s_32`], in 64 bits.
pub(crate) fn div_s_64(a: u64, b: u64) -> u64 {
    match b as i64 {
        0 => u64::MAX,
        divisor => (a as i64).wrapping_div(divisor) as u64,
    }
}

/// As [`rem_u_32`], in 64 bits.
pub(crate) fn rem_u_64(a: u64, b: u64) -> u64 {
    a.checked_rem(b).unwrap_or(a)
}

/// As [`rem_s_32`], in 64 bits.
pub(crate) fn rem_s_64(a: u64, b: u64) -> u64 {
    match b as i64 {
        0 => a,
        divisor => (a as i64).wrapping_rem(divisor) as u64,
    }
}

/// The upper half of the product of two signed numbers.
pub(crate) fn mul_upper_s_s(a: u64, b: u64) -> u64 {
    ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64
}

/// The upper half of the product of two unsigned numbers.
pub(crate) fn mul_upper_u_u(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

/// The upper half of the product of a signed and an unsigned number.
pub(crate) fn mul_upper_s_u(a: u64, b: u64) -> u64 {
    ((i128::from(a as i64) * i128::from(b)) >> 64) as u64
}

/// The low half of `a` (whose upper half does not matter), sign-extended.
#[inline(always)]
pub(crate) fn extend_32(a: u32) -> u64 {
    i64::from(a as i32) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN_32: u64 = 0x8000_0000;
    const MIN_64: u64 = 1 << 63;

    #[test]
    fn the_signed_overflow_gives_the_dividend_and_remainder_zero() {
        assert_eq!(div_s_32(MIN_32, u64::MAX), 0xFFFF_FFFF_8000_0000);
        assert_eq!(rem_s_32(MIN_32, u64::MAX), 0);
        assert_eq!(div_s_64(MIN_64, u64::MAX), MIN_64);
        assert_eq!(rem_s_64(MIN_64, u64::MAX), 0);
    }

    #[test]
    fn a_32_bit_divisor_is_only_its_low_half() {
        let divisor = 0xFFFF_FFFF_0000_0000;
        assert_eq!(div_u_32(7, divisor), u64::MAX);
        assert_eq!(div_s_32(7, divisor), u64::MAX);
        assert_eq!(rem_u_32(0xFFFF_FFFF, divisor), u64::MAX);
        assert_eq!(rem_s_32(0x1_8000_0001, divisor), 0xFFFF_FFFF_8000_0001);
    }

    #[test]
    fn division_by_zero_gives_all_ones_and_the_dividend() {
        assert_eq!([div_u_64(7, 0), div_s_64(7, 0)], [u64::MAX; 2]);
        assert_eq!([rem_u_64(7, 0), rem_s_64(MIN_64, 0)], [7, MIN_64]);
    }

    #[test]
    fn signed_division_rounds_towards_zero() {
        let minus = |n: i64| -n as u64;
        assert_eq!(div_s_64(minus(7), 2), minus(3));
        assert_eq!(rem_s_64(minus(7), 2), minus(1));
        assert_eq!(rem_s_64(7, minus(2)), 1);
        assert_eq!(div_s_32(minus(7), 2), minus(3));
        assert_eq!(rem_s_32(minus(7), 2), minus(1));
    }

    #[test]
    fn upper_halves_of_products() {
        assert_eq!(mul_upper_u_u(u64::MAX, u64::MAX), u64::MAX - 1);
        assert_eq!(mul_upper_s_s(u64::MAX, u64::MAX), 0);
        assert_eq!(mul_upper_s_s(MIN_64, MIN_64), 1 << 62);
        assert_eq!(mul_upper_s_u(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(mul_upper_s_u(MIN_64, u64::MAX), 0x8000_0000_0000_0000);
    }
}
