//! The table of all routes: the one place that says which path does what, and who may ask for it.
//!
//! Router, rights, OpenAPI document and tests read it. A key needs one of a route's scopes; what a narrowed key then
//! sees is [`crate::http::sight`]'s matter. Routes of the contract that are not built answer 501 to those who may ask.

use crate::http::api::agents;
use crate::http::api::callers;
use crate::http::api::calls;
use crate::http::api::cdrs;
use crate::http::api::lines;
use crate::http::api::offers;
use crate::http::api::parties;
use crate::http::api::queues;
use crate::http::api::recordings;
use crate::http::api::system;
use crate::http::api::trace;
use crate::http::auth::Scope;
use crate::http::auth::Scope::AgentSelf;
use crate::http::auth::Scope::CallControl;
use crate::http::auth::Scope::CampaignWrite;
use crate::http::auth::Scope::ConfigWrite;
use crate::http::auth::Scope::MetricsRead;
use crate::http::auth::Scope::QueueRead;
use crate::http::auth::Scope::QueueSupervise;
use crate::http::auth::Scope::RecordingRead;
use crate::http::events;
use crate::http::openapi;
use crate::http::route::Access;
use crate::http::route::Access::AnyOf;
use crate::http::route::Access::Open;
use crate::http::route::Access::OpenOnLoopback;
use crate::http::route::Form;
use crate::http::route::Gives::Bytes;
use crate::http::route::Gives::Json;
use crate::http::route::Gives::List;
use crate::http::route::Gives::ListOrCsv;
use crate::http::route::Gives::NotBuilt;
use crate::http::route::Gives::Nothing;
use crate::http::route::Gives::One;
use crate::http::route::Gives::OneOrLater;
use crate::http::route::Gives::Text;
use crate::http::route::Param;
use crate::http::route::Route;
use crate::http::route::Verb;
use crate::http::route::Verb::Delete;
use crate::http::route::Verb::Get;
use crate::http::route::Verb::Patch;
use crate::http::route::Verb::Post;
use crate::http::route::Verb::Put;
use crate::http::scrape;
use crate::metrics;

const SEE: Access = AnyOf(&[AgentSelf, QueueRead, QueueSupervise]);
const SEE_CALLS: Access = AnyOf(&[AgentSelf, QueueRead, QueueSupervise, CallControl]);
const READ: Access = AnyOf(&[QueueRead, QueueSupervise]);
const SUPERVISE: Access = AnyOf(&[QueueSupervise]);
const SELF_OR_SUPERVISE: Access = AnyOf(&[AgentSelf, QueueSupervise]);
const CONTROL: Access = AnyOf(&[AgentSelf, CallControl]);
const LINES: Access = AnyOf(&[QueueSupervise, ConfigWrite]);
const CAMPAIGNS_READ: Access = AnyOf(&[QueueRead, QueueSupervise, CampaignWrite]);
const CAMPAIGNS_WRITE: Access = AnyOf(&[CampaignWrite]);
const RECORDINGS: Access = AnyOf(&[RecordingRead]);
const CONFIGURE: Access = AnyOf(&[ConfigWrite]);
const PERSONAL: Access = AnyOf(&[AgentSelf, ConfigWrite]);
const CALLBACK: Access = AnyOf(&[AgentSelf, CallControl, QueueSupervise]);
const ANY_KEY: Access = AnyOf(Scope::ALL);

/// The route's function as a plain pointer.
macro_rules! act {
    ($act:path) => {
        |asked| Box::pin($act(asked))
    };
}

/// A path under the base.
macro_rules! v1 {
    ($path:literal) => {
        concat!("/api/v1", $path)
    };
}

const fn later(verb: Verb, path: &'static str, access: Access, what: &'static str) -> Route {
    Route::new(verb, path, access, act!(system::not_built), what, NotBuilt)
}

const CDRS_QUERY: &[Param] = &[
    Param {
        name: "from",
        form: Form::Time,
        what: "Only calls that started at this time or later (RFC 3339).",
    },
    Param { name: "to", form: Form::Time, what: "Only calls that started before this time (RFC 3339)." },
    Param { name: "queue", form: Form::Text, what: "Only calls of this queue." },
    Param { name: "agent", form: Form::Text, what: "Only calls of this agent." },
    Param { name: "limit", form: Form::Whole, what: "At most so many, from 1 to 1000; 100 without." },
    Param { name: "cursor", form: Form::Text, what: "The `next_cursor` of the page before." },
];

