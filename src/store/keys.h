/* Every key in Redis. A shard is one slot with everything in it, so all keys share one hash tag. */
#pragma once

/* Of what is written; a node refuses to start on a newer one. */
#define BUD_STORE_FORMAT 1
/* So many event streams a shard; they spread reading and keep order by key. */
#define BUD_PARTITIONS 16
/* The consumer group of every events stream; its consumers are the nodes. */
#define BUD_GROUP "dispatch"

#define BUD_KEY "bud:{s0}:"

#define BUD_KEY_META             BUD_KEY "meta"
#define BUD_KEY_SEEN_STATE       BUD_KEY "seen:state"
#define BUD_KEY_SEEN_0           BUD_KEY "seen:0"
#define BUD_KEY_SEEN_1           BUD_KEY "seen:1"
#define BUD_KEY_DUE              BUD_KEY "due"
#define BUD_KEY_KEPT             BUD_KEY "kept"
#define BUD_KEY_REFS             BUD_KEY "refs"
#define BUD_KEY_CURSORS          BUD_KEY "cursors"
#define BUD_KEY_WHY              BUD_KEY "why"
#define BUD_KEY_HELD             BUD_KEY "held"
#define BUD_KEY_REPLAYS          BUD_KEY "replays"
#define BUD_KEY_NODES            BUD_KEY "nodes"
#define BUD_KEY_RECORDS          BUD_KEY "subs:records"
#define BUD_KEY_CHANGES          BUD_KEY "subs:changes"
#define BUD_KEY_VERSION          BUD_KEY "subs:version"
#define BUD_KEY_SERIAL           BUD_KEY "subs:serial"
#define BUD_KEY_FINGERPRINTS     BUD_KEY "subs:fingerprints"
#define BUD_KEY_COUNTS           BUD_KEY "subs:counts"
#define BUD_KEY_FAILING          BUD_KEY "failing"
#define BUD_KEY_FAILED           BUD_KEY "failed"
#define BUD_KEY_PAUSES           BUD_KEY "pauses"
#define BUD_KEY_PAUSE_CHANGES    BUD_KEY "pauses:changes"
#define BUD_KEY_PAUSE_UNTIL      BUD_KEY "pauses:until"
#define BUD_KEY_PAUSE_SERIAL     BUD_KEY "pauses:serial"
#define BUD_KEY_QUOTA_PARKED     BUD_KEY "quota:parked"
#define BUD_KEY_ENDPOINTS        BUD_KEY "endpoints"
#define BUD_KEY_SIGNING_KEYS     BUD_KEY "keys"
#define BUD_KEY_API_KEYS         BUD_KEY "apikeys"
#define BUD_KEY_API_KEYS_VERSION BUD_KEY "apikeys:version"
#define BUD_KEY_BY_LAST          BUD_KEY "by:last"
#define BUD_KEY_BY_FLOOR         BUD_KEY "by:floor"

/* With a part of their own behind: p<N>:events, parked:<lane>, dead:<sub>, attempts:<sub>,
 * lock:<what>, stats:<sub>, endpoint:<id>, by:<kind>:<hash of a value>. */
#define BUD_KEY_EVENTS_FORMAT BUD_KEY "p%u:events"
#define BUD_KEY_PARKED        BUD_KEY "parked:"
#define BUD_KEY_DEAD          BUD_KEY "dead:"
#define BUD_KEY_ATTEMPTS      BUD_KEY "attempts:"
#define BUD_KEY_LOCK          BUD_KEY "lock:"
#define BUD_KEY_STATS         BUD_KEY "stats:"
#define BUD_KEY_ENDPOINT      BUD_KEY "endpoint:"
#define BUD_KEY_BY            BUD_KEY "by:"
/* In the place of a subscription: events whose matching itself fails. */
#define BUD_LANE_POISON "-"
