/* The pool: equal texts and equal configs are one, as long as somebody holds them, and another one
 * afterwards; what is held outlives its pool; threads may take and give back at once. */
#include "subscription/make.h"

#include <pthread.h>

#include "subscription/pool.h"
#include "subscription/push_config.h"

static struct bud_push_config *make_config(unsigned max_in_flight)
{
	struct bud_push_config *config = bud_new(struct bud_push_config);

	*config = bud_push_config_default;
	config->max_in_flight = max_in_flight;
	return config;
}

static void equal_texts_are_one(void **state)
{
	struct bud_pool *pool = bud_pool_create();
	const char *a = bud_pool_take_text(pool, bud_span("urn:owner"));
	const char *b = bud_pool_take_text(pool, (struct bud_span){"urn:owner and more", 9});
	const char *other = bud_pool_take_text(pool, bud_span("urn:owner2"));

	(void)state;
	assert_string_equal(a, "urn:owner");
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, other);
	bud_pool_return_text(a);
	assert_string_equal(b, "urn:owner"); /* b still holds it */
	assert_ptr_equal(bud_pool_take_text(pool, bud_span("urn:owner")), b);
	bud_pool_return_text(b);
	bud_pool_return_text(b);
	bud_pool_return_text(other);
	bud_pool_return_text(NULL);
	bud_pool_unref(pool);
}

static void equal_configs_are_one(void **state)
{
	struct bud_pool *pool = bud_pool_create();
	const struct bud_push_config *a, *b, *c;

	(void)state;
	assert_null(bud_pool_take_config(pool, bud_span("k8")));
	a = bud_pool_add_config(pool, bud_span("k8"), make_config(8));
	assert_int_equal(a->max_in_flight, 8);
	assert_ptr_equal(bud_pool_take_config(pool, bud_span("k8")), a);
	/* As by another thread that had not found it. */
	b = bud_pool_add_config(pool, bud_span("k8"), make_config(8));
	assert_ptr_equal(b, a);
	c = bud_pool_add_config(pool, bud_span("k9"), make_config(9));
	assert_ptr_not_equal(c, a);
	bud_push_config_destroy(a);
	bud_push_config_destroy(a);
	assert_int_equal(b->max_in_flight, 8);
	bud_push_config_destroy(b);
	assert_null(bud_pool_take_config(pool, bud_span("k8")));
	bud_push_config_destroy(c);
	bud_pool_unref(pool);
}

/* A text and the key of a config have nothing to do with each other. */
static void texts_and_keys_are_apart(void **state)
{
	struct bud_pool *pool = bud_pool_create();
	const char *text = bud_pool_take_text(pool, bud_span("{}"));
	const struct bud_push_config *config =
		bud_pool_add_config(pool, bud_span("{}"), make_config(1));

	(void)state;
	bud_pool_return_text(text);
	assert_ptr_equal(bud_pool_take_config(pool, bud_span("{}")), config);
	bud_push_config_destroy(config);
	bud_push_config_destroy(config);
	bud_pool_unref(pool);
}

static void what_is_held_outlives_its_pool(void **state)
{
	struct bud_pool *pool = bud_pool_create();
	const char *text = bud_pool_take_text(pool, bud_span("t"));
	const struct bud_push_config *config =
		bud_pool_add_config(pool, bud_span("k"), make_config(3));

	(void)state;
	bud_pool_ref(pool);
	bud_pool_unref(pool);
	bud_pool_unref(pool);
	assert_string_equal(text, "t");
	bud_pool_return_text(text);
	assert_int_equal(config->max_in_flight, 3);
	bud_push_config_destroy(
		config); /* the last one, with the pool: a leak checker would tell */
}

#define TURNS 20000

static void *take_and_return(void *arg)
{
	struct bud_pool *pool = arg;

	for (int i = 0; i < TURNS; i++) {
		char name[8];
		const char *text;
		const struct bud_push_config *config;
		snprintf(name, sizeof(name), "n%d", i % 3);
		text = bud_pool_take_text(pool, bud_span(name));
		config = bud_pool_take_config(pool, bud_span(name));
		if (!config)
			config = bud_pool_add_config(
				pool, bud_span(name), make_config((unsigned)(i % 3)));
		if (strcmp(text, name) != 0 || config->max_in_flight != (unsigned)(i % 3))
			abort();
		bud_pool_return_text(text);
		bud_push_config_destroy(config);
	}
	return NULL;
}

static void threads_take_and_return(void **state)
{
	struct bud_pool *pool = bud_pool_create();
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_return, pool), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_null(bud_pool_take_config(pool, bud_span("n1")));
	bud_pool_unref(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_texts_are_one),
		cmocka_unit_test(equal_configs_are_one),
		cmocka_unit_test(texts_and_keys_are_apart),
		cmocka_unit_test(what_is_held_outlives_its_pool),
		cmocka_unit_test(threads_take_and_return),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
