/* Every bound on what comes from outside, in one place. */
#pragma once

/* Publishing (README, "Limits"). */
#define BUD_EVENT_BYTES_MAX  (1u << 20)
#define BUD_BATCH_EVENTS_MAX 1000u
#define BUD_BATCH_BYTES_MAX  (4u << 20)
/* CloudEvents 1.0 "Size Limits": 64 KiB events must pass in binary mode, so a header value may be
 * 64 KiB and the head has room for it. */
#define BUD_HEAD_BYTES_MAX  (128u << 10)
#define BUD_HEAD_FIELDS_MAX 128u
#define BUD_URL_BYTES_MAX   8192u
#define BUD_JSON_DEPTH_MAX  64u
#define BUD_ATTRIBUTES_MAX  64u
/* Bodies of every route but publishing. */
#define BUD_API_BODY_BYTES_MAX (64u << 10)

/* Subscriptions. */
#define BUD_FILTER_DEPTH_MAX 16u
#define BUD_FILTER_NODES_MAX 256u
#define BUD_FILTER_TEXT_MAX  4096u
/* Places in the index, one per alternative of a cover (subscription/filter_cover.h). */
#define BUD_FILTER_POSTINGS_MAX 32u
#define BUD_SINK_BYTES_MAX      2048u
#define BUD_TYPES_MAX           256u
#define BUD_SINK_HEADERS_MAX    16u
#define BUD_SINK_HEADER_BYTES   1024u
#define BUD_PAGE_MAX            1000u
#define BUD_NAME_BYTES_MAX      256u
#define BUD_SUBSCRIPTION_ID_MAX 64u
#define BUD_TOKEN_BYTES_MAX     8192u
/* Each of a private authority, a client certificate with its chain, and its key: libcurl reads an
 * authority anew for each connection. */
#define BUD_PEM_BYTES_MAX (16u << 10)
/* config.timeout_ms: one attempt, its whole body included. */
#define BUD_TIMEOUT_MS_MIN 100
#define BUD_TIMEOUT_MS_MAX 60000

/* Connections. */
#define BUD_CONNECTIONS_MAX    10000u
#define BUD_HEAD_DEADLINE_MS   10000
#define BUD_BODY_DEADLINE_MS   30000
#define BUD_IDLE_DEADLINE_MS   60000
#define BUD_WRITE_DEADLINE_MS  30000
#define BUD_LINGER_DEADLINE_MS 1000
/* Bodies received or waiting for Redis, over all connections of a worker. */
#define BUD_INGEST_BYTES_MAX (64u << 20)

/* Authorization: questions of one call to the decision point, and its answer. */
#define BUD_DECISIONS_MAX      1000u
#define BUD_DECISIONS_BODY_MAX (1u << 20)
/* Pull, per worker: requests that wait for events, pages being read, and events held for them. */
#define BUD_PULL_WAITS_MAX      1000u
#define BUD_PULL_READS_MAX      256u
#define BUD_PULL_HELD_BYTES_MAX (64u << 20)
/* Per page. */
#define BUD_PULL_WAIT_MS_MAX    30000
#define BUD_PULL_BYTES_MAX      (4u << 20)
#define BUD_PULL_PATTERNS_MAX   64u
#define BUD_PULL_EXAMINED_MAX   2000u
#define BUD_PULL_EXAMINED_BYTES (8u << 20)

/* Dispatch, per worker. */
#define BUD_HAND_EVENTS_MAX     1024u
#define BUD_HAND_BYTES_MAX      (32u << 20)
#define BUD_ENDPOINT_WINDOW     16u /* at first */
#define BUD_ENDPOINT_WINDOW_MAX 64u
/* Attempts at endpoints that never succeeded or fail now, of a node: a quarter of what one worker
 * can have. */
#define BUD_SUSPECTS_MAX       256u
#define BUD_ENDPOINT_QUEUE_MAX 100u
#define BUD_ATTEMPTS_MAX       60u
/* As many as one claim takes of a lane. */
#define BUD_PUSH_BATCH_EVENTS_MAX 256
#define BUD_BROADCAST_CHUNK       256u
#define BUD_RESPONSE_HEAD_MAX     (32u << 10)
/* Header lines of an event in binary mode: servers take 8 to 32 KiB in all. */
#define BUD_BINARY_HEAD_MAX   (16u << 10)
#define BUD_RESPONSE_BODY_MAX (64u << 10)
/* Of one whose answer is long and wanted whole. */
#define BUD_RESPONSE_KEPT_MAX (1u << 20)
/* What of a response is kept for the attempt log. */
#define BUD_RESPONSE_KEPT_BYTES 256u
#define BUD_ATTEMPT_LOG_LINES   100
#define BUD_DELIVERIES_POISON   6
#define BUD_DELIVERIES_SUSPECT  3
