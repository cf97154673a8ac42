/* Loads. scan -> a page: the next one is asked for, this one is copied -> parsed by a thread ->
 * told on the loop -> … -> end, when there is no further page and none being parsed. A few pages
 * may be under way at a time; a load that has as many asks for the next one when one is done. */
#include "lifecycle/load.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "store/following.h"
#include "store/grants.h"
#include "subscription/compact.h"
#include "subscription/pool.h"

#define PAGES_MAX 4
#define SAY_MS    1000

/* A page goes to another thread and back. libuv sees to the order of what they write; the step says
 * so in C's own terms. */
enum step {
	STEP_COPIED,
	STEP_PARSED,
};

struct page {
	uv_work_t work;
	_Atomic enum step step;
	struct bud_load *load;
	char *text; /* what the records point to */
	size_t n;
	struct bud_loaded loaded[];
};

struct bud_load {
	struct bud_load_options options;
	uint64_t cursor; /* of the page after those that were asked for; 0: there is none */
	uint64_t told;
	int64_t said_mono_ms;
	unsigned parsing; /* pages */
	bool is_scanning;
	bool is_cancelled;
	int err;
};

static void on_page(
	void *owner, int err, uint64_t cursor, const struct bud_registry_record *records, size_t n);
static void parse_page(uv_work_t *work);
static void on_parsed(uv_work_t *work, int status);

void bud_loaded_parse(struct bud_loaded *loaded, const struct bud_subscription_defaults *defaults,
	struct bud_pool *pool)
{
	const struct bud_registry_value *value = &loaded->record.value;
	struct bud_subscription_beside beside = {value->serial, value->etag, value->status};
	struct bud_error error;

	if (bud_grant_key_is(loaded->record.id) || value->record.len == 0)
		return;
	loaded->err = bud_subscription_load_compact(
		value->record, &beside, defaults, pool, &loaded->made, &error);
	if (loaded->err < 0)
		loaded->why = bud_strdup(error.text);
}

void bud_loaded_finish(struct bud_loaded *loaded)
{
	bud_subscription_destroy(loaded->made);
	free(loaded->why);
}

/* Tells the readiness, and people each second. */
static void say(struct bud_load *load)
{
	int64_t now_ms = bud_clock_mono_ms();
	uint64_t total = load->options.total;

	if (load->told > total)
		total = load->told;
	bud_following_set_loading(load->options.following, load->told, total);
	if (now_ms - load->said_mono_ms < SAY_MS)
		return;
	load->said_mono_ms = now_ms;
	bud_log_info("loading subscriptions", "loaded", bud_log_number(load->told), "of",
		bud_log_number(total));
}

static void scan(struct bud_load *load)
{
	int r = bud_registry_scan(load->options.store, load->cursor, on_page, load);

	load->is_scanning = r == 0;
	if (r < 0)
		load->err = r;
}

static void destroy(struct bud_load *load)
{
	bud_pool_unref(load->options.pool);
	free(load);
}

struct bud_load *bud_load_start(const struct bud_load_options *options)
{
	struct bud_load *load = bud_new(struct bud_load);

	load->options = *options;
	bud_pool_ref(options->pool);
	load->said_mono_ms = bud_clock_mono_ms();
	scan(load);
	if (load->err < 0) {
		destroy(load);
		return NULL;
	}
	say(load);
	return load;
}

static void end_if_over(struct bud_load *load)
{
	if (load->is_scanning || load->parsing > 0)
		return;
	if (!load->is_cancelled) {
		bud_following_set_loading(load->options.following, 0, 0);
		load->options.on_end(load->options.owner, load->err);
	}
	destroy(load);
}

void bud_load_cancel(struct bud_load *load)
{
	if (!load)
		return;
	load->is_cancelled = true;
	load->err = -ECANCELED;
	bud_following_set_loading(load->options.following, 0, 0);
	end_if_over(load);
}

static struct bud_span copy(struct bud_span span, char **at)
{
	struct bud_span copied = {*at, span.len};

	if (span.len > 0)
		memcpy(*at, span.at, span.len);
	*at += span.len;
	return copied;
}

static struct page *copy_page(
	struct bud_load *load, const struct bud_registry_record *records, size_t n)
{
	struct page *page = bud_alloc_zero(sizeof(*page) + n * sizeof(page->loaded[0]));
	size_t bytes = 0;
	char *at;

	for (size_t i = 0; i < n; i++)
		bytes += records[i].id.len + records[i].value.etag.len +
			 records[i].value.record.len + records[i].value.status.len;
	page->text = at = bud_alloc(bytes + 1);
	for (size_t i = 0; i < n; i++) {
		const struct bud_registry_value *value = &records[i].value;
		page->loaded[i].record =
			(struct bud_registry_record){.id = copy(records[i].id, &at),
				.value = {
					.serial = value->serial,
					.etag = copy(value->etag, &at),
					.record = copy(value->record, &at),
					.status = copy(value->status, &at),
				}};
	}
	page->load = load;
	page->n = n;
	atomic_store(&page->step, STEP_COPIED);
	return page;
}

static void on_page(
	void *owner, int err, uint64_t cursor, const struct bud_registry_record *records, size_t n)
{
	struct bud_load *load = owner;

	load->is_scanning = false;
	if (err < 0 && load->err == 0)
		load->err = err;
	if (load->err < 0) {
		end_if_over(load);
		return;
	}
	load->cursor = cursor;
	load->parsing++;
	if (cursor != 0 && load->parsing < PAGES_MAX)
		scan(load);
	uv_queue_work(
		load->options.loop, &copy_page(load, records, n)->work, parse_page, on_parsed);
}

static void parse_page(uv_work_t *work)
{
	struct page *page = bud_container(work, struct page, work);

	assert(atomic_load(&page->step) == STEP_COPIED);
	for (size_t i = 0; i < page->n; i++)
		bud_loaded_parse(
			&page->loaded[i], &page->load->options.defaults, page->load->options.pool);
	atomic_store(&page->step, STEP_PARSED);
}

static void tell(struct page *page)
{
	struct bud_load *load = page->load;

	for (size_t i = 0; i < page->n; i++) {
		if (load->err == 0)
			load->options.on_record(load->options.owner, &page->loaded[i]);
		bud_loaded_finish(&page->loaded[i]);
	}
	load->told += page->n;
	free(page->text);
	free(page);
}

static void on_parsed(uv_work_t *work, int status)
{
	struct page *page = bud_container(work, struct page, work);
	struct bud_load *load = page->load;

	(void)status;
	assert(atomic_load(&page->step) == STEP_PARSED);
	load->parsing--;
	tell(page);
	if (!load->is_cancelled)
		say(load);
	if (load->err == 0 && load->cursor != 0 && !load->is_scanning)
		scan(load);
	end_if_over(load);
}
