//! CSV by RFC 4180, safe to open in a spreadsheet.

/// A page of CSV with its header line.
pub(crate) fn page<const N: usize>(columns: [&str; N], lines: impl Iterator<Item = [String; N]>) -> String {
    let mut text = columns.join(",");
    text.push_str("\r\n");
    for line in lines {
        for (index, cell) in line.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            write_cell(&mut text, cell);
        }
        text.push_str("\r\n");
    }
    text
}

fn write_cell(text: &mut String, cell: &str) {
    let guard = if is_formula(cell) { "'" } else { "" };
    // RFC 4180 section 2, rules 6 and 7.
    if cell.contains([',', '"', '\r', '\n']) {
        text.push('"');
        text.push_str(guard);
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(guard);
        text.push_str(cell);
    }
}

/// Whether a spreadsheet would compute the cell. Callers choose their own names; `=HYPERLINK(…)` must stay text.
/// An E.164 number (`+33…`) begins with a plus as well, but is harmless and has to be read back as it is.
fn is_formula(cell: &str) -> bool {
    let inner = cell.trim_start_matches([' ', '\u{a0}']);
    if inner
        .strip_prefix('+')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    {
        return false;
    }
    inner.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cell: &str, expected: &str) {
        assert_eq!(page(["x"], [[cell.to_string()]].into_iter()), format!("x\r\n{expected}\r\n"));
    }

    #[test]
    fn cells_are_quoted_and_formulas_are_disarmed() {
        check("plain", "plain");
        check("", "");
        check("a,b", "\"a,b\"");
        check("say \"hi\"\r\n", "\"say \"\"hi\"\"\r\n\"");
        check("+33140000000", "+33140000000");
        check("=1+1", "'=1+1");
        check("  =1+1", "'  =1+1");
        check("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0");
        check("+", "'+");
        check("-2", "'-2");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\tx", "'\tx");
        check("\r=1", "\"'\r=1\"");
        check("＝1", "'＝1");
        check("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
        check("Zoë 🦀", "Zoë 🦀");
    }
}
