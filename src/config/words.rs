//! Closed sets of words, each an enum and its names in the configuration in one place.

/// An enum whose variants have names in the configuration.
pub(crate) trait Word: Copy + 'static {
    /// The names, in the order of `VALUES`.
    const NAMES: &'static [&'static str];
    /// The values.
    const VALUES: &'static [Self];

    /// The value of that name.
    fn named(name: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|known| *known == name)?;
        Self::VALUES.get(index).copied()
    }
}

/// Makes an enum, its names and `as_str` from one list.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $text:literal => $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $crate::config::words::Word for $name {
            const NAMES: &'static [&'static str] = &[$($text),+];
            const VALUES: &'static [Self] = &[$(Self::$variant),+];
        }

        impl $name {
            /// Its name in the configuration.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}
pub(crate) use words;
