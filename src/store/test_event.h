/* A test event: parked for one subscription, without matching, so that it reaches nobody else. */
#pragma once
#include "store/member.h"
#include "store/store.h"

/* Borrowed. */
struct bud_test_event {
	unsigned partition;
	struct bud_span lane;
	struct bud_span owner;
	struct bud_span bytes; /* a structured CloudEvent */
};

/* `id` is NULL when err is negative; after -ENOTCONN it may be parked all the same. */
typedef void (*bud_test_event_fn)(void *owner, int err, const struct bud_member *id);
BUD_MUST_CHECK int bud_test_event_park(struct bud_store *store, const struct bud_test_event *event,
	bud_test_event_fn fn, void *owner);
