//! The last notices of the switch, kept for event streams: each stream reads on from its own place.
//!
//! Bounded: what a slow reader has not read when it is pushed out is lost to him, and he is told so. One task feeds
//! it ([`feed`]); streams only read. Owned by `http`.

use crate::switch::handle::Notices;
use crate::switch::view::Notice;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

/// The ring and the bell that rings when something is put in.
#[derive(Debug)]
pub(crate) struct Ring {
    kept: Mutex<Kept>,
    bell: watch::Sender<u64>,
}

#[derive(Debug)]
struct Kept {
    notices: VecDeque<Arc<Notice>>,
    notices_max: usize,
    /// Every notice after this sequence is in the ring; `None` before the first.
    lost_to: Option<u64>,
    /// The feed missed notices: what comes next does not follow what is kept.
    has_gap: bool,
}

impl Kept {
    fn push(&mut self, notice: Arc<Notice>) {
        let sequence = notice.sequence;
        if self.has_gap || self.lost_to.is_none() {
            self.notices.clear();
            self.lost_to = Some(sequence.saturating_sub(1));
            self.has_gap = false;
        }
        if self.notices.len() >= self.notices_max {
            self.lost_to = self.notices.pop_front().map(|oldest| oldest.sequence).or(self.lost_to);
        }
        self.notices.push_back(notice);
    }
}

/// The ring no longer has what the reader would need next.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

impl Ring {
    pub(crate) fn new(notices_max: usize) -> Self {
        let kept =
            Kept { notices: VecDeque::new(), notices_max: notices_max.max(1), lost_to: None, has_gap: false };
        Self { kept: Mutex::new(kept), bell: watch::Sender::new(0) }
    }

    /// Puts notices in, and rings the bell once.
    pub(crate) fn push(&self, notices: &[Arc<Notice>]) {
        let Some(last) = notices.last() else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        notices.iter().for_each(|notice| kept.push(Arc::clone(notice)));
        drop(kept);
        self.bell.send_replace(last.sequence);
    }

    /// Notices were missed: readers that are not past them must start again.
    pub(crate) fn skip(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).has_gap = true;
    }

    /// Whether a reader who has seen everything up to `sequence` can go on from there.
    pub(crate) fn can_resume(&self, sequence: u64) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = kept.notices.back().map(|notice| notice.sequence);
        !kept.has_gap
            && kept.lost_to.is_some_and(|lost_to| lost_to <= sequence)
            && newest.is_some_and(|newest| sequence <= newest)
    }

    /// The next notices after `sequence`, at most `most`.
    pub(crate) fn after(&self, sequence: u64, most: usize) -> Result<Vec<Arc<Notice>>, Lost> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.lost_to.is_some_and(|lost_to| lost_to > sequence) {
            return Err(Lost);
        }
        let from = kept.notices.partition_point(|notice| notice.sequence <= sequence);
        Ok(kept.notices.iter().skip(from).take(most).cloned().collect())
    }

    /// Rings at each notice.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }
}

/// Puts the switch's notices into the ring until the switch is gone.
pub(crate) async fn feed(mut notices: broadcast::Receiver<Notices>, ring: Arc<Ring>) {
    loop {
        match notices.recv().await {
            Ok(notices) => ring.push(&notices),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "event streams start again: notices came too fast");
                ring.skip();
            }
            Err(RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Wall;
    use crate::switch::view::RegistrationView;
    use crate::switch::view::Subject;

    fn notice(sequence: u64) -> Arc<Notice> {
        let at = Wall::default();
        let view = RegistrationView {
            number: "1001".to_string(),
            contact: String::new(),
            flow: String::new(),
            user_agent: None,
            registered_at: at,
            expires_at: at,
        };
        Arc::new(Notice { sequence, at, kind: "registration.added", subject: Subject::Registration(view) })
    }

    fn after(ring: &Ring, sequence: u64) -> Result<Vec<u64>, Lost> {
        ring.after(sequence, 10).map(|notices| notices.iter().map(|notice| notice.sequence).collect())
    }

    #[test]
    fn a_reader_goes_on_from_his_place_until_it_is_pushed_out() {
        let ring = Ring::new(3);
        assert_eq!(after(&ring, 0), Ok(vec![]));
        assert!(!ring.can_resume(0));
        for sequence in 11..=13 {
            ring.push(&[notice(sequence)]);
        }
        assert_eq!(after(&ring, 10), Ok(vec![11, 12, 13]));
        assert_eq!(after(&ring, 12), Ok(vec![13]));
        assert_eq!(after(&ring, 9), Err(Lost));
        ring.push(&[notice(14)]);
        assert_eq!(after(&ring, 10), Err(Lost));
        assert_eq!(after(&ring, 11), Ok(vec![12, 13, 14]));
        assert!(ring.can_resume(11) && ring.can_resume(14));
        assert!(!ring.can_resume(10) && !ring.can_resume(15), "gone, and never given");
    }

    #[test]
    fn a_gap_in_the_feed_starts_everybody_again() {
        let ring = Ring::new(10);
        ring.push(&[notice(1)]);
        ring.skip();
        assert!(!ring.can_resume(1));
        ring.push(&[notice(9)]);
        assert_eq!(after(&ring, 1), Err(Lost));
        assert_eq!(after(&ring, 8), Ok(vec![9]));
    }
}
