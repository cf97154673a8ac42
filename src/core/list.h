/* A list whose links live in its members; a head is a link, too. */
#pragma once
#include <stdbool.h>
#include "core/alloc.h"

struct bud_list {
	struct bud_list *next;
	struct bud_list *prev;
};

static inline void bud_list_init(struct bud_list *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool bud_list_is_empty(const struct bud_list *list)
{
	return list->next == list;
}

static inline void bud_list_append(struct bud_list *list, struct bud_list *link)
{
	link->prev = list->prev;
	link->next = list;
	list->prev->next = link;
	list->prev = link;
}

/* A link that is in no list points to itself, so removing twice is harmless. */
static inline void bud_list_remove(struct bud_list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	bud_list_init(link);
}

#define bud_list_first(list, type, member) bud_container((list)->next, type, member)

#define bud_list_each(item, list, member)                                                          \
	for (item = bud_container((list)->next, __typeof__(*item), member);                        \
		&item->member != (list);                                                           \
		item = bud_container(item->member.next, __typeof__(*item), member))

/* `item` may be removed or freed in the body, its successor may not. */
#define bud_list_each_safe(item, after, list, member)                                              \
	for (item = bud_container((list)->next, __typeof__(*item), member),                        \
	    after = bud_container(item->member.next, __typeof__(*item), member);                   \
		&item->member != (list);                                                           \
		item = after, after = bud_container(item->member.next, __typeof__(*item), member))
