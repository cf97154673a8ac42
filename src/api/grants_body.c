/* Bodies of grants. */
#include "api/grants_body.h"

#include <jansson.h>
#include <stdio.h>

#include "auth/grant.h"
#include "auth/identity.h"
#include "auth/norwegian.h"
#include "core/random.h"
#include "event/timestamp.h"
#include "subscription/body.h"

#define PERSON        "/person/"
#define PERSON_DIGITS 11

static bool is_number(struct bud_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
	return text.len == PERSON_DIGITS;
}

/* "/person/<11 digits>" becomes what the person's tokens are named. */
static int hide_person(struct bud_grant *grant, struct bud_span person_key, struct bud_error *error)
{
	struct bud_span number = bud_span(grant->to);
	char hash[BUD_PERSON_BYTES];

	if (!bud_span_starts(number, bud_span(PERSON)))
		return 0;
	number.at += strlen(PERSON);
	number.len -= strlen(PERSON);
	if (!is_number(number))
		return 0;
	if (!bud_person_number_is_valid(number))
		return bud_error_set(error, "to", "to has a number that no person has");
	bud_person_hash(person_key, number, hash);
	bud_free_secret(grant->to);
	grant->to = bud_alloc(sizeof(PERSON) + sizeof(hash));
	snprintf(grant->to, sizeof(PERSON) + sizeof(hash), PERSON "%s", hash);
	return 0;
}

static int read_to(const json_t *json, struct bud_span person_key, struct bud_grant *grant,
	struct bud_error *error)
{
	const struct bud_body_text rule = {"to", BUD_IDENTITY_NAME_MAX};
	int r = bud_body_text(json_object_get(json, "to"), &rule, &grant->to, error);

	if (r < 0)
		return r;
	if (!grant->to || !bud_identity_name_is_valid(bud_span(grant->to)) ||
		!bud_pattern_is_plain(grant->to))
		return bud_error_set(error, "to",
			"to must be the name of an identity in full, such as /org/skd");
	r = hide_person(grant, person_key, error);
	if (r == 0 && strcmp(grant->to, grant->owner) == 0)
		return bud_error_set(error, "to", "to must be somebody else: you have it already");
	return r;
}

static int read_actions(const json_t *json, struct bud_grant *grant, struct bud_error *error)
{
	const json_t *list = json_object_get(json, "actions");
	size_t i;
	json_t *item;

	if (!list)
		grant->actions = 1u << BUD_ACTION_SUBSCRIBE | 1u << BUD_ACTION_READ;
	json_array_foreach(list, i, item)
	{
		const char *word = json_string_value(item);
		enum bud_action action = word ? bud_action_of(bud_span(word)) : BUD_ACTIONS;
		if (action != BUD_ACTION_SUBSCRIBE && action != BUD_ACTION_READ)
			action = BUD_ACTIONS;
		grant->actions |= 1u << action;
	}
	if (grant->actions == 0 || grant->actions & 1u << BUD_ACTIONS)
		return bud_error_set(error, "actions",
			"actions must be a list of \"subscribe\" and \"read\"; both without it");
	return 0;
}

static int read_resource(const json_t *json, struct bud_grant *grant, struct bud_error *error)
{
	const struct bud_body_text rule = {"resource", BUD_GRANT_TEXT_MAX};
	int r = bud_body_text(json_object_get(json, "resource"), &rule, &grant->resource, error);

	if (r == 0 && grant->resource && !bud_pattern_is_plain(grant->resource))
		return bud_error_set(error, "resource",
			"resource must be named in full, without *; all events that you publish "
			"without it");
	return r;
}

static int read_types(const json_t *json, struct bud_grant *grant, struct bud_error *error)
{
	const json_t *list = json_object_get(json, "types");
	size_t i;
	json_t *item;

	if (list && (!json_is_array(list) || json_array_size(list) == 0 ||
			    json_array_size(list) > BUD_GRANT_TYPES_MAX))
		return bud_error_set(error, "types", "types must be a list of 1 to %u types",
			BUD_GRANT_TYPES_MAX);
	json_array_foreach(list, i, item)
	{
		char path[32];
		struct bud_body_text rule = {path, BUD_GRANT_TEXT_MAX};
		bud_auto(free) char *text = NULL;
		int r;
		snprintf(path, sizeof(path), "types[%zu]", i);
		r = bud_body_text(item, &rule, &text, error);
		if (r == 0 && !text)
			r = bud_error_set(error, path, "%s must be a text", path);
		if (r < 0)
			return r;
		bud_patterns_add(&grant->types, text);
	}
	return 0;
}

static int read_until(
	const json_t *json, int64_t now_ms, struct bud_grant *grant, struct bud_error *error)
{
	const struct bud_body_text rule = {"until", 64};
	int r = bud_body_text(json_object_get(json, "until"), &rule, &grant->until, error);

	if (r < 0 || !grant->until)
		return r;
	if (bud_time_parse(bud_span(grant->until), &grant->until_ms) < 0)
		return bud_error_set(error, "until",
			"until must be a time with an offset, such as 2027-01-01T00:00:00Z");
	if (grant->until_ms <= now_ms)
		return bud_error_set(error, "until", "until must be in the future");
	return 0;
}

int bud_grants_body_parse(struct bud_span json, const struct bud_grants_giving *giving,
	struct bud_grant **out_grant, struct bud_error *error)
{
	static const char *const known[] = {"to", "actions", "resource", "types", "until", NULL};
	bud_auto(grant) struct bud_grant *grant = bud_new(struct bud_grant);
	json_auto_t *root = NULL;
	int r = bud_body_parse(json, &root, error);

	bud_random_hex(grant->id, (BUD_GRANT_ID_BYTES - 1) / 2);
	grant->owner = bud_strdup(giving->owner);
	grant->created_ms = giving->now_ms;
	if (r == 0)
		r = bud_body_check(root, "", known, error);
	if (r == 0)
		r = read_to(root, giving->person_key, grant, error);
	if (r == 0)
		r = read_actions(root, grant, error);
	if (r == 0)
		r = read_resource(root, grant, error);
	if (r == 0)
		r = read_types(root, grant, error);
	if (r == 0)
		r = read_until(root, giving->now_ms, grant, error);
	if (r == 0)
		*out_grant = bud_move(grant);
	return r;
}
