/* Compact subscriptions: one that is read quickly, one that is read the usual way and one that is
 * made compact afterwards are the same; whatever the quick reader cannot judge it leaves to the
 * usual one; what is equal is shared, secrets are not; each lives as long as it is held. */
#include "subscription/make.h"

#include <errno.h>

#include "crypto/seal.h"
#include "subscription/compact.h"
#include "subscription/filter.h"
#include "subscription/pool.h"
#include "subscription/push_config.h"
#include "subscription/quick.h"

#define KEY     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_B   "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="
#define ETAG    "00000000000000e7"
#define FILTERS "'filters':[{'exact':{'subject':'/party/1','kind':'b'}},{'prefix':{'type':'no.'}}]"

static struct bud_pool *pool;
static struct bud_sealer *sealer;

static struct bud_sealer *make_sealer(const char *key)
{
	struct bud_span keys[] = {bud_span(key)};
	struct bud_sealer *made = NULL;

	assert_int_equal(bud_sealer_create(keys, 1, &made, NULL), 0);
	return made;
}

static int set_up(void **state)
{
	(void)state;
	pool = bud_pool_create();
	sealer = make_sealer(KEY);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bud_pool_unref(pool);
	bud_sealer_destroy(sealer);
	return 0;
}

static struct bud_subscription_defaults defaults_with(const struct bud_sealer *with)
{
	struct bud_subscription_defaults defaults = make_defaults;

	defaults.sealer = with;
	return defaults;
}

/* As the registry has it. */
static void store(const char *id, const char *members, struct bud_buffer *out)
{
	struct bud_subscription *made = make_subscription(id, 0, members);

	made->sealer = sealer;
	bud_subscription_write_record(made, out);
	bud_subscription_destroy(made);
}

static const struct bud_subscription_beside *beside_of(const char *status)
{
	static struct bud_subscription_beside beside;

	beside = (struct bud_subscription_beside){7, bud_span(ETAG), bud_span(status)};
	return &beside;
}

static struct bud_subscription *load_usually(struct bud_span record, const char *status)
{
	struct bud_subscription_defaults defaults = defaults_with(sealer);
	struct bud_subscription *made = NULL;
	struct bud_error error;

	if (bud_subscription_load(record, &defaults, &made, &error) < 0)
		fail_msg("%s", error.text);
	bud_subscription_set_beside(made, beside_of(status));
	return made;
}

static struct bud_subscription *load_compact(struct bud_span record, const char *status)
{
	struct bud_subscription_defaults defaults = defaults_with(sealer);
	struct bud_subscription *made = NULL;
	struct bud_error error;

	if (bud_subscription_load_compact(
		    record, beside_of(status), &defaults, pool, &made, &error) < 0)
		fail_msg("%s", error.text);
	assert_true(made->is_compact);
	return made;
}

static struct bud_subscription *read_quickly(struct bud_span record, const char *status)
{
	struct bud_subscription_defaults defaults = defaults_with(sealer);

	return bud_subscription_read_quickly(record, beside_of(status), &defaults, pool);
}

static void write_all(struct bud_subscription *subscription, struct bud_buffer *out)
{
	const struct bud_sealer *its = subscription->sealer;
	char fingerprint[BUD_FINGERPRINT_TEXT_BYTES];

	subscription->sealer = NULL; /* so that it can be compared */
	bud_subscription_write_record(subscription, out);
	subscription->sealer = its;
	bud_subscription_write_api(subscription, BUD_SUBSCRIPTION_SECRET_SHOWN, 0, out);
	bud_subscription_fingerprint(subscription, fingerprint);
	bud_status_write(&subscription->status, out);
	bud_buffer_format(out, " %s %llu %lld %lld %d %d", fingerprint,
		(unsigned long long)subscription->serial, (long long)subscription->expires_ms,
		(long long)subscription->from_ms, subscription->timeout_is_given,
		subscription->is_sealed_old);
}

static void must_equal(struct bud_subscription *made, struct bud_subscription *usual)
{
	bud_auto(buffer) struct bud_buffer have = {0};
	bud_auto(buffer) struct bud_buffer want = {0};

	write_all(made, &have);
	write_all(usual, &want);
	assert_string_equal(have.at, want.at);
	assert_ptr_equal(made->sealer, usual->sealer);
	assert_int_equal(made->filter != NULL, usual->filter != NULL);
}