const RECORDINGS_QUERY: &[Param] = &[
    Param { name: "queue", form: Form::Text, what: "Only those of this queue." },
    Param { name: "agent", form: Form::Text, what: "Only those of this agent." },
    Param { name: "call", form: Form::Text, what: "Only those of this call." },
    Param { name: "mailbox", form: Form::Text, what: "Only messages in this mailbox." },
    Param { name: "limit", form: Form::Whole, what: "At most so many, from 1 to 1000; 100 without." },
    Param { name: "cursor", form: Form::Text, what: "The `next_cursor` of the page before." },
];

const TRACE_FORMAT: Param = Param {
    name: "format",
    form: Form::Text,
    what: "`json`, `ladder` or `text` for people, `pcap` for Wireshark; `json` without.",
};
const TRACE_QUERY: &[Param] = &[
    TRACE_FORMAT,
    Param { name: "number", form: Form::Text, what: "Only dialogs from or to this number." },
    Param { name: "call_id", form: Form::Text, what: "Only the dialog of this SIP Call-ID." },
    Param { name: "last", form: Form::Whole, what: "At most so many dialogs, from 1 to 1000; 10 without." },
];
const CALL_TRACE_QUERY: &[Param] = &[TRACE_FORMAT];

/// All routes.
pub(crate) const ROUTES: &[Route] = &[
    Route::new(Get, "/healthz", Open, act!(system::healthz), "Whether the process serves.", One("Health")),
    Route::new(Get, "/readyz", Open, act!(system::readyz), "Whether new calls are taken.", One("Health")),
    Route::new(
        Get,
        "/metrics",
        OpenOnLoopback(&[MetricsRead]),
        act!(scrape::metrics),
        "The figures for Prometheus.",
        Text(metrics::TEXT_FORMAT),
    ),
    Route::new(Get, v1!("/openapi.json"), Open, act!(openapi::serve), "This document.", Json),
    Route::new(Get, v1!("/agents"), SEE, act!(agents::list), "All agents.", List("Agent")),
    Route::new(
        Get,
        v1!("/agents/me"),
        AnyOf(&[AgentSelf]),
        act!(agents::me),
        "The key's agent.",
        One("Agent"),
    ),
    Route::new(Get, v1!("/agents/{id}"), SEE, act!(agents::one), "An agent.", One("Agent")),
    Route::new(
        Put,
        v1!("/agents/{id}/status"),
        SELF_OR_SUPERVISE,
        act!(agents::set_status),
        "Sets an agent's status, in some queues or in all at once.",
        OneOrLater("Agent"),
    )
    .takes("StatusChange"),
    Route::new(
        Post,
        v1!("/agents/{id}/end-wrap-up"),
        SELF_OR_SUPERVISE,
        act!(agents::end_wrap_up),
        "Ends an agent's wrap-up now.",
        One("Agent"),
    ),
    Route::new(Get, v1!("/queues"), READ, act!(queues::list), "All queues' real-time cards.", List("Queue")),
    Route::new(Get, v1!("/queues/{id}"), READ, act!(queues::one), "A queue's real-time card.", One("Queue")),
    Route::new(
        Get,
        v1!("/queues/{id}/callers"),
        READ,
        act!(callers::list),
        "Who waits, in the order of service.",
        List("Caller"),
    ),
    Route::new(
        Patch,
        v1!("/queues/{id}/callers/{caller}"),
        SUPERVISE,
        act!(callers::change),
        "Moves a waiting caller, or changes his priority.",
        One("Caller"),
    )
    .takes("CallerChange"),
    Route::new(
        Delete,
        v1!("/queues/{id}/callers/{caller}"),
        SUPERVISE,
        act!(callers::remove),
        "Removes a waiting caller: his call ends.",
        Nothing,
    ),
    Route::new(Get, v1!("/offers"), SEE, act!(offers::list), "Live and lately ended offers.", List("Offer")),
    Route::new(Get, v1!("/offers/{id}"), SEE, act!(offers::one), "An offer.", One("Offer")),
    Route::new(
        Post,
        v1!("/offers/{id}/accept"),
        CONTROL,
        act!(offers::accept),
        "Answers the agent's phone, where the phone can be made to.",
        One("Offer"),
    ),
    Route::new(
        Post,
        v1!("/offers/{id}/reject"),
        CONTROL,
        act!(offers::reject),
        "Refuses an offer: the caller goes to the next agent.",
        One("Offer"),
    ),
    Route::new(Get, v1!("/calls"), SEE_CALLS, act!(calls::list), "The live calls.", List("Call")),
    Route::new(Get, v1!("/calls/{id}"), SEE_CALLS, act!(calls::one), "A call.", One("Call")),
    Route::new(
        Get,
        v1!("/calls/{id}/trace"),
        CONFIGURE,
        act!(trace::call),
        "The SIP messages of a call that are still kept.",
        List("TraceMessage"),
    )
    .query(CALL_TRACE_QUERY),
    Route::new(
        Get,
        v1!("/trace"),
        CONFIGURE,
        act!(trace::last),
        "The SIP messages of the last calls and registrations that are still kept.",
        List("TraceMessage"),
    )
    .query(TRACE_QUERY),
    Route::new(
        Post,
        v1!("/calls/{id}/hangup"),
        CONTROL,
        act!(calls::hang_up),
        "Ends all legs of a call.",
        One("Call"),
    ),
    Route::new(
        Post,
        v1!("/calls/{id}/hold"),
        CONTROL,
        act!(parties::hold),
        "Puts the other party on hold.",
        One("Call"),
    ),
    Route::new(
        Post,
        v1!("/calls/{id}/resume"),
        CONTROL,
        act!(parties::resume),
        "Takes the call off hold.",
        One("Call"),
    ),
    Route::new(Post, v1!("/calls/{id}/mute"), CONTROL, act!(parties::mute), "Mutes the agent.", One("Call")),
    Route::new(
        Post,
        v1!("/calls/{id}/unmute"),
        CONTROL,
        act!(parties::unmute),
        "Unmutes the agent.",
        One("Call"),
    ),
    Route::new(
        Post,
        v1!("/calls/{id}/dtmf"),
        CONTROL,
        act!(parties::press),
        "Sends digits to the customer.",
        One("Call"),
    )
    .takes("Digits"),
    Route::new(
        Post,
        v1!("/calls/{id}/parties"),
        CONTROL,
        act!(parties::add),
        "Rings a further party, who comes into the conversation.",
        One("Call"),
    )
    .takes("NewParty"),
    Route::new(
        Delete,
        v1!("/calls/{id}/parties/{leg}"),
        CONTROL,
        act!(parties::remove),
        "Puts a party out. The others stay, where two are left.",
        Nothing,
    ),
    Route::new(
        Post,
        v1!("/calls/{id}/supervise"),
        SUPERVISE,
        act!(parties::supervise),
        "Rings a supervisor's phone to listen, whisper, barge in or take over; or changes what he does.",
        One("Call"),
    )
    .takes("Supervise"),
    Route::new(
        Get,
        v1!("/registrations"),
        LINES,
        act!(lines::registrations),
        "Registered contacts.",
        List("Registration"),
    ),
    Route::new(Get, v1!("/trunks"), LINES, act!(lines::trunks), "Trunks.", List("Trunk")),
    Route::new(Get, v1!("/cdrs"), SEE, act!(cdrs::list), "Ended calls, the latest first.", ListOrCsv("Cdr"))
        .query(CDRS_QUERY),
    Route::new(
        Get,
        v1!("/events"),
        SEE_CALLS,
        act!(events::serve),
        "Server-sent events: a snapshot, then every change; Last-Event-ID resumes.",
        Text("text/event-stream"),
    )
    .streams(),
    Route::new(
        Post,
        v1!("/calls/{id}/recording"),
        CONTROL,
        act!(calls::record),
        "Starts, pauses, resumes or stops recording.",
        One("Call"),
    )
    .takes("RecordingChange"),
    Route::new(
        Get,
        v1!("/recordings"),
        RECORDINGS,
        act!(recordings::list),
        "The recordings, the latest first.",
        List("RecordingFile"),
    )
    .query(RECORDINGS_QUERY),
    Route::new(
        Get,
        v1!("/recordings/{id}/audio"),
        RECORDINGS,
        act!(recordings::audio),
        "A recording's audio, whole or a range; each listening is logged.",
        Bytes("audio/wav"),
    ),
    Route::new(
        Delete,
        v1!("/recordings/{id}"),
        CONFIGURE,
        act!(recordings::erase),
        "Erases a recording's audio; its entry with the hash stays.",
        Nothing,
    ),
    // The contract's routes that later parts fill.
    later(Post, v1!("/session"), Open, "Logs an agent in to the page."),
    later(Delete, v1!("/session"), ANY_KEY, "Logs out of the page."),
    later(Post, v1!("/session/phone"), AnyOf(&[AgentSelf]), "Mints the browser phone's SIP credentials."),
    later(Post, v1!("/calls"), CONTROL, "Places a call: his phone rings first."),
    later(Patch, v1!("/calls/{id}"), CONTROL, "Changes a call's contact, notes, disposition and tags."),
    later(Post, v1!("/calls/{id}/transfer"), CONTROL, "Begins a transfer, blind or attended."),
    later(Post, v1!("/calls/{id}/transfer/complete"), CONTROL, "Completes an attended transfer."),
    later(Post, v1!("/calls/{id}/transfer/cancel"), CONTROL, "Gives an attended transfer up."),
    later(Post, v1!("/calls/{id}/park"), CONTROL, "Parks a call."),
    later(Get, v1!("/parking"), CONTROL, "The parking slots."),
    later(Post, v1!("/parking/{slot}/retrieve"), CONTROL, "Takes a parked call."),
    later(Post, v1!("/calls/{id}/clip"), CONTROL, "Plays an audio clip."),
    later(Get, v1!("/contacts"), SEE_CALLS, "The contacts."),
    later(Post, v1!("/contacts"), CONTROL, "Makes a contact."),
    later(Get, v1!("/contacts/{id}"), SEE_CALLS, "A contact."),
    later(Patch, v1!("/contacts/{id}"), CONTROL, "Changes a contact."),
    later(Delete, v1!("/contacts/{id}"), CONTROL, "Deletes a contact."),
    later(Get, v1!("/contacts/{id}/history"), SEE_CALLS, "A contact's past interactions."),
    later(Get, v1!("/clips"), PERSONAL, "The audio clips."),
    later(Post, v1!("/clips"), PERSONAL, "Makes an audio clip."),
    later(Get, v1!("/clips/{id}"), PERSONAL, "An audio clip."),
    later(Patch, v1!("/clips/{id}"), PERSONAL, "Changes an audio clip."),
    later(Delete, v1!("/clips/{id}"), PERSONAL, "Deletes an audio clip."),
    later(Get, v1!("/clips/{id}/audio"), PERSONAL, "A clip's audio."),
    later(Put, v1!("/clips/{id}/audio"), PERSONAL, "Replaces a clip's audio."),
    later(Post, v1!("/clips/{id}/record"), PERSONAL, "Records a clip by phone."),
    later(Get, v1!("/speed-dials"), PERSONAL, "The speed dials."),
    later(Post, v1!("/speed-dials"), PERSONAL, "Makes a speed dial."),
    later(Delete, v1!("/speed-dials"), PERSONAL, "Deletes one's own speed dials."),
    later(Delete, v1!("/speed-dials/{id}"), PERSONAL, "Deletes a speed dial."),
    later(Get, v1!("/canned-texts"), PERSONAL, "The canned texts."),
    later(Post, v1!("/canned-texts"), PERSONAL, "Makes a canned text."),
    later(Delete, v1!("/canned-texts"), PERSONAL, "Deletes one's own canned texts."),
    later(Delete, v1!("/canned-texts/{id}"), PERSONAL, "Deletes a canned text."),
    later(Post, v1!("/queues/{id}/callbacks"), CALLBACK, "Asks for a callback."),
    later(Get, v1!("/callbacks"), READ, "The callbacks."),
    later(Delete, v1!("/callbacks/{id}"), SUPERVISE, "Cancels a callback."),
    later(Get, v1!("/campaigns"), CAMPAIGNS_READ, "The campaigns."),
    later(Post, v1!("/campaigns"), CAMPAIGNS_WRITE, "Makes a campaign."),
    later(Get, v1!("/campaigns/{id}"), CAMPAIGNS_READ, "A campaign."),
    later(Get, v1!("/campaigns/{id}/entries"), CAMPAIGNS_READ, "A campaign's entries."),
    later(
        Post,
        v1!("/campaigns/{id}/entries"),
        CAMPAIGNS_WRITE,
        "Adds entries to a campaign, by JSON or CSV.",
    ),
    later(Post, v1!("/campaigns/{id}/start"), CAMPAIGNS_WRITE, "Starts a campaign."),
    later(Post, v1!("/campaigns/{id}/pause"), CAMPAIGNS_WRITE, "Pauses a campaign."),
    later(Post, v1!("/campaigns/{id}/stop"), CAMPAIGNS_WRITE, "Stops a campaign."),
    later(Get, v1!("/agents/{id}/activity"), SEE, "An agent's own productivity, by day or week."),
    later(Get, v1!("/reports/queues"), READ, "The queues' report over a time."),
    later(Get, v1!("/reports/agents"), READ, "The agents' report over a time."),
    later(Get, v1!("/decisions/{offer}"), READ, "Why this agent, and why not the others."),
];
