/* Permits of many events at once: what a page of them needs. The decision point is asked for all
 * that only it can say, together. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "auth/question.h"

struct bud_authority;      /* auth/authorize.h */
struct bud_decision_point; /* access/decision_point.h */

/* Borrowed, and so are its arrays, until `fn` is called or bud_permits_ask() says they are decided.
 */
struct bud_permits {
	struct bud_authority *authority;
	struct bud_decision_point *point; /* NULL: there is none */
	const struct bud_question *questions;
	enum bud_decision *decisions; /* as many; LATER: nobody could say in time */
	size_t n;
	/* Its own. */
	size_t n_waiting;
	void (*fn)(void *owner);
	void *owner;
};

/* True: all are decided, and `fn` is not called. False: it will be called once, not before this
 * returns, and then they are. */
bool bud_permits_ask(struct bud_permits *permits, void (*fn)(void *owner), void *owner);
