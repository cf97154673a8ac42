/* The watch over durability. Each second: what is it now? -> told from then on, and logged when it
 * is another than before, or not the best from the start. */
#include "lifecycle/durability.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/alloc.h"
#include "core/log.h"
#include "store/store.h"

#define EACH_MS 1000

struct bud_durability_watch {
	struct bud_durability_options options;
	uv_timer_t timer;
	bool is_asking;
	const char *known;
};

static void on_timer(uv_timer_t *timer);

struct bud_durability_watch *bud_durability_watch_open(const struct bud_durability_options *options)
{
	struct bud_durability_watch *watch = bud_new(struct bud_durability_watch);
	uint64_t each_ms = options->each_ms ? (uint64_t)options->each_ms : EACH_MS;

	watch->options = *options;
	watch->known = "fsync";
	uv_timer_init(options->loop, &watch->timer);
	watch->timer.data = watch;
	uv_timer_start(&watch->timer, on_timer, 0, each_ms);
	return watch;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void bud_durability_watch_close(struct bud_durability_watch *watch)
{
	if (watch)
		uv_close((uv_handle_t *)&watch->timer, on_closed);
}

static void note(struct bud_durability_watch *watch, const char *durability)
{
	atomic_store(watch->options.durability, durability);
	if (strcmp(durability, watch->known) == 0)
		return;
	watch->known = durability;
	if (strcmp(durability, "fsync") == 0)
		bud_log_info("Redis has on disk what it has answered", "durability", durability);
	else
		bud_log_warn("Redis may lose what it has answered: set appendonly yes and "
			     "appendfsync always",
			"durability", durability);
}

static void on_durability(void *owner, int err, const char *durability)
{
	struct bud_durability_watch *watch = owner;

	watch->is_asking = false;
	if (err == 0)
		note(watch, durability);
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_durability_watch *watch = timer->data;

	if (!watch->is_asking && bud_store_is_up(watch->options.store))
		watch->is_asking =
			bud_store_durability(watch->options.store, on_durability, watch) == 0;
}
