/* An arrival: one webhook as the sample receiver got it, judged and told in a line. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "core/text.h"

enum bud_arrival_verdict {
	BUD_ARRIVAL_VERDICT_OK,
	BUD_ARRIVAL_VERDICT_UNCHECKED, /* there is no secret to check with */
	BUD_ARRIVAL_VERDICT_BAD,
};

/* Spans are lent by the request that came. */
struct bud_arrival {
	struct bud_span content_type;
	struct bud_span body;
	const struct bud_header *headers;
	size_t headers_n;
	struct bud_span id; /* webhook-id; empty when there is none */
	enum bud_arrival_verdict verdict;
	const char *reason; /* of a bad one, static */
};

/* Checks the signature with `n` secrets that bud_secret_parse() accepts; without any it is not
 * checked. Fills id, verdict and reason. */
void bud_arrival_judge(
	struct bud_arrival *arrival, const char *const *secrets, size_t n, int64_t now_s);
/* Appends "time  type  subject  source  webhook-id  signature ok", fit for a terminal; what the
 * event lacks is a dash. */
void bud_arrival_write(const struct bud_arrival *arrival, int64_t wall_ms, struct bud_buffer *out);
