/* XACML in JSON. What a policy is not told it cannot decide by, so nothing that is not part of a
 * decision's key is sent: no event's id, no source, no instance. As Altinn's policies are written
 * an app is named by its org and itself, and who gets its events, however, reads them; of all else
 * who gets events, however, subscribes. */
#include "access/xacml.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

#include "core/map.h"

#define ACTION_ID  "urn:oasis:names:tc:xacml:1.0:action:action-id"
#define APP        "urn:altinn:resource:app_"
#define EVENT_TYPE "urn:altinn:eventtype"
#define ORG        "urn:altinn:org"
#define RESOURCE   "urn:altinn:resource"
#define SUBJECT_ID "urn:oasis:names:tc:xacml:1.0:subject:subject-id"

/* How identities and parties are written, and as what they are known there. */
static const struct {
	const char *prefix;
	const char *attribute;
} names[] = {
	{"/user/", "urn:altinn:userid"},
	{"/org/", "urn:altinn:org"},
	{"/party/", "urn:altinn:partyid"},
	{"/organisation/", "urn:altinn:organization:identifier-no"},
	{"/systemuser/", "urn:altinn:systemuser:uuid"},
};

/* An entry of a category, by what it stands for. */
struct entry {
	struct bud_buffer key;
	size_t number;
};

struct category {
	struct bud_map known; /* struct entry */
	struct bud_buffer json;
};

struct writing {
	struct category subjects;
	struct category actions;
	struct category resources;
	struct bud_buffer references;
};

static void add_attribute(
	struct bud_buffer *out, struct bud_span id, struct bud_span value, bool is_first)
{
	bud_buffer_text(out, is_first ? "{\"AttributeId\":" : ",{\"AttributeId\":");
	bud_buffer_json(out, id);
	bud_buffer_text(out, ",\"Value\":");
	bud_buffer_json(out, value);
	bud_buffer_byte(out, '}');
}

/* An URN is an attribute and its value, apart at its last colon. */
static bool split_urn(struct bud_span text, struct bud_span *out_id, struct bud_span *out_value)
{
	const char *colon = text.len > 0 ? memrchr(text.at, ':', text.len) : NULL;

	if (!colon || !bud_span_starts_nocase(text, "urn:") || colon == text.at + 3 ||
		colon + 1 == text.at + text.len)
		return false;
	*out_id = (struct bud_span){text.at, (size_t)(colon - text.at)};
	*out_value = (struct bud_span){colon + 1, (size_t)(text.at + text.len - colon - 1)};
	return true;
}

/* False: it is neither. */
static bool split_name(struct bud_span text, struct bud_span *out_id, struct bud_span *out_value)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i].prefix);
		if (text.len <= len || !bud_span_starts(text, bud_span(names[i].prefix)))
			continue;
		*out_id = bud_span(names[i].attribute);
		*out_value = (struct bud_span){text.at + len, text.len - len};
		return true;
	}
	return split_urn(text, out_id, out_value);
}

/* `otherwise` names what is neither. */
static void add_named(struct bud_buffer *out, struct bud_span text, const char *otherwise)
{
	struct bud_span id = bud_span(otherwise);
	struct bud_span value = text;

	(void)split_name(text, &id, &value);
	add_attribute(out, id, value, true);
}

/* The number of the entry that `key` stands for; *out_is_new: its attributes are to be added, and
 * the entry closed. */
static size_t enter(
	struct category *category, char letter, struct bud_buffer *taken_key, bool *out_is_new)
{
	struct entry *entry = bud_map_get(&category->known, bud_buffer_as_span(taken_key));

	*out_is_new = entry == NULL;
	if (entry) {
		bud_buffer_finish(taken_key);
		return entry->number;
	}
	entry = bud_new(struct entry);
	entry->number = category->known.n + 1;
	entry->key = *taken_key;
	bud_map_put(&category->known, bud_buffer_as_span(&entry->key), entry);
	bud_buffer_format(&category->json, "%s{\"Id\":\"%c%zu\",\"Attribute\":[",
		entry->number > 1 ? "," : "", letter, entry->number);
	return entry->number;
}

