/* Turns. slot of its tick -> the tick is over -> its owner's list -> running -> a slot again. So a
 * look costs what is due, not what waits: a slot is looked at once in a round of the wheel, and
 * owners that have their part are passed over, of whom there are few at any time. */
#include "lifecycle/turns.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"

#define OWNER_PART 4 /* one of so many parts */

struct bud_turn_owner {
	char *name;
	size_t n; /* turns, whatever they do */
	unsigned running;
	struct bud_list due[2];
	struct bud_list links[2]; /* bud_turns::rings */
};

void bud_turns_init(struct bud_turns *turns, unsigned running_max, int64_t tick_ms, int64_t now_ms)
{
	*turns = (struct bud_turns){
		.running_max = running_max, .tick_ms = tick_ms, .looked = now_ms / tick_ms};
	for (size_t i = 0; i < BUD_TURNS_SLOTS; i++)
		bud_list_init(&turns->slots[i]);
	bud_list_init(&turns->rings[0]);
	bud_list_init(&turns->rings[1]);
}

void bud_turns_finish(struct bud_turns *turns)
{
	assert(turns->owners.n == 0);
	bud_map_finish(&turns->owners);
}

static struct bud_turn_owner *find_owner(struct bud_turns *turns, const char *name)
{
	struct bud_turn_owner *owner = bud_map_get(&turns->owners, bud_span(name));

	if (owner)
		return owner;
	owner = bud_new(struct bud_turn_owner);
	owner->name = bud_strdup(name);
	for (int i = 0; i < 2; i++) {
		bud_list_init(&owner->due[i]);
		bud_list_init(&owner->links[i]);
	}
	bud_map_put(&turns->owners, bud_span(owner->name), owner);
	return owner;
}

static void add_due(struct bud_turns *turns, struct bud_turn *turn)
{
	struct bud_turn_owner *owner = turn->owner;
	struct bud_list *link = &owner->links[turn->is_repeat];

	bud_list_append(&owner->due[turn->is_repeat], &turn->link);
	if (bud_list_is_empty(link))
		bud_list_append(&turns->rings[turn->is_repeat], link);
}

static void take_out(struct bud_turns *turns, struct bud_turn *turn)
{
	struct bud_turn_owner *owner = turn->owner;

	bud_list_remove(&turn->link);
	for (int i = 0; i < 2; i++)
		if (bud_list_is_empty(&owner->due[i]))
			bud_list_remove(&owner->links[i]);
	if (!turn->is_running)
		return;
	turn->is_running = false;
	owner->running--;
	turns->running--;
}

void bud_turn_join(struct bud_turns *turns, struct bud_turn *turn, const char *owner)
{
	*turn = (struct bud_turn){.owner = find_owner(turns, owner)};
	turn->owner->n++;
	add_due(turns, turn);
}

void bud_turn_leave(struct bud_turns *turns, struct bud_turn *turn)
{
	struct bud_turn_owner *owner = turn->owner;

	take_out(turns, turn);
	turn->owner = NULL;
	if (--owner->n > 0)
		return;
	bud_map_remove(&turns->owners, bud_span(owner->name));
	free(owner->name);
	free(owner);
}

/* The first tick at which it is due. */
static int64_t tick_of(const struct bud_turns *turns, int64_t due_ms)
{
	return due_ms / turns->tick_ms + (due_ms % turns->tick_ms > 0);
}

void bud_turn_wait(struct bud_turns *turns, struct bud_turn *turn, int64_t due_ms, bool is_repeat)
{
	int64_t tick = tick_of(turns, due_ms);

	take_out(turns, turn);
	turn->due_ms = due_ms;
	turn->is_repeat = is_repeat;
	if (tick <= turns->looked)
		add_due(turns, turn);
	else
		bud_list_append(&turns->slots[tick % BUD_TURNS_SLOTS], &turn->link);
}

static void look_at(struct bud_turns *turns, struct bud_list *slot)
{
	struct bud_turn *turn, *after;

	bud_list_each_safe (turn, after, slot, link) {
		if (tick_of(turns, turn->due_ms) > turns->looked)
			continue; /* in another round */
		bud_list_remove(&turn->link);
		add_due(turns, turn);
	}
}

static void pass_time(struct bud_turns *turns, int64_t now_ms)
{
	int64_t now = now_ms / turns->tick_ms;
	int64_t from = turns->looked + 1;

	if (now < from)
		return;
	if (from < now - BUD_TURNS_SLOTS + 1)
		from = now - BUD_TURNS_SLOTS + 1;
	turns->looked = now;
	for (int64_t tick = from; tick <= now; tick++)
		look_at(turns, &turns->slots[tick % BUD_TURNS_SLOTS]);
}

static unsigned part(unsigned n, unsigned parts)
{
	return n > parts ? n / parts : 1;
}

static struct bud_turn *take(struct bud_turns *turns, bool is_repeat)
{
	unsigned most = part(turns->running_max, is_repeat ? 2 : 1);
	unsigned owner_most = part(most, OWNER_PART);
	struct bud_list *ring = &turns->rings[is_repeat];
	struct bud_list *at, *after;

	if (turns->running >= most)
		return NULL;
	for (at = ring->next; at != ring; at = after) {
		struct bud_turn_owner *owner =
			bud_container(at - is_repeat, struct bud_turn_owner, links);
		struct bud_turn *turn;
		after = at->next;
		if (owner->running >= owner_most)
			continue;
		turn = bud_list_first(&owner->due[is_repeat], struct bud_turn, link);
		take_out(turns, turn);
		turn->is_running = true;
		owner->running++;
		turns->running++;
		if (!bud_list_is_empty(at)) { /* the next owner's turn */
			bud_list_remove(at);
			bud_list_append(ring, at);
		}
		return turn;
	}
	return NULL;
}

struct bud_turn *bud_turns_next(struct bud_turns *turns, int64_t now_ms)
{
	struct bud_turn *turn;

	pass_time(turns, now_ms);
	turn = take(turns, false);
	return turn ? turn : take(turns, true);
}
