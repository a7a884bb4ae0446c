//! Log lines on their way out: they wait in memory for a thread that writes many at a time.
//!
//! A line costs its formatting and no system call, and a terminal or journal that does not read stops no call. Bounded: what
//! does not fit is left out, counted and said.

use std::io;
use std::io::Write;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::thread::JoinHandle;
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Lines wait for others at most so long: waking the writer costs more than a line does.
const TOGETHER: Duration = Duration::from_millis(20);
/// Bytes that may wait.
const WAITING_MAX: usize = 4 << 20;

/// Where log lines go. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Arc<Shared>);

/// What the writers of lines and their thread share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    waiting: Mutex<Waiting>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    text: Vec<u8>,
    lost: u64,
    ended: bool,
}

/// Writes until it is dropped, then the rest.
#[derive(Debug)]
pub(super) struct Written {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Written {
    fn drop(&mut self) {
        self.lines.waiting().ended = true;
        self.lines.0.bell.notify_one();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing to say any more.
            let _ = thread.join();
        }
    }
}

impl Lines {
    /// Writes lines to `out` by a thread of its own.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn write_to(&self, out: impl Write + Send + 'static) -> io::Result<Written> {
        let lines = self.clone();
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || lines.drain(out))?;
        Ok(Written { lines: self.clone(), thread: Some(thread) })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drain(&self, mut out: impl Write) {
        let mut text = Vec::new();
        loop {
            let idle = |waiting: &mut Waiting| waiting.text.is_empty() && waiting.lost == 0 && !waiting.ended;
            let waiting =
                self.0.bell.wait_while(self.waiting(), idle).unwrap_or_else(PoisonError::into_inner);
            let more = self.0.bell.wait_timeout_while(waiting, TOGETHER, |waiting| !waiting.ended);
            let (mut waiting, _) = more.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut text, &mut waiting.text);
            let (lost, ended) = (std::mem::take(&mut waiting.lost), waiting.ended);
            drop(waiting);
            // Nobody is left to be told that the log cannot be written.
            let _ = out.write_all(&text);
            if lost > 0 {
                let _ = writeln!(
                    out,
                    "{lost} lines of the log were left out: they came faster than they are read"
                );
            }
            let _ = out.flush();
            text.clear();
            if ended {
                return;
            }
        }
    }
}

impl Write for &Shared {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.text.is_empty() && waiting.lost == 0;
        if waiting.text.len() + line.len() > WAITING_MAX {
            waiting.lost += 1;
        } else {
            waiting.text.extend_from_slice(line);
        }
        drop(waiting);
        if first {
            self.bell.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Shared;

    fn make_writer(&'a self) -> Self::Writer {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn all_lines_come_out_in_order_by_the_end_and_what_does_not_fit_is_counted() {
        let (lines, kept) = (Lines::default(), Kept::default());
        for n in 0..1000 {
            lines.make_writer().write_all(format!("line {n}\n").as_bytes()).unwrap();
        }
        let before = lines.waiting().text.clone();
        for _ in 0..3 {
            lines.make_writer().write_all(&vec![b'x'; WAITING_MAX]).unwrap();
        }
        drop(lines.write_to(kept.clone()).unwrap());
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let end = "3 lines of the log were left out: they came faster than they are read\n";
        assert_eq!(text, String::from_utf8(before).unwrap() + end);
    }
}
