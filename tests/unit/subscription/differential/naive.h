/* A second opinion on subscriptions and events: evaluates the JSON of both, member by member, as
 * the documents say (CloudEvents Subscriptions API 3.2.4, Altinn's filters, README
 * "Subscriptions"), and shares no code with the program. Slow and plain on purpose. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What was asked, for the counts. */
enum naive_operator {
	NAIVE_EXACT,
	NAIVE_PREFIX,
	NAIVE_SUFFIX,
	NAIVE_ALL,
	NAIVE_ANY,
	NAIVE_NOT,
	NAIVE_ALTINN,
	NAIVE_RESOURCE, /* members of altinn */
	NAIVE_TYPE,
	NAIVE_SUBJECT,
	NAIVE_UNIT,         /* by the event's own subject */
	NAIVE_UNIT_MAIN,    /* by its main subject */
	NAIVE_UNIT_UNKNOWN, /* because nobody knows the main subject */
	NAIVE_SOURCE,
	NAIVE_SQL,
	NAIVE_MISSING,  /* an attribute that the event lacks; always false */
	NAIVE_OF_TYPES, /* members of the subscription */
	NAIVE_OF_SOURCE,
	NAIVE_OF_EXPIRES,
	NAIVE_OF_NOTICES,
	NAIVE_OF_FILTERS,
	NAIVE_OPERATORS,
};

extern const char *const naive_names[NAIVE_OPERATORS];

struct naive_counts {
	uint64_t held[NAIVE_OPERATORS];
	uint64_t failed[NAIVE_OPERATORS];
	uint64_t sql_errors[8]; /* by enum naive_sql_error */
	json_t *sql_operators;  /* evaluations by name; an object */
};

struct naive_event {
	const json_t *attributes; /* name to text, numbers and booleans in their canonical texts */
	const char *main_subject; /* or NULL */
	bool is_main_unknown;
};

/* `subscription` is what was POSTed. */
bool naive_matches(const json_t *subscription, const struct naive_event *event, int64_t now_ms,
	struct naive_counts *counts);
