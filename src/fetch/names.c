/* An entry per name: fresh -> asked for when stale -> waiting -> flying -> answered -> fresh.
 * What a caller sees is always the entry's answer; a look-up that takes longer than 2 s is answered
 * without c-ares, whose own answer is then kept for the next time. An old good answer outlives
 * failures of the name servers (not their "no such name") for ten minutes. */
#include <ares.h>
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include "core/clock.h"
#include "core/map.h"
#include "fetch/address.h"
#include "fetch/guard.h"
#include "fetch/names.h"
#include "fetch/resolver.h"

#define FLIGHTS_MAX      100
#define ENTRIES_MAX      16384
#define ANSWER_WITHIN_MS 2000
#define KEPT_MS          5000
#define TTL_MAX_S        60
#define STALE_KEPT_MS    600000
#define TICK_MS          50

enum entry_state {
	ENTRY_RESTING,
	ENTRY_WAITING, /* for one of the flights */
	ENTRY_FLYING,
};

struct entry {
	struct bud_names *names;
	struct bud_list link; /* resting, waiting or flying */
	struct bud_list answered;
	struct bud_list queries;
	struct bud_name_answer answer;
	enum entry_state state;
	bool has_answer;
	int64_t fresh_until_ms;
	int64_t found_at_ms;                /* the last good answer came */
	char preferred[BUD_NAME_PIN_BYTES]; /* "": none */
	int64_t asked_at_ms;                /* by the first query that waits */
	char host[];
};

struct bud_names {
	uv_idle_t kick; /* runs once after an ask */
	uv_timer_t tick;
	struct bud_resolver *resolver;
	const struct bud_networks *networks;
	const struct bud_networks *nat64;
	struct bud_name_answer localhost;
	int64_t kept_ms;
	struct bud_map entries;
	struct bud_list resting; /* the longest unused first */
	struct bud_list waiting;
	struct bud_list flying;
	struct bud_list answered;
	unsigned flights;
	unsigned handles;
	bool is_closing;
	void (*on_closed)(void *owner);
	void *owner;
};

static void set_state(struct entry *entry, enum entry_state state)
{
	struct bud_names *names = entry->names;
	struct bud_list *lists[] = {&names->resting, &names->waiting, &names->flying};
	if (entry->state == ENTRY_FLYING)
		names->flights--;
	if (state == ENTRY_FLYING)
		names->flights++;
	entry->state = state;
	bud_list_remove(&entry->link);
	bud_list_append(lists[state], &entry->link);
}

/* The queries are told by hand_out(), when c-ares is not on the stack. */
static void mark_answered(struct entry *entry, int64_t fresh_ms)
{
	entry->has_answer = true;
	entry->fresh_until_ms = bud_clock_mono_ms() + fresh_ms;
	bud_list_remove(&entry->answered);
	bud_list_append(&entry->names->answered, &entry->answered);
}

static void fail(struct entry *entry, enum bud_name_state state, bool may_stay)
{
	bool is_recent =
		entry->found_at_ms > 0 && bud_clock_mono_ms() - entry->found_at_ms < STALE_KEPT_MS;
	if (!may_stay || !is_recent || entry->answer.state != BUD_NAME_FOUND) {
		entry->answer = (struct bud_name_answer){.state = state};
		entry->found_at_ms = 0;
	}
	mark_answered(entry, entry->names->kept_ms);
}

static bool write_pin(const struct sockaddr *address, char out[BUD_NAME_PIN_BYTES])
{
	char text[INET6_ADDRSTRLEN];
	const void *bytes = &((const struct sockaddr_in *)address)->sin_addr;
	if (address->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)address)->sin6_addr;
	if (!inet_ntop(address->sa_family, bytes, text, sizeof(text)))
		return false;
	snprintf(out, BUD_NAME_PIN_BYTES,
		address->sa_family == AF_INET6 ? "::[%s]:" : "::%s:", text);
	return true;
}

static void put_preferred_first(struct entry *entry)
{
	struct bud_name_answer *answer = &entry->answer;
	for (unsigned i = 1; entry->preferred[0] && i < answer->n; i++) {
		if (strcmp(answer->pins[i], entry->preferred) != 0)
			continue;
		memcpy(answer->pins[i], answer->pins[0], BUD_NAME_PIN_BYTES);
		memcpy(answer->pins[0], entry->preferred, BUD_NAME_PIN_BYTES);
	}
}

/* All addresses are judged, also those that are not kept: one that is not allowed among others is
 * a sign of rebinding. */
