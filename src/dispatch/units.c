/* Units. */
#include "dispatch/units.h"

#include "dispatch/desk.h"
#include "event/event.h"
#include "subscription/filter.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define ORGANIZATION "urn:altinn:organization:"
#define NUMBER       ORGANIZATION "identifier-no:"
#define PARTY        "/party/"

static bool names_organization(struct bud_span alternative)
{
	return bud_span_starts(alternative, bud_span("/org/")) ||
	       bud_span_starts(alternative, bud_span("/organisation/")) ||
	       bud_span_starts(alternative, bud_span("/organization/"));
}

/* Persons have no sub-units, and are not looked up. */
static bool may_be_unit(const struct bud_event *event)
{
	const struct bud_attribute *alternative;

	if (!event->subject.at || event->main_subject)
		return false;
	if (bud_span_starts(event->subject, bud_span(ORGANIZATION)))
		return true;
	if (!bud_span_starts(event->subject, bud_span(PARTY)))
		return false;
	alternative = bud_event_find(event, bud_span("alternativesubject"));
	return alternative && names_organization(alternative->value);
}

static enum bud_register_outcome ask(struct bud_register *reg, const struct bud_event *event,
	bud_register_fn fn, void *owner, struct bud_party *out_party)
{
	const struct bud_register_question question = {BUD_PARTY_MAIN_UNIT, event->subject};

	return bud_register_ask(reg, &question, fn, owner, out_party);
}

static bool is_anybody_interested(const struct bud_desk *desk)
{
	bool has_units;

	bud_table_lock(desk->table, desk->table_reader);
	has_units = bud_table_has_units(desk->table);
	bud_table_unlock(desk->table, desk->table_reader);
	return has_units;
}

bool bud_units_look_up(
	struct bud_register *reg, struct bud_event *event, bud_register_fn fn, void *owner)
{
	enum bud_register_outcome outcome;
	struct bud_party party;

	if (!reg || !may_be_unit(event))
		return true;
	outcome = ask(reg, event, fn, owner, &party);
	if (outcome == BUD_REGISTER_ASKED)
		return false;
	bud_units_know(event, outcome, &party);
	return true;
}

bool bud_units_look(
	const struct bud_desk *desk, struct bud_event *event, bud_register_fn fn, void *owner)
{
	return !desk->reg || !may_be_unit(event) || !is_anybody_interested(desk) ||
	       bud_units_look_up(desk->reg, event, fn, owner);
}

void bud_units_know(
	struct bud_event *event, enum bud_register_outcome outcome, const struct bud_party *party)
{
	bud_auto(buffer) struct bud_buffer subject = {0};

	event->is_main_unknown = outcome == BUD_REGISTER_FAILED;
	if (outcome != BUD_REGISTER_FOUND)
		return;
	if (bud_span_starts(event->subject, bud_span(PARTY)))
		bud_buffer_format(&subject, PARTY "%s", party->id);
	else
		bud_buffer_format(&subject, NUMBER "%s", party->organization);
	bud_event_set_main_subject(event, bud_buffer_as_span(&subject));
}

bool bud_units_is_guess(
	struct bud_event *event, const struct bud_subscription *subscription, int64_t now_ms)
{
	bool is_match;

	if (!event->is_main_unknown)
		return false;
	event->is_main_unknown = false;
	is_match = bud_subscription_match(subscription, event, now_ms);
	event->is_main_unknown = true;
	return !is_match;
}

/* DENY: it has units and does not match; PERMIT: it matches, or is none of those. */
static enum bud_decision match(
	const struct bud_desk *desk, const struct bud_event *event, const char *id, int64_t now_ms)
{
	const struct bud_subscription *subscription = NULL;
	enum bud_decision decision = BUD_DECISION_PERMIT;

	bud_table_lock(desk->table, desk->table_reader);
	if (bud_table_has_units(desk->table) &&
		bud_table_find(desk->table, id, &subscription) == BUD_TABLE_LIVE &&
		bud_filter_has_unit(subscription->filter) &&
		!bud_subscription_match(subscription, event, now_ms))
		decision = BUD_DECISION_DENY;
	bud_table_unlock(desk->table, desk->table_reader);
	return decision;
}

/* The next claim finds what came. */
static void on_party(void *owner, enum bud_register_outcome outcome, const struct bud_party *party)
{
	(void)owner;
	(void)outcome;
	(void)party;
}

enum bud_decision bud_units_permit(
	const struct bud_desk *desk, struct bud_event *event, const char *id, int64_t now_ms)
{
	enum bud_decision decision = match(desk, event, id, now_ms);
	enum bud_register_outcome outcome;
	struct bud_party party;

	if (decision == BUD_DECISION_PERMIT || !desk->reg || !may_be_unit(event))
		return decision;
	outcome = ask(desk->reg, event, on_party, NULL, &party);
	if (outcome == BUD_REGISTER_ASKED || outcome == BUD_REGISTER_FAILED)
		return BUD_DECISION_LATER;
	bud_units_know(event, outcome, &party);
	return match(desk, event, id, now_ms);
}
