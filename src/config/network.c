/* Networks and listen addresses. */
#include "config/network.h"

#include <arpa/inet.h>
#include <stdio.h>

static const unsigned char mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* `text` as an IP address; the bits it has, 32 or 128, or 0. */
static unsigned read_address(struct bud_span text, unsigned char out[BUD_ADDRESS_BYTES])
{
	char name[INET6_ADDRSTRLEN];

	if (text.len >= sizeof(name) || memchr(text.at, '\0', text.len))
		return 0;
	memcpy(name, text.at, text.len);
	name[text.len] = '\0';
	memcpy(out, mapped_prefix, sizeof(mapped_prefix));
	if (inet_pton(AF_INET, name, out + sizeof(mapped_prefix)) == 1)
		return 32;
	return inet_pton(AF_INET6, name, out) == 1 ? 128 : 0;
}

static bool is_mapped(const unsigned char address[BUD_ADDRESS_BYTES])
{
	return memcmp(address, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

/* Sets the bits behind the prefix to zero; true when they were. */
static bool clear_host_bits(struct bud_network *network)
{
	struct bud_network before = *network;

	for (unsigned bit = network->prefix_bits; bit < 8 * BUD_ADDRESS_BYTES; bit++)
		network->address[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
	return memcmp(before.address, network->address, BUD_ADDRESS_BYTES) == 0;
}

int bud_network_parse(
	struct bud_span text, struct bud_network *out_network, struct bud_error *error)
{
	const char *slash = memchr(text.at, '/', text.len);
	struct bud_span address = {text.at, slash ? (size_t)(slash - text.at) : text.len};
	struct bud_network network = {0};
	unsigned bits = read_address(address, network.address);
	uint64_t prefix = bits;

	if (bits == 0)
		return bud_error_set(error, NULL,
			"\"%.*s\" is not a network; give one like 10.0.0.0/8 or fd00::/8",
			(int)text.len, text.at);
	if (slash && !bud_span_number((struct bud_span){slash + 1, text.len - address.len - 1},
			     bits, &prefix))
		return bud_error_set(error, NULL,
			"the prefix of \"%.*s\" must be a number from 0 to %u", (int)text.len,
			text.at, bits);
	network.prefix_bits = (unsigned)prefix + (bits == 32 ? 96 : 0);
	if (!clear_host_bits(&network)) {
		bud_auto(buffer) struct bud_buffer right = {0};
		bud_network_write(&network, &right);
		return bud_error_set(error, NULL,
			"\"%.*s\" has bits set behind its prefix; did you mean %s?", (int)text.len,
			text.at, right.at);
	}
	*out_network = network;
	return 0;
}

bool bud_network_is_v4(const struct bud_network *network)
{
	return network->prefix_bits >= 96 && is_mapped(network->address);
}

void bud_network_write(const struct bud_network *network, struct bud_buffer *out)
{
	bool is_v4 = bud_network_is_v4(network);
	char text[INET6_ADDRSTRLEN];

	inet_ntop(is_v4 ? AF_INET : AF_INET6, network->address + (is_v4 ? 12 : 0), text,
		sizeof(text));
	bud_buffer_format(out, "%s/%u", text, network->prefix_bits - (is_v4 ? 96 : 0));
}

bool bud_network_contains(
	const struct bud_network *network, const unsigned char address[BUD_ADDRESS_BYTES])
{
	size_t bytes = network->prefix_bits / 8;
	unsigned rest = network->prefix_bits % 8;

	if (network->prefix_bits < 96 && is_mapped(address))
		return false;
	if (memcmp(network->address, address, bytes) != 0)
		return false;
	return rest == 0 || (network->address[bytes] ^ address[bytes]) >> (8 - rest) == 0;
}

bool bud_networks_contain(
	const struct bud_networks *networks, const unsigned char address[BUD_ADDRESS_BYTES])
{
	for (size_t i = 0; i < networks->n; i++)
		if (bud_network_contains(&networks->list[i], address))
			return true;
	return false;
}

/* The octet that stays zero for the sake of interface identifiers: IPv4 addresses step over it. */
#define NAT64_ZERO_OCTET 8

bool bud_network_is_nat64(const struct bud_network *network)
{
	unsigned bits = network->prefix_bits;

	if (network->address[NAT64_ZERO_OCTET] != 0 || bud_network_is_v4(network))
		return false;
	return bits == 96 || (bits >= 32 && bits <= 64 && bits % 8 == 0);
}

bool bud_networks_translate(const struct bud_networks *nat64,
	const unsigned char address[BUD_ADDRESS_BYTES],
	unsigned char out_address[BUD_ADDRESS_BYTES])
{
	if (address[NAT64_ZERO_OCTET] != 0)
		return false;
	for (size_t i = 0; i < nat64->n; i++) {
		size_t at = nat64->list[i].prefix_bits / 8;
		unsigned char inside[4];
		if (!bud_network_contains(&nat64->list[i], address))
			continue;
		for (size_t to = 0; to < sizeof(inside); at++)
			if (at != NAT64_ZERO_OCTET)
				inside[to++] = address[at];
		memcpy(out_address, mapped_prefix, sizeof(mapped_prefix));
		memcpy(out_address + sizeof(mapped_prefix), inside, sizeof(inside));
		return true;
	}
	return false;
}

static int refuse_listen(struct bud_span text, struct bud_error *error)
{
	return bud_error_set(error, NULL,
		"\"%.*s\" is not an IP address and a port; "
		"give them like 127.0.0.1:8080 or [::1]:8080",
		(int)text.len, text.at);
}

int bud_listen_parse(struct bud_span text, struct bud_listen *out_listen, struct bud_error *error)
{
	const char *colon = text.len ? memrchr(text.at, ':', text.len) : NULL;
	unsigned char address[BUD_ADDRESS_BYTES];
	struct bud_listen listen = {0};
	struct bud_span host;
	unsigned bits = 32;
	uint64_t port;

	if (!colon)
		return refuse_listen(text, error);
	host = (struct bud_span){text.at, (size_t)(colon - text.at)};
	if (!bud_span_number((struct bud_span){colon + 1, text.len - host.len - 1}, 65535, &port))
		return refuse_listen(text, error);
	if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') {
		host = (struct bud_span){host.at + 1, host.len - 2};
		bits = 128;
	}
	if (bits == 32 && bud_span_is(host, "localhost"))
		host = bud_span("127.0.0.1");
	if (read_address(host, address) != bits)
		return refuse_listen(text, error);
	memcpy(listen.host, host.at, host.len);
	listen.port = (uint16_t)port;
	*out_listen = listen;
	return 0;
}

void bud_listen_write(const struct bud_listen *listen, struct bud_buffer *out)
{
	bool has_colon = strchr(listen->host, ':') != NULL;

	bud_buffer_format(out, "%s%s%s:%u", has_colon ? "[" : "", listen->host,
		has_colon ? "]" : "", listen->port);
}

bool bud_listen_is_loopback(const struct bud_listen *listen)
{
	static const unsigned char one[BUD_ADDRESS_BYTES] = {[15] = 1};
	unsigned char address[BUD_ADDRESS_BYTES];

	if (read_address(bud_span(listen->host), address) == 0)
		return false;
	if (is_mapped(address))
		return address[12] == 127;
	return memcmp(address, one, sizeof(one)) == 0;
}

/* Without the mapping, so that any address is all zero in both families. */
static bool is_any(const unsigned char address[BUD_ADDRESS_BYTES])
{
	for (size_t i = is_mapped(address) ? 12 : 0; i < BUD_ADDRESS_BYTES; i++)
		if (address[i] != 0)
			return false;
	return true;
}

bool bud_listen_overlaps(const struct bud_listen *a, const struct bud_listen *b)
{
	unsigned char one[BUD_ADDRESS_BYTES], other[BUD_ADDRESS_BYTES];

	if (a->port == 0 || a->port != b->port || read_address(bud_span(a->host), one) == 0 ||
		read_address(bud_span(b->host), other) == 0)
		return false;
	return is_any(one) || is_any(other) || memcmp(one, other, sizeof(one)) == 0;
}

bool bud_proxy_host_is_valid(struct bud_span text)
{
	const char *colon = text.len ? memrchr(text.at, ':', text.len) : NULL;
	struct bud_span port = {NULL, 0};
	uint64_t number;

	if (colon && !memchr(colon, ']', text.len - (size_t)(colon - text.at)))
		port = (struct bud_span){colon + 1, text.len - (size_t)(colon - text.at) - 1};
	if (port.at)
		text.len = (size_t)(colon - text.at);
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] <= ' ' || text.at[i] > '~' || strchr("/@?#\\", text.at[i]))
			return false;
	return text.len > 0 && (!port.at || (bud_span_number(port, 65535, &number) && number > 0));
}
