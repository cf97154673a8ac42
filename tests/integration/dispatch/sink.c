/* The receiver. request -> check, note -> (delay) -> status. */
#include "sink.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "budstikke/webhook.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/limits.h"
#include "event/event.h"
#include "http/listener.h"
#include "http/reply.h"
#include "http/request.h"

static void on_push(void *context, struct bud_request *request);

static const struct bud_route routes[] = {
	{"POST", "/{name}", on_push, BUD_EVENT_BYTES_MAX, 0},
	{"POST", "/{name}/{more}", on_push, BUD_EVENT_BYTES_MAX, 0},
};

static struct bud_route_table table = {routes, 2, NULL};

void sink_open(struct sink *sink, uv_loop_t *loop)
{
	struct bud_listener_options options = {
		.host = "127.0.0.1", .tables = &table, .n_tables = 1};
	int err = 0;

	*sink = (struct sink){.loop = loop};
	bud_list_init(&sink->waiting);
	table.context = sink;
	sink->listener = bud_listener_open(loop, &options, &err);
	assert(sink->listener);
	sink->port = bud_listener_port(sink->listener);
}

void sink_finish(struct sink *sink)
{
	free(sink->seen);
	bud_buffer_finish(&sink->head);
	bud_buffer_finish(&sink->body);
}

static struct sink_path *find(struct sink *sink, const char *path)
{
	for (size_t i = 0; i < sink->n_paths; i++)
		if (strcmp(sink->paths[i].path, path) == 0)
			return &sink->paths[i];
	return NULL;
}

void sink_tell_retry_after(struct sink *sink, const char *path, const char *retry_after)
{
	find(sink, path)->retry_after = retry_after;
}

void sink_tell(struct sink *sink, const char *path, uint64_t delay_ms, const int *statuses)
{
	struct sink_path *to = find(sink, path);

	if (!to)
		to = &sink->paths[sink->n_paths++];
	assert(sink->n_paths <= sizeof(sink->paths) / sizeof(sink->paths[0]));
	*to = (struct sink_path){.delay_ms = delay_ms};
	snprintf(to->path, sizeof(to->path), "%s", path);
	while (statuses[to->n]) {
		to->statuses[to->n] = statuses[to->n];
		to->n++;
	}
}

static void copy_span(char *out, size_t room, struct bud_span span)
{
	snprintf(out, room, "%.*s", (int)span.len, span.at ? span.at : "");
}

/* Signed with our secret, and now. */
static bool is_signed(const struct bud_request *request)
{
	char id[64];
	char timestamp[32];
	char signature[160];
	const char *secrets[] = {SINK_SECRET};
	struct bud_webhook_headers headers = {id, timestamp, signature};

	copy_span(id, sizeof(id), bud_request_header(request, "webhook-id"));
	copy_span(timestamp, sizeof(timestamp), bud_request_header(request, "webhook-timestamp"));
	copy_span(signature, sizeof(signature), bud_request_header(request, "webhook-signature"));
	return bud_webhook_verify(secrets, 1, &headers, request->body.at, request->body.len,
		       bud_clock_wall_ms() / 1000, 5) == 0;
}

static void keep_last(struct sink *sink, const struct bud_request *request)
{
	bud_buffer_clear(&sink->head);
	bud_buffer_clear(&sink->body);
	for (size_t i = 0; i < request->n_headers; i++) {
		struct bud_span name = request->headers[i].name;
		for (size_t k = 0; k < name.len; k++)
			bud_buffer_byte(&sink->head, (char)tolower((unsigned char)name.at[k]));
		bud_buffer_text(&sink->head, ": ");
		bud_buffer_span(&sink->head, request->headers[i].value);
		bud_buffer_byte(&sink->head, '\n');
	}
	bud_buffer_text(&sink->body, "");
	bud_buffer_span(&sink->body, request->body);
}

bool sink_had(const struct sink *sink, const char *line)
{
	const char *at = sink->head.at ? strstr(sink->head.at, line) : NULL;

	return at && (at == sink->head.at || at[-1] == '\n');
}

static struct sink_seen *note(struct sink *sink, struct bud_request *request)
{
	struct bud_event *event = bud_event_create(bud_span("local"), request->body);
	struct sink_seen *seen;

