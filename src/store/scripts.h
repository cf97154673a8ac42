/* Where each script stands in bud_store_scripts. */
#pragma once
#include "store/store.h"

enum bud_script {
	BUD_SCRIPT_SETUP,
	BUD_SCRIPT_INGEST,
	BUD_SCRIPT_SETTLE,
	BUD_SCRIPT_CLAIM,
	BUD_SCRIPT_CLAIM_STRICT,
	BUD_SCRIPT_RESOLVE,
	BUD_SCRIPT_PULL,
	BUD_SCRIPT_TAKE_OVER,
	BUD_SCRIPT_TRIM,
	BUD_SCRIPT_REGISTRY_PUT,
	BUD_SCRIPT_REGISTRY_DROP,
	BUD_SCRIPT_REGISTRY_STATUS,
	BUD_SCRIPT_HEARTBEAT,
	BUD_SCRIPT_FORGET_NODE,
	BUD_SCRIPT_TEST_EVENT,
	BUD_SCRIPT_REVIVE,
	BUD_SCRIPT_STATES,
	BUD_SCRIPT_READ_BACK,
	BUD_SCRIPT_PAUSE_PUT,
	BUD_SCRIPT_PAUSE_LIST,
	BUD_SCRIPT_STATS_ADD,
	BUD_SCRIPT_SIGNING_KEYS,
	BUD_SCRIPT_SIGNING_KEY_SEAL,
	BUD_SCRIPT_KEPT,
	BUD_SCRIPT_KEPT_SCAN,
	BUD_SCRIPT_REGISTRY_SEAL,
	BUD_SCRIPT_API_KEYS,
	BUD_SCRIPT_INDEX_READ,
	BUD_SCRIPT_INDEX_FIND,
	BUD_SCRIPT_INDEX_NEWS,
	BUD_SCRIPT_INDEX_FLOOR,
	BUD_SCRIPT_INDEX_TRIM,
	BUD_SCRIPT_PARKED_BYTES,
	BUD_SCRIPT_PARKED_PUT,
	BUD_SCRIPT_LOCK,
	BUD_SCRIPT_DUE,
};

/* Sends what is built in `store->args`; see bud_redis_script(). */
BUD_MUST_CHECK int bud_store_send_script(
	struct bud_store *store, enum bud_script script, bud_redis_fn fn, void *owner);
BUD_MUST_CHECK int bud_store_send(struct bud_store *store, bud_redis_fn fn, void *owner);

/* What a typed callback needs to remember while its command is under way. */
struct bud_store_call {
	void (*fn)(void);
	void *owner;
	unsigned partition;
};

/* On the heap until bud_store_call_take(). If `r` (of a send) is negative, frees it; returns `r`.
 */
struct bud_store_call *bud_store_call_create(void (*fn)(void), void *owner);
int bud_store_call_sent(struct bud_store_call *call, int r);
/* Copies it out and frees it. */
struct bud_store_call bud_store_call_take(void *call);

/* Commands whose reply is only a number. */
void bud_store_on_number(void *call, const struct redisReply *reply);
