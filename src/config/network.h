/* A network of IP addresses (CIDR), an address with a port to listen on, and a proxy's. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

#define BUD_NETWORKS_MAX  64
#define BUD_ADDRESS_BYTES 16

/* An IPv4 network stands in its mapped form, ::ffff:a.b.c.d, and prefix_bits counts the 96 bits. */
struct bud_network {
	unsigned char address[BUD_ADDRESS_BYTES];
	unsigned prefix_bits;
};

struct bud_networks {
	struct bud_network list[BUD_NETWORKS_MAX];
	size_t n;
};

/* 10.0.0.0/8, fd00::/8, or an address alone. Bits behind the prefix must be zero. */
BUD_MUST_CHECK int bud_network_parse(
	struct bud_span text, struct bud_network *out_network, struct bud_error *error);
/* True for a network of mapped addresses only. */
bool bud_network_is_v4(const struct bud_network *network);
void bud_network_write(const struct bud_network *network, struct bud_buffer *out);
/* `address` in network order, IPv4 mapped. ::/0 does not contain mapped IPv4 addresses: who opens
 * all of IPv6 has not asked for IPv4. */
bool bud_network_contains(
	const struct bud_network *network, const unsigned char address[BUD_ADDRESS_BYTES]);
bool bud_networks_contain(
	const struct bud_networks *networks, const unsigned char address[BUD_ADDRESS_BYTES]);

/* Whether it can be a prefix of NAT64: IPv6 of 32, 40, 48, 56, 64 or 96 bits whose bits 64 to 71
 * are zero (RFC 6052 2.2). */
bool bud_network_is_nat64(const struct bud_network *network);
/* The IPv4 address that `address` carries behind one of the prefixes, mapped. False, and
 * `out_address` untouched, when it lies in none of them or is not well-formed. Both may be one. */
bool bud_networks_translate(const struct bud_networks *nat64,
	const unsigned char address[BUD_ADDRESS_BYTES],
	unsigned char out_address[BUD_ADDRESS_BYTES]);

/* `host` is an IP address as inet_pton() takes it, without brackets; port 0 takes a free one. */
struct bud_listen {
	char host[46];
	uint16_t port;
};

/* 127.0.0.1:8080, [::1]:8080 or localhost:8080 (which means 127.0.0.1). */
BUD_MUST_CHECK int bud_listen_parse(
	struct bud_span text, struct bud_listen *out_listen, struct bud_error *error);
void bud_listen_write(const struct bud_listen *listen, struct bud_buffer *out);
bool bud_listen_is_loopback(const struct bud_listen *listen);
/* Whether a connection to one could reach the other: the same port, and the same address or any. */
bool bud_listen_overlaps(const struct bud_listen *a, const struct bud_listen *b);

/* host, host:port, [IPv6] or [IPv6]:port of a proxy, which is connected to by that port. */
bool bud_proxy_host_is_valid(struct bud_span text);
