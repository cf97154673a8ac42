/* Push configs as JSON: each member is read and written back; each wrong one is refused by its name
 * and its range; what does not go together is refused; who wishes nothing shares the default;
 * secrets stay, are cleared or replaced as the change says, and are not shown. */
#include "subscription/make.h"

#include <errno.h>
#include <jansson.h>

#include "subscription/push_config.h"
#include "subscription/push_config_json.h"

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\\u000aAA\\u000a-----END CERTIFICATE-----"
#define KEY         "-----BEGIN PRIVATE KEY-----\\u000aBB\\u000a-----END PRIVATE KEY-----"

static int parse(const char *config, const char *credential, const struct bud_push_config *old,
	const struct bud_push_config **out, struct bud_error *error)
{
	char *config_json = make_json(config);
	char *credential_json = make_json(credential ? credential : "");
	json_auto_t *config_root = json_loads(config_json, JSON_DECODE_ANY, NULL);
	json_auto_t *credential_root = json_loads(credential_json, JSON_DECODE_ANY, NULL);
	struct bud_push_config_source source = {
		.config = config_root, .credential = credential_root, .old = old};
	int r;

	assert_non_null(config_root);
	assert_true(!credential || credential_root);
	r = bud_push_config_parse(&source, out, error);
	free(config_json);
	free(credential_json);
	return r;
}

static const struct bud_push_config *make(const char *config, const char *credential)
{
	const struct bud_push_config *made = NULL;
	struct bud_error error = {0};

	if (parse(config, credential, NULL, &made, &error) < 0)
		fail_msg("%s: %s", config, error.text);
	return made;
}

static void is_written(
	const struct bud_push_config *config, enum bud_push_config_form form, const char *wanted)
{
	struct bud_push_config_rest rest = {0};
	struct bud_buffer text = {0};
	char *json = make_json(wanted);

	bud_push_config_write(config, form, &rest, &text);
	assert_string_equal(text.at, json);
	bud_buffer_finish(&text);
	free(json);
}

static void what_is_given_is_written_back(void **state)
{
	static const char *const cases[] = {
		"{'retry':{'schedule':'altinn'}}",
		"{'retry':{'schedule':'standard-webhooks','max_age_s':1}}",
		"{'retry':{'schedule':[]}}",
		"{'retry':{'schedule':[1,604800],'max_age_s':7776000,'jitter':0.5,"
		"'statuses':{'404':'again','409':'delivered','500-503':'disable',"
		"'4xx':'dead'}}}",
		"{'retry':{'jitter':0}}",
		"{'rate_per_s':0.01,'max_in_flight':1}",
		"{'rate_per_s':10000,'max_in_flight':64}",
		"{'rate_per_s':1.1}",
		"{'ordered':true,'on_blocked':'skip'}",
		"{'ordered':true,'mode':'binary'}",
		"{'mode':'batch'}",
		"{'mode':'batch','batch':{'max_events':1,'max_bytes':1024,'max_wait_ms':0}}",
		"{'mode':'batch','batch':{'max_events':256,'max_bytes':1048576,"
		"'max_wait_ms':60000}}",
		"{'mode':'altinn'}",
		"{'mode':'slack','signing':{'schemes':[]}}",
		"{'signing':{'schemes':['v1','v1a','rfc9421'],'components':'authority'}}",
		"{'verify':'off'}",
		"{'verify':'cloudevents'}",
		"{'verify':'altinn'}",
		"{'tls':{'ca':'" CERTIFICATE "'}}",
		"{'tls':{'certificate':'" CERTIFICATE "','key':'" KEY "'}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct bud_push_config *made = make(cases[i], NULL);
		assert_ptr_not_equal(made, &bud_push_config_default);
		is_written(made, BUD_PUSH_CONFIG_STORED, cases[i]);
		bud_push_config_destroy(made);
	}
}

