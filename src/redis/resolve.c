#include "redis/resolve.h"
#include <assert.h>

static const struct addrinfo *choose(unsigned turn, const struct addrinfo *addresses)
{
	unsigned n = 0;
	for (const struct addrinfo *each = addresses; each; each = each->ai_next)
		n++;
	for (unsigned i = turn % n; i > 0; i--)
		addresses = addresses->ai_next;
	return addresses;
}

static void on_resolved(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses)
{
	struct bud_redis_resolve *resolve = lookup->data;
	resolve->is_running = false;
	char ip[INET6_ADDRSTRLEN] = "";
	if (status == 0 && addresses) {
		const struct sockaddr *chosen = choose(resolve->turn++, addresses)->ai_addr;
		if (chosen->sa_family == AF_INET6)
			status = uv_ip6_name((const struct sockaddr_in6 *)chosen, ip, sizeof(ip));
		else
			status = uv_ip4_name((const struct sockaddr_in *)chosen, ip, sizeof(ip));
	} else if (status == 0) {
		status = UV_EAI_NONAME;
	}
	uv_freeaddrinfo(addresses);
	resolve->fn(resolve->owner, status, status < 0 ? NULL : ip);
}

int bud_redis_resolve_start(struct bud_redis_resolve *resolve, uv_loop_t *loop, const char *host,
	bud_redis_resolve_fn fn, void *owner)
{
	assert(!resolve->is_running);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	int r = uv_getaddrinfo(loop, &resolve->lookup, on_resolved, host, NULL, &hints);
	if (r < 0)
		return r;
	resolve->lookup.data = resolve;
	resolve->fn = fn;
	resolve->owner = owner;
	resolve->is_running = true;
	return 0;
}

void bud_redis_resolve_stop(struct bud_redis_resolve *resolve)
{
	if (resolve->is_running)
		(void)uv_cancel((uv_req_t *)&resolve->lookup);
}
