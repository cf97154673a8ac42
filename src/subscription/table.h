/* The table: all subscriptions in memory, written by one thread, read by the workers.
 *
 * Each reader has a lock of its own and holds it for one match; the writer takes all of them,
 * changes a bounded number of records, lets go and lets waiting readers pass before it goes on.
 * What a reader finds is valid until it unlocks. How candidates are found is the index's matter:
 * callers see records that match, in order of serial. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bud_event;        /* event/event.h */
struct bud_subscription; /* subscription/subscription.h */
struct bud_table;        /* opaque; shared by all threads */

/* The id of the last change applied, as Redis streams count. */
struct bud_table_version {
	uint64_t ms;
	uint64_t seq;
};

enum bud_table_state {
	BUD_TABLE_UNKNOWN, /* never heard of it */
	BUD_TABLE_LIVE,
	BUD_TABLE_DELETED, /* its tombstone is known: deliveries may be cancelled */
};

/* One change of the stream: `put` is taken by the table; NULL: remove `id` (borrowed), which leaves
 * a tombstone with `serial`, also for an id that was unknown. */
struct bud_table_change {
	struct bud_subscription *put;
	const char *id;
	uint64_t serial;
};

struct bud_match {
	const struct bud_event *event;
	uint64_t after_serial;                 /* only greater serials; 0: from the first */
	int64_t now_ms;                        /* expired subscriptions do not match */
	const struct bud_subscription **found; /* room for `max`, in order of serial */
	size_t max;                            /* at least 1 */
	bool more; /* result: at least one further match stands behind them */
};

/* For readers 0 .. readers - 1. */
struct bud_table *bud_table_create(size_t readers);
/* For a reload: an empty table for bud_table_replace(), whose revisions `table` will never issue.
 */
struct bud_table *bud_table_create_next(const struct bud_table *table);
/* No thread uses it any more. */
void bud_table_destroy(struct bud_table *table);

/* By the one writer, who holds no reader's lock. */

/* Applies the changes in order and then sets the version; readers may see some of them earlier, so
 * a version tells what is at least in. A put replaces the record with its id, dead or alive. */
void bud_table_apply(struct bud_table *table, const struct bud_table_change *changes, size_t n,
	struct bud_table_version version);
/* Single changes, the version stays. */
void bud_table_put(struct bud_table *table, struct bud_subscription *taken);
void bud_table_remove(struct bud_table *table, const char *id, uint64_t serial);
void bud_table_set_version(struct bud_table *table, struct bud_table_version version);
/* Drops a tombstone: from then on the id is unknown. */
void bud_table_forget(struct bud_table *table, const char *id);
/* Swaps in the content and version of `next` at once and destroys what was there and `next`. */
void bud_table_replace(struct bud_table *table, struct bud_table *next);

/* By reader `reader`, or by the writer's thread without a lock. */

/* Waits while the writer is at it. */
void bud_table_lock(struct bud_table *table, size_t reader);
void bud_table_unlock(struct bud_table *table, size_t reader);

/* Between lock and unlock; what they give is lent until the unlock. */

struct bud_table_version bud_table_version(const struct bud_table *table);
/* Fills `match->found` and `match->more`; returns how many were found. */
size_t bud_table_match(const struct bud_table *table, struct bud_match *match);
/* `out_subscription` (may be NULL) is set when it is LIVE. */
enum bud_table_state bud_table_find(const struct bud_table *table, const char *id,
	const struct bud_subscription **out_subscription);
/* Walks the live ones in order of serial: the first with a greater one, or NULL. */
const struct bud_subscription *bud_table_next(const struct bud_table *table, uint64_t after_serial);
/* Those of an owner. */
const struct bud_subscription *bud_table_next_of(
	const struct bud_table *table, const char *owner, uint64_t after_serial);
/* What is asked about every event, and what is looked at in vain, if this one is put in: others of
 * its owner with a filter that has no cover, if it has none itself; and the others found by one of
 * its keys that have more to ask than the key says, if it has, too. Equal filters are one. Neither
 * is counted far beyond `max`. */
struct bud_table_load {
	size_t uncovered;
	size_t residuals;
};
struct bud_table_load bud_table_weigh(
	const struct bud_table *table, const struct bud_subscription *subscription, size_t max);
/* How many have a filter without a cover. */
size_t bud_table_uncovered(const struct bud_table *table);
/* Whether any of them asks for a unit. */
bool bud_table_has_units(const struct bud_table *table);
/* Live subscriptions, and one more than the greatest slot ever given. */
size_t bud_table_count(const struct bud_table *table);
size_t bud_table_slots(const struct bud_table *table);
