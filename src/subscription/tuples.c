/* Tuples. An alternative is filed under all that is known of it, if that tuple is there or there is
 * room for it; else under the best that is there, where exact attributes count before a prefix; at
 * last under one of its attributes, for which room is kept. Prefixes are cut to few lengths: what
 * is found is asked whole, and each length in use is one more place to look for every event. */
#include "subscription/tuples.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/random.h"
#include "event/event.h"
#include "event/uri.h"

/* Kept for tuples of one attribute: one each, exact and by its shortest prefix. */
#define TUPLES_KEPT 16u
#define PREFIX_KEPT 8u

enum {
	AT_TYPE,
	AT_SOURCE,
	AT_SUBJECT,
	AT_RESOURCE,
	AT_FREE, /* the first that any name may take */
	AT_BASE = BUD_TUPLE_ATTRIBUTES,
};

static const char *const fixed_names[AT_FREE] = {"type", "source", "subject", "resource"};

static_assert(BUD_TUPLE_SUBJECT == 1u << AT_SUBJECT, "as the header says");

/* An odd number for each attribute, and others for prefixes, so that equal values of different
 * attributes count differently. */
static uint64_t factor(size_t attribute, bool is_prefix)
{
	return (attribute * 2 + is_prefix + 1) * 0x9e3779b97f4a7c15u | 1;
}

void bud_tuples_init(struct bud_tuples *tuples)
{
	char seed[32];

	*tuples = (struct bud_tuples){0};
	bud_random_bytes(seed, sizeof(seed));
	bud_hash_key_init(&tuples->key, (struct bud_span){seed, sizeof(seed)});
	for (size_t i = 0; i < AT_FREE; i++)
		tuples->attributes[i].name = bud_strdup(fixed_names[i]);
}

void bud_tuples_finish(struct bud_tuples *tuples)
{
	for (size_t i = 0; i < BUD_TUPLE_PREFIXES; i++)
		free(tuples->attributes[i].name);
}

/* Readings. */

static size_t find_attribute(const struct bud_tuples *tuples, struct bud_span name)
{
	for (size_t i = 0; i < BUD_TUPLE_ATTRIBUTES; i++)
		if (tuples->attributes[i].name && bud_span_is(name, tuples->attributes[i].name))
			return i;
	return BUD_TUPLE_NONE;
}

/* A free place, which the reading does not use already. */
static size_t take_attribute(
	struct bud_tuples *tuples, struct bud_span name, const struct bud_reading *reading)
{
	for (size_t i = AT_FREE; i < BUD_TUPLE_ATTRIBUTES; i++) {
		struct bud_tuple_attribute *attribute = &tuples->attributes[i];
		if (attribute->tuples > 0 || (reading->exact | reading->prefixes) >> i & 1)
			continue;
		free(attribute->name);
		attribute->name = bud_strndup(name.at, name.len);
		return i;
	}
	return BUD_TUPLE_NONE;
}

static void set_exact(const struct bud_tuples *tuples, struct bud_reading *reading, size_t i,
	struct bud_span value)
{
	reading->exact = (uint16_t)(reading->exact | 1u << i);
	reading->hashes[i] = bud_hash_64(&tuples->key, value) * factor(i, false);
}

static void set_text(struct bud_reading *reading, size_t i, struct bud_span text)
{
	reading->prefixes = (uint16_t)(reading->prefixes | 1u << i);
	reading->texts[i] = text;
}

static void set_base(struct bud_reading *reading, struct bud_span source, enum bud_uri_part part)
{
	size_t len = bud_uri_write_place(source, part, reading->base, sizeof(reading->base));

	if (len > 0)
		set_text(reading, AT_BASE, (struct bud_span){reading->base, len});
}

static void read_literal(const struct bud_tuples *tuples, size_t at,
	const struct bud_literal *literal, struct bud_reading *out)
{
	if (literal->kind == BUD_LITERAL_EXACT)
		set_exact(tuples, out, at, literal->value);
	else if (literal->kind == BUD_LITERAL_PREFIX)
		set_text(out, at, literal->value);
	else
		set_base(out, literal->value, BUD_URI_FOLDER);
}

void bud_tuples_read_known(const struct bud_tuples *tuples, const struct bud_literal *literals,
	size_t n, struct bud_reading *out)
{
	out->exact = 0;
	out->prefixes = 0;
	for (size_t i = 0; i < n; i++) {
		size_t at = find_attribute(tuples, literals[i].name);
		if (at != BUD_TUPLE_NONE)
			read_literal(tuples, at, &literals[i], out);
	}
}

