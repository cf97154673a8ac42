/* An explanation of a CloudEvents SQL expression: what it gives for an event, and which of the
 * attributes that it cannot do without are not as it needs them. */
#pragma once
#include <stdbool.h>
#include "core/text.h"

struct bud_event; /* event/event.h */

/* Everything is lent. */
struct bud_sql_clause {
	const char *name; /* of an attribute; NULL: the whole expression */
	bool holds;
	const char *wanted; /* JSON: the expression; or a text, several, or {"prefix":"a"} */
	const char *actual; /* JSON: what it gives; or the attribute's value */
	const char *error;  /* the kind of error that evaluating it gave; NULL: none */
};

typedef void (*bud_sql_clause_fn)(void *owner, const struct bud_sql_clause *clause);
/* First the expression, which was accepted before, then the attributes in order. */
void bud_explain_sql(
	struct bud_span text, const struct bud_event *event, bud_sql_clause_fn fn, void *owner);
