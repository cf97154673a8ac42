/* The body of POST /subscriptions/{id}/replay. Within api/ only. */
#pragma once
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"
#include "store/member.h"
#include "store/replay_job.h"
#include "store/revive.h"

struct bud_replay_body {
	struct bud_replay_job job; /* when n is 0 */
	struct bud_buffer filters; /* what the job borrows */
	size_t n;
	struct bud_revived ids[BUD_REVIVE_MAX]; /* sorted by partition, none twice */
};

/* {"source":"dead"|"events","from":…,"to":…,"filters":[…]} or {"ids":[…]}; empty: all dead letters.
 * -EINVAL: `error` names the member. */
BUD_MUST_CHECK int bud_replay_body_parse(struct bud_span json, int64_t now_ms,
	struct bud_replay_body *out_body, struct bud_error *error);
void bud_replay_body_finish(struct bud_replay_body *body);
