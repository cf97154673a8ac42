/* Finding one event. Most are told apart by their bytes alone: only where the id stands as it is,
 * or where it may be written with escapes, the attributes are looked up. */
#include "api/event_search.h"

#include <stdlib.h>
#include <string.h>

#include "api/desk.h"
#include "api/look_back.h"
#include "auth/authorize.h"
#include "core/clock.h"
#include "core/error.h"
#include "event/envelope.h"
#include "event/event.h"
#include "http/reply.h"
#include "store/partition.h"

struct search {
	struct bud_buffer id;
	struct bud_buffer source;
	struct bud_envelope envelope;
	struct bud_event *event;
	struct bud_member member;
	bud_event_search_fn fn;
	void *owner;
};

static void destroy(struct search *find)
{
	bud_buffer_finish(&find->id);
	bud_buffer_finish(&find->source);
	bud_envelope_finish(&find->envelope);
	bud_event_unref(find->event);
	free(find);
}

static bool may_be_it(const struct search *find, struct bud_span bytes)
{
	return bytes.at && (memmem(bytes.at, bytes.len, find->id.at, find->id.len) ||
				   memchr(bytes.at, '\\', bytes.len));
}

static bool visit(void *owner, const struct bud_entry *entry)
{
	struct search *find = owner;

	if (!may_be_it(find, entry->bytes) ||
		bud_envelope_scan_stored(&find->envelope, entry->bytes) < 0 ||
		!bud_span_equals(find->envelope.id, bud_buffer_as_span(&find->id)) ||
		!bud_span_equals(find->envelope.source, bud_buffer_as_span(&find->source)) ||
		bud_authorize_delivery(entry->owner, bud_span(BUD_OWNER_LOCAL)) !=
			BUD_DECISION_PERMIT)
		return true;
	find->event = bud_event_create(entry->owner, entry->bytes);
	find->member = entry->id;
	return find->event == NULL;
}

static void on_end(void *owner, int err, const struct bud_look_back_result *result)
{
	struct search *find = owner;
	struct bud_event_search_result found = {find->event, find->member, result};

	find->fn(find->owner, err, &found);
	destroy(find);
}

int bud_event_search(struct bud_api_desk *desk, const struct bud_event_search *wanted,
	bud_event_search_fn fn, void *owner)
{
	struct search *find = bud_new(struct search);
	struct bud_look_back look_back = {
		.store = desk->store,
		.from_ms = wanted->from_ms,
		.to_ms = wanted->to_ms,
		.events_max = BUD_LOOK_BACK_EVENTS_MAX,
		.visit = visit,
		.end = on_end,
		.owner = find,
	};
	int r;

	find->fn = fn;
	find->owner = owner;
	bud_buffer_span(&find->id, wanted->id);
	bud_buffer_span(&find->source, wanted->source);
	bud_envelope_init(&find->envelope);
	r = bud_look_back(&look_back);
	if (r < 0)
		destroy(find);
	return r;
}

void bud_event_search_refuse(struct bud_request *request, const struct bud_look_back_result *looked)
{
	struct bud_error error;
	char oldest[25] = "now";

	if (looked->oldest_ms > 0)
		bud_clock_write(looked->oldest_ms, oldest);
	(void)bud_error_set(&error, NULL,
		looked->is_whole
			? "it is not among the %zu events that are retained, back to %s"
			: "it is not among the newest %zu events, back to %s: narrow the search "
			  "with from and to",
		looked->events, oldest);
	bud_reply_problem(request, 404, "not-found", "No such event", &error);
}
