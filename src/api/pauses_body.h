/* The body of POST /pause and /resume: who is meant. Within api/ only. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

/* A host without a port is meant on both of the usual ones. */
#define BUD_PAUSES_IDS_MAX 2

struct bud_pauses_body {
	struct bud_buffer ids[BUD_PAUSES_IDS_MAX]; /* of store/pauses.h */
	size_t n;
	char *reason;   /* or NULL */
	int64_t for_ms; /* 0: until it is resumed */
};

/* Exactly one of {"all":true}, {"owner":…} and {"host":"name" or "name:port"}; to pause, also
 * "reason" and "for_s". -EINVAL: `error` names the member. */
BUD_MUST_CHECK int bud_pauses_body_parse(struct bud_span json, bool is_pause,
	struct bud_pauses_body *out_body, struct bud_error *error);
void bud_pauses_body_finish(struct bud_pauses_body *body);
