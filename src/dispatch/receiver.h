/* A receiver: a subscription as this worker pushes to it: its parsed URL, its signer, its gate.
 * Made when the subscription first matches here, renewed when its record changes, dropped when
 * idle. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/list.h"
#include "core/text.h"
#include "dispatch/endpoint.h"
#include "dispatch/lane_plan.h"
#include "store/stats.h"
#include "subscription/push_config.h"

struct bud_desk;         /* dispatch/desk.h */
struct bud_gate;         /* dispatch/gate.h */
struct bud_gates;        /* dispatch/gate.h */
struct bud_signer;       /* crypto/signer.h */
struct bud_subscription; /* subscription/subscription.h */
struct bud_target;       /* fetch/target.h */

/* Counted, not atomic: it stays in its thread. Read-only but for the last members, once it is
 * wired. */
struct bud_receiver {
	unsigned refs;
	struct bud_subscription *record; /* held; NULL: it is wired */
	uint64_t revision;
	uint32_t slot;
	uint32_t timeout_ms;
	bool is_active; /* pushed to; else everything is parked */
	struct bud_lane_plan plan;
	unsigned sharers; /* when the plan was made; 0: it is the same for any number */
	struct bud_retry retry;
	char *id;
	char *owner;
	/* NULL: the sink is not allowed here any more, or there is no key to sign with. */
	struct bud_target *target;
	struct bud_signer *signer;
	enum bud_mode mode;
	bool is_plain;               /* structured, v1 alone */
	uint64_t keys_generation;    /* of the server's keys that sign; 0: none are needed */
	int64_t renew_mono_ms;       /* a secret does not sign any more: it is made anew */
	int64_t credential_until_ms; /* wall clock; no attempt without a good one */
	struct bud_gate *gate;       /* a reference */
	struct bud_endpoint_wish wish;
	int64_t used_mono_ms;
	/* Parked deliveries to ask for: few, and more as long as there are. Slots are reserved
	 * before it is known how many are due, and other lanes may share the endpoint. */
	size_t claim_n;
	/* Most that a batch may weigh, since heavier ones were too large for it; 0: as planned. */
	size_t batch_bytes;
	/* Lines for the attempt log, not written yet: lens of each, text of all. */
	struct bud_list log_link; /* bud_attempt_log::dirty */
	struct bud_buffer log_text;
	size_t log_lens[64];
	size_t log_n;
	/* Not written yet. */
	struct bud_list report_link; /* bud_reports::dirty */
	int64_t reported_mono_ms;
	struct bud_stats stats;
	bool is_failing; /* as it was told at failing_mono_ms; 0: never */
	int64_t failing_mono_ms;
	bool is_disabling; /* a change of its status is under way */
};

struct bud_receivers; /* opaque */

/* Borrows both. */
struct bud_receivers *bud_receivers_create(const struct bud_desk *desk, struct bud_gates *gates);
/* References held elsewhere keep their receiver. */
void bud_receivers_destroy(struct bud_receivers *receivers);

/* Between lock and unlock of the table. Lent: take a reference to keep it. It may be new, and then
 * has no target and no signer yet. */
struct bud_receiver *bud_receivers_get(struct bud_receivers *receivers,
	const struct bud_subscription *subscription, int64_t mono_ms);
/* Makes it fit to be pushed to, if it is not yet: keys are parsed and secrets opened, which takes
 * too long for the lock. */
void bud_receivers_wire(
	struct bud_receivers *receivers, struct bud_receiver *receiver, int64_t mono_ms);
/* Drops those that nobody used for five minutes. */
void bud_receivers_drop_idle(struct bud_receivers *receivers, int64_t mono_ms);

struct bud_receiver *bud_receiver_ref(struct bud_receiver *receiver);
void bud_receiver_unref(struct bud_receiver *receiver);

enum bud_receiver_state {
	BUD_RECEIVER_CURRENT,
	BUD_RECEIVER_CHANGED, /* its record is another one by now, or not known for sure */
	BUD_RECEIVER_DELETED,
};

/* What the table says now; takes this worker's lock. */
enum bud_receiver_state bud_receiver_check(
	const struct bud_receiver *receiver, const struct bud_desk *desk);
