//! The world's API side: what a test asks of the switch and has it do.

use super::world::World;
use strowger::ids::AgentId;
use strowger::record::{Cdr, Fact};
use strowger::switch::action::{Action, Answer, Done, Question, Refusal};
use strowger::switch::tables::Tables;
use strowger::switch::view::{AgentView, CallView, CallerView, OfferView, QueueView};

impl World {
    pub fn act(&mut self, action: Action) -> Result<Done, Refusal> {
        self.switch.now = self.now;
        let mut outputs = Vec::new();
        let now = self.switch.both();
        let done = self.switch.core.act(now, action, &mut outputs);
        self.carry_core(outputs);
        self.check_books();
        done
    }

    pub fn stop(&mut self) {
        let mut outputs = Vec::new();
        let now = self.switch.both();
        self.switch.core.stop(now, &mut outputs);
        self.carry_core(outputs);
    }

    pub fn ask(&self, question: Question) -> Answer {
        self.switch
            .core
            .ask(self.switch.both(), question)
            .unwrap_or_else(|refusal| self.fail(&refusal.to_string()))
    }

    pub fn queue(&self, id: &str) -> QueueView {
        match self.ask(Question::Queue(id.into())) {
            Answer::Queue(queue) => *queue,
            other => self.fail(&format!("asked for a queue, got {other:?}")),
        }
    }

    pub fn agent(&self, id: &str) -> AgentView {
        match self.ask(Question::Agent(AgentId::new(id))) {
            Answer::Agent(agent) => *agent,
            other => self.fail(&format!("asked for an agent, got {other:?}")),
        }
    }

    pub fn callers(&self, queue: &str) -> Vec<CallerView> {
        match self.ask(Question::Callers(queue.into())) {
            Answer::Callers(callers) => callers,
            other => self.fail(&format!("asked for callers, got {other:?}")),
        }
    }

    pub fn live_calls(&self) -> Vec<CallView> {
        match self.ask(Question::Calls) {
            Answer::Calls(calls) => calls,
            other => self.fail(&format!("asked for calls, got {other:?}")),
        }
    }

    pub fn offers(&self) -> Vec<OfferView> {
        match self.ask(Question::Offers) {
            Answer::Offers(offers) => offers,
            other => self.fail(&format!("asked for offers, got {other:?}")),
        }
    }

    pub fn cdrs(&self) -> Vec<&Cdr> {
        let facts = self.facts.iter();
        facts.filter_map(|fact| if let Fact::Cdr(cdr) = fact { Some(cdr) } else { None }).collect()
    }

    pub fn tables(&self) -> Tables {
        self.switch.core.tables()
    }
}
