/* What every new connection of a client is held against: the networks that are open, the
 * listeners that are our own, and the address it is to come from. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "config/network.h"

#define BUD_OWN_PORTS_MAX 4

struct sockaddr;

struct bud_guard {
	struct bud_networks networks;          /* beside public addresses */
	struct bud_networks nat64;             /* prefixes with IPv4 addresses behind them */
	struct bud_networks sources;           /* at most one address per family; none: any */
	uint16_t own_ports[BUD_OWN_PORTS_MAX]; /* 0: unused */
	bool is_proxied; /* connections lead to the operator's proxy and nowhere else */
};

/* Whether one of `own_ports`, BUD_OWN_PORTS_MAX of them, at an address this machine has, also when
 * a prefix in `nat64` (may be NULL) stands in front of it. */
bool bud_guard_is_own(const uint16_t *own_ports, const struct bud_networks *nat64,
	const struct sockaddr *address);
/* False when the address guard says no, and for the ports we listen on at every address this
 * machine has: an event must not come back in by the back door. */
bool bud_guard_allows(const struct bud_guard *guard, const struct sockaddr *address);
/* Whether no socket is to be had at all now: then a refusal or a name that does not resolve may be
 * our own trouble. */
bool bud_guard_is_exhausted(void);
/* Whether an errno of bud_guard_socket() says that no socket is to be had, or not from our source
 * address: it is not this machine's now. */
bool bud_guard_is_exhaustion(int err);
/* A TCP socket that does not block, bound to our source address of that family; negative errno,
 * -EAFNOSUPPORT when there are source addresses but none of that family. */
int bud_guard_socket(const struct bud_guard *guard, int family);
/* Whether this machine has an address to reach that one from: if so, a connection that got none
 * (EADDRNOTAVAIL) found all local ports taken. */
bool bud_guard_has_way(const struct sockaddr *address, unsigned len);
