/* Work for a matcher, made up from a seed: filters in a neutral form and events for them. Filter
 * and event number i come out the same whatever was made before, so any engine can be fed by parts,
 * and nothing of a million filters needs to be kept to check them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"
#include "draw.h"

enum work_op {
	WORK_ALL, /* of none: everything */
	WORK_ANY,
	WORK_NOT,
	WORK_EXACT,
	WORK_PREFIX,
	WORK_SUFFIX,
	WORK_SQL, /* an expression of CloudEvents SQL */
};

#define WORK_NODES_MAX      32
#define WORK_ATTRIBUTES_MAX 12

struct work_node {
	enum work_op op;
	unsigned children;     /* of all, any, not: they follow, each with its own behind it */
	const char *attribute; /* of exact, prefix, suffix */
	size_t at, len;        /* the value in the text */
};

/* Starts as {0} and is used again from filter to filter. */
struct work_filter {
	struct work_node nodes[WORK_NODES_MAX];
	size_t n;
	struct bud_buffer text;
};

struct work_attribute {
	const char *name;
	size_t at, len;
	bool is_number;
};

struct work_event {
	struct work_attribute attributes[WORK_ATTRIBUTES_MAX];
	size_t n;
	struct bud_buffer text;
};

struct work {
	const struct work_kind *kind;
	uint64_t seed;
	size_t filters;
	size_t events;
	size_t resources;
	struct zipf by_resource, by_party, by_type;
};

/* 0 for `filters` or `events`: as many as the kind has by default. -EINVAL: no such kind. */
int work_init(struct work *work, const char *name, uint64_t seed, size_t filters, size_t events);
void work_finish(struct work *work);
const char *work_name(const struct work *work);
/* The names of all kinds, one after the other; NULL at the end. */
const char *work_kind_name(size_t number);

void work_make_filter(const struct work *work, size_t number, struct work_filter *out);
void work_make_event(const struct work *work, size_t number, struct work_event *out);
void work_filter_finish(struct work_filter *filter);
void work_event_finish(struct work_event *event);

/* A plain walk of the tree, with nothing of the program in it. The filter has no `sql`. */
bool work_matches(const struct work_filter *filter, const struct work_event *event);
bool work_has_sql(const struct work_filter *filter);

/* What all engines must agree on: the sum over all matches of this. */
uint64_t work_match_hash(uint64_t event, uint64_t filter);