static void close_entry(struct category *category)
{
	bud_buffer_text(&category->json, "]}");
}

static void finish_category(struct category *category)
{
	struct entry *entry;
	size_t position = 0;

	while ((entry = bud_map_next(&category->known, &position))) {
		bud_buffer_finish(&entry->key);
		free(entry);
	}
	bud_map_finish(&category->known);
	bud_buffer_finish(&category->json);
}

static size_t add_subject(struct writing *writing, const struct bud_question *question)
{
	struct category *category = &writing->subjects;
	struct bud_buffer key = {0};
	bool is_new;
	size_t number;

	bud_buffer_span(&key, question->who);
	number = enter(category, 's', &key, &is_new);
	if (is_new) {
		add_named(&category->json, question->who, SUBJECT_ID);
		close_entry(category);
	}
	return number;
}

/* "{org}_{app}" of an app's resource; the org has no underscore. */
static bool split_app(struct bud_span resource, struct bud_span *out_org, struct bud_span *out_app)
{
	size_t len = strlen(APP);

	if (!bud_span_starts(resource, bud_span(APP)))
		return false;
	*out_app = (struct bud_span){resource.at + len, resource.len - len};
	*out_org = bud_span_take_until(out_app, '_');
	return out_org->len > 0 && out_app->len > 0;
}

static struct bud_span action_of(const struct bud_question *question)
{
	struct bud_span org, app;

	if (question->action == BUD_ACTION_PUBLISH)
		return bud_span(bud_action_word(BUD_ACTION_PUBLISH));
	return bud_span(
		bud_action_word(split_app(question->resource, &org, &app) ? BUD_ACTION_READ
									  : BUD_ACTION_SUBSCRIBE));
}

static size_t add_action(struct writing *writing, const struct bud_question *question)
{
	struct bud_span word = action_of(question);
	struct category *category = &writing->actions;
	struct bud_buffer key = {0};
	bool is_new;
	size_t number;

	bud_buffer_span(&key, word);
	number = enter(category, 'a', &key, &is_new);
	if (is_new) {
		add_attribute(&category->json, bud_span(ACTION_ID), word, true);
		close_entry(category);
	}
	return number;
}

static void add_what(struct bud_buffer *out, struct bud_span resource)
{
	struct bud_span org, app;

	if (!split_app(resource, &org, &app)) {
		add_named(out, resource, RESOURCE);
		return;
	}
	add_attribute(out, bud_span(ORG), org, true);
	add_attribute(out, bud_span("urn:altinn:app"), app, false);
	add_attribute(out, bud_span("urn:altinn:appresource"), bud_span("events"), false);
}

static bool is_same(struct bud_span a, struct bud_span b)
{
	return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

/* Whether an attribute says what the event is of. */
static bool is_what(struct bud_span id, struct bud_span resource)
{
	static const char *const known[] = {RESOURCE,
		"urn:oasis:names:tc:xacml:1.0:resource:resource-id", "urn:altinn:app",
		"urn:altinn:appresource", EVENT_TYPE};
	struct bud_span own, value, org, app;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_same(id, bud_span(known[i])))
			return true;
	if (split_app(resource, &org, &app))
		return is_same(id, bud_span(ORG));
	return split_name(resource, &own, &value) && is_same(id, own);
}

/* A subject is the publisher's word. Were it a second resource the point might decide by the policy
 * of that one, so such a one is left out, as is one that is neither a party nor a URN. */
static void add_party(struct bud_buffer *out, const struct bud_question *question)
{
	struct bud_span id, value;

	if (split_name(question->subject, &id, &value) && !is_what(id, question->resource))
		add_attribute(out, id, value, false);
}

