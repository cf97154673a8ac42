/* Tuples: which attributes subscriptions are filed under together, and the keys that come of it.
 *
 * A tuple is a set of attributes of which the value is known exactly, and at most one of which a
 * prefix of one length is. A reading says what is known of an alternative of a filter, or of an
 * event; the key of a tuple is a hash of what the reading has for it, so both have the same one if
 * the event has what the filter wants. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/hash.h"
#include "core/text.h"
#include "subscription/filter.h"

struct bud_event; /* event/event.h */

#define BUD_TUPLES_MAX 64u
/* Four are always the same: type, source, subject, resource. */
#define BUD_TUPLE_ATTRIBUTES 8u
/* Beside them, only for prefixes: the source as the base of a URI is compared (event/uri.h). */
#define BUD_TUPLE_PREFIXES (BUD_TUPLE_ATTRIBUTES + 1)
#define BUD_TUPLE_NONE     UINT8_MAX
/* No longer prefix is looked at. */
#define BUD_TUPLE_PREFIX_MAX 1024u

struct bud_tuple {
	uint8_t exact;  /* a bit per attribute */
	uint8_t prefix; /* BUD_TUPLE_NONE: none */
	uint16_t prefix_len;
	uint32_t filed; /* postings */
};

struct bud_tuple_attribute {
	char *name;      /* NULL: free */
	uint32_t tuples; /* that have it */
};

struct bud_tuples {
	struct bud_hash_key key;
	size_t n;
	struct bud_tuple at[BUD_TUPLES_MAX];
	struct bud_tuple_attribute attributes[BUD_TUPLE_PREFIXES];
};

struct bud_reading {
	uint16_t exact;    /* a bit per attribute that has a hash */
	uint16_t prefixes; /* and per one that has a text */
	uint64_t hashes[BUD_TUPLE_ATTRIBUTES];
	struct bud_span texts[BUD_TUPLE_PREFIXES]; /* lent, but the last one */
	char base[BUD_TUPLE_PREFIX_MAX];
};

void bud_tuples_init(struct bud_tuples *tuples);
void bud_tuples_finish(struct bud_tuples *tuples);

/* Of an alternative of a filter's cover: of attributes that have a place, or, for a new posting,
 * get one as long as there is one; the others are left out. */
void bud_tuples_read_known(const struct bud_tuples *tuples, const struct bud_literal *literals,
	size_t n, struct bud_reading *out);
void bud_tuples_read_or_add(struct bud_tuples *tuples, const struct bud_literal *literals, size_t n,
	struct bud_reading *out);
/* Of what any tuple asks for. */
void bud_tuples_read_event(
	const struct bud_tuples *tuples, const struct bud_event *event, struct bud_reading *out);
/* The same with another subject; false when no tuple has the subject's exact value. */
bool bud_tuples_read_subject(
	const struct bud_tuples *tuples, struct bud_span subject, struct bud_reading *reading);

/* The tuple to file a new posting under, made if there is room; NULL when none will do. Counts the
 * posting. */
struct bud_tuple *bud_tuples_file(struct bud_tuples *tuples, const struct bud_reading *reading);
/* Where others are filed that would go where this one goes; NULL: nowhere. */
const struct bud_tuple *bud_tuples_find(
	const struct bud_tuples *tuples, const struct bud_reading *reading);
/* One posting less; the last one gives the tuple up, and another may take its place. */
void bud_tuples_drop(struct bud_tuples *tuples, struct bud_tuple *tuple);

bool bud_tuple_fits(const struct bud_tuple *tuple, const struct bud_reading *reading);
/* Of one that fits. */
uint64_t bud_tuples_key(const struct bud_tuples *tuples, const struct bud_tuple *tuple,
	const struct bud_reading *reading);
/* The keys of all tuples that fit and have `exact` among their attributes; returns how many. */
size_t bud_tuples_keys(const struct bud_tuples *tuples, const struct bud_reading *reading,
	uint8_t exact, uint64_t keys[BUD_TUPLES_MAX]);

/* The bit of the subject. */
#define BUD_TUPLE_SUBJECT 4u
