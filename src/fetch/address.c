/* The address guard. IPv4 is refused by a list of special ranges; of IPv6 only global unicast,
 * 2000::/3, is public at all, so what a list could forget is refused, too. */
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include "config/network.h"
#include "fetch/address.h"

#define V4(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* IANA's special-purpose registry, multicast, what is reserved, and an address in public space that
 * a cloud serves its metadata from. 169.254.169.254 and 100.100.100.200 lie in ranges. */
static const struct v4_range {
	uint32_t network;
	unsigned bits;
} denied_v4[] = {
	{V4(0, 0, 0, 0), 8},        /* this network */
	{V4(10, 0, 0, 0), 8},       /* private */
	{V4(100, 64, 0, 0), 10},    /* shared behind carriers' NAT */
	{V4(127, 0, 0, 0), 8},      /* loopback */
	{V4(169, 254, 0, 0), 16},   /* link-local, metadata */
	{V4(172, 16, 0, 0), 12},    /* private */
	{V4(192, 0, 0, 0), 24},     /* protocol assignments */
	{V4(192, 0, 2, 0), 24},     /* documentation */
	{V4(192, 88, 99, 0), 24},   /* 6to4 relays */
	{V4(192, 168, 0, 0), 16},   /* private */
	{V4(198, 18, 0, 0), 15},    /* benchmarks */
	{V4(198, 51, 100, 0), 24},  /* documentation */
	{V4(203, 0, 113, 0), 24},   /* documentation */
	{V4(168, 63, 129, 16), 32}, /* metadata */
	{V4(224, 0, 0, 0), 4},      /* multicast */
	{V4(240, 0, 0, 0), 4},      /* reserved, broadcast */
};

/* Inside 2000::/3. Outside lie ::/96, NAT64, discard, SRv6, unique local (with fd00:ec2::254),
 * link- and site-local, multicast. */
static const struct v6_range {
	unsigned char network[4];
	unsigned bits;
} denied_v6[] = {
	{{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments: Teredo, benchmarks, ORCHID */
	{{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
	{{0x20, 0x02, 0x00, 0x00}, 16}, /* 6to4 */
	{{0x3f, 0xff, 0x00, 0x00}, 20}, /* documentation */
};

static uint32_t read_u32(const unsigned char *at)
{
	return V4(at[0], at[1], at[2], at[3]);
}

static bool starts_alike(uint32_t a, uint32_t b, unsigned bits)
{
	return ((a ^ b) >> (32 - bits)) == 0;
}

static bool is_public_v4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(denied_v4) / sizeof(denied_v4[0]); i++)
		if (starts_alike(address, denied_v4[i].network, denied_v4[i].bits))
			return false;
	return true;
}

static bool is_public_v6(const unsigned char address[16])
{
	uint32_t head = read_u32(address);
	if (head >> 29 != 1)
		return false;
	for (size_t i = 0; i < sizeof(denied_v6) / sizeof(denied_v6[0]); i++)
		if (starts_alike(head, read_u32(denied_v6[i].network), denied_v6[i].bits))
			return false;
	return true;
}

bool bud_address_is_allowed(const struct sockaddr *address, const struct bud_networks *allowed,
	const struct bud_networks *nat64)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	unsigned char bytes[BUD_ADDRESS_BYTES];
	if (address->sa_family == AF_INET) {
		memcpy(bytes, mapped, sizeof(mapped));
		memcpy(bytes + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		memcpy(bytes, &((const struct sockaddr_in6 *)address)->sin6_addr, sizeof(bytes));
	} else {
		return false;
	}
	if (allowed && bud_networks_contain(allowed, bytes))
		return true;
	if (nat64 && bud_networks_translate(nat64, bytes, bytes) && allowed &&
		bud_networks_contain(allowed, bytes))
		return true;
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		return is_public_v4(read_u32(bytes + 12));
	return is_public_v6(bytes);
}
