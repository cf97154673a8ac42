/* Parties from a file. */
#include "access/parties.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/place.h"
#include "core/file.h"
#include "core/map.h"
#include "core/random.h"

#define ORGANIZATION "urn:altinn:organization:identifier-no:"
#define PERSON       "urn:altinn:person:identifier-no:"
#define PARTY        "urn:altinn:party:id:"

static const struct {
	const char *prefix;
	const char *urn;
	size_t digits; /* 0: any number of them */
} forms[] = {
	{"/party/", PARTY, 0},
	{"/organisation/", ORGANIZATION, 9},
	{"/organization/", ORGANIZATION, 9},
	{"/org/", ORGANIZATION, 9},
	{"/person/", PERSON, 11},
	{PARTY, PARTY, 0},
	{ORGANIZATION, ORGANIZATION, 9},
	{PERSON, PERSON, 11},
};

static bool are_digits(struct bud_span text, size_t n)
{
	if (text.len == 0 || text.len > 20 || (n > 0 && text.len != n))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
	return true;
}

bool bud_party_urn(struct bud_span identifier, struct bud_buffer *out)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t len = strlen(forms[i].prefix);
		struct bud_span rest = {identifier.at + len, identifier.len - len};
		if (identifier.len <= len ||
			!bud_span_starts(identifier, bud_span(forms[i].prefix)) ||
			!are_digits(rest, forms[i].digits))
			continue;
		bud_buffer_text(out, forms[i].urn);
		bud_buffer_span(out, rest);
		return true;
	}
	return false;
}

bool bud_party_is_person(struct bud_span urn)
{
	return bud_span_starts(urn, bud_span(PERSON));
}

struct bud_hash_128 bud_party_key(
	const struct bud_hash_key *key, enum bud_party_question question, struct bud_span urn)
{
	const struct bud_span parts[] = {
		bud_span(question == BUD_PARTY_WHO ? "who" : "main unit"), urn};

	return bud_hash_128(key, parts, 2);
}

/* Under each of its identifiers. */
struct known {
	struct bud_hash_128 key;
	size_t party;
};

struct bud_parties {
	struct bud_hash_key key;
	struct bud_party *list;
	size_t n;
	struct bud_map by_key; /* struct known */
};

void bud_parties_destroy(struct bud_parties *parties)
{
	struct known *known;
	size_t position = 0;

	if (!parties)
		return;
	while ((known = bud_map_next(&parties->by_key, &position)))
		free(known);
	bud_map_finish(&parties->by_key);
	free(parties->list);
	free(parties);
}

static struct bud_span key_span(const struct bud_hash_128 *key)
{
	return (struct bud_span){(const char *)key, sizeof(*key)};
}

const struct bud_party *bud_parties_find(
	const struct bud_parties *parties, enum bud_party_question question, struct bud_span urn)
{
	struct bud_hash_128 key = bud_party_key(&parties->key, question, urn);
	const struct known *known = bud_map_get(&parties->by_key, key_span(&key));

	return known ? &parties->list[known->party] : NULL;
}

/* Reading */

struct reading {
	struct bud_span text;
	struct bud_error *error;
	struct bud_parties *parties;
};

static int fault(const struct reading *reading, const struct bud_place *place, const char *what)
{
	bud_auto(buffer) struct bud_buffer where = {0};

	bud_place_write(place, &where);
	return bud_error_set(reading->error, where.at ? where.at : "", "line %u: %s %s",
		bud_place_line(place, reading->text), where.at ? where.at : "it", what);
}

static void put(struct bud_parties *parties, enum bud_party_question question, const char *prefix,
	const char *value, size_t party)
{
	bud_auto(buffer) struct bud_buffer urn = {0};
	struct known *known = bud_new(struct known);
	bud_buffer_format(&urn, "%s%s", prefix, value);
	known->key = bud_party_key(&parties->key, question, bud_buffer_as_span(&urn));
	known->party = party;
	free(bud_map_put(&parties->by_key, key_span(&known->key), known));
	explicit_bzero(urn.at, urn.len);
}

static int check_member(const struct reading *reading, const struct bud_place *place,
	const char *name, json_t *value)
{
	static const char *const known[] = {
		"party", "uuid", "organization", "person", "main_unit", "comment"};
	struct bud_place member = {place, name, 0};
	struct bud_span text = {json_string_value(value), json_string_length(value)};
	size_t i = 0;

	while (i < 6 && strcmp(known[i], name) != 0)
		i++;
	switch (i) {
	case 0:
		return json_is_integer(value) && json_integer_value(value) > 0
			       ? 0
			       : fault(reading, &member, "must be a whole number above 0");
	case 1:
		return text.len == 36 ? 0 : fault(reading, &member, "must be a UUID");
	case 2:
	case 4:
		return are_digits(text, 9)
			       ? 0
			       : fault(reading, &member, "must be the 9 digits of an organization");
	case 3:
		return are_digits(text, 11)
			       ? 0
			       : fault(reading, &member, "must be 11 digits, in quotes");
	case 5:
		return 0;
	default:
		return fault(reading, &member,
			"is not known; known are party, uuid, organization, person, main_unit, "
			"comment");
	}
}

