/* What an attempt's result means: for the delivery, and for the endpoint. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dispatch/endpoint.h"

struct bud_fetch_result; /* fetch/fetch.h */
struct bud_retry;        /* subscription/push_config.h */
struct bud_schedule;     /* config/config.h */

enum bud_outcome_kind {
	BUD_OUTCOME_DELIVERED,
	BUD_OUTCOME_AGAIN,   /* in `wait_ms` */
	BUD_OUTCOME_DEAD,    /* given up, for `reason` */
	BUD_OUTCOME_DISABLE, /* the receiver is gone: no attempts any more, what is parked stays */
	BUD_OUTCOME_EXPIRED, /* by the time of the next attempt nobody wants the event any more */
	BUD_OUTCOMES,
};

struct bud_outcome {
	enum bud_outcome_kind kind;
	int64_t wait_ms;
	const char *reason;       /* a static word */
	enum bud_verdict verdict; /* on the endpoint */
	int64_t pause_ms;         /* the whole endpoint gets nothing for so long; 0: it may */
	bool is_too_large;        /* together: of AGAIN, which counts as no attempt of theirs */
};

/* An attempt that ended. Times are wall clock. */
struct bud_attempt {
	const struct bud_fetch_result *result; /* not CANCELLED or BLOCKED: those were none */
	unsigned number;                       /* from 1 */
	bool is_refused;        /* by name, in a batch whose request as such was answered */
	bool is_one_of_many;    /* in its request */
	int64_t retry_after_ms; /* what the receiver asked for; negative: nothing */
	int64_t published_ms;   /* 0: not known */
	int64_t expires_ms;     /* of the event; INT64_MAX: never */
	int64_t now_ms;
	uint64_t random; /* uniform over all values */
};

/* By the subscription's rules, then by the table in outcome.c. `schedule` is the server's, for
 * subscriptions that have none of their own. */
struct bud_outcome bud_outcome_of(const struct bud_attempt *attempt, const struct bud_retry *retry,
	const struct bud_schedule *schedule);

/* "delivered", "again", "dead", "disable", "expired". */
const char *bud_outcome_word(enum bud_outcome_kind kind);