static void who_wishes_nothing_shares_the_default(void **state)
{
	static const char *const cases[] = {
		"null",
		"{}",
		"{'retry':null,'rate_per_s':null,'tls':null,'signing':{}}",
		"{'retry':{'schedule':'default','jitter':0.2,'statuses':{}},'ordered':false,"
		"'mode':'structured','signing':{'schemes':['v1'],'components':'target-uri'},"
		"'timeout_ms':100}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_ptr_equal(make(cases[i], NULL), &bud_push_config_default);
	assert_ptr_equal(make("{}", "null"), &bud_push_config_default);
}

static void shows_the_defaults_in_force(void **state)
{
	const struct bud_push_config *made;

	(void)state;
	is_written(&bud_push_config_default, BUD_PUSH_CONFIG_SHOWN,
		"{'retry':{'schedule':'default','jitter':0.2},'ordered':false,"
		"'mode':'structured','signing':{'schemes':['v1']}}");
	made = make("{'ordered':true,'signing':{'schemes':['rfc9421']},"
		    "'tls':{'certificate':'" CERTIFICATE "','key':'" KEY "'}}",
		NULL);
	is_written(made, BUD_PUSH_CONFIG_SHOWN,
		"{'retry':{'schedule':'default','jitter':0.2},'ordered':true,'on_blocked':'wait',"
		"'mode':'structured','signing':{'schemes':['rfc9421'],'components':'target-uri'},"
		"'tls':{'certificate':'" CERTIFICATE "'}}");
	bud_push_config_destroy(made);
	made = make("{'mode':'batch'}", NULL);
	is_written(made, BUD_PUSH_CONFIG_SHOWN,
		"{'retry':{'schedule':'default','jitter':0.2},'ordered':false,'mode':'batch',"
		"'batch':{'max_events':100,'max_bytes':262144,'max_wait_ms':1000},"
		"'signing':{'schemes':['v1']}}");
	bud_push_config_destroy(made);
}

static void named_schedules_are_those_of_the_field(void **state)
{
	const struct bud_push_config *altinn = make("{'retry':{'schedule':'altinn'}}", NULL);
	const struct bud_push_config *standard =
		make("{'retry':{'schedule':'standard-webhooks'}}", NULL);
	uint32_t sum = 0;

	(void)state;
	assert_int_equal(altinn->retry.steps_n, 11);
	for (size_t i = 0; i < altinn->retry.steps_n; i++)
		sum += altinn->retry.steps_s[i];
	assert_int_equal(sum, (34 * 60 + 46) * 60 + 40);
	assert_int_equal(standard->retry.steps_n, 9);
	sum = 0;
	for (size_t i = 0; i < standard->retry.steps_n; i++)
		sum += standard->retry.steps_s[i];
	assert_int_equal(sum, (75 * 60 + 35) * 60 + 5);
	bud_push_config_destroy(altinn);
	bud_push_config_destroy(standard);
}

static void the_narrowest_rule_comes_first(void **state)
{
	const struct bud_push_config *made = make(
		"{'retry':{'statuses':{'4xx':'dead','400-404':'again','404':'delivered'}}}", NULL);

	(void)state;
	assert_int_equal(made->retry.rules_n, 3);
	assert_int_equal(made->retry.rules[0].first, 404);
	assert_int_equal(made->retry.rules[0].action, BUD_RETRY_DELIVERED);
	assert_int_equal(made->retry.rules[1].last, 404);
	assert_int_equal(made->retry.rules[1].action, BUD_RETRY_AGAIN);
	assert_int_equal(made->retry.rules[2].last, 499);
	assert_int_equal(made->retry.rules[2].action, BUD_RETRY_DEAD);
	bud_push_config_destroy(made);
}

static const char *const wrong[][3] = {
	{"5", "config", "object"},
	{"{'colour':1}", "config.colour", "known are"},
	{"{'retry':[]}", "config.retry", "object"},
	{"{'retry':{'steps':1}}", "config.retry.steps", "known are schedule"},
	{"{'retry':{'schedule':'fast'}}", "config.retry.schedule", "standard-webhooks"},
	{"{'retry':{'schedule':5}}", "config.retry.schedule", "0 to 60"},
	{"{'retry':{'schedule':[1,0]}}", "config.retry.schedule[1]", "1 to 604800"},
	{"{'retry':{'schedule':[604801]}}", "config.retry.schedule[0]", "1 to 604800"},
	{"{'retry':{'schedule':[1.5]}}", "config.retry.schedule[0]", "integer"},
	{"{'retry':{'schedule':[null]}}", "config.retry.schedule[0]", "null"},
	{"{'retry':{'max_age_s':0}}", "config.retry.max_age_s", "1 to 7776000"},
	{"{'retry':{'max_age_s':7776001}}", "config.retry.max_age_s", "1 to 7776000"},
	{"{'retry':{'max_age_s':'1'}}", "config.retry.max_age_s", "integer"},
	{"{'retry':{'jitter':-0.01}}", "config.retry.jitter", "0 to 0.5"},
	{"{'retry':{'jitter':0.51}}", "config.retry.jitter", "0 to 0.5"},
	{"{'retry':{'jitter':'0.1'}}", "config.retry.jitter", "number"},
	{"{'retry':{'statuses':[]}}", "config.retry.statuses", "object"},
	{"{'retry':{'statuses':{'199':'dead'}}}", "config.retry.statuses.199", "200 to"},
	{"{'retry':{'statuses':{'600':'dead'}}}", "config.retry.statuses.600", "to 599"},
	{"{'retry':{'statuses':{'6xx':'dead'}}}", "config.retry.statuses.6xx", "4xx"},
	{"{'retry':{'statuses':{'1xx':'dead'}}}", "config.retry.statuses.1xx", "4xx"},
	{"{'retry':{'statuses':{'503-500':'dead'}}}", "config.retry.statuses.503-500", ""},
	{"{'retry':{'statuses':{'500-':'dead'}}}", "config.retry.statuses.500-", ""},
	{"{'retry':{'statuses':{'':'dead'}}}", "config.retry.statuses.", ""},
	{"{'retry':{'statuses':{'404':'retry'}}}", "config.retry.statuses.404", "again"},
	{"{'retry':{'statuses':{'404':null}}}", "config.retry.statuses.404", "null"},
	{"{'retry':{'statuses':{'500':'delivered'}}}", "config.retry.statuses.500", "499"},
	{"{'retry':{'statuses':{'499-500':'delivered'}}}", "config.retry.statuses.499-500", "499"},
	{"{'retry':{'statuses':{'4xx':'dead','400-499':'again'}}}", "config.retry.statuses",
		"twice"},
	{"{'rate_per_s':0}", "config.rate_per_s", "0.01 to 10000"},
	{"{'rate_per_s':0.009}", "config.rate_per_s", "0.01 to 10000"},
	{"{'rate_per_s':10000.5}", "config.rate_per_s", "0.01 to 10000"},
	{"{'rate_per_s':'5'}", "config.rate_per_s", "number"},
	{"{'max_in_flight':0}", "config.max_in_flight", "1 to 64"},
	{"{'max_in_flight':65}", "config.max_in_flight", "1 to 64"},
	{"{'max_in_flight':1.0}", "config.max_in_flight", "integer"},
	{"{'ordered':1}", "config.ordered", "true or false"},
	{"{'ordered':true,'rate_per_s':1}", "config.rate_per_s", "ordered"},
	{"{'ordered':true,'max_in_flight':1}", "config.max_in_flight", "ordered"},
	{"{'ordered':true,'mode':'batch'}", "config.mode", "ordered"},
	{"{'on_blocked':'skip'}", "config.on_blocked", "needs config.ordered"},
	{"{'ordered':false,'on_blocked':'wait'}", "config.on_blocked", "needs"},
	{"{'ordered':true,'on_blocked':'stop'}", "config.on_blocked", "wait"},
	{"{'mode':'json'}", "config.mode", "structured"},
	{"{'mode':7}", "config.mode", "structured"},
	{"{'batch':{}}", "config.batch", "needs config.mode"},
	{"{'mode':'binary','batch':{}}", "config.batch", "needs config.mode"},
	{"{'mode':'batch','batch':[]}", "config.batch", "object"},
	{"{'mode':'batch','batch':{'max':1}}", "config.batch.max", "known are"},
	{"{'mode':'batch','batch':{'max_events':0}}", "config.batch.max_events", "1 to 256"},
	{"{'mode':'batch','batch':{'max_events':257}}", "config.batch.max_events", "1 to 256"},
	{"{'mode':'batch','batch':{'max_bytes':1023}}", "config.batch.max_bytes",
		"1024 to 1048576"},
	{"{'mode':'batch','batch':{'max_bytes':1048577}}", "config.batch.max_bytes",
		"1024 to 1048576"},
	{"{'mode':'batch','batch':{'max_wait_ms':-1}}", "config.batch.max_wait_ms", "0 to 60000"},
	{"{'mode':'batch','batch':{'max_wait_ms':60001}}", "config.batch.max_wait_ms",
		"0 to 60000"},
	{"{'signing':[]}", "config.signing", "object"},
	{"{'signing':{'previous':[]}}", "config.signing.previous", "known are"},
	{"{'signing':{'schemes':[]}}", "config.signing.schemes", "at least one"},
	{"{'signing':{'schemes':'v1'}}", "config.signing.schemes", "array"},
	{"{'signing':{'schemes':['v2']}}", "config.signing.schemes[0]", "rfc9421"},
	{"{'signing':{'schemes':[null]}}", "config.signing.schemes[0]", "null"},
	{"{'signing':{'schemes':['v1','v1']}}", "config.signing.schemes[1]", "twice"},
	{"{'signing':{'components':'path'}}", "config.signing.components", "authority"},
	{"{'verify':true}", "config.verify", "cloudevents"},
	{"{'verify':'on'}", "config.verify", "cloudevents"},
	{"{'tls':1}", "config.tls", "object"},
	{"{'tls':{'chain':1}}", "config.tls.chain", "known are"},
	{"{'tls':{'ca':'x'}}", "config.tls.ca", "PEM"},
	{"{'tls':{'ca':'" KEY "'}}", "config.tls.ca", "CERTIFICATE"},
	{"{'tls':{'certificate':'" CERTIFICATE "'}}", "config.tls.key", "missing"},
	{"{'tls':{'key':'" KEY "'}}", "config.tls.certificate", "missing"},
	{"{'tls':{'key':'" CERTIFICATE "'}}", "config.tls.key", "PRIVATE KEY"},
	{"{'tls':{'key':'-----BEGIN ENCRYPTED PRIVATE KEY-----'}}", "config.tls.key", "encrypted"},
};

static void names_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		const struct bud_push_config *made = NULL;
		struct bud_error error = {0};
		if (parse(wrong[i][0], NULL, NULL, &made, &error) != -EINVAL)
			fail_msg("accepted: %s", wrong[i][0]);
		assert_null(made);
		assert_string_equal(error.member, wrong[i][1]);
		if (!strstr(error.text, wrong[i][2]))
			fail_msg("%s: %s", wrong[i][0], error.text);
		assert_non_null(strstr(error.text, "config"));
	}
}