void bud_tuples_read_or_add(struct bud_tuples *tuples, const struct bud_literal *literals, size_t n,
	struct bud_reading *out)
{
	bud_tuples_read_known(tuples, literals, n, out);
	for (size_t i = 0; i < n; i++) {
		size_t at = find_attribute(tuples, literals[i].name);
		if (at != BUD_TUPLE_NONE)
			continue; /* read */
		at = take_attribute(tuples, literals[i].name, out);
		if (at != BUD_TUPLE_NONE)
			read_literal(tuples, at, &literals[i], out);
	}
}

static struct bud_span value_of(
	const struct bud_tuples *tuples, const struct bud_event *event, size_t i)
{
	const struct bud_attribute *attribute;

	if (i == AT_TYPE)
		return event->type;
	if (i == AT_SOURCE)
		return event->source;
	if (i == AT_SUBJECT)
		return event->subject;
	attribute = bud_event_find(event, bud_span(tuples->attributes[i].name));
	return attribute ? attribute->value : (struct bud_span){0};
}

/* What is read of an event is in several places; all of them are on their way at once. */
static void prefetch_event(const struct bud_event *event)
{
	__builtin_prefetch(event->source.at);
	__builtin_prefetch(event->type.at);
	__builtin_prefetch(event->subject.at);
	for (size_t i = 0; i < event->attributes_n; i += 2)
		__builtin_prefetch(&event->attributes[i]);
}

void bud_tuples_read_event(
	const struct bud_tuples *tuples, const struct bud_event *event, struct bud_reading *out)
{
	prefetch_event(event);
	out->exact = 0;
	out->prefixes = 0;
	for (size_t i = 0; i < BUD_TUPLE_ATTRIBUTES; i++) {
		struct bud_span value;
		if (tuples->attributes[i].tuples == 0)
			continue;
		value = value_of(tuples, event, i);
		if (!value.at)
			continue;
		set_exact(tuples, out, i, value);
		set_text(out, i, value);
	}
	if (tuples->attributes[AT_BASE].tuples > 0)
		set_base(out, event->source, BUD_URI_WHOLE);
}

bool bud_tuples_read_subject(
	const struct bud_tuples *tuples, struct bud_span subject, struct bud_reading *reading)
{
	if (tuples->attributes[AT_SUBJECT].tuples == 0)
		return false;
	set_exact(tuples, reading, AT_SUBJECT, subject);
	return true;
}

/* Tuples of a reading. */

bool bud_tuple_fits(const struct bud_tuple *tuple, const struct bud_reading *reading)
{
	if (tuple->exact & ~reading->exact)
		return false;
	return tuple->prefix == BUD_TUPLE_NONE ||
	       ((reading->prefixes >> tuple->prefix & 1) &&
		       reading->texts[tuple->prefix].len >= tuple->prefix_len);
}

/* The longest length in use that is not above it: all up to 8, then in steps of 4, 8, 32, 128. */
static uint16_t cut_len(size_t len)
{
	if (len >= BUD_TUPLE_PREFIX_MAX)
		return BUD_TUPLE_PREFIX_MAX;
	if (len >= 256)
		return (uint16_t)(len / 128 * 128);
	if (len >= 64)
		return (uint16_t)(len / 32 * 32);
	if (len >= 32)
		return (uint16_t)(len / 8 * 8);
	return (uint16_t)(len >= 8 ? len / 4 * 4 : len);
}

/* All that is known. */
static struct bud_tuple whole_tuple(const struct bud_reading *reading)
{
	struct bud_tuple tuple = {.exact = (uint8_t)reading->exact, .prefix = BUD_TUPLE_NONE};
	size_t len = 0;

	for (uint8_t i = 0; i < BUD_TUPLE_PREFIXES; i++) {
		if (!(reading->prefixes >> i & 1) || reading->texts[i].len <= len)
			continue;
		len = reading->texts[i].len;
		tuple.prefix = i;
		tuple.prefix_len = cut_len(len);
	}
	return tuple;
}

/* One attribute of a tuple; the shortest prefix only if there is no exact one. */
static struct bud_tuple small_tuple(const struct bud_tuple *whole)
{
	struct bud_tuple tuple = *whole;

	if (whole->exact) {
		tuple.exact = (uint8_t)(whole->exact & -whole->exact);
		tuple.prefix = BUD_TUPLE_NONE;
		tuple.prefix_len = 0;
	} else if (tuple.prefix_len > PREFIX_KEPT) {
		tuple.prefix_len = PREFIX_KEPT;
	}
	return tuple;
}

static bool is_tuple(const struct bud_tuple *tuple, const struct bud_tuple *other)
{
	return tuple->exact == other->exact && tuple->prefix == other->prefix &&
	       tuple->prefix_len == other->prefix_len;
}

