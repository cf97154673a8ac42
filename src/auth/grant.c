/* Grants. */
#include "auth/grant.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "crypto/digest.h"
#include "event/timestamp.h"

void bud_grant_destroy(struct bud_grant *grant)
{
	if (!grant)
		return;
	free(grant->owner);
	free(grant->to);
	free(grant->resource);
	free(grant->until);
	bud_patterns_finish(&grant->types);
	free(grant);
}

void bud_grant_auto(struct bud_grant **grant)
{
	bud_grant_destroy(*grant);
}

void bud_grant_write(const struct bud_grant *grant, struct bud_buffer *out)
{
	const char *comma = "";
	char created[25];

	bud_clock_write(grant->created_ms, created);
	bud_buffer_format(out, "{\"id\":\"%s\",\"created\":\"%s\"", grant->id, created);
	bud_buffer_member_text(out, "owner", grant->owner);
	bud_buffer_member_text(out, "to", grant->to);
	bud_buffer_text(out, ",\"actions\":[");
	for (int i = 0; i < BUD_ACTIONS; i++) {
		if (!(grant->actions & 1u << i))
			continue;
		bud_buffer_format(out, "%s\"%s\"", comma, bud_action_word((enum bud_action)i));
		comma = ",";
	}
	bud_buffer_byte(out, ']');
	bud_buffer_member_text(out, "resource", grant->resource);
	for (size_t i = 0; i < grant->types.n; i++) {
		bud_buffer_text(out, i == 0 ? ",\"types\":[" : ",");
		bud_buffer_json(out, bud_span(grant->types.at[i]));
	}
	if (grant->types.n > 0)
		bud_buffer_byte(out, ']');
	bud_buffer_member_text(out, "until", grant->until);
	bud_buffer_byte(out, '}');
}

static char *copy(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? bud_strdup(text) : NULL;
}

static void read_lists(const json_t *object, struct bud_grant *grant)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(object, "actions"), i, item)
	{
		const char *word = json_string_value(item);
		enum bud_action action = word ? bud_action_of(bud_span(word)) : BUD_ACTIONS;
		if (action != BUD_ACTIONS)
			grant->actions |= 1u << action;
	}
	json_array_foreach(json_object_get(object, "types"), i, item)
	{
		if (json_string_value(item))
			bud_patterns_add(&grant->types, json_string_value(item));
	}
}

int bud_grant_load(struct bud_span json, struct bud_grant **out_grant)
{
	json_auto_t *object = json_loadb(json.at, json.len, JSON_REJECT_DUPLICATES, NULL);
	bud_auto(grant) struct bud_grant *grant = bud_new(struct bud_grant);
	const char *id = json_string_value(json_object_get(object, "id"));
	const char *created = json_string_value(json_object_get(object, "created"));
	const json_t *types = json_object_get(object, "types");

	if (!id || strlen(id) >= sizeof(grant->id) || !created ||
		bud_time_parse(bud_span(created), &grant->created_ms) < 0)
		return -EINVAL;
	strcpy(grant->id, id);
	grant->owner = copy(object, "owner");
	grant->to = copy(object, "to");
	grant->resource = copy(object, "resource");
	grant->until = copy(object, "until");
	read_lists(object, grant);
	/* What is not understood must not permit more than was meant. */
	if (!grant->owner || !grant->to || json_array_size(types) != grant->types.n ||
		(json_object_get(object, "resource") && !grant->resource))
		return -EINVAL;
	if (json_object_get(object, "until") &&
		(!grant->until || bud_time_parse(bud_span(grant->until), &grant->until_ms) < 0))
		return -EINVAL;
	*out_grant = bud_move(grant);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_part(struct bud_buffer *parts, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	bud_buffer_format(parts, "%d%zu:", text != NULL, len);
	bud_buffer_add(parts, text ? text : "", len);
}

void bud_grant_fingerprint(const struct bud_grant *grant, char out[33])
{
	bud_auto(buffer) struct bud_buffer parts = {0};
	unsigned char digest[BUD_SHA256_BYTES];
	struct bud_patterns sorted = {0};

	for (size_t i = 0; i < grant->types.n; i++)
		bud_patterns_add(&sorted, grant->types.at[i]);
	if (sorted.n > 1)
		qsort(sorted.at, sorted.n, sizeof(*sorted.at), by_text);
	bud_buffer_format(&parts, "grant %u", grant->actions);
	add_part(&parts, grant->owner);
	add_part(&parts, grant->to);
	add_part(&parts, grant->resource);
	add_part(&parts, grant->until);
	for (size_t i = 0; i < sorted.n; i++)
		add_part(&parts, sorted.at[i]);
	bud_digest_sha256(bud_buffer_as_span(&parts), digest);
	bud_digest_hex(digest, 16, out);
	bud_patterns_finish(&sorted);
}

bool bud_grant_covers(const struct bud_grant *grant, const struct bud_question *question)
{
	if (!(grant->actions & 1u << question->action))
		return false;
	if (grant->until_ms != 0 && grant->until_ms <= question->now_ms)
		return false;
	if (grant->resource && question->resource.at &&
		!bud_span_is(question->resource, grant->resource))
		return false;
	return !question->type.at || bud_patterns_match(&grant->types, question->type);
}
