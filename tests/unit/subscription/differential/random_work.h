/* Random subscriptions and events that have to do with each other. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "draw.h"

#define RANDOM_POOL 64

struct random_work {
	struct draw draw;
	/* Many attributes and few values of each in place of few attributes: more sets of
	 * attributes than an index keeps apart. */
	bool is_wide;
	bool has_sql;              /* the program knows the dialect `sql` */
	json_t *pool[RANDOM_POOL]; /* filters made before: many ask for the same */
};

/* Starts as {0} but for the draw. */
void random_work_finish(struct random_work *work);

/* What one would POST, to be released by the caller. */
json_t *random_subscription(struct random_work *work);
/* Attributes by name, all as texts; released by the caller. Fits `like`, a subscription, as far as
 * that is simple, unless it is NULL. */
json_t *random_event(struct random_work *work, const json_t *like);
/* The event in the JSON format; free() it. Some attributes are numbers and booleans there, and some
 * texts have escapes. */
char *random_event_text(struct random_work *work, const json_t *attributes);
/* A name of an attribute; a value that it may have in an event. */
const char *random_name(struct random_work *work);
const char *random_value(struct random_work *work, const char *name);
