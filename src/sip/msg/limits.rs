//! What the message layer accepts at most. Constants only; parser, framer and writers all read them here.

/// The longest message, head and body together. A UDP datagram cannot be longer, and 16-bit offsets reach its end.
pub const MESSAGE_LEN_MAX: usize = 65_535;

/// The longest head (start line and header lines). The longest head of RFC 4475 has 3.4 kB; four times the usual
/// 4 kB buffers leave room for chains of proxies and still bound what a stream may make us keep.
pub const HEAD_LEN_MAX: usize = 16_384;

/// The longest single line of a head, folded parts included. An `Identity` with a certificate URL stays below it.
pub const LINE_LEN_MAX: usize = 8_192;

/// The most header lines. RFC 4475's longest has 45; a forking loop of 70 hops has 70 Via lines.
pub const HEADERS_MAX: usize = 128;

/// The most values of a header that is a comma list, over all its lines. A REGISTER that sets more bindings, or a
/// request through more hops, is no honest one.
pub const VALUES_MAX: usize = 128;

/// The most parameters, and the most headers, of a URI that is compared with another one part by part.
pub const URI_PARTS_MAX: usize = 64;

/// `CSeq` numbers are below this. RFC 3261 section 8.1.1.5: "MUST be less than 2**31".
pub const CSEQ_END: u64 = 1 << 31;
