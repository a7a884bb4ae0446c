//! Arithmetic on sequence numbers and timestamps, which wrap.

/// How far `to` lies after `from`; negative when it lies before. Exact within half the number space.
pub const fn distance(from: u16, to: u16) -> i32 {
    to.wrapping_sub(from).cast_signed() as i32
}

/// The same for timestamps.
pub const fn samples_between(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_wrap() {
        assert_eq!(distance(0xffff, 1), 2);
        assert_eq!(distance(1, 0xffff), -2);
        assert_eq!(samples_between(u32::MAX, 159), 160);
        assert_eq!(samples_between(160, 0), -160);
    }
}