static void take_addresses(struct entry *entry, const struct ares_addrinfo *info)
{
	struct bud_name_answer answer = {.state = BUD_NAME_FOUND};
	unsigned ttl_s = TTL_MAX_S;
	for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next) {
		if (!bud_address_is_allowed(
			    node->ai_addr, entry->names->networks, entry->names->nat64)) {
			fail(entry, BUD_NAME_REFUSED, false);
			return;
		}
		if (node->ai_ttl >= 0 && (unsigned)node->ai_ttl < ttl_s)
			ttl_s = (unsigned)node->ai_ttl;
		if (answer.n < BUD_NAME_ADDRESSES_MAX &&
			write_pin(node->ai_addr, answer.pins[answer.n]))
			answer.n++;
	}
	if (answer.n == 0) {
		fail(entry, BUD_NAME_FAILED, false);
		return;
	}
	entry->answer = answer;
	put_preferred_first(entry);
	entry->found_at_ms = bud_clock_mono_ms();
	int64_t kept_ms = (int64_t)ttl_s * 1000;
	mark_answered(entry, kept_ms < entry->names->kept_ms ? entry->names->kept_ms : kept_ms);
}

/* Asked again by the next who wants to know. */
static void block(struct entry *entry)
{
	fail(entry, BUD_NAME_BLOCKED, true);
	entry->fresh_until_ms = 0;
}

static void on_resolved(void *owner, int status, const struct ares_addrinfo *info)
{
	struct entry *entry = owner;
	set_state(entry, ENTRY_RESTING);
	if (info)
		take_addresses(entry, info);
	else if (status == ARES_ENOTFOUND || status == ARES_ENODATA)
		fail(entry, BUD_NAME_FAILED, false);
	else if (status != ARES_EDESTRUCTION && bud_guard_is_exhausted())
		block(entry);
	else if (status != ARES_EDESTRUCTION)
		fail(entry, BUD_NAME_FAILED, true);
	else if (!bud_list_is_empty(&entry->queries) && !entry->names->is_closing)
		set_state(entry, ENTRY_WAITING); /* resolv.conf has changed */
}

/* The list is taken whole, so that a query asked again by fn waits for the next answer. */
static void tell(struct entry *entry)
{
	struct bud_list told;
	bud_list_init(&told);
	while (!bud_list_is_empty(&entry->queries)) {
		struct bud_list *link = entry->queries.next;
		bud_list_remove(link);
		bud_list_append(&told, link);
	}
	struct bud_name_answer answer = entry->answer;
	while (!bud_list_is_empty(&told)) {
		struct bud_name_query *query = bud_list_first(&told, struct bud_name_query, link);
		bud_list_remove(&query->link);
		query->fn(query, &answer);
	}
}

static void hand_out(struct bud_names *names)
{
	while (!bud_list_is_empty(&names->answered)) {
		struct entry *entry = bud_list_first(&names->answered, struct entry, answered);
		bud_list_remove(&entry->answered);
		tell(entry);
	}
}

static void start_flights(struct bud_names *names)
{
	if (!bud_list_is_empty(&names->waiting))
		bud_resolver_refresh(names->resolver);
	while (!bud_list_is_empty(&names->waiting) && names->flights < FLIGHTS_MAX) {
		struct entry *entry = bud_list_first(&names->waiting, struct entry, link);
		set_state(entry, ENTRY_FLYING);
		bud_resolver_ask(names->resolver, entry->host, on_resolved, entry);
	}
}

static void on_turn(void *owner)
{
	struct bud_names *names = owner;
	if (names->is_closing)
		return;
	start_flights(names);
	hand_out(names);
}

static void on_kick(uv_idle_t *kick)
{
	uv_idle_stop(kick);
	on_turn(kick->data);
}

static void give_up_late(struct bud_list *list, int64_t now)
{
	struct entry *entry, *after;
	bud_list_each_safe (entry, after, list, link) {
		if (bud_list_is_empty(&entry->queries) ||
			now - entry->asked_at_ms < ANSWER_WITHIN_MS)
			continue;
		if (entry->state == ENTRY_WAITING)
			set_state(entry, ENTRY_RESTING);
		fail(entry, BUD_NAME_FAILED, true);
	}
}

static void on_tick(uv_timer_t *tick)
{
	struct bud_names *names = tick->data;
	bud_resolver_tick(names->resolver);
	int64_t now = bud_clock_mono_ms();
	give_up_late(&names->flying, now);
	give_up_late(&names->waiting, now);
	if (names->flights == 0 && bud_list_is_empty(&names->waiting))
		uv_timer_stop(tick);
	on_turn(names);
}

static void fill_localhost(struct bud_name_answer *answer, const struct bud_networks *networks)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	const struct sockaddr *both[] = {(struct sockaddr *)&v4, (struct sockaddr *)&v6};
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	answer->state = BUD_NAME_REFUSED;
	for (int i = 0; i < 2; i++) {
		if (!bud_address_is_allowed(both[i], networks, NULL) ||
			!write_pin(both[i], answer->pins[answer->n]))
			continue;
		answer->state = BUD_NAME_FOUND;
		answer->n++;
	}
}

