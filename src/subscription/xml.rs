//! Writing XML 1.0: elements, attributes and text, everything that comes from outside escaped.
//!
//! Not a document model: a text that grows.

/// A document under construction.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    text: String,
    open: Vec<&'static str>,
}

impl Writer {
    /// With its declaration.
    pub fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), open: Vec::new() }
    }

    /// Opens an element with these attributes.
    pub fn open(&mut self, name: &'static str, attributes: &[(&str, &str)]) -> &mut Self {
        self.start(name, attributes);
        self.text.push('>');
        self.open.push(name);
        self
    }

    /// Closes the element opened last, and ends the line.
    pub fn close(&mut self) -> &mut Self {
        if let Some(name) = self.open.pop() {
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push_str(">\n");
        }
        self
    }

    /// An element without content.
    pub fn empty(&mut self, name: &'static str, attributes: &[(&str, &str)]) -> &mut Self {
        self.start(name, attributes);
        self.text.push_str("/>\n");
        self
    }

    /// An element with text.
    pub fn leaf(&mut self, name: &'static str, attributes: &[(&str, &str)], text: &str) -> &mut Self {
        self.open(name, attributes);
        escape(text, &mut self.text);
        self.close()
    }

    /// Ends the line, for an element whose content begins on a new one.
    pub fn line(&mut self) -> &mut Self {
        self.text.push('\n');
        self
    }

    /// How long it is.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether nothing is written; never, for there is the declaration.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Goes back to that length: what was written since is taken out. Elements opened since must have been closed.
    pub fn truncate(&mut self, len: usize) {
        self.text.truncate(len);
    }

    /// The document, every element closed.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn start(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape(value, &mut self.text);
            self.text.push('"');
        }
    }
}

/// Whether XML 1.0 (production 2, `Char`) has room for the letter. Line ends and tabs, which it has, would not come
/// back from an attribute as they were; no name has any.
pub(in crate::subscription) fn is_char(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}')
}

fn escape(text: &str, out: &mut String) {
    for letter in text.chars().filter(|letter| is_char(*letter)) {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_stays_text() {
        let mut writer = Writer::new();
        writer.open("a", &[("b", "x\" c=\"<&\r\n")]);
        writer.leaf("d", &[], "</d><evil/>&amp;\u{0}\u{ffff}é");
        writer.empty("e", &[]);
        assert_eq!(
            writer.finish(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b=\"x&quot; c=&quot;&lt;&amp;\"><d>&lt;/d&gt;&lt;evil/&gt;&amp;amp;é</d>\n<e/>\n</a>\n"
        );
    }
}
