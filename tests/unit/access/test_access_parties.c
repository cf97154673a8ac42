/* Parties are found by each of their identifiers however it is written, a sub-unit's main unit by
 * the sub-unit's; a file that is wrong is refused with its line, and a person's number comes into
 * no error. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "access/parties.h"

static int load(const char *json, struct bud_parties **out, struct bud_error *error)
{
	char path[] = "/tmp/parties.XXXXXX";
	int fd = mkstemp(path);
	int r;

	assert_int_equal(write(fd, json, strlen(json)), strlen(json));
	close(fd);
	r = bud_parties_load(path, out, error);
	unlink(path);
	return r;
}

static void writes_urns(void **state)
{
	static const struct {
		const char *identifier;
		const char *urn; /* NULL: none */
	} cases[] = {
		{"/party/51326197", "urn:altinn:party:id:51326197"},
		{"/organisation/311443755", "urn:altinn:organization:identifier-no:311443755"},
		{"/organization/311443755", "urn:altinn:organization:identifier-no:311443755"},
		{"/org/311443755", "urn:altinn:organization:identifier-no:311443755"},
		{"/person/01019012345", "urn:altinn:person:identifier-no:01019012345"},
		{"urn:altinn:party:id:7", "urn:altinn:party:id:7"},
		{"urn:altinn:person:identifier-no:01019012345",
			"urn:altinn:person:identifier-no:01019012345"},
		{"/org/ttd", NULL},
		{"/organisation/31144375", NULL},
		{"/party/", NULL},
		{"/party/1a", NULL},
		{"/user/1", NULL},
		{"urn:altinn:person:identifier-no:1", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bud_auto(buffer) struct bud_buffer out = {0};
		if (bud_party_urn(bud_span(cases[i].identifier), &out) != (cases[i].urn != NULL))
			fail_msg("%s", cases[i].identifier);
		if (cases[i].urn)
			assert_string_equal(out.at, cases[i].urn);
	}
	assert_true(bud_party_is_person(bud_span("urn:altinn:person:identifier-no:01019012345")));
	assert_false(bud_party_is_person(bud_span("urn:altinn:party:id:7")));
}

static const char *id_of(
	const struct bud_parties *parties, enum bud_party_question question, const char *urn)
{
	const struct bud_party *party = bud_parties_find(parties, question, bud_span(urn));

	return party ? party->id : "-";
}

static void finds_them(void **state)
{
	static const char json[] =
		"{\"parties\":[{\"party\":51326197,\"organization\":\"311443755\","
		"\"main_unit\":\"314249879\"},"
		"{\"party\":51326198,\"organization\":\"314249879\","
		"\"uuid\":\"0f1e2d3c-4b5a-4697-8899-aabbccddeeff\"},"
		"{\"party\":50660768,\"person\":\"01019012345\",\"comment\":\"a person\"}]}";
	struct bud_parties *parties = NULL;
	struct bud_error error = {0};

	(void)state;
	if (load(json, &parties, &error) < 0)
		fail_msg("%s", error.text);
	assert_string_equal(
		id_of(parties, BUD_PARTY_WHO, "urn:altinn:organization:identifier-no:311443755"),
		"51326197");
	assert_string_equal(
		id_of(parties, BUD_PARTY_WHO, "urn:altinn:party:id:51326198"), "51326198");
	assert_string_equal(
		id_of(parties, BUD_PARTY_WHO, "urn:altinn:person:identifier-no:01019012345"),
		"50660768");
	assert_string_equal(
		id_of(parties, BUD_PARTY_WHO, "urn:altinn:organization:identifier-no:999999999"),
		"-");
	assert_string_equal(id_of(parties, BUD_PARTY_MAIN_UNIT,
				    "urn:altinn:organization:identifier-no:311443755"),
		"51326198");
	assert_string_equal(
		id_of(parties, BUD_PARTY_MAIN_UNIT, "urn:altinn:party:id:51326197"), "51326198");
	assert_string_equal(
		id_of(parties, BUD_PARTY_MAIN_UNIT, "urn:altinn:party:id:51326198"), "-");
	bud_parties_destroy(parties);
	bud_parties_destroy(NULL);
}

static void refuses(void **state)
{
	static const struct {
		const char *json;
		const char *says;
	} cases[] = {
		{"{\n\"parties\": [{]}", "line 2: not valid JSON"},
		{"{}", "parties must be a list"},
		{"{\"parties\":[{}]}", "line 1: parties[0] must be an object with \"party\""},
		{"{\"parties\":[\n{\"party\":\"1\"}]}", "line 2: parties[0].party must be a whole"},
		{"{\"parties\":[{\"party\":1,\"organization\":\"12\"}]}", "the 9 digits"},
		{"{\"parties\":[{\"party\":1,\"person\":1019012345}]}", "must be 11 digits"},
		{"{\"parties\":[{\"party\":1,\"uuid\":\"x\"}]}", "must be a UUID"},
		{"{\"parties\":[{\"party\":1,\"main_unit\":\"314249879\"}]}",
			"parties[0].main_unit is none of these organizations"},
		{"{\"parties\":[{\"party\":1,\"ssn\":\"01019012345\"}]}",
			"parties[0].ssn is not known; known are party"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_parties *parties = NULL;
		struct bud_error error = {0};
		if (load(cases[i].json, &parties, &error) != -EINVAL || parties ||
			!strstr(error.text, cases[i].says))
			fail_msg("%s: %s", cases[i].json, error.text);
		assert_null(strstr(error.text, "19012345"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_urns),
		cmocka_unit_test(finds_them),
		cmocka_unit_test(refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
