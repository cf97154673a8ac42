/* The operator's pauses. A change: body read -> written for each id it means -> answered when all
 * are there; saying it twice is fine. The list: page after page, up to a bound. */
#include "api/pauses.h"

#include <errno.h>
#include <stdlib.h>

#include "api/failure.h"
#include "api/json_body.h"
#include "api/pauses_body.h"
#include "auth/need.h"
#include "core/clock.h"
#include "core/limits.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/pauses.h"
#include "store/store.h"

#define LIST_MAX 10000

struct change {
	struct bud_request *request;
	bool is_pause;
	struct bud_pauses_body body;
	unsigned n_waiting;
	int err; /* the first one */
	int64_t n;
};

struct list {
	struct bud_store *store;
	struct bud_request *request;
	struct bud_buffer body;
	size_t n;
};

static void handle_pause(void *context, struct bud_request *request);
static void handle_resume(void *context, struct bud_request *request);
static void handle_list(void *context, struct bud_request *request);
static void on_page(void *owner, int err, const struct bud_pauses *pauses);

const struct bud_route bud_pauses_routes[] = {
	{"POST", "/pause", handle_pause, BUD_API_BODY_BYTES_MAX, BUD_NEED_NOTHING},
	{"POST", "/resume", handle_resume, BUD_API_BODY_BYTES_MAX, BUD_NEED_NOTHING},
	{"GET", "/pauses", handle_list, 0, BUD_NEED_NOTHING},
};
const size_t bud_pauses_routes_n = sizeof(bud_pauses_routes) / sizeof(bud_pauses_routes[0]);

/* Answers 503 while there is no store yet: the admin listener is there before it. */
static bool has_store(const struct bud_pauses_api *api, struct bud_request *request)
{
	if (bud_store_is_up(api->store))
		return true;
	bud_failure_reply(request, -ENOTCONN);
	return false;
}

/* Changes */

static void end(struct change *change)
{
	bud_pauses_body_finish(&change->body);
	free(change);
}

static void answer(struct change *change)
{
	bud_auto(buffer) struct bud_buffer text = {0};

	if (change->err < 0) {
		bud_failure_reply(change->request, change->err);
		end(change);
		return;
	}
	bud_buffer_text(&text, "{\"ids\":[");
	for (size_t i = 0; i < change->body.n; i++) {
		if (i > 0)
			bud_buffer_byte(&text, ',');
		bud_buffer_json(&text, bud_buffer_as_span(&change->body.ids[i]));
	}
	bud_buffer_text(&text, "]");
	if (!change->is_pause)
		bud_buffer_text(
			&text, change->n > 0 ? ",\"was_paused\":true" : ",\"was_paused\":false");
	bud_buffer_byte(&text, '}');
	bud_reply(change->request, 200, "application/json", bud_buffer_as_span(&text));
	end(change);
}

static void on_written(void *owner, int err, int64_t number)
{
	struct change *change = owner;

	if (err < 0 && change->err == 0)
		change->err = err;
	change->n += number;
	if (--change->n_waiting == 0)
		answer(change);
}

static int write_one(struct bud_store *store, struct change *change, struct bud_span id)
{
	struct bud_pause pause = {.id = id,
		.kind = BUD_PAUSE_OPERATOR,
		.for_ms = change->body.for_ms,
		.node = bud_span(""),
		.reason = bud_span(change->body.reason ? change->body.reason : "")};

	if (change->is_pause)
		return bud_pause_put(store, &pause, on_written, change);
	return bud_pause_remove(store, id, bud_span(""), on_written, change);
}

static void begin(struct bud_pauses_api *api, struct bud_request *request, bool is_pause)
{
	struct bud_error error = {0};
	struct change *change;

	if (!bud_json_body_check_type(request) || !has_store(api, request))
		return;
	change = bud_new(struct change);
	change->request = request;
	change->is_pause = is_pause;
	if (bud_pauses_body_parse(request->body, is_pause, &change->body, &error) < 0) {
		bud_json_body_refuse(request, &error);
		free(change);
		return;
	}
	for (size_t i = 0; i < change->body.n && change->err == 0; i++) {
		change->err =
			write_one(api->store, change, bud_buffer_as_span(&change->body.ids[i]));
		change->n_waiting += change->err == 0;
	}
	if (change->n_waiting == 0)
		answer(change);
}

static void handle_pause(void *context, struct bud_request *request)
{
	begin(context, request, true);
}

static void handle_resume(void *context, struct bud_request *request)
{
	begin(context, request, false);
}

/* The list */

static void finish(struct list *list, int err)
{
	if (err < 0) {
		bud_failure_reply(list->request, err);
	} else {
		bud_buffer_byte(&list->body, ']');
		bud_reply(list->request, 200, "application/json", bud_buffer_as_span(&list->body));
	}
	bud_buffer_finish(&list->body);
	free(list);
}

static void handle_list(void *context, struct bud_request *request)
{
	struct bud_pauses_api *api = context;
	struct list *list;
	int r;

	if (!has_store(api, request))
		return;
	list = bud_new(struct list);
	list->store = api->store;
	list->request = request;
	bud_buffer_byte(&list->body, '[');
	r = bud_pauses_list(api->store, 0, on_page, list);
	if (r < 0)
		finish(list, r);
}

void bud_pauses_write(const struct bud_pause *pause, struct bud_buffer *out)
{
	char until[25];

	bud_buffer_text(out, "{\"id\":");
	bud_buffer_json(out, pause->id);
	bud_buffer_format(out, ",\"kind\":\"%s\"", bud_pause_kind_word(pause->kind));
	if (pause->until_ms > 0) {
		bud_clock_write(pause->until_ms, until);
		bud_buffer_format(out, ",\"until\":\"%s\"", until);
	}
	if (pause->node.len > 0) {
		bud_buffer_text(out, ",\"node\":");
		bud_buffer_json(out, pause->node);
	}
	if (pause->reason.len > 0) {
		bud_buffer_text(out, ",\"reason\":");
		bud_buffer_json(out, pause->reason);
	}
	bud_buffer_byte(out, '}');
}

static void add(struct list *list, const struct bud_pause *pause)
{
	if (list->n++ > 0)
		bud_buffer_byte(&list->body, ',');
	bud_pauses_write(pause, &list->body);
}

static void on_page(void *owner, int err, const struct bud_pauses *pauses)
{
	struct list *list = owner;
	int r;

	if (err < 0) {
		finish(list, err);
		return;
	}
	for (size_t i = 0; i < pauses->n; i++)
		if (pauses->at[i].kind != BUD_PAUSE_ENDED)
			add(list, &pauses->at[i]);
	if (pauses->n < BUD_PAUSES_MAX || list->n >= LIST_MAX) {
		finish(list, 0);
		return;
	}
	r = bud_pauses_list(list->store, pauses->after, on_page, list);
	if (r < 0)
		finish(list, r);
}
