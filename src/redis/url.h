/* Where a Redis is: `redis://[user:password@]host[:port][/db]` or `unix:/path/to/socket`. */
#pragma once
#include "core/alloc.h"

struct bud_buffer; /* core/text.h */
struct bud_error;  /* core/error.h */

/* Owns its texts; starts as {0}. Either `unix_path` or `host` is set. */
struct bud_redis_url {
	char *unix_path; /* may be relative to the working directory; NULL: TCP */
	char *host;      /* a name or an address, IPv6 without its brackets */
	int port;
	char *user;     /* NULL: none */
	char *password; /* NULL: no AUTH */
	int db;
};

/* User and password may be percent-encoded. The text of an error never shows the password. */
BUD_MUST_CHECK int bud_redis_url_parse(
	const char *text, struct bud_redis_url *out_url, struct bud_error *error);
/* `out_url` starts as {0} or is garbage; nothing is shared with `url`. */
void bud_redis_url_copy(const struct bud_redis_url *url, struct bud_redis_url *out_url);
/* Appends it for people: without user and password. */
void bud_redis_url_write(const struct bud_redis_url *url, struct bud_buffer *out);
void bud_redis_url_finish(struct bud_redis_url *url);
