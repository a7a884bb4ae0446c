//! One band's adaptive quantizer and predictor, the same at both ends of the stream (G.722 sections 3.2 to 3.6).
//!
//! What differs between the bands, tables and widths, is a [`Shape`].

/// Table 14: the logarithmic scale factor's inverse.
#[rustfmt::skip]
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// Table 14, Q6: the decision levels of the lower band's 60 steps, for each sign.
#[rustfmt::skip]
const Q6: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121,
    1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// Table 17, QM6: the outputs of the decoder's 6-bit inverse quantizer.
#[rustfmt::skip]
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];

/// Table 17, QM4: the outputs of the 4-bit inverse quantizer in both ends' feedback.
#[rustfmt::skip]
const QM4: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
];

/// QM2: the outputs of the higher band's inverse quantizer.
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];

/// Tables W and RL42 taken together: by the 4-bit code, how the lower band's scale factor moves.
const LOW_STEPS: [i32; 16] =
    [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];

/// Tables WH and RH2 taken together.
const HIGH_STEPS: [i32; 4] = [798, -214, 798, -214];

/// What a band has of its own.
pub(super) trait Shape {
    /// The code of a difference at a step size.
    fn quantize(difference: i32, step: i32) -> u8;
    /// The output of the feedback's inverse quantizer, in 2^-15 steps.
    fn feedback(code: u8) -> i32;
    /// The output of the decoder's inverse quantizer, in 2^-15 steps.
    fn output(code: u8) -> i32;
    /// How a code moves the logarithmic scale factor.
    fn scale_move(code: u8) -> i32;
    /// The largest logarithmic scale factor.
    const SCALE_MAX: i32;
    /// The shift that makes a step size of it.
    const SCALE_SHIFT: i32;
}

/// The lower band: 6 bits.
#[derive(Clone, Debug)]
pub(super) struct Low;

/// The higher band: 2 bits.
#[derive(Clone, Debug)]
pub(super) struct High;

impl Shape for Low {
    // QUANTL, section 3.4.1.
    fn quantize(difference: i32, step: i32) -> u8 {
        let magnitude = magnitude(difference);
        let below = Q6.iter().take_while(|level| magnitude >= (**level * step) >> 12).count() as u8;
        // Table 15: the codes of the 30 steps of each sign run downwards; the two smallest negative ones stand apart.
        match (difference < 0, below) {
            (true, 0) => 63,
            (true, 1) => 62,
            (true, _) => 33 - below,
            (false, _) => 61 - below,
        }
    }

    fn feedback(code: u8) -> i32 {
        QM4[usize::from(code >> 2)]
    }

    fn output(code: u8) -> i32 {
        QM6[usize::from(code & 63)]
    }

    fn scale_move(code: u8) -> i32 {
        LOW_STEPS[usize::from(code >> 2)]
    }

    const SCALE_MAX: i32 = 18_432;
    const SCALE_SHIFT: i32 = 8;
}

impl Shape for High {
    // QUANTH.
    fn quantize(difference: i32, step: i32) -> u8 {
        let outer = magnitude(difference) >= (564 * step) >> 12;
        match (difference < 0, outer) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        }
    }

    fn feedback(code: u8) -> i32 {
        QM2[usize::from(code & 3)]
    }

    fn output(code: u8) -> i32 {
        Self::feedback(code)
    }

    fn scale_move(code: u8) -> i32 {
        HIGH_STEPS[usize::from(code & 3)]
    }

    const SCALE_MAX: i32 = 22_528;
    const SCALE_SHIFT: i32 = 10;
}

/// One band in the middle of its stream. All members are 16-bit words of the Recommendation.
#[derive(Clone, Debug)]
pub(super) struct Band<S> {
    /// S: what the predictor expects.
    expected: i32,
    /// SZ: the zeros' share of it.
    by_zeros: i32,
    /// D: the last six quantized differences, the newest first.
    differences: [i32; 6],
    /// B: the zeros' coefficients.
    zeros: [i32; 6],
    /// R: the last two reconstructed samples, the newest first.
    reconstructed: [i32; 2],
    /// P: the last two partly reconstructed samples.
    partly: [i32; 2],
    /// A: the poles' coefficients.
    poles: [i32; 2],
    /// NB: the logarithmic scale factor.
    scale: i32,
    /// DET: the step size.
    step: i32,
    shape: std::marker::PhantomData<S>,
}