static void bounds_the_lists(void **state)
{
	struct bud_buffer text = {0};
	const struct bud_push_config *made = NULL;
	struct bud_error error;

	(void)state;
	bud_buffer_text(&text, "{'retry':{'schedule':[1");
	for (int i = 1; i < 60; i++)
		bud_buffer_text(&text, ",1");
	bud_buffer_text(&text, "]}}");
	made = make(text.at, NULL);
	assert_int_equal(made->retry.steps_n, 60);
	bud_push_config_destroy(made);
	text.len -= 3;
	bud_buffer_text(&text, ",1]}}");
	assert_int_equal(parse(text.at, NULL, NULL, &made, &error), -EINVAL);
	assert_string_equal(error.member, "config.retry.schedule");
	bud_buffer_clear(&text);
	bud_buffer_text(&text, "{'retry':{'statuses':{'200':'again'");
	for (int i = 1; i <= 32; i++)
		bud_buffer_format(&text, ",'%d':'again'", 200 + i);
	bud_buffer_text(&text, "}}}");
	assert_int_equal(parse(text.at, NULL, NULL, &made, &error), -EINVAL);
	assert_string_equal(error.member, "config.retry.statuses");
	bud_buffer_finish(&text);
}

static void a_key_stays_with_its_certificate(void **state)
{
	const struct bud_push_config *old =
		make("{'tls':{'certificate':'" CERTIFICATE "','key':'" KEY "'}}", NULL);
	const struct bud_push_config *made = NULL;
	struct bud_error error;

	(void)state;
	assert_int_equal(
		parse("{'tls':{'certificate':'" CERTIFICATE "'}}", NULL, old, &made, &error), 0);
	assert_string_equal(made->key_pem, old->key_pem);
	bud_push_config_destroy(made);
	assert_int_equal(parse("{'tls':{'certificate':'" CERTIFICATE "','key':null}}", NULL, old,
				 &made, &error),
		-EINVAL);
	assert_string_equal(error.member, "config.tls.key");
	assert_int_equal(parse("{}", NULL, old, &made, &error), 0);
	assert_ptr_equal(made, &bud_push_config_default);
	bud_push_config_destroy(old);
}

