/* Where Redis is: `redis://[user:password@]host[:port][/database]`, `unix:/path`, or "": embedded.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

/* Percent-decoded. `host` and `path` both "": the embedded one. `user` and `password` may be "". */
struct bud_redis_url {
	char host[254]; /* a name or an IP address without brackets; "" with a path */
	uint16_t port;
	unsigned database;
	char path[108]; /* of the unix socket */
	char user[129];
	char password[513];
};

/* Errors never quote the text: it may hold a password. */
BUD_MUST_CHECK int bud_redis_url_parse(
	struct bud_span text, struct bud_redis_url *out_url, struct bud_error *error);
bool bud_redis_url_is_embedded(const struct bud_redis_url *url);
/* The password appears as `***`; nothing is written for the embedded one. For logs and people. */
void bud_redis_url_write(const struct bud_redis_url *url, struct bud_buffer *out);
