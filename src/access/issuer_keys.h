/* The issuers' keys: fetched from where each says they are, kept fresh ahead of time and looked at
 * anew when a token names one that is not there. Whoever checks tokens takes them from the trust.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_fetch;       /* fetch/fetch.h */
struct bud_issuer_keys; /* opaque; one per process, in the thread that writes the trust */
struct bud_trust;       /* auth/trust.h */
struct uv_loop_s;

/* A look at an issuer failed (`why` is for people, and tells nothing of keys), or it is no trouble
 * any more (NULL): it went well, or the issuer is none of ours now. Called when that changes. */
typedef void (*bud_issuer_keys_fn)(void *owner, const char *issuer, const char *why);

/* All borrowed until it is closed. */
struct bud_issuer_keys_options {
	struct uv_loop_s *loop;
	struct bud_fetch *fetch;
	struct bud_trust *trust; /* also says which issuers there are */
	bool allow_http;
	unsigned timeout_ms;  /* of one request; 0: 10 s */
	int64_t refetch_ms;   /* for tests: between two looks that were wished for; 0: 30 s */
	int64_t fresh_ms_min; /* for tests: what an issuer may say at least; 0: 5 minutes */
	int64_t kept_ms;      /* for tests: good without a fresh look; 0: 24 h */
	bud_issuer_keys_fn on_change; /* may be NULL */
	void *owner;
};

/* Fetches at once. Where other issuers are offered to the trust it puts them: those that stay are
 * looked at as before, new ones at once. */
struct bud_issuer_keys *bud_issuer_keys_open(const struct bud_issuer_keys_options *options);
/* After the fetch is closed and its callbacks have come. Asynchronous; NULL is fine. */
void bud_issuer_keys_close(struct bud_issuer_keys *keys);

/* The value of max-age in a response's head, or -1. */
int64_t bud_max_age_read(struct bud_span headers);
/* `jwks_uri` of a metadata document that is really of `issuer`, to be freed; NULL: it is not, or
 * names none. */
char *bud_discovery_read(struct bud_span json, const char *issuer);
