/* Entity tags in a request (RFC 9110, 13.1): does the record have one of those named? */
#pragma once
#include <stdbool.h>
#include "core/text.h"

struct bud_request; /* http/request.h */

enum bud_etag_strength {
	BUD_ETAG_STRONG, /* If-Match: a weak tag is never the same */
	BUD_ETAG_WEAK,   /* If-None-Match */
};

/* `list` is the value of the header: "*" or tags in quotes; `etag` stands without quotes. What is
 * no tag is passed over. */
bool bud_etag_is_in(struct bud_span list, const char *etag, enum bud_etag_strength strength);
/* Whether If-Match, if there is one, lets a change of the record with `etag` pass. All fields of
 * that name count. */
bool bud_etag_permits_change(const struct bud_request *request, const char *etag);
/* Whether the client asked for exactly one state: If-Match, and not "*". */
bool bud_etag_is_demanded(const struct bud_request *request);
/* Whether If-None-Match says that the client has this state already. */
bool bud_etag_is_known(const struct bud_request *request, const char *etag);
/* Adds the ETag to the reply. */
void bud_etag_reply(struct bud_request *request, const char *etag);
