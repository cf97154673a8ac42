/* One thread with a pull on a private Redis: publishes, and reads pages. */
#pragma once
#include <stdbool.h>
#include <uv.h>
#include "core/metrics.h"
#include "core/text.h"
#include "read/pull.h"
#include "redis_server.h"
#include "store/append.h"
#include "store/store.h"

struct read_rig {
	struct redis_server server;
	uv_loop_t loop;
	struct bud_redis *redis;
	struct bud_shard shard;
	struct bud_store store;
	struct bud_metrics metrics;
	struct bud_pull *pull;
	struct bud_trimmer *trimmer; /* a test's, closed at the end */
};
extern struct read_rig rig;

/* Of all events that are published. */
#define RIG_RESOURCE "urn:r"

/* For cmocka: of a group, and of each test, which has an empty shard. */
int rig_start(void **state);
int rig_finish(void **state);
int rig_begin(void **state);
int rig_end(void **state);
void rig_run_until(const bool *done);

/* All are to be stored. */
void rig_publish_call(struct bud_append_event *events, size_t n);
void rig_publish_json(struct bud_span json, const char *owner);
/* With `filler` bytes of data; its subject is /party/<id>. */
void rig_publish(const char *id, const char *type, const char *owner, size_t filler);
/* Ids from `from` to `to` - 1. */
void rig_publish_many(size_t from, size_t to, const char *type);

/* What a page said. */
struct rig_page {
	bool done;
	int err;
	size_t n;
	bool has_more;
	uint64_t position;
	char first[16];
	char last[16];
};

/* For bud_pull_read(); the owner is the struct rig_page. */
void rig_on_page(void *owner, int err, const struct bud_pull_page *page);
/* Permits events of "local", and says LATER to those of "later"; counts at `may_owner`, a size_t.
 */
struct bud_pull_query rig_query(enum bud_index_kind kind, const char *value);
struct rig_page rig_read_page(const struct bud_pull_query *query);