/* What is shown must not have it: people paste files that have certificate and key. */
static void a_private_key_stands_in_its_place_only(void **state)
{
	static const char *const members[] = {"ca", "certificate"};

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		const struct bud_push_config *made = NULL;
		struct bud_error error = {0};
		char text[400], path[32];
		snprintf(text, sizeof(text), "{'tls':{'%s':'%s','key':'%s'}}", members[i],
			CERTIFICATE "\\u000a" KEY, KEY);
		snprintf(path, sizeof(path), "config.tls.%s", members[i]);
		assert_int_equal(parse(text, NULL, NULL, &made, &error), -EINVAL);
		assert_string_equal(error.member, path);
		assert_non_null(strstr(error.text, "config.tls.key"));
	}
}

static void a_credential_stays_unless_it_is_null(void **state)
{
	const struct bud_push_config *old =
		make("{}", "{'credentialtype':'PLAIN','identifier':'i','secret':'s'}");
	const struct bud_push_config *made = NULL;
	struct bud_error error;

	(void)state;
	assert_int_equal(parse("{}", NULL, old, &made, &error), 0);
	assert_string_equal(made->credential.secret, "s");
	bud_push_config_destroy(made);
	assert_int_equal(
		parse("{}", "{'credentialtype':'PLAIN','identifier':'j'}", old, &made, &error), 0);
	assert_string_equal(made->credential.identifier, "j");
	assert_string_equal(made->credential.secret, "s");
	bud_push_config_destroy(made);
	assert_int_equal(parse("{}", "null", old, &made, &error), 0);
	assert_ptr_equal(made, &bud_push_config_default);
	bud_push_config_destroy(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_given_is_written_back),
		cmocka_unit_test(who_wishes_nothing_shares_the_default),
		cmocka_unit_test(shows_the_defaults_in_force),
		cmocka_unit_test(named_schedules_are_those_of_the_field),
		cmocka_unit_test(the_narrowest_rule_comes_first),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(bounds_the_lists),
		cmocka_unit_test(a_key_stays_with_its_certificate),
		cmocka_unit_test(a_private_key_stands_in_its_place_only),
		cmocka_unit_test(a_credential_stays_unless_it_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