impl Band<Low> {
    /// The lower band at rest.
    pub(super) const fn low() -> Self {
        Self::at_rest(32)
    }
}

impl Band<High> {
    /// The higher band at rest.
    pub(super) const fn high() -> Self {
        Self::at_rest(8)
    }
}

impl<S: Shape> Band<S> {
    const fn at_rest(step: i32) -> Self {
        Self {
            expected: 0,
            by_zeros: 0,
            differences: [0; 6],
            zeros: [0; 6],
            reconstructed: [0; 2],
            partly: [0; 2],
            poles: [0; 2],
            scale: 0,
            step,
            shape: std::marker::PhantomData,
        }
    }

    /// The code of a sample.
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let code = S::quantize(saturated(sample - self.expected), self.step);
        self.adapt(code);
        code
    }

    /// The sample of a code.
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        // RECONS and LIMIT.
        let sample = self.expected + ((self.step * S::output(code)) >> 15);
        self.adapt(code);
        sample.clamp(-16_384, 16_383)
    }

    /// What encoder and decoder do alike after each code: INVQ, LOGSC, SCALE, and the predictor.
    fn adapt(&mut self, code: u8) {
        let difference = (self.step * S::feedback(code)) >> 15;
        self.scale = (((self.scale * 127) >> 7) + S::scale_move(code)).clamp(0, S::SCALE_MAX);
        let shift = S::SCALE_SHIFT - (self.scale >> 11);
        let base = ILB[((self.scale >> 6) & 31) as usize];
        self.step = (if shift < 0 { base << -shift } else { base >> shift }) << 2;
        self.predict(difference);
    }

    fn predict(&mut self, difference: i32) {
        // PARREC and RECONS.
        let partly = saturated(self.by_zeros + difference);
        let reconstructed = saturated(self.expected + difference);
        self.move_poles(partly);
        self.move_zeros(difference);
        // DELAYA.
        self.differences.rotate_right(1);
        self.differences[0] = difference;
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.partly = [partly, self.partly[0]];
        // FILTEP, FILTEZ and PREDIC.
        let term = |coefficient: i32, value: i32| (coefficient * saturated(value * 2)) >> 15;
        let by_poles = saturated(
            term(self.poles[0], self.reconstructed[0]) + term(self.poles[1], self.reconstructed[1]),
        );
        // The Recommendation adds from the oldest on, and saturates after each.
        self.by_zeros = 0;
        for (coefficient, value) in self.zeros.iter().zip(&self.differences).rev() {
            self.by_zeros = saturated(self.by_zeros + term(*coefficient, *value));
        }
        self.expected = saturated(by_poles + self.by_zeros);
    }

    /// UPPOL2 and UPPOL1.
    fn move_poles(&mut self, partly: i32) {
        let [one, two] = self.partly.map(|before| (before < 0) == (partly < 0));
        let four = saturated(self.poles[0] * 4);
        let turn = (if one { -four } else { four }).min(i32::from(i16::MAX)) >> 7;
        let second = turn + (if two { 128 } else { -128 }) + ((self.poles[1] * 32_512) >> 15);
        let second = second.clamp(-12_288, 12_288);
        let first = saturated((if one { 192 } else { -192 }) + ((self.poles[0] * 32_640) >> 15));
        let bound = saturated(15_360 - second);
        self.poles = [first.clamp(-bound, bound), second];
    }

    /// UPZERO.
    fn move_zeros(&mut self, difference: i32) {
        let push = if difference == 0 { 0 } else { 128 };
        for (zero, before) in self.zeros.iter_mut().zip(&self.differences) {
            let alike = (*before < 0) == (difference < 0);
            *zero = saturated((if alike { push } else { -push }) + ((*zero * 32_640) >> 15));
        }
    }
}

/// A difference's size: negative ones as one's complement, so that both signs have as many steps.
const fn magnitude(difference: i32) -> i32 {
    if difference >= 0 { difference } else { -(difference + 1) }
}

/// Saturation to 16 bits.
fn saturated(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}
