/* Collects attempt log lines and writes them to the store a few at a time. */
#pragma once
#include "core/list.h"
#include "core/text.h"
#include "dispatch/outcome.h"

struct bud_delivery;     /* dispatch/delivery.h */
struct bud_fetch_result; /* fetch/fetch.h */
struct bud_receiver;     /* dispatch/receiver.h */
struct bud_store;        /* store/store.h */

/* Embedded in its owner. */
struct bud_attempt_log {
	struct bud_store *store;
	struct bud_list dirty; /* bud_receiver::log_link */
	int64_t written_ms;    /* of `written`, so that it is formatted once a millisecond */
	char written[25];
};

void bud_attempt_log_init(struct bud_attempt_log *log, struct bud_store *store);
/* Notes an attempt that ended. `webhook_id` and the rest are copied. */
void bud_attempt_log_add(struct bud_attempt_log *log, const struct bud_delivery *delivery,
	const struct bud_fetch_result *result, enum bud_outcome_kind outcome, int64_t wall_ms);
/* Sends what was noted; what Redis does not take is dropped. */
void bud_attempt_log_flush(struct bud_attempt_log *log);
