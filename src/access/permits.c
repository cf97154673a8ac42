/* Permits of many events. */
#include "access/permits.h"

#include "access/decision_point.h"
#include "auth/authorize.h"

static void decide(struct bud_permits *permits)
{
	for (size_t i = 0; i < permits->n; i++)
		permits->decisions[i] =
			bud_authorize(permits->authority, &permits->questions[i], NULL);
}

static void on_answered(void *owner)
{
	struct bud_permits *permits = owner;

	if (--permits->n_waiting > 0)
		return;
	decide(permits);
	permits->fn(permits->owner);
}

bool bud_permits_ask(struct bud_permits *permits, void (*fn)(void *owner), void *owner)
{
	permits->n_waiting = 0;
	permits->fn = fn;
	permits->owner = owner;
	decide(permits);
	for (size_t i = 0; permits->point && i < permits->n; i++)
		if (permits->decisions[i] == BUD_DECISION_LATER)
			permits->n_waiting +=
				bud_decision_point_ask(permits->point, &permits->questions[i],
					on_answered, permits) == 0;
	return permits->n_waiting == 0;
}
