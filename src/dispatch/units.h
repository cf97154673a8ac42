/* Units: of what an event's subject is a part, for subscriptions of main units that include their
 * sub-units. Who that is says the register; while it cannot, whoever might want the event gets it
 * parked, and is decided about when it is claimed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "access/register.h"
#include "auth/question.h"

struct bud_desk;         /* dispatch/desk.h */
struct bud_event;        /* event/event.h */
struct bud_subscription; /* subscription/subscription.h */

/* Before an event is matched, where anybody asks for units: false: the register is asked, and will
 * call `fn` with `owner`, who then calls bud_units_know(). True: nothing is to be waited for. */
bool bud_units_look(
	const struct bud_desk *desk, struct bud_event *event, bud_register_fn fn, void *owner);
/* The same, whoever asks for units. `reg` may be NULL. */
bool bud_units_look_up(
	struct bud_register *reg, struct bud_event *event, bud_register_fn fn, void *owner);
/* Takes up what the register said. */
void bud_units_know(
	struct bud_event *event, enum bud_register_outcome outcome, const struct bud_party *party);
/* Whether this subscription was found only because the register could not be asked. */
bool bud_units_is_guess(
	struct bud_event *event, const struct bud_subscription *subscription, int64_t now_ms);
/* For a delivery that was parked: does the subscription with this id want it, as far as units go?
 * LATER: the register does not say. */
enum bud_decision bud_units_permit(
	const struct bud_desk *desk, struct bud_event *event, const char *id, int64_t now_ms);
