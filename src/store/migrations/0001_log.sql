-- The log, and the tables that are derived from it in the same transaction.
--
-- One text for both databases: {sequence} is the log's growing key and {id} a text that sorts by its bytes.
-- Moments and durations are microseconds. A migration that was released is never changed; add the next one.

-- What happened, in the order in which it was written. `payload` is JSON in the encoding of `version`.
CREATE TABLE facts (
    sequence {sequence},
    at BIGINT NOT NULL,
    topic TEXT NOT NULL,
    change TEXT NOT NULL,
    queue TEXT,
    entry {id},
    agent TEXT,
    call {id},
    version BIGINT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX facts_topic_at ON facts (topic, at, sequence);

-- Facts that wait for their closing fact: an entry for its `left`, an offer for its end, a conversation for its
-- `completed`. What is left here at the start of the switch was cut off by the end of its last run.
CREATE TABLE unfinished (
    subject {id} PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    change TEXT NOT NULL,
    queue TEXT,
    entry {id},
    agent TEXT,
    call {id},
    version BIGINT NOT NULL,
    payload TEXT NOT NULL
);

-- The latest call detail record of each call.
CREATE TABLE cdrs (
    call {id} PRIMARY KEY NOT NULL,
    caller TEXT NOT NULL,
    callee TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    answered_at BIGINT,
    ended_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    cause TEXT NOT NULL,
    queue TEXT,
    agent TEXT,
    wait_us BIGINT NOT NULL,
    talk_us BIGINT NOT NULL,
    hold_us BIGINT NOT NULL,
    wrap_up_us BIGINT NOT NULL
);
CREATE INDEX cdrs_started_at ON cdrs (started_at);
CREATE INDEX cdrs_queue ON cdrs (queue, call);
CREATE INDEX cdrs_agent ON cdrs (agent, call);

-- What each agent last wanted in each queue.
CREATE TABLE agent_queue_states (
    agent TEXT NOT NULL,
    queue TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    since BIGINT NOT NULL,
    PRIMARY KEY (agent, queue)
);

-- The registrar's bindings. No key on `contact`: a phone chooses it, and may choose one too long for an index.
CREATE TABLE bindings (
    aor TEXT NOT NULL,
    contact TEXT NOT NULL,
    flow TEXT NOT NULL,
    call_id TEXT NOT NULL,
    cseq BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    registered_at BIGINT NOT NULL,
    user_agent TEXT,
    path TEXT,
    instance TEXT,
    q DOUBLE PRECISION
);
CREATE INDEX bindings_aor ON bindings (aor);

-- How far each run of the switch has written its own changes, so that none is written twice; and when it was last alive.
CREATE TABLE writers (
    writer {id} PRIMARY KEY NOT NULL,
    applied BIGINT NOT NULL,
    alive_at BIGINT NOT NULL
);
