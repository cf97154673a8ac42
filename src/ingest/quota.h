/* The quota of publishing: whether the publisher may have so many events stored now. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct bud_identity;       /* auth/identity.h */
struct bud_ingest_options; /* ingest/ingest.h */
struct bud_request;        /* http/request.h */

/* False: no, and the request is answered; nothing was counted. To be asked once, when the rest is
 * known to be right and before anything is stored. */
bool bud_ingest_quota_admit(const struct bud_ingest_options *options, struct bud_request *request,
	const struct bud_identity *publisher, size_t n);