	if (sink->n == sink->room) {
		sink->room = sink->room ? 2 * sink->room : 64;
		sink->seen = bud_realloc(sink->seen, sink->room * sizeof(*sink->seen));
	}
	seen = &sink->seen[sink->n++];
	*seen = (struct sink_seen){.status = 200};
	copy_span(seen->path, sizeof(seen->path), request->path);
	copy_span(seen->webhook_id, sizeof(seen->webhook_id),
		bud_request_header(request, "webhook-id"));
	sink->n_bad += !sink->takes_anything && (!event || !is_signed(request));
	keep_last(sink, request);
	if (event)
		copy_span(seen->event, sizeof(seen->event), event->id);
	bud_event_unref(event);
	return seen;
}

struct later {
	struct bud_list link;
	uv_timer_t timer;
	struct sink *sink;
	struct bud_request *request;
	int status;
};

static void on_later_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_later(uv_timer_t *timer)
{
	struct later *later = timer->data;

	bud_list_remove(&later->link);
	later->sink->n_waiting--;
	bud_reply(later->request, later->status, NULL, (struct bud_span){NULL, 0});
	uv_close((uv_handle_t *)timer, on_later_closed);
}

void sink_release(struct sink *sink)
{
	while (!bud_list_is_empty(&sink->waiting))
		on_later(&bud_list_first(&sink->waiting, struct later, link)->timer);
}

void sink_close(struct sink *sink)
{
	sink_release(sink);
	bud_listener_close(sink->listener, NULL, NULL);
}

static void answer(struct sink *sink, struct bud_request *request, int status, uint64_t delay_ms)
{
	struct later *later;

	if (delay_ms == 0) {
		bud_reply(request, status, NULL, (struct bud_span){NULL, 0});
		return;
	}
	later = bud_new(struct later);
	later->sink = sink;
	later->request = request;
	later->status = status;
	uv_timer_init(sink->loop, &later->timer);
	later->timer.data = later;
	bud_list_append(&sink->waiting, &later->link);
	uv_timer_start(&later->timer, on_later, delay_ms, 0);
	if (++sink->n_waiting > sink->most_at_a_time)
		sink->most_at_a_time = sink->n_waiting;
}

static bool is_meant(const char *told, const char *path)
{
	size_t len = strlen(told);

	return len > 0 && told[len - 1] == '*' ? strncmp(told, path, len - 1) == 0
					       : strcmp(told, path) == 0;
}

static void on_push(void *context, struct bud_request *request)
{
	struct sink *sink = context;
	struct sink_seen *seen = note(sink, request);
	uint64_t delay_ms = 0;

	for (size_t i = 0; i < sink->n_paths; i++) {
		struct sink_path *path = &sink->paths[i];
		if (!is_meant(path->path, seen->path))
			continue;
		seen->status = path->statuses[path->calls < path->n ? path->calls : path->n - 1];
		path->calls++;
		delay_ms = path->delay_ms;
		if (path->retry_after)
			bud_reply_header(request, "Retry-After", path->retry_after);
	}
	if (sink->slow_event && strcmp(seen->event, sink->slow_event) == 0)
		delay_ms = sink->slow_ms;
	answer(sink, request, seen->status, delay_ms);
}

size_t sink_count(const struct sink *sink, const char *path, const char *event)
{
	size_t n = 0;

	for (size_t i = 0; i < sink->n; i++)
		n += (!path || strcmp(sink->seen[i].path, path) == 0) &&
		     (!event || strcmp(sink->seen[i].event, event) == 0);
	return n;
}

static bool is_first_success(const struct sink *sink, size_t i)
{
	const struct sink_seen *seen = &sink->seen[i];

	if (seen->status / 100 != 2)
		return false;
	for (size_t j = 0; j < i; j++)
		if (sink->seen[j].status / 100 == 2 &&
			strcmp(seen->event, sink->seen[j].event) == 0 &&
			strcmp(seen->path, sink->seen[j].path) == 0)
			return false;
	return true;
}

/* Asked in each turn of the loop: those that were counted are not looked at again. */
size_t sink_distinct(struct sink *sink)
{
	for (; sink->n_counted < sink->n; sink->n_counted++)
		sink->n_distinct += is_first_success(sink, sink->n_counted);
	return sink->n_distinct;
}
