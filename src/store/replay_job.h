/* A replay job: what a subscriber wants once more, and how far that has come. One per subscription,
 * whose id is the job's name; its value in store/replays.h is what is written here. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"
#include "store/member.h"

enum bud_replay_source {
	BUD_REPLAY_DEAD,   /* its dead letters */
	BUD_REPLAY_EVENTS, /* what is retained and matches, delivered before or not */
};

/* Starts as {0}. */
struct bud_replay_job {
	enum bud_replay_source source;
	int64_t from_ms;    /* when it was stored, or died; inclusive */
	int64_t to_ms;      /* inclusive; set when the job is made: it does not chase what comes */
	int64_t created_ms; /* wall clock */
	struct bud_span filters; /* further `filters`, a JSON array; empty: none. Borrowed */
	/* How far it has come. */
	uint64_t looked;
	uint64_t revived;
	unsigned partition; /* EVENTS: being read */
	bool has_after;
	struct bud_member after; /* the last one looked at (EVENTS: of this partition) */
	int64_t after_ms;        /* DEAD: when that one died */
	unsigned after_attempt;  /* DEAD: of the same row */
};

/* Appends the value. */
void bud_replay_job_write(const struct bud_replay_job *job, struct bud_buffer *out);
/* `out_job` borrows `value`. -EINVAL: no such value. */
BUD_MUST_CHECK int bud_replay_job_parse(struct bud_span value, struct bud_replay_job *out_job);
/* "dead", "events". */
const char *bud_replay_source_word(enum bud_replay_source source);