/* Every way to load gives the same. */
static void must_load_alike(const char *members, const char *status, bool is_quick)
{
	bud_auto(buffer) struct bud_buffer record = {0};
	bud_auto(subscription) struct bud_subscription *usual = NULL;
	bud_auto(subscription) struct bud_subscription *quick = NULL;
	bud_auto(subscription) struct bud_subscription *compact = NULL;
	char *json = status ? make_json(status) : bud_strdup("");

	store("s1", members, &record);
	usual = load_usually(bud_buffer_as_span(&record), json);
	quick = read_quickly(bud_buffer_as_span(&record), json);
	compact = load_compact(bud_buffer_as_span(&record), json);
	if (is_quick != (quick != NULL))
		fail_msg("%s: quick %d", record.at, quick != NULL);
	if (quick)
		must_equal(quick, usual);
	must_equal(compact, usual);
	free(json);
}

static const char *const plain[] = {
	"",
	",'name':'Påminnelser','source':'/a/b','types':['t','u','v.w']," FILTERS,
	",'expires':'2035-01-31T12:00:00Z','from':'earliest'",
	",'from':'2020-01-31T12:00:00Z','config':{}",
	",'config':{'timeout_ms':5000}",
	",'config':{'timeout_ms':5000,'retry':{'schedule':[1,2,3],'statuses':{'404':'dead'}}}",
	",'config':{'mode':'batch','batch':{'max_events':5},'rate_per_s':2.5,'verify':'off'}",
	",'config':{'ordered':true,'on_blocked':'skip','signing':{'schemes':['v1','rfc9421']}}",
	",'config':{'signing':{'secret':'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'}}",
	",'protocolsettings':{'headers':{'X-Key':'k','X-Two':'a b'}}",
	",'filters':[{'not':{'any':[{'exact':{'type':'a\\u00e6\\n'}},{'suffix':{'id':'z'}}]}}]",
};

static const char *const special[] = {
	",'name':'with a \\'quote\\''",
	",'sinkcredential':{'credentialtype':'PLAIN','identifier':'i','secret':'TOPSECRET'}",
	",'config':{'tls':{" MAKE_TLS "}}",
	",'config':{'tls':{'ca':'-----BEGIN CERTIFICATE-----AA'},'max_in_flight':4}",
};

#define N(array) (sizeof(array) / sizeof(*(array)))

static void all_ways_give_the_same(void **state)
{
	static const char *const statuses[] = {NULL, "{'state':'paused','since_ms':5,'reason':'x'}",
		"{'state':'active','granted_ms':17,'rate_per_min':60}"};

	(void)state;
	for (size_t k = 0; k < N(statuses); k++) {
		for (size_t i = 0; i < N(plain); i++)
			must_load_alike(plain[i], statuses[k], true);
		for (size_t i = 0; i < N(special); i++)
			must_load_alike(special[i], statuses[k], false);
	}
}

static void unsealed_ones_too(void **state)
{
	struct bud_sealer *its = bud_move(sealer);

	(void)state;
	for (size_t i = 0; i < N(plain); i++)
		must_load_alike(plain[i], NULL, true);
	sealer = its;
}

/* Stored before there was a key: read, and known to be sealed anew. */
static void old_seals_are_told(void **state)
{
	bud_auto(buffer) struct bud_buffer record = {0};
	bud_auto(subscription) struct bud_subscription *quick = NULL;
	struct bud_sealer *its = bud_move(sealer);

	(void)state;
	store("s1", "", &record);
	sealer = its;
	quick = read_quickly(bud_buffer_as_span(&record), "");
	assert_non_null(quick);
	assert_true(quick->is_sealed_old);
}

/* A status that cannot be read is left to the usual way, and counts as disabled. */
static void a_broken_status_disables(void **state)
{
	bud_auto(buffer) struct bud_buffer record = {0};
	bud_auto(subscription) struct bud_subscription *compact = NULL;

	(void)state;
	store("s1", plain[1], &record);
	assert_null(read_quickly(bud_buffer_as_span(&record), "{\"state\":\"asleep\"}"));
	compact = load_compact(bud_buffer_as_span(&record), "{\"state\":\"asleep\"}");
	assert_int_equal(compact->status.state, BUD_SUBSCRIPTION_DISABLED);
	assert_string_equal(compact->status.reason, "unreadable");
}

static int load_error(struct bud_span record, const struct bud_sealer *with)
{
	struct bud_subscription_defaults defaults = defaults_with(with);
	struct bud_subscription *made = NULL;
	struct bud_error error;
	int r = bud_subscription_load_compact(
		record, beside_of(""), &defaults, pool, &made, &error);

	bud_subscription_destroy(made);
	return r;
}

