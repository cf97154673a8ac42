/* The written configuration must load to the same values and say where each came from, without the
 * password; and deploy/budstikke.conf must be what the table generates. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"
#include "config/file.h"

static const char *template_path;

static void load_text(struct bud_span text, struct bud_config *out)
{
	char path[] = "/tmp/budstikke-write-XXXXXX";
	struct bud_config_sources sources = {.file = path};
	struct bud_error error = {0};
	int fd = mkstemp(path);
	int r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.at, text.len), text.len);
	close(fd);
	r = bud_config_load(&sources, out, &error);
	unlink(path);
	if (r < 0)
		fail_msg("%s", error.text);
}

/* The settings without the places they came from. */
static void forget_origins(struct bud_config *config)
{
	memset(config->origins, 0, sizeof(config->origins));
	memset(config->file, 0, sizeof(config->file));
}

static void check_round_trip(const struct bud_config_sources *sources)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_error error = {0};
	struct bud_config config;
	struct bud_config again;

	if (bud_config_load(sources, &config, &error) < 0)
		fail_msg("%s", error.text);
	bud_config_write(&config, &text);
	load_text(bud_buffer_as_span(&text), &again);
	forget_origins(&config);
	forget_origins(&again);
	assert_memory_equal(&config, &again, sizeof(config));
}

static void test_round_trip(void **state)
{
	bud_auto(buffer) struct bud_buffer schedule = {0};
	bud_auto(buffer) struct bud_buffer networks = {0};
	bud_auto(buffer) struct bud_buffer dir = {0};
	struct bud_config_sources sources = {0};

	(void)state;
	check_round_trip(&sources);
	bud_buffer_text(&schedule, "delivery.retry_schedule_s=604800");
	for (size_t i = 1; i < 60; i++)
		bud_buffer_text(&schedule, ",604800");
	bud_buffer_text(&networks, "delivery.allow_networks=10.0.0.0/8");
	for (size_t i = 1; i < 64; i++)
		bud_buffer_format(
			&networks, ",1111:2222:3333:4444:5555:6666:7777:%zx/128", i + 0x8000);
	bud_buffer_text(&dir, "data.dir=/");
	while (dir.len < strlen("data.dir=") + BUD_CONFIG_TEXT_MAX)
		bud_buffer_byte(&dir, 'x');
	sources.sets = (const char *const[]){schedule.at, networks.at, dir.at,
		"redis.url=redis://[::1]:7/2", "memory.limit_bytes=3g", "server.listen=[::1]:0",
		"workers=7", "log.format=json", "delivery.allow_http=yes", "node.id=a"};
	sources.sets_n = 10;
	check_round_trip(&sources);
}

static void test_every_line_says_where_it_came_from(void **state)
{
	char path[] = "/tmp/budstikke-write-XXXXXX";
	char *environment[] = {"BUDSTIKKE_SERVER_DRAIN_S=3", NULL};
	const char *sets[] = {"log.level=warn"};
	struct bud_config_sources sources = {path, environment, sets, 1};
	bud_auto(buffer) struct bud_buffer expected = {0};
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_config config;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "# c\nworkers = 2\n", 16), 16);
	close(fd);
	assert_int_equal(bud_config_load(&sources, &config, NULL), 0);
	unlink(path);
	bud_config_write(&config, &text);
	bud_buffer_format(&expected, "workers = 2 ; %s:2\n", path);
	assert_non_null(strstr(text.at, expected.at));
	assert_non_null(strstr(text.at, "drain_s = 3 ; BUDSTIKKE_SERVER_DRAIN_S\n"));
	assert_non_null(strstr(text.at, "level = warn ; --set\n"));
	assert_non_null(strstr(text.at, "listen = 127.0.0.1:8080 ; default\n"));
	assert_non_null(strstr(text.at, "url = ; default\n"));
}

static void test_the_password_is_masked(void **state)
{
	const char *set = "redis.url=redis://me:hemmelig@h:1";
	struct bud_config_sources sources = {.sets = &set, .sets_n = 1};
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_config config;

	(void)state;
	assert_int_equal(bud_config_load(&sources, &config, NULL), 0);
	bud_config_write(&config, &text);
	assert_null(strstr(text.at, "hemmelig"));
	assert_non_null(strstr(text.at, "url = redis://me:***@h:1 ; --set\n"));
}

static void test_the_committed_template_is_up_to_date(void **state)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	bud_auto(buffer) struct bud_buffer file = {0};

	(void)state;
	bud_config_write_template(&text);
	assert_int_equal(bud_config_file_read(template_path, &file, NULL), 0);
	if (!bud_span_equals(bud_buffer_as_span(&text), bud_buffer_as_span(&file)))
		fail_msg("%s is not what the table generates; run: ninja update-conf",
			template_path);
}

/* Taking away each # that stands before a setting must change nothing. */
static void test_the_template_holds_the_defaults(void **state)
{
	struct bud_config_sources none = {0};
	bud_auto(buffer) struct bud_buffer text = {0};
	bud_auto(buffer) struct bud_buffer plain = {0};
	struct bud_config standard;
	struct bud_config config;

	(void)state;
	bud_config_write_template(&text);
	load_text(bud_buffer_as_span(&text), &config);
	assert_int_equal(bud_config_load(&none, &standard, NULL), 0);
	for (const char *c = text.at; *c; c++)
		if (c[0] != '#' || c[1] == ' ')
			bud_buffer_byte(&plain, *c);
	forget_origins(&standard);
	forget_origins(&config);
	assert_memory_equal(&config, &standard, sizeof(config));
	load_text(bud_buffer_as_span(&plain), &config);
	for (size_t i = 0; i < BUD_SETTINGS; i++)
		assert_int_equal(config.origins[i].from, BUD_ORIGIN_FILE);
	forget_origins(&config);
	assert_memory_equal(&config, &standard, sizeof(config));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_line_says_where_it_came_from),
		cmocka_unit_test(test_the_password_is_masked),
		cmocka_unit_test(test_the_committed_template_is_up_to_date),
		cmocka_unit_test(test_the_template_holds_the_defaults),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: %s deploy/budstikke.conf\n", argv[0]);
		return 2;
	}
	template_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
