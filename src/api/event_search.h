/* Finding one retained event by its source and id: a look back. Within api/ only. */
#pragma once
#include "core/alloc.h"
#include "core/text.h"
#include "store/member.h"

struct bud_api_desk;         /* api/desk.h */
struct bud_event;            /* event/event.h */
struct bud_look_back_result; /* api/look_back.h */
struct bud_request;          /* http/request.h */

/* All borrowed; copied. */
struct bud_event_search {
	struct bud_span id;
	struct bud_span source;
	int64_t from_ms;       /* 0: from the first */
	int64_t to_ms;         /* 0: to the last */
	struct bud_span owner; /* who searches: what is not theirs is not found */
};

/* `event` is lent (take a reference); NULL: not among those looked at, or err is negative. */
struct bud_event_search_result {
	struct bud_event *event;
	struct bud_member member;
	const struct bud_look_back_result *looked;
};
typedef void (*bud_event_search_fn)(
	void *owner, int err, const struct bud_event_search_result *found);
/* The newest one that the caller may have. */
BUD_MUST_CHECK int bud_event_search(struct bud_api_desk *desk, const struct bud_event_search *find,
	bud_event_search_fn fn, void *owner);
/* Answers 404 with how far was looked. */
void bud_event_search_refuse(
	struct bud_request *request, const struct bud_look_back_result *looked);
