/* A target: one URL to send requests to, parsed and checked once, with the header fields that are
 * the same in every request. Belongs to one thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_error;    /* core/error.h */
struct bud_networks; /* config/network.h */
struct bud_target;   /* opaque */

struct bud_target_options {
	bool allow_http; /* https only without it */
	/* Which addresses beside the public ones may stand in a URL; may be NULL. Only
	 * bud_url_check() looks at it: a transfer is checked by the networks of its bud_fetch. */
	const struct bud_networks *networks;
	const struct bud_networks *nat64; /* as in fetch.h; the same */
	/* BUD_OWN_PORTS_MAX ports that we listen on ourselves, 0: unused; may be NULL. The same. */
	const uint16_t *own_ports;
	/* PEM text, copied; empty: none. `ca_pem` holds the only authorities whose certificates
	 * are accepted; `certificate_pem` (a chain may follow) and `key_pem` come together and are
	 * shown to a server that asks. Only bud_target_create() and bud_target_tls_check() look
	 * at them. */
	struct bud_span ca_pem;
	struct bud_span certificate_pem;
	struct bud_span key_pem;
};

/* What an API asks before it stores a URL: absolute http(s), no userinfo, no fragment, a port that
 * no other service is known for, a host name fit for DNS or an address we may connect to (names are
 * judged when they are resolved, except localhost). Returns -EINVAL with a text that stands
 * alone; `error->member` is left "" for the caller to fill. */
BUD_MUST_CHECK int bud_url_check(
	struct bud_span url, const struct bud_target_options *options, struct bud_error *error);

/* Of the PEM texts, for an API. `out_expires_s` (may be NULL): when the first of the certificates
 * expires, in seconds since 1970; untouched when there is none. -EINVAL: `error->member` is
 * "ca_pem", "certificate_pem" or "key_pem". */
BUD_MUST_CHECK int bud_target_tls_check(
	const struct bud_target_options *options, int64_t *out_expires_s, struct bud_error *error);

/* Both checks but for the address. NULL with `error` filled when the URL is refused. The caller
 * holds the only reference. */
BUD_MUST_CHECK struct bud_target *bud_target_create(
	struct bud_span url, const struct bud_target_options *options, struct bud_error *error);
/* Transfers hold a reference while they run. Not atomic: one thread. NULL is fine. */
struct bud_target *bud_target_ref(struct bud_target *target);
void bud_target_unref(struct bud_target *target);

/* Copies `line`, "Name: value" with a value that is not empty, and sends it with every request
 * after the fields of the attempt. Before the first transfer starts. -EINVAL: no token for a name,
 * an empty value or control characters. */
BUD_MUST_CHECK int bud_target_header_add(struct bud_target *target, const char *line);

/* True when `line` is a header field that may be sent: the grammar of bud_target_header_add(). */
bool bud_header_line_is_valid(const char *line);
/* Whether it is Content-Type's. */
bool bud_header_line_is_type(const char *line);

/* Whether a receiver's text has what the target's Authorization says, or how it begins: it may be
 * cut. Some receivers send back what they were sent. */
bool bud_target_is_quoted(const struct bud_target *target, struct bud_span text);
/* As it is used: lower case, punycode, without the trailing dot; brackets around IPv6. */
const char *bud_target_host(const struct bud_target *target);
/* The URL in its canonical form. */
const char *bud_target_url(const struct bud_target *target);
