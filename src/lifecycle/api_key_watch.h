/* The watch over API keys: what is trusted on this node follows what is stored, so that a key that
 * is revoked anywhere is refused everywhere within a quarter of a second. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"

struct bud_api_key_watch; /* opaque; belongs to the control thread */
struct bud_store;         /* store/store.h */
struct bud_trust;         /* auth/trust.h */
struct uv_loop_s;

/* All borrowed until it is closed. */
struct bud_api_key_watch_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_trust *trust;
};

struct bud_api_key_watch *bud_api_key_watch_open(const struct bud_api_key_watch_options *options);
/* The connection is up, for the first time or again: look at once. */
void bud_api_key_watch_on_up(struct bud_api_key_watch *watch);

typedef void (*bud_api_key_watch_fn)(void *owner, int err);
/* Looks now; `fn` comes when this node trusts what is stored by then, or could not look. Negative:
 * not called. */
BUD_MUST_CHECK int bud_api_key_watch_look(
	struct bud_api_key_watch *watch, bud_api_key_watch_fn fn, void *owner);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_api_key_watch_close(struct bud_api_key_watch *watch);
