/* c-ares on a uv loop: look-ups that never block and follow changes of /etc/resolv.conf. */
#pragma once
#include <stddef.h>

struct ares_addrinfo; /* ares.h */
struct bud_resolver;  /* opaque */
struct uv_loop_s;

/* `status` is c-ares's; `info` is lent and NULL unless that is ARES_SUCCESS. May be called from
 * within bud_resolver_ask(). Must not call the resolver. */
typedef void (*bud_resolver_fn)(void *owner, int status, const struct ares_addrinfo *info);

/* `servers` is "127.0.0.1:5353,...", or NULL for resolv.conf. `on_turn` is called after c-ares has
 * worked on what came from the network, with `owner`: from there the resolver may be called. */
struct bud_resolver *bud_resolver_open(
	struct uv_loop_s *loop, const char *servers, void (*on_turn)(void *owner), void *owner);
/* What is under way is answered with ARES_EDESTRUCTION before this returns. The handles' memory
 * goes on a later turn of the loop. NULL is fine. */
void bud_resolver_close(struct bud_resolver *resolver);
/* Exactly one answer, possibly at once. */
void bud_resolver_ask(
	struct bud_resolver *resolver, const char *host, bud_resolver_fn fn, void *owner);
/* Lets c-ares see what timed out; to be called every 50 ms while something is under way. */
void bud_resolver_tick(struct bud_resolver *resolver);
/* Starts afresh if resolv.conf has changed: what is under way is answered with ARES_EDESTRUCTION
 * and may be asked again. Looks every 5 s at most. */
void bud_resolver_refresh(struct bud_resolver *resolver);
