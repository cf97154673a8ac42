/* A store on a private Redis for the tests of lanes: what the last call said, and short ways to
 * park, claim and resolve. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "redis_server.h"
#include "store/lane.h"
#include "store/partition.h"
#include "store/settle.h"
#include "store/store.h"

struct lane_rig {
	uv_loop_t loop;
	struct bud_redis *redis;
	struct bud_shard shard;
	struct bud_store store;
	/* What the last call said. */
	int answers;
	int err;
	int64_t number;
	size_t n;
	char text[512];
	/* The first event of the last read, the first two deliveries of the last claim. */
	struct bud_member read_id;
	struct bud_claimed claimed;
	struct bud_claimed second;
	int64_t claim_now_ms;
};

extern struct lane_rig rig;

/* cmocka's set-up and tear-down of a group; *state is the server. */
int lane_rig_start(void **state);
int lane_rig_finish(void **state);
/* Callbacks tell what was answered. */
void lane_rig_note(int err, int64_t number, size_t n, struct bud_span text);
void lane_rig_on_setup(void *owner, int err, const char *text);
void lane_rig_on_number(void *owner, int err, int64_t number);
void lane_rig_on_entries(void *owner, int err, const struct bud_entry *entries, size_t n);
void lane_rig_on_claimed(
	void *owner, int err, int64_t now_ms, const struct bud_claimed *rows, size_t n);
/* Runs what `sent`, which must be 0, started. */
void lane_rig_wait(int sent);
/* Appends an event to partition 3 and reads it. */
void lane_rig_read(struct redis_server *server, const char *bytes);
/* The same, and settles it. */
void lane_rig_settle(struct redis_server *server, const char *bytes, struct bud_parking parking);
/* How far ahead of now the lane is looked at. */
int64_t lane_rig_due_in_ms(struct redis_server *server, const char *lane);
/* For a minute; expects so many. */
void lane_rig_claim(struct bud_claim claim, size_t wanted);
/* One delivery, with why and note should it die; expects a change. */
void lane_rig_resolve(struct bud_lane_resolve resolve, enum bud_resolve verb, int64_t delay_ms,
	const struct bud_claimed *which);