static int read_party(const struct reading *reading, const struct bud_place *place, json_t *object)
{
	struct bud_parties *parties = reading->parties;
	struct bud_party *party = &parties->list[parties->n];
	const char *person = json_string_value(json_object_get(object, "person"));
	const char *uuid = json_string_value(json_object_get(object, "uuid"));
	const char *organization = json_string_value(json_object_get(object, "organization"));
	const char *name;
	json_t *value;

	if (!json_object_get(object, "party"))
		return fault(reading, place, "must be an object with \"party\", its number");
	json_object_foreach(object, name, value)
	{
		int r = check_member(reading, place, name, value);
		if (r < 0)
			return r;
	}
	snprintf(party->id, sizeof(party->id), "%" JSON_INTEGER_FORMAT,
		json_integer_value(json_object_get(object, "party")));
	snprintf(party->uuid, sizeof(party->uuid), "%s", uuid ? uuid : "");
	snprintf(party->organization, sizeof(party->organization), "%s",
		organization ? organization : "");
	put(parties, BUD_PARTY_WHO, PARTY, party->id, parties->n);
	if (organization)
		put(parties, BUD_PARTY_WHO, ORGANIZATION, organization, parties->n);
	if (person)
		put(parties, BUD_PARTY_WHO, PERSON, person, parties->n);
	parties->n++;
	return 0;
}

/* Once all parties are known. */
static int read_main_unit(
	const struct reading *reading, const struct bud_place *place, json_t *object, size_t index)
{
	struct bud_parties *parties = reading->parties;
	struct bud_place member = {place, "main_unit", 0};
	const char *main_unit = json_string_value(json_object_get(object, "main_unit"));
	bud_auto(buffer) struct bud_buffer urn = {0};
	const struct bud_party *found;

	if (!main_unit)
		return 0;
	bud_buffer_format(&urn, ORGANIZATION "%s", main_unit);
	found = bud_parties_find(parties, BUD_PARTY_WHO, bud_buffer_as_span(&urn));
	if (!found)
		return fault(reading, &member, "is none of these organizations");
	put(parties, BUD_PARTY_MAIN_UNIT, PARTY, parties->list[index].id,
		(size_t)(found - parties->list));
	if (parties->list[index].organization[0] != '\0')
		put(parties, BUD_PARTY_MAIN_UNIT, ORGANIZATION, parties->list[index].organization,
			(size_t)(found - parties->list));
	return 0;
}

static int read_all(const struct reading *reading, json_t *root)
{
	struct bud_place place = {NULL, "parties", 0};
	json_t *list = json_object_get(root, "parties");
	size_t i;
	json_t *item;

	if (!json_is_array(list))
		return fault(reading, &place, "must be a list of objects");
	reading->parties->list =
		bud_alloc_zero((json_array_size(list) + 1) * sizeof(*reading->parties->list));
	json_array_foreach(list, i, item)
	{
		int r = read_party(reading, &(struct bud_place){&place, NULL, i}, item);
		if (r < 0)
			return r;
	}
	json_array_foreach(list, i, item)
	{
		int r = read_main_unit(reading, &(struct bud_place){&place, NULL, i}, item, i);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse(struct bud_span text, struct bud_parties **out_parties, struct bud_error *error)
{
	struct reading reading = {text, error, NULL};
	json_error_t wrong;
	json_t *root = json_loadb(text.at ? text.at : "", text.len, JSON_REJECT_DUPLICATES, &wrong);
	char seed[32];
	int r;

	/* jansson's text quotes what is near: there may be a person. */
	if (!root)
		return bud_error_set(error, NULL, "line %d: not valid JSON", wrong.line);
	reading.parties = bud_new(struct bud_parties);
	bud_random_bytes(seed, sizeof(seed));
	bud_hash_key_init(&reading.parties->key, (struct bud_span){seed, sizeof(seed)});
	r = read_all(&reading, root);
	json_decref(root);
	if (r < 0)
		bud_parties_destroy(reading.parties);
	else
		*out_parties = reading.parties;
	return r;
}

int bud_parties_load(const char *path, struct bud_parties **out_parties, struct bud_error *error)
{
	struct bud_buffer text = {0};
	struct bud_error wrong = {0};
	int r;

	bud_buffer_reserve(&text, 1 << 20);
	r = bud_file_read(path, BUD_PARTIES_BYTES_MAX, &text);
	if (r < 0)
		bud_error_set(&wrong, NULL, "%s", strerror(-r));
	else
		r = text.len > BUD_PARTIES_BYTES_MAX
			    ? bud_error_set(&wrong, NULL, "is too long")
			    : parse(bud_buffer_as_span(&text), out_parties, &wrong);
	if (r < 0)
		bud_error_set(error, wrong.member, "%s: %s", path, wrong.text);
	bud_buffer_finish_secret(&text);
	return r;
}
