//! What the demo prints: the welcome, and the table of the call centre as it goes.
//!
//! On a terminal the table is drawn over the last one; into a file or pipe goes one line every five seconds.

use crate::clock::Instant;
use crate::demo::cast;
use crate::demo::configuration::Secrets;
use crate::demo::play::Counts;
use crate::demo::scenery::Scenery;
use crate::record::AgentStatus;
use crate::switch::view::AgentView;
use crate::switch::view::QueueView;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::io::Write as _;
use std::time::Duration;

/// Between two lines where nobody watches.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Standard output.
#[derive(Debug)]
pub(in crate::demo) struct Screen {
    is_terminal: bool,
    lines_drawn: usize,
    last_line: Option<Instant>,
}

/// What a newcomer should know first.
pub(in crate::demo) fn welcome(scenery: &Scenery, secrets: &Secrets, callers: u16, seed: u64) -> String {
    let mut text = String::new();
    let (sip, http) = (scenery.sip, scenery.http);
    let mut line = |what: std::fmt::Arguments<'_>| writeln!(text, "{what}").expect("a string takes all");
    line(format_args!(
        "Strowger demo: {callers} simulated callers, {} agents, one queue.",
        secrets.agents.len()
    ));
    for remark in &scenery.remarks {
        line(format_args!("note: {remark}"));
    }
    line(format_args!(""));
    line(format_args!("Take part with a softphone on this machine (Linphone, baresip, MicroSIP, Zoiper):"));
    for ((number, id, _), secret) in cast::GUESTS.iter().zip(&secrets.guests) {
        line(format_args!("  SIP server {sip}   user {number}   password {secret}   (agent `{id}`)"));
    }
    line(format_args!(
        "  dial {} to be a caller; once registered, the queue's callers ring you",
        cast::QUEUE_NUMBER
    ));
    line(format_args!(
        "  dial {} or {} for the other phone, {} for {}",
        cast::GUESTS[0].0,
        cast::GUESTS[1].0,
        cast::agent_phone(0),
        cast::agent_name(0)
    ));
    line(format_args!("API: curl -H 'Authorization: Bearer {}' http://{http}/api/v1/queues", secrets.key));
    line(format_args!("     http://{http}/metrics   /api/v1/agents   /api/v1/calls   /api/v1/events (live)"));
    line(format_args!("Ctrl-C ends it; the same again: --seed {seed}"));
    text
}

impl Screen {
    /// Standard output as it is.
    pub(in crate::demo) fn new() -> Self {
        Self { is_terminal: std::io::stdout().is_terminal(), lines_drawn: 0, last_line: None }
    }

    /// Shows the present state.
    pub(in crate::demo) fn show(
        &mut self,
        now: Instant,
        queue: &QueueView,
        agents: &[AgentView],
        counts: Counts,
    ) {
        if self.is_terminal {
            let table = table(queue, agents, counts);
            self.draw(&table);
        } else if self.last_line.is_none_or(|last| now.since(last) >= LINE_EVERY) {
            self.last_line = Some(now);
            println!("{}", line(queue, counts));
        }
    }

    fn draw(&mut self, table: &str) {
        let mut out = std::io::stdout().lock();
        let up =
            if self.lines_drawn > 0 { format!("\x1b[{}A\x1b[J", self.lines_drawn) } else { String::new() };
        self.lines_drawn = table.lines().count();
        // A terminal that is gone is no reason to end: the verdict's exit status is still wanted.
        let _ = out.write_all(up.as_bytes());
        let _ = out.write_all(table.as_bytes());
        let _ = out.flush();
    }
}

fn table(queue: &QueueView, agents: &[AgentView], counts: Counts) -> String {
    let mut text = String::from("\n");
    let mut line = |what: std::fmt::Arguments<'_>| writeln!(text, "{what}").expect("a string takes all");
    let (today, states) = (queue.today, queue.agents);
    let closing = if counts.closing { "   (ending: no new calls)" } else { "" };
    line(format_args!("queue {} ({}){closing}", queue.name, cast::QUEUE_NUMBER));
    line(format_args!(
        "  waiting {:<4} talking {:<4} | entered {:<5} handled {:<5} abandoned {:<5}",
        queue.waiting, states.talking, today.entered, today.handled, today.abandoned
    ));
    line(format_args!(
        "  longest wait now {:>5.1} s | waits so far: mean {:.1} s, longest {:.1} s",
        queue.longest_wait.as_secs_f64(),
        counts.wait_mean.as_secs_f64(),
        counts.wait_max.as_secs_f64()
    ));
    line(format_args!(
        "agents: {} ready, {} ringing, {} talking, {} in wrap-up, {} without a phone",
        states.ready, states.ringing, states.talking, states.wrap_up, states.unreachable
    ));
    for agent in agents.iter().take(30) {
        line(format_args!("  {:<18} {:<6} {}", agent.name, agent.phone, word(agent.status)));
    }
    text
}

fn line(queue: &QueueView, counts: Counts) -> String {
    let (today, states) = (queue.today, queue.agents);
    format!(
        "waiting {} talking {} ready {} | entered {} handled {} abandoned {} | longest wait now {:.1} s, mean {:.1} s{}",
        queue.waiting,
        states.talking,
        states.ready,
        today.entered,
        today.handled,
        today.abandoned,
        queue.longest_wait.as_secs_f64(),
        counts.wait_mean.as_secs_f64(),
        if counts.closing { " (ending)" } else { "" }
    )
}

const fn word(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::LoggedOut => "logged out",
        AgentStatus::Paused => "paused",
        AgentStatus::Ready => "ready",
        AgentStatus::Ringing => "ringing",
        AgentStatus::Talking => "talking",
        AgentStatus::WrapUp => "wrap-up",
        AgentStatus::Unreachable => "without a phone",
    }
}
