/* The rig. */
#include "read_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "config/redis_url.h"
#include "event/envelope.h"
#include "event/event.h"
#include "read/trimmer.h"
#include "redis/client.h"
#include "store/append.h"

struct read_rig rig;

static void on_setup(void *owner, int err, const char *text)
{
	(void)text;
	assert_int_equal(err, 0);
	*(bool *)owner = true;
}

void rig_run_until(const bool *done)
{
	while (!*done)
		uv_run(&rig.loop, UV_RUN_ONCE);
}

int rig_start(void **state)
{
	struct bud_redis_url url;
	struct bud_redis_options options = {
		.url = &url, .scripts = bud_store_scripts, .scripts_n = bud_store_scripts_n};
	bool done = false;

	(void)state;
	redis_server_start(&rig.server, NULL);
	if (bud_redis_url_parse(bud_span(rig.server.url), &url, NULL) < 0)
		abort();
	uv_loop_init(&rig.loop);
	rig.redis = bud_redis_open(&rig.loop, &options);
	bud_store_init(&rig.store, rig.redis, &rig.shard);
	while (!bud_redis_is_up(rig.redis))
		uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(0, bud_store_setup(&rig.store, &rig.shard, on_setup, &done));
	rig_run_until(&done);
	return 0;
}

int rig_finish(void **state)
{
	(void)state;
	bud_store_detach(&rig.store);
	bud_redis_close(rig.redis);
	for (int i = 0; i < 20; i++) /* the connection's last callbacks */
		uv_run(&rig.loop, UV_RUN_NOWAIT);
	bud_trimmer_close(rig.trimmer);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	bud_store_finish(&rig.store);
	redis_server_finish(&rig.server);
	return uv_loop_close(&rig.loop);
}

/* Each test has an empty shard. */
int rig_begin(void **state)
{
	bool done = false;

	(void)state;
	redis_server_do(&rig.server, "FLUSHALL");
	assert_int_equal(0, bud_store_setup(&rig.store, &rig.shard, on_setup, &done));
	rig_run_until(&done);
	rig.metrics = (struct bud_metrics){0};
	rig.pull = bud_pull_open(&(struct bud_pull_options){.loop = &rig.loop,
		.store = &rig.store,
		.metrics = &rig.metrics,
		.kinds = BUD_INDEX_ALL});
	return 0;
}

int rig_end(void **state)
{
	(void)state;
	bud_pull_close(rig.pull);
	return 0;
}

/* Publishing */

static void on_appended(void *owner, int err, const signed char *results, size_t n)
{
	assert_int_equal(err, 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(BUD_APPEND_STORED, results[i]);
	*(bool *)owner = true;
}

void rig_publish_call(struct bud_append_event *events, size_t n)
{
	bool done = false;

	assert_int_equal(0, bud_append(&rig.store, 600000, events, n, on_appended, &done));
	rig_run_until(&done);
}

/* Borrows `json` for as long as the event is used. */
static void prepare(struct bud_span json, const char *owner, struct bud_append_event *out_event)
{
	struct bud_envelope envelope;

	bud_envelope_init(&envelope);
	assert_int_equal(0, bud_envelope_scan(&envelope, json, NULL));
	bud_append_prepare(&rig.shard,
		&(struct bud_append_key){envelope.source, envelope.id, {NULL, 0}}, bud_span(owner),
		envelope.json, out_event);
	out_event->index_n =
		bud_index_keys_of(&rig.shard, BUD_INDEX_ALL, &envelope, out_event->index);
	bud_envelope_finish(&envelope);
}

void rig_publish_json(struct bud_span json, const char *owner)
{
	struct bud_append_event event;

	prepare(json, owner, &event);
	rig_publish_call(&event, 1);
}

/* With `filler` bytes of data. */
static void write_event(struct bud_buffer *json, const char *id, const char *type, size_t filler)
{
	bud_buffer_format(json,
		"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/s\",\"type\":\"%s\","
		"\"resource\":\"" RIG_RESOURCE "\",\"subject\":\"/party/%s\",\"data\":\"",
		id, type, id);
	memset(bud_buffer_reserve(json, filler), 'x', filler);
	json->len += filler;
	bud_buffer_text(json, "\"}");
}

void rig_publish(const char *id, const char *type, const char *owner, size_t filler)
{
	bud_auto(buffer) struct bud_buffer json = {0};

	write_event(&json, id, type, filler);
	rig_publish_json(bud_buffer_as_span(&json), owner);
}

void rig_publish_many(size_t from, size_t to, const char *type)
{
	struct bud_append_event events[BUD_APPEND_EVENTS_MAX];
	struct bud_buffer json[BUD_APPEND_EVENTS_MAX] = {{0}};
	char id[24];

	while (from < to) {
		size_t n = 0;
		for (; n < BUD_APPEND_EVENTS_MAX && from < to; n++, from++) {
			snprintf(id, sizeof(id), "%zu", from);
			bud_buffer_clear(&json[n]);
			write_event(&json[n], id, type, 10);
			prepare(bud_buffer_as_span(&json[n]), "local", &events[n]);
		}
		rig_publish_call(events, n);
	}
	for (size_t i = 0; i < BUD_APPEND_EVENTS_MAX; i++)
		bud_buffer_finish(&json[i]);
}

/* Reading */

static void copy_id(const struct bud_event *event, char out[16])
{
	snprintf(out, 16, "%.*s", (int)event->id.len, event->id.at);
}

void rig_on_page(void *owner, int err, const struct bud_pull_page *page)
{
	struct rig_page *got = owner;

	assert_false(got->done);
	*got = (struct rig_page){.done = true, .err = err};
	if (err < 0)
		return;
	got->n = page->n;
	got->has_more = page->has_more;
	got->position = page->position;
	for (size_t i = 1; i < page->n; i++)
		assert_true(page->positions[i] > page->positions[i - 1]);
	if (page->n == 0)
		return;
	assert_true(page->positions[page->n - 1] <= page->position);
	copy_id(page->events[0], got->first);
	copy_id(page->events[page->n - 1], got->last);
}

static enum bud_decision by_owner(void *owner, const struct bud_event *event)
{
	size_t *asked = owner;

	if (asked)
		++*asked;
	if (bud_span_is(event->owner, "later"))
		return BUD_DECISION_LATER;
	return bud_span_is(event->owner, "local") ? BUD_DECISION_PERMIT : BUD_DECISION_DENY;
}

struct bud_pull_query rig_query(enum bud_index_kind kind, const char *value)
{
	struct bud_pull_query query = {.size = 50,
		.filter = {.from_ms = INT64_MIN, .to_ms = INT64_MAX},
		.may_read = by_owner};

	bud_index_key_make(&rig.shard, kind, bud_span(value), &query.key);
	return query;
}

struct rig_page rig_read_page(const struct bud_pull_query *query)
{
	struct rig_page got = {.done = false};

	assert_int_equal(0, bud_pull_read(rig.pull, query, rig_on_page, &got));
	assert_false(got.done);
	rig_run_until(&got.done);
	return got;
}
