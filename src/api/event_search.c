/* Finding one event. Most are told apart by their bytes alone: only where the id stands as it is,
 * or where it may be written with escapes, the attributes are looked up. */
#include "api/event_search.h"

#include <stdlib.h>
#include <string.h>

#include "access/permits.h"
#include "api/desk.h"
#include "api/look_back.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "core/clock.h"
#include "core/error.h"
#include "event/envelope.h"
#include "event/event.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/kept.h"
#include "store/partition.h"

/* Of the kept copies that are looked through. */
#define KEPT_MAX 10000u

struct search {
	struct bud_buffer id;
	struct bud_buffer source;
	struct bud_buffer reader;
	struct bud_permits permits;
	struct bud_question question; /* whether the one at hand may be read */
	enum bud_decision decision;
	struct bud_envelope envelope;
	struct bud_event *event;
	struct bud_member member;
	bud_event_search_fn fn;
	void *owner;
	/* Behind the streams: what is kept of those that were trimmed. */
	struct bud_store *store;
	int64_t from_ms;
	int64_t to_ms;
	struct bud_look_back_result looked;
	size_t kept_n;
};

static void destroy(struct search *search)
{
	bud_buffer_finish(&search->id);
	bud_buffer_finish(&search->source);
	bud_buffer_finish(&search->reader);
	bud_envelope_finish(&search->envelope);
	bud_event_unref(search->event);
	free(search);
}

static bool may_be_it(const struct search *search, struct bud_span bytes)
{
	return bytes.at && (memmem(bytes.at, bytes.len, search->id.at, search->id.len) ||
				   memchr(bytes.at, '\\', bytes.len));
}

static bool visit(void *owner, const struct bud_entry *entry)
{
	struct search *search = owner;

	if (!may_be_it(search, entry->bytes) ||
		bud_envelope_scan_stored(&search->envelope, entry->bytes) < 0 ||
		!bud_span_equals(search->envelope.id, bud_buffer_as_span(&search->id)) ||
		!bud_span_equals(search->envelope.source, bud_buffer_as_span(&search->source)))
		return true;
	search->event = bud_event_create(entry->owner, entry->bytes);
	if (!search->event)
		return true;
	bud_question_of_event(search->event, bud_buffer_as_span(&search->reader), BUD_ACTION_READ,
		&search->question);
	search->question.now_ms = bud_clock_wall_ms();
	search->decision = bud_authorize(search->permits.authority, &search->question, NULL);
	if (search->decision == BUD_DECISION_DENY) {
		bud_event_unref(bud_move(search->event));
		return true;
	}
	search->member = entry->id;
	return false;
}

static void tell(struct search *search, int err)
{
	struct bud_event_search_result found = {search->event, search->member, &search->looked};

	search->fn(search->owner, err, &found);
	destroy(search);
}

static void on_decided(void *owner)
{
	struct search *search = owner;

	if (search->decision != BUD_DECISION_PERMIT)
		bud_event_unref(bud_move(search->event));
	tell(search, 0);
}

static void finish(struct search *search, int err)
{
	if (!search->event || search->decision != BUD_DECISION_LATER)
		tell(search, err);
	else if (bud_permits_ask(&search->permits, on_decided, search))
		on_decided(search);
}

static bool is_in_time(const struct search *search, const struct bud_member *id)
{
	return (int64_t)id->ms >= search->from_ms &&
	       (search->to_ms == 0 || (int64_t)id->ms < search->to_ms);
}

static void on_kept(
	void *owner, int err, uint64_t cursor, const struct bud_entry *entries, size_t n)
{
	struct search *search = owner;
	bool goes_on = err == 0;

	for (size_t i = 0; goes_on && i < n; i++)
		if (is_in_time(search, &entries[i].id))
			goes_on = visit(search, &entries[i]);
	search->kept_n += n;
	if (goes_on && cursor != 0 && search->kept_n >= KEPT_MAX)
		search->looked.is_whole = false;
	if (!goes_on || cursor == 0 || search->kept_n >= KEPT_MAX) {
		finish(search, err);
		return;
	}
	err = bud_kept_scan(search->store, cursor, on_kept, search);
	if (err < 0)
		finish(search, err);
}

static void on_end(void *owner, int err, const struct bud_look_back_result *result)
{
	struct search *search = owner;

	if (err == 0)
		search->looked = *result;
	if (err == 0 && !search->event) {
		err = bud_kept_scan(search->store, 0, on_kept, search);
		if (err == 0)
			return;
	}
	finish(search, err);
}

int bud_event_search(struct bud_api_desk *desk, const struct bud_event_search *wanted,
	bud_event_search_fn fn, void *owner)
{
	struct search *search = bud_new(struct search);
	struct bud_look_back look_back = {
		.store = desk->store,
		.from_ms = wanted->from_ms,
		.to_ms = wanted->to_ms,
		.events_max = BUD_LOOK_BACK_EVENTS_MAX,
		.visit = visit,
		.end = on_end,
		.owner = search,
	};
	int r;

	search->store = desk->store;
	search->from_ms = wanted->from_ms;
	search->to_ms = wanted->to_ms;
	search->fn = fn;
	search->owner = owner;
	bud_buffer_span(&search->id, wanted->id);
	bud_buffer_span(&search->source, wanted->source);
	bud_buffer_span(&search->reader, wanted->owner);
	search->permits = (struct bud_permits){.authority = desk->authority,
		.point = desk->point,
		.questions = &search->question,
		.decisions = &search->decision,
		.n = 1};
	bud_envelope_init(&search->envelope);
	r = bud_look_back(&look_back);
	if (r < 0)
		destroy(search);
	return r;
}

/* How many there are, and how old, is nobody's matter but where all is one's own. */
void bud_event_search_refuse(struct bud_request *request, const struct bud_look_back_result *looked)
{
	static const char retained[] =
		"it is not among the events that are retained, or not yours to see";
	static const char newest[] = "it is not among the newest events, or not yours to see: "
				     "narrow the search with from and to";
	struct bud_error error;
	char oldest[25] = "now";

	if (looked->oldest_ms > 0)
		bud_clock_write(looked->oldest_ms, oldest);
	if (bud_request_identity(request) != &bud_identity_local)
		(void)bud_error_set(&error, NULL, "%s", looked->is_whole ? retained : newest);
	else if (looked->is_whole)
		(void)bud_error_set(&error, NULL,
			"it is not among the %zu events that are retained, back to %s",
			looked->events, oldest);
	else
		(void)bud_error_set(&error, NULL,
			"it is not among the newest %zu events, back to %s: narrow the search with "
			"from and to",
			looked->events, oldest);
	bud_reply_problem(request, 404, "not-found", "No such event", &error);
}