struct bud_names *bud_names_open(struct uv_loop_s *loop, const struct bud_names_options *options)
{
	struct bud_names *names = bud_new(struct bud_names);
	names->networks = options->networks;
	names->nat64 = options->nat64;
	names->kept_ms = options->kept_ms ? options->kept_ms : KEPT_MS;
	fill_localhost(&names->localhost, names->networks);
	bud_list_init(&names->resting);
	bud_list_init(&names->waiting);
	bud_list_init(&names->flying);
	bud_list_init(&names->answered);
	uv_idle_init(loop, &names->kick);
	uv_timer_init(loop, &names->tick);
	names->kick.data = names;
	names->tick.data = names;
	names->handles = 2;
	names->resolver = bud_resolver_open(loop, options->servers, on_turn, names);
	return names;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct bud_names *names = handle->data;
	if (--names->handles > 0)
		return;
	void (*on_closed)(void *owner) = names->on_closed;
	void *owner = names->owner;
	free(names);
	on_closed(owner);
}

void bud_names_close(struct bud_names *names, void (*on_closed)(void *owner), void *owner)
{
	names->is_closing = true;
	names->on_closed = on_closed;
	names->owner = owner;
	bud_resolver_close(bud_move(names->resolver));
	size_t position = 0;
	struct entry *entry;
	while ((entry = bud_map_next(&names->entries, &position)) != NULL) {
		assert(bud_list_is_empty(&entry->queries));
		free(entry);
	}
	bud_map_finish(&names->entries);
	uv_close((uv_handle_t *)&names->kick, on_handle_closed);
	uv_close((uv_handle_t *)&names->tick, on_handle_closed);
}

bool bud_name_is_localhost(const char *host)
{
	struct bud_span span = bud_span(host);
	return bud_span_is(span, "localhost") || bud_span_ends(span, bud_span(".localhost"));
}

const struct bud_name_answer *bud_names_find(struct bud_names *names, const char *host)
{
	if (bud_name_is_localhost(host))
		return &names->localhost;
	struct entry *entry = bud_map_get(&names->entries, bud_span(host));
	if (!entry || !entry->has_answer || bud_clock_mono_ms() >= entry->fresh_until_ms)
		return NULL;
	return &entry->answer;
}

/* Room for one more: what was asked for longest ago goes first. */
static void drop_oldest(struct bud_names *names)
{
	if (names->entries.n < ENTRIES_MAX || bud_list_is_empty(&names->resting))
		return;
	struct entry *entry = bud_list_first(&names->resting, struct entry, link);
	if (!bud_list_is_empty(&entry->queries) || !bud_list_is_empty(&entry->answered))
		return;
	bud_list_remove(&entry->link);
	bud_map_remove(&names->entries, bud_span(entry->host));
	free(entry);
}

static struct entry *add_entry(struct bud_names *names, const char *host)
{
	drop_oldest(names);
	size_t len = strlen(host);
	struct entry *entry = bud_alloc_zero(sizeof(struct entry) + len + 1);
	memcpy(entry->host, host, len);
	entry->names = names;
	bud_list_init(&entry->link);
	bud_list_init(&entry->answered);
	bud_list_init(&entry->queries);
	bud_list_append(&names->resting, &entry->link);
	bud_map_put(&names->entries, (struct bud_span){entry->host, len}, entry);
	return entry;
}

void bud_names_ask(struct bud_names *names, const char *host, struct bud_name_query *query)
{
	struct entry *entry = bud_map_get(&names->entries, bud_span(host));
	if (!entry)
		entry = add_entry(names, host);
	if (bud_list_is_empty(&entry->queries))
		entry->asked_at_ms = bud_clock_mono_ms();
	bud_list_init(&query->link);
	bud_list_append(&entry->queries, &query->link);
	if (entry->state == ENTRY_RESTING)
		set_state(entry, ENTRY_WAITING);
	uv_idle_start(&names->kick, on_kick);
	if (!uv_is_active((uv_handle_t *)&names->tick))
		uv_timer_start(&names->tick, on_tick, TICK_MS, TICK_MS);
}

void bud_names_prefer(struct bud_names *names, const char *host, const char *pin)
{
	struct entry *entry = bud_map_get(&names->entries, bud_span(host));
	if (!entry || strlen(pin) >= BUD_NAME_PIN_BYTES)
		return;
	strcpy(entry->preferred, pin);
	put_preferred_first(entry);
}

void bud_names_forget(struct bud_name_query *query)
{
	if (query->link.next)
		bud_list_remove(&query->link);
}
