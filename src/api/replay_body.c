/* Bodies of replays. */
#include "api/replay_body.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "event/timestamp.h"
#include "subscription/body.h"
#include "subscription/filter.h"

static int read_source(const json_t *root, struct bud_replay_job *job, struct bud_error *error)
{
	const json_t *value = json_object_get(root, "source");
	const char *word = json_string_value(value);

	job->source = BUD_REPLAY_DEAD;
	if (value && (!word || (strcmp(word, "dead") != 0 && strcmp(word, "events") != 0)))
		return bud_error_set(error, "source",
			"source must be \"dead\" (its dead letters) or \"events\" (what is "
			"retained and matches)");
	if (value && strcmp(word, "events") == 0)
		job->source = BUD_REPLAY_EVENTS;
	return 0;
}

static int read_time(
	const json_t *root, const char *name, int64_t *out_wall_ms, struct bud_error *error)
{
	const json_t *value = json_object_get(root, name);
	const char *text = json_string_value(value);

	if (!value ||
		(text && bud_time_parse(bud_span(text), out_wall_ms) == 0 && *out_wall_ms > 0))
		return 0;
	return bud_error_set(
		error, name, "%s must be a time such as \"2026-11-22T02:45:00Z\"", name);
}

static int read_filters(const json_t *root, struct bud_replay_body *body, struct bud_error *error)
{
	const json_t *value = json_object_get(root, "filters");
	struct bud_filter *filter = NULL;
	char *text;
	int r;

	if (!value)
		return 0;
	r = bud_filter_compile(value, &filter, error);
	if (r < 0)
		return r;
	bud_filter_destroy(filter);
	text = json_dumps(value, JSON_COMPACT);
	bud_buffer_text(&body->filters, text);
	free(text);
	body->job.filters = bud_buffer_as_span(&body->filters);
	return 0;
}

static int refuse_ids(struct bud_error *error)
{
	return bud_error_set(error, "ids",
		"ids must be 1 to %d names of dead letters, as \"delivery\" in their list has them",
		BUD_REVIVE_MAX);
}

static int compare(const void *a, const void *b)
{
	const struct bud_member *one = &((const struct bud_revived *)a)->id;
	const struct bud_member *other = &((const struct bud_revived *)b)->id;

	if (one->partition != other->partition)
		return one->partition < other->partition ? -1 : 1;
	return bud_stream_id_compare(one, other);
}

static int read_ids(const json_t *ids, struct bud_replay_body *body, struct bud_error *error)
{
	size_t n = 0;

	if (json_array_size(ids) == 0 || json_array_size(ids) > BUD_REVIVE_MAX)
		return refuse_ids(error);
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *text = json_string_value(json_array_get(ids, i));
		body->ids[i].source = BUD_REVIVE_DEAD;
		if (!text || !bud_member_parse(bud_span(text), &body->ids[i].id))
			return refuse_ids(error);
	}
	qsort(body->ids, json_array_size(ids), sizeof(body->ids[0]), compare);
	for (size_t i = 0; i < json_array_size(ids); i++)
		if (n == 0 || compare(&body->ids[n - 1], &body->ids[i]) != 0)
			body->ids[n++] = body->ids[i];
	body->n = n;
	return 0;
}

/* Names and times exclude each other. */
static int check_ids_alone(
	const json_t *root, const struct bud_replay_job *job, struct bud_error *error)
{
	static const char *const others[] = {"from", "to", "filters"};

	if (job->source == BUD_REPLAY_EVENTS)
		return bud_error_set(
			error, "ids", "ids name dead letters; of events give from and to");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (json_object_get(root, others[i]))
			return bud_error_set(
				error, others[i], "%s does not go with ids", others[i]);
	return 0;
}

static int read_range(
	const json_t *root, int64_t now_ms, struct bud_replay_body *body, struct bud_error *error)
{
	struct bud_replay_job *job = &body->job;
	int r = read_time(root, "from", &job->from_ms, error);

	job->to_ms = now_ms;
	job->created_ms = now_ms;
	if (r == 0)
		r = read_time(root, "to", &job->to_ms, error);
	if (r == 0 && job->from_ms > job->to_ms)
		return bud_error_set(error, json_object_get(root, "to") ? "to" : "from",
			"to (now, when it is not given) must not be earlier than from");
	if (r == 0 && job->to_ms > now_ms)
		job->to_ms = now_ms;
	if (r == 0)
		r = read_filters(root, body, error);
	return r;
}

int bud_replay_body_parse(struct bud_span json, int64_t now_ms, struct bud_replay_body *out_body,
	struct bud_error *error)
{
	static const char *const known[] = {"source", "ids", "from", "to", "filters", NULL};
	json_auto_t *root = NULL;
	struct bud_replay_body body = {.n = 0};
	const json_t *ids;
	int r = 0;

	if (json.len > 0)
		r = bud_body_parse(json, &root, error);
	else
		root = json_object();
	if (r == 0)
		r = bud_body_check(root, "", known, error);
	if (r == 0)
		r = read_source(root, &body.job, error);
	if (r < 0)
		return r;
	ids = json_object_get(root, "ids");
	if (ids)
		r = check_ids_alone(root, &body.job, error);
	if (r == 0)
		r = ids ? read_ids(ids, &body, error) : read_range(root, now_ms, &body, error);
	if (r < 0)
		bud_replay_body_finish(&body);
	else
		*out_body = body;
	return r;
}

void bud_replay_body_finish(struct bud_replay_body *body)
{
	bud_buffer_finish(&body->filters);
}
