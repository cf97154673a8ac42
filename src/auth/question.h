/* The one question of authorization: may this identity do this with events of this resource, type
 * and subject? And its answer. */
#pragma once
#include <stdint.h>
#include "core/text.h"

struct bud_identity; /* auth/identity.h */

/* The owner of everything where there is no authentication. */
#define BUD_OWNER_LOCAL "local"

enum bud_action {
	BUD_ACTION_PUBLISH,
	BUD_ACTION_SUBSCRIBE, /* to be pushed events */
	BUD_ACTION_READ,      /* to fetch them */
	BUD_ACTIONS,
};

enum bud_decision {
	BUD_DECISION_PERMIT,
	BUD_DECISION_DENY,
	BUD_DECISION_LATER, /* not known yet: park the delivery and ask again */
};

/* All borrowed. */
struct bud_question {
	enum bud_action action;
	struct bud_span who; /* the identity's name */
	/* The identity itself, for its scopes; NULL: not known, as when an event is delivered, and
	 * then they pass: they were asked for when it subscribed, for all that may come. */
	const struct bud_identity *identity;
	/* Who published the event; at == NULL: there is no event yet, as when one subscribes. */
	struct bud_span publisher;
	/* Of the event, empty where it has none. Where there is no event yet at == NULL stands for
	 * any: the answer is then whether some such event may be permitted. */
	struct bud_span resource;
	struct bud_span type;
	struct bud_span subject;
	int64_t now_ms; /* wall clock */
};

#define BUD_RULING_RULE_BYTES  160
#define BUD_RULING_SCOPE_BYTES 128

/* The answer for people. */
struct bud_ruling {
	enum bud_decision decision;
	char rule[BUD_RULING_RULE_BYTES];   /* what decided it */
	char scope[BUD_RULING_SCOPE_BYTES]; /* DENY: this scope alone was missing; or "" */
};

/* "publish", "subscribe", "read". */
const char *bud_action_word(enum bud_action action);
/* BUD_ACTIONS when it is no such word. */
enum bud_action bud_action_of(struct bud_span word);
/* "permit", "deny", "later". */
const char *bud_decision_word(enum bud_decision decision);