static void a_wrong_key_is_told(void **state)
{
	bud_auto(buffer) struct bud_buffer record = {0};
	struct bud_sealer *other = make_sealer(KEY_B);

	(void)state;
	store("s1", plain[1], &record);
	assert_int_equal(load_error(bud_buffer_as_span(&record), sealer), 0);
	assert_int_equal(load_error(bud_buffer_as_span(&record), other), -ENOKEY);
	assert_int_equal(load_error(bud_buffer_as_span(&record), NULL), -ENOKEY);
	bud_sealer_destroy(other);
}

/* Cut short or with a byte changed anywhere: it is read as the usual way reads it, or refused as
 * there. */
static void damage_is_judged_as_usual(void **state)
{
	static const char marks[] = "\"{}[],:\\ x0\x7f\x01\xc3";
	struct bud_subscription_defaults defaults = defaults_with(sealer);
	bud_auto(buffer) struct bud_buffer record = {0};

	(void)state;
	store("s1", ",'name':'n','source':'/s','types':['t','u']," FILTERS, &record);
	for (size_t i = 0; i < 2 * record.len; i++) {
		size_t at = i / 2;
		char was = record.at[at];
		struct bud_span text = {record.at, i % 2 ? at : record.len};
		struct bud_subscription *usual = NULL;
		struct bud_subscription *quick;
		struct bud_error error;
		record.at[at] = marks[at % (sizeof(marks) - 1)];
		quick = read_quickly(text, "");
		if (bud_subscription_load(text, &defaults, &usual, &error) == 0)
			bud_subscription_set_beside(usual, beside_of(""));
		if (quick && !usual)
			fail_msg("byte %zu: %.*s", at, (int)text.len, text.at);
		if (quick)
			must_equal(quick, usual);
		bud_subscription_destroy(quick);
		bud_subscription_destroy(usual);
		record.at[at] = was;
	}
}

static void what_is_equal_is_shared(void **state)
{
	static const char members[] = ",'types':['t','u'],'config':{'max_in_flight':8}";
	bud_auto(buffer) struct bud_buffer first = {0};
	bud_auto(buffer) struct bud_buffer second = {0};
	bud_auto(buffer) struct bud_buffer third = {0};
	struct bud_subscription *a, *b, *c;

	(void)state;
	store("a", members, &first);
	store("b", members, &second);
	store("c", ",'types':['u'],'config':{'max_in_flight':9}", &third);
	a = load_compact(bud_buffer_as_span(&first), "");
	b = load_compact(bud_buffer_as_span(&second), "");
	c = load_compact(bud_buffer_as_span(&third), "");
	assert_ptr_equal(a->config, b->config);
	assert_ptr_not_equal(a->config, c->config);
	assert_ptr_equal(a->owner, c->owner);
	assert_ptr_equal(a->types[1], c->types[0]);
	assert_string_not_equal(a->secret, b->secret);
	bud_subscription_hold(a);
	bud_subscription_destroy(a);
	assert_int_equal(a->config->max_in_flight, 8);
	bud_subscription_destroy(a);
	assert_int_equal(b->config->max_in_flight, 8);
	assert_string_equal(b->types[0], "t");
	bud_subscription_destroy(b);
	assert_int_equal(c->config->max_in_flight, 9);
	bud_subscription_destroy(c);
}

/* The usual way shares, too, but nothing that has a secret in it. */
static void secrets_are_not_shared(void **state)
{
	struct bud_buffer records[4] = {{0}, {0}, {0}, {0}};
	struct bud_subscription *made[4];

	(void)state;
	store("a", special[1], &records[0]);
	store("b", special[1], &records[1]);
	store("c", special[3], &records[2]);
	store("d", special[3], &records[3]);
	for (size_t i = 0; i < 4; i++)
		made[i] = load_compact(bud_buffer_as_span(&records[i]), "");
	assert_ptr_not_equal(made[0]->config, made[1]->config);
	assert_null(made[0]->config->shared);
	assert_ptr_equal(made[2]->config, made[3]->config);
	for (size_t i = 0; i < 4; i++) {
		bud_subscription_destroy(made[i]);
		bud_buffer_finish(&records[i]);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(all_ways_give_the_same),
		TEST(unsealed_ones_too),
		TEST(old_seals_are_told),
		TEST(a_broken_status_disables),
		TEST(a_wrong_key_is_told),
		TEST(damage_is_judged_as_usual),
		TEST(what_is_equal_is_shared),
		TEST(secrets_are_not_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
