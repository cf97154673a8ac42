/* A wish: the body of a POST of Altinn's subscriptions, and Altinn's rules for it, in its order and
 * in its words. Pure. Within api/ only. */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

/* Texts are its own; NULL: not given. */
struct bud_altinn_wish {
	char *end_point;
	char *source;
	char *subject;
	char *alternative_subject;
	char *resource;
	char *type;
	bool includes_subunits;
};

/* All borrowed. */
struct bud_altinn_rules {
	const char *apps_domain; /* sources below it are apps */
	bool allow_http;         /* for the endpoint */
	bool is_org;             /* a service owner asks */
	bool has_scope;          /* to subscribe */
};

/* Names in any case; unknown members are passed over. Starts as {0} and is to be finished in each
 * case. -EINVAL: no such JSON. */
BUD_MUST_CHECK int bud_altinn_wish_parse(
	struct bud_altinn_wish *wish, struct bud_span json, struct bud_error *error);
void bud_altinn_wish_finish(struct bud_altinn_wish *wish);

/* Whether it is about an app: then no scope is needed, but a subject may be. */
bool bud_altinn_wish_is_app(const struct bud_altinn_wish *wish, const char *apps_domain);
/* What can be said before the alternative subject of an app is looked up. -EINVAL: `error` is the
 * message of a 400; -EACCES: a scope is missing. */
BUD_MUST_CHECK int bud_altinn_wish_check(const struct bud_altinn_wish *wish,
	const struct bud_altinn_rules *rules, struct bud_error *error);
/* The rest, when its result is in `subject`; fills in the resource of an app. -EINVAL as above. */
BUD_MUST_CHECK int bud_altinn_wish_complete(struct bud_altinn_wish *wish,
	const struct bud_altinn_rules *rules, struct bud_error *error);
/* Appends the body of a subscription of ours that is the same. */
void bud_altinn_wish_write(const struct bud_altinn_wish *wish, struct bud_buffer *out);
