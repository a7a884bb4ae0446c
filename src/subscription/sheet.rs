//! A document as all its subscribers get it, but for the version, which each counts for himself.
//!
//! It is written once for a change and shared by those who watch the same thing.

/// A written document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    text: String,
    /// Where the version stands, in a document that has one.
    version_at: Option<usize>,
}

impl Sheet {
    /// A document without a version.
    pub fn plain(text: String) -> Self {
        Self { text, version_at: None }
    }

    /// A document whose version, here still empty, stands behind the first `mark`.
    pub fn versioned(text: String, mark: &str) -> Self {
        let version_at = text.find(mark).map(|at| at + mark.len());
        Self { text, version_at }
    }

    /// The bytes to send.
    pub fn bytes(&self, version: u32) -> Vec<u8> {
        let Some((head, tail)) = self.version_at.and_then(|at| self.text.split_at_checked(at)) else {
            return self.text.clone().into_bytes();
        };
        format!("{head}{version}{tail}").into_bytes()
    }

    /// Its length without the version.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}
