/* Names: host -> vetted addresses, with a small cache and one look-up per name at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "core/list.h"

#define BUD_NAME_ADDRESSES_MAX 8
/* "::[" IPv6 "]:" */
#define BUD_NAME_PIN_BYTES 56

struct bud_names; /* opaque */
struct bud_networks;
struct uv_loop_s;

enum bud_name_state {
	BUD_NAME_FOUND,
	BUD_NAME_FAILED,
	BUD_NAME_REFUSED, /* at least one of its addresses is not allowed */
	BUD_NAME_BLOCKED, /* we had no socket to ask with; not kept */
};

/* Each pin is an entry for CURLOPT_CONNECT_TO, "::192.0.2.1:". */
struct bud_name_answer {
	enum bud_name_state state;
	unsigned n;
	char pins[BUD_NAME_ADDRESSES_MAX][BUD_NAME_PIN_BYTES];
};

/* Embedded by who waits. Starts as {0}. */
struct bud_name_query {
	struct bud_list link;
	/* `answer` is lent. May ask and forget, must not close. */
	void (*fn)(struct bud_name_query *query, const struct bud_name_answer *answer);
};

struct bud_names_options {
	const struct bud_networks *networks; /* borrowed, as the next two */
	const struct bud_networks *nat64;    /* see bud_address_is_allowed() */
	const char *servers;                 /* see bud_resolver_open() */
	unsigned kept_ms; /* answers and failures are used for that long at least; 0: 5 s */
};

struct bud_names *bud_names_open(struct uv_loop_s *loop, const struct bud_names_options *options);
/* No query may be waiting. `on_closed` comes when the memory is gone. */
void bud_names_close(struct bud_names *names, void (*on_closed)(void *owner), void *owner);

/* What is known and fresh, else NULL. Valid until the loop turns. localhost and what ends in it is
 * always known (RFC 6761): 127.0.0.1 and ::1, those of them that are allowed. */
const struct bud_name_answer *bud_names_find(struct bud_names *names, const char *host);
/* True for localhost and names that end in it. */
bool bud_name_is_localhost(const char *host);
/* Never answers before it returns; within 2 s otherwise. */
void bud_names_ask(struct bud_names *names, const char *host, struct bud_name_query *query);
/* That address of the host's was reached after others were not: it comes first from now on, as long
 * as it is among the host's. */
void bud_names_prefer(struct bud_names *names, const char *host, const char *pin);
/* query->fn is not called any more. Harmless when it does not wait. */
void bud_names_forget(struct bud_name_query *query);