static const struct bud_tuple *find_tuple(
	const struct bud_tuples *tuples, const struct bud_tuple *like)
{
	for (size_t i = 0; i < tuples->n; i++)
		if (is_tuple(&tuples->at[i], like))
			return &tuples->at[i];
	return NULL;
}

/* Counts the attributes of a tuple that is made or given up. */
static void count_attributes(struct bud_tuples *tuples, const struct bud_tuple *tuple, int by)
{
	for (size_t i = 0; i < BUD_TUPLE_ATTRIBUTES; i++)
		if (tuple->exact >> i & 1)
			tuples->attributes[i].tuples += (uint32_t)by;
	if (tuple->prefix != BUD_TUPLE_NONE)
		tuples->attributes[tuple->prefix].tuples += (uint32_t)by;
}

static const struct bud_tuple *make_tuple(
	struct bud_tuples *tuples, const struct bud_tuple *like, size_t most)
{
	const struct bud_tuple *there = find_tuple(tuples, like);
	struct bud_tuple *tuple;

	if (there || tuples->n >= most || (!like->exact && like->prefix == BUD_TUPLE_NONE))
		return there;
	tuple = &tuples->at[tuples->n++];
	*tuple = *like;
	tuple->filed = 0;
	count_attributes(tuples, tuple, 1);
	return tuple;
}

static const struct bud_tuple *find_best(
	const struct bud_tuples *tuples, const struct bud_reading *reading)
{
	const struct bud_tuple *best = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < tuples->n; i++) {
		const struct bud_tuple *tuple = &tuples->at[i];
		unsigned worth =
			(unsigned)__builtin_popcount(tuple->exact) * (BUD_TUPLE_PREFIX_MAX + 1) +
			tuple->prefix_len;
		if (worth <= most || !bud_tuple_fits(tuple, reading))
			continue;
		most = worth;
		best = tuple;
	}
	return best;
}

const struct bud_tuple *bud_tuples_find(
	const struct bud_tuples *tuples, const struct bud_reading *reading)
{
	struct bud_tuple whole = whole_tuple(reading);
	const struct bud_tuple *tuple = find_tuple(tuples, &whole);

	if (tuple || tuples->n < BUD_TUPLES_MAX - TUPLES_KEPT)
		return tuple;
	return find_best(tuples, reading);
}

struct bud_tuple *bud_tuples_file(struct bud_tuples *tuples, const struct bud_reading *reading)
{
	struct bud_tuple whole = whole_tuple(reading);
	struct bud_tuple small = small_tuple(&whole);
	const struct bud_tuple *tuple = make_tuple(tuples, &whole, BUD_TUPLES_MAX - TUPLES_KEPT);

	if (!tuple)
		tuple = find_best(tuples, reading);
	if (!tuple)
		tuple = make_tuple(tuples, &small, BUD_TUPLES_MAX);
	if (!tuple)
		return NULL;
	tuples->at[tuple - tuples->at].filed++;
	return &tuples->at[tuple - tuples->at];
}

void bud_tuples_drop(struct bud_tuples *tuples, struct bud_tuple *tuple)
{
	if (--tuple->filed > 0)
		return;
	count_attributes(tuples, tuple, -1);
	*tuple = tuples->at[--tuples->n];
}

uint64_t bud_tuples_key(const struct bud_tuples *tuples, const struct bud_tuple *tuple,
	const struct bud_reading *reading)
{
	uint64_t key =
		((uint64_t)tuple->exact << 32 | (uint64_t)tuple->prefix << 16 | tuple->prefix_len) *
		0xd6e8feb86659fd93u;

	for (unsigned bits = tuple->exact; bits; bits &= bits - 1)
		key += reading->hashes[__builtin_ctz(bits)];
	if (tuple->prefix != BUD_TUPLE_NONE) {
		struct bud_span prefix = {reading->texts[tuple->prefix].at, tuple->prefix_len};
		key += bud_hash_64(&tuples->key, prefix) * factor(tuple->prefix, true);
	}
	key = (key ^ key >> 32) * 0x9e3779b97f4a7c15u;
	return key ^ key >> 29;
}

size_t bud_tuples_keys(const struct bud_tuples *tuples, const struct bud_reading *reading,
	uint8_t exact, uint64_t keys[BUD_TUPLES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < tuples->n; i++)
		if ((tuples->at[i].exact & exact) == exact &&
			bud_tuple_fits(&tuples->at[i], reading))
			keys[n++] = bud_tuples_key(tuples, &tuples->at[i], reading);
	return n;
}
