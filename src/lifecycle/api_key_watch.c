/* The watch over API keys. Five times a second: is the version another one? -> list -> trust. While
 * Redis is away what was known last stays. */
#include "lifecycle/api_key_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "auth/api_keys.h"
#include "auth/trust.h"
#include "core/log.h"
#include "store/api_keys.h"

#define FOLLOW_MS 200

struct bud_api_key_watch {
	struct bud_api_key_watch_options options;
	uv_timer_t timer;
	bool is_asking;
	int64_t version; /* of what is trusted; -1: nothing yet */
	int64_t seen;    /* the version that made us list */
};

/* A look that somebody waits for. */
struct waiting {
	struct bud_api_key_watch *watch;
	bud_api_key_watch_fn fn;
	void *owner;
};

static void on_timer(uv_timer_t *timer);

struct bud_api_key_watch *bud_api_key_watch_open(const struct bud_api_key_watch_options *options)
{
	struct bud_api_key_watch *watch = bud_new(struct bud_api_key_watch);

	watch->options = *options;
	watch->version = -1;
	uv_timer_init(options->loop, &watch->timer);
	watch->timer.data = watch;
	uv_timer_start(&watch->timer, on_timer, FOLLOW_MS, FOLLOW_MS);
	return watch;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void bud_api_key_watch_close(struct bud_api_key_watch *watch)
{
	if (watch)
		uv_close((uv_handle_t *)&watch->timer, on_closed);
}

static void trust(struct bud_api_key_watch *watch, const struct bud_span *texts, size_t n)
{
	struct bud_api_keys *keys = bud_api_keys_create();
	size_t unread = 0;

	for (size_t i = 0; i < n; i++) {
		struct bud_api_key key;
		if (bud_api_key_parse(texts[i], &key) == 0)
			bud_api_keys_add(keys, &key);
		else
			unread++;
	}
	if (unread > 0)
		bud_log_error("stored API keys cannot be read", "keys", bud_log_number(unread));
	bud_trust_put_api_keys(watch->options.trust, keys);
	bud_api_keys_unref(keys);
}

static void on_list(void *owner, int err, const struct bud_span *texts, size_t n)
{
	struct bud_api_key_watch *watch = owner;

	watch->is_asking = false;
	if (err < 0)
		return; /* the timer asks again */
	watch->version = watch->seen;
	trust(watch, texts, n);
}

static void on_version(void *owner, int err, int64_t version)
{
	struct bud_api_key_watch *watch = owner;

	watch->is_asking = false;
	if (err < 0 || version == watch->version)
		return;
	/* Read before the list: what comes between makes us look once more. */
	watch->seen = version;
	watch->is_asking = bud_stored_api_keys_list(watch->options.store, on_list, watch) == 0;
}

static void look(struct bud_api_key_watch *watch)
{
	if (!watch->is_asking)
		watch->is_asking =
			bud_stored_api_keys_version(watch->options.store, on_version, watch) == 0;
}

static void on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

void bud_api_key_watch_on_up(struct bud_api_key_watch *watch)
{
	look(watch);
}

static void on_asked_list(void *owner, int err, const struct bud_span *texts, size_t n)
{
	struct waiting waiting = *(struct waiting *)owner;

	free(owner);
	if (err == 0)
		trust(waiting.watch, texts, n);
	waiting.fn(waiting.owner, err);
}

int bud_api_key_watch_look(struct bud_api_key_watch *watch, bud_api_key_watch_fn fn, void *owner)
{
	struct waiting *waiting = bud_new(struct waiting);
	int r;

	*waiting = (struct waiting){watch, fn, owner};
	r = bud_stored_api_keys_list(watch->options.store, on_asked_list, waiting);
	if (r < 0)
		free(waiting);
	return r;
}
