/* The address guard: which addresses we may connect to. */
#pragma once
#include <stdbool.h>

struct bud_networks; /* config/network.h */
struct sockaddr;

/* False for everything that is not a public unicast address (private, loopback, link-local,
 * metadata services, forms that embed another address ...), unless `allowed` contains it. IPv4 in
 * its mapped form, or behind a prefix in `nat64`, is judged as IPv4; families other than IP are
 * refused. Both may be NULL. */
bool bud_address_is_allowed(const struct sockaddr *address, const struct bud_networks *allowed,
	const struct bud_networks *nat64);