static size_t add_resource(struct writing *writing, const struct bud_question *question)
{
	struct category *category = &writing->resources;
	struct bud_buffer key = {0};
	bool is_new;
	size_t number;

	bud_buffer_format(&key, "%zu:%zu:%zu:", question->resource.len, question->type.len,
		question->subject.len);
	bud_buffer_span(&key, question->resource);
	bud_buffer_span(&key, question->type);
	bud_buffer_span(&key, question->subject);
	number = enter(category, 'r', &key, &is_new);
	if (!is_new)
		return number;
	add_what(&category->json, question->resource);
	if (question->type.len > 0)
		add_attribute(&category->json, bud_span(EVENT_TYPE), question->type, false);
	add_party(&category->json, question);
	close_entry(category);
	return number;
}

static void add_category(struct bud_buffer *out, const char *name, const struct category *category)
{
	bud_buffer_format(out, ",\"%s\":[", name);
	bud_buffer_span(out, bud_buffer_as_span(&category->json));
	bud_buffer_byte(out, ']');
}

void bud_xacml_write(const struct bud_question *questions, size_t n, struct bud_buffer *out)
{
	struct writing writing = {0};

	for (size_t i = 0; i < n; i++)
		bud_buffer_format(&writing.references,
			"%s{\"ReferenceId\":[\"s%zu\",\"a%zu\",\"r%zu\"]}", i > 0 ? "," : "",
			add_subject(&writing, &questions[i]), add_action(&writing, &questions[i]),
			add_resource(&writing, &questions[i]));
	bud_buffer_text(out, "{\"Request\":{\"ReturnPolicyIdList\":false");
	add_category(out, "AccessSubject", &writing.subjects);
	add_category(out, "Action", &writing.actions);
	add_category(out, "Resource", &writing.resources);
	bud_buffer_text(out, ",\"MultiRequests\":{\"RequestReference\":[");
	bud_buffer_span(out, bud_buffer_as_span(&writing.references));
	bud_buffer_text(out, "]}}}");
	finish_category(&writing.subjects);
	finish_category(&writing.actions);
	finish_category(&writing.resources);
	bud_buffer_finish(&writing.references);
}

/* Answers are written with capitals by the profile, and without by some. */
static json_t *get(const json_t *object, const char *name, const char *other)
{
	json_t *value = json_object_get(object, name);

	return value ? value : json_object_get(object, other);
}

static int read_decision(const json_t *result, enum bud_decision *out_decision)
{
	const char *word = json_string_value(get(result, "Decision", "decision"));
	static const char *const denials[] = {"Deny", "NotApplicable", "Indeterminate"};

	if (!word)
		return -EPROTO;
	if (strcmp(word, "Permit") == 0) {
		*out_decision = BUD_DECISION_PERMIT;
		return 0;
	}
	for (size_t i = 0; i < sizeof(denials) / sizeof(denials[0]); i++) {
		if (strcmp(word, denials[i]) == 0) {
			*out_decision = BUD_DECISION_DENY;
			return 0;
		}
	}
	return -EPROTO;
}

int bud_xacml_read(
	struct bud_span body, size_t n, enum bud_decision *out_decisions, struct bud_error *error)
{
	json_auto_t *root =
		json_loadb(body.at ? body.at : "", body.len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *results = get(root, "Response", "response");

	if (!json_is_array(results)) {
		(void)bud_error_set(error, NULL, "the answer has no list of decisions");
		return -EPROTO;
	}
	if (json_array_size(results) != n) {
		(void)bud_error_set(error, NULL, "%zu questions were answered by %zu decisions", n,
			json_array_size(results));
		return -EPROTO;
	}
	for (size_t i = 0; i < n; i++) {
		if (read_decision(json_array_get(results, i), &out_decisions[i]) < 0) {
			(void)bud_error_set(error, NULL, "decision %zu is none of XACML's", i + 1);
			return -EPROTO;
		}
	}
	return 0;
}
