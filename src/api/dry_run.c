/* Dry runs: filters compiled -> a look back over so many events -> those that match, answered. */
#include "api/dry_run.h"

#include <jansson.h>
#include <stdlib.h>

#include "api/desk.h"
#include "api/failure.h"
#include "api/json_body.h"
#include "api/look_back.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "core/clock.h"
#include "core/error.h"
#include "event/event.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/partition.h"
#include "subscription/body.h"
#include "subscription/filter.h"

#define LAST_DEFAULT 100
#define LAST_MAX     1000

struct run {
	struct bud_authority *authority;
	struct bud_request *request;
	struct bud_filter *filter;
	size_t n;
	struct bud_buffer events;
};

static void end(struct run *run)
{
	bud_filter_destroy(run->filter);
	bud_buffer_finish(&run->events);
	free(run);
}

static void write_text(struct bud_buffer *out, const char *name, struct bud_span value)
{
	if (!value.at)
		return;
	bud_buffer_format(out, ",\"%s\":", name);
	bud_buffer_json(out, value);
}

static void add(struct run *run, const struct bud_event *event, const struct bud_member *id)
{
	struct bud_buffer *out = &run->events;
	char stored[25];

	bud_clock_write((int64_t)id->ms, stored);
	bud_buffer_format(out, "%s{\"stored\":\"%s\"", run->n++ > 0 ? "," : "", stored);
	write_text(out, "id", event->id);
	write_text(out, "source", event->source);
	write_text(out, "type", event->type);
	write_text(out, "subject", event->subject);
	bud_buffer_byte(out, '}');
}

static bool visit(void *owner, const struct bud_entry *entry)
{
	struct run *run = owner;
	struct bud_span caller = bud_span(bud_request_identity(run->request)->name);
	struct bud_event *event = NULL;

	if (entry->bytes.at)
		event = bud_event_create(entry->owner, entry->bytes);
	/* What would be delivered to the caller, so no more is shown than that. */
	if (event && (!run->filter || bud_filter_match(run->filter, event)) &&
		bud_authorize_delivery(run->authority, event, caller, bud_clock_wall_ms()) ==
			BUD_DECISION_PERMIT)
		add(run, event, &entry->id);
	bud_event_unref(event);
	return true;
}

static void on_end(void *owner, int err, const struct bud_look_back_result *result)
{
	struct run *run = owner;
	bud_auto(buffer) struct bud_buffer body = {0};
	char oldest[25];

	if (err < 0) {
		bud_failure_reply(run->request, err);
		end(run);
		return;
	}
	bud_buffer_format(&body, "{\"looked\":%zu,\"matched\":%zu", result->events, run->n);
	if (result->oldest_ms > 0) {
		bud_clock_write(result->oldest_ms, oldest);
		bud_buffer_format(&body, ",\"oldest\":\"%s\"", oldest);
	}
	bud_buffer_text(&body, ",\"events\":[");
	bud_buffer_span(&body, bud_buffer_as_span(&run->events));
	bud_buffer_text(&body, "]}");
	bud_reply(run->request, 200, "application/json", bud_buffer_as_span(&body));
	end(run);
}

static int read_last(const json_t *body, size_t *out_last, struct bud_error *error)
{
	const json_t *value = json_object_get(body, "last");
	json_int_t last = json_integer_value(value);

	*out_last = LAST_DEFAULT;
	if (!value)
		return 0;
	if (!json_is_integer(value) || last < 1 || last > LAST_MAX)
		return bud_error_set(
			error, "last", "last must be a whole number from 1 to %d", LAST_MAX);
	*out_last = (size_t)last;
	return 0;
}

void bud_dry_run(struct bud_api_desk *desk, struct bud_request *request, const json_t *body)
{
	static const char *const known[] = {"filters", "last", NULL};
	struct run *run = bud_new(struct run);
	struct bud_look_back look_back = {
		.store = desk->store, .visit = visit, .end = on_end, .owner = run};
	struct bud_error error = {0};
	int r = bud_body_check(body, "", known, &error);

	run->authority = desk->authority;
	run->request = request;
	if (r == 0)
		r = read_last(body, &look_back.events_max, &error);
	if (r == 0)
		r = bud_filter_compile(json_object_get(body, "filters"), &run->filter, &error);
	if (r < 0) {
		bud_json_body_refuse(request, &error);
		end(run);
		return;
	}
	r = bud_look_back(&look_back);
	if (r == 0)
		return;
	bud_failure_reply(request, r);
	end(run);
}
