//! The quadrature mirror filters: 16 kHz sound to two bands of 8 kHz and back (G.722 sections 3.1 and 4.4).

/// The even half of the 24 coefficients of table 11; the odd half is the same in reverse.
const COEFFICIENTS: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// The transmit filter.
#[derive(Clone, Debug)]
pub(super) struct Split {
    /// The last twelve pairs, the newest last.
    pairs: [(i32, i32); 12],
}

/// The receive filter.
#[derive(Clone, Debug)]
pub(super) struct Join {
    /// The last twelve sums and differences of the bands, the newest last.
    pairs: [(i32, i32); 12],
}

impl Split {
    /// A filter at rest.
    pub(super) const fn new() -> Self {
        Self { pairs: [(0, 0); 12] }
    }

    /// The lower and the higher band's sample of two samples.
    pub(super) fn pair(&mut self, first: i16, second: i16) -> (i32, i32) {
        push(&mut self.pairs, (i32::from(first), i32::from(second)));
        let (older, newer) = sums(&self.pairs);
        (clamp_15((newer + older) >> 14), clamp_15((newer - older) >> 14))
    }
}

impl Join {
    /// A filter at rest.
    pub(super) const fn new() -> Self {
        Self { pairs: [(0, 0); 12] }
    }

    /// The two samples of the lower and the higher band's sample.
    pub(super) fn pair(&mut self, low: i32, high: i32) -> [i16; 2] {
        push(&mut self.pairs, (low + high, low - high));
        let (sum, difference) = sums(&self.pairs);
        // The newer one of the difference's comes first: the mirror of the transmit side.
        [difference, sum].map(|value| (value >> 11).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16)
    }
}

fn push(pairs: &mut [(i32, i32); 12], pair: (i32, i32)) {
    pairs.rotate_left(1);
    pairs[11] = pair;
}

/// Both halves of the filter over the pairs' first and second members.
fn sums(pairs: &[(i32, i32); 12]) -> (i32, i32) {
    let (mut first, mut second) = (0, 0);
    for (index, (a, b)) in pairs.iter().enumerate() {
        first += a * COEFFICIENTS[index];
        second += b * COEFFICIENTS[11 - index];
    }
    (first, second)
}

/// Saturation to the 15 bits of a band.
fn clamp_15(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}
