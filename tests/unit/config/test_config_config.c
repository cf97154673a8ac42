/* The layers must win in their order, and every mistake be refused with its place, the setting and
 * what would be right; a refused load leaves the caller's configuration alone. */
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
#include "core/alloc.h"

static char folder[] = "/tmp/budstikke-config-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/b.conf", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int load_text(const char *text, struct bud_config *out, struct bud_error *error)
{
	struct bud_config_sources sources = {.file = path};

	write_file(text);
	return bud_config_load(&sources, out, error);
}

static int load_set(const char *set, struct bud_config *out, struct bud_error *error)
{
	struct bud_config_sources sources = {.sets = &set, .sets_n = 1};

	return bud_config_load(&sources, out, error);
}

static int load_variable(char *variable, struct bud_config *out, struct bud_error *error)
{
	char *environment[] = {variable, NULL};
	struct bud_config_sources sources = {.environment = environment};

	return bud_config_load(&sources, out, error);
}

/* The error must hold each of the texts, of which the last is NULL. */
static void check_error(const struct bud_error *error, const char *const *texts)
{
	for (; *texts; texts++)
		if (!strstr(error->text, *texts))
			fail_msg("\"%s\" is not in \"%s\"", *texts, error->text);
}
#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void refuse_text(const char *text, const char *const *texts)
{
	struct bud_error error = {0};
	struct bud_config config;
	struct bud_config before;

	memset(&config, 0x5a, sizeof(config));
	before = config;
	assert_int_equal(load_text(text, &config, &error), -EINVAL);
	assert_memory_equal(&config, &before, sizeof(config));
	check_error(&error, texts);
}

static void refuse_set(const char *set, const char *const *texts)
{
	struct bud_error error = {0};
	struct bud_config config;

	assert_int_equal(load_set(set, &config, &error), -EINVAL);
	check_error(&error, texts);
}

static void test_defaults(void **state)
{
	static const uint32_t steps[] = {5, 30, 120, 600, 1800, 3600, 10800, 21600, 43200, 43200};
	struct bud_config_sources none = {0};
	struct bud_config config;

	(void)state;
	assert_int_equal(bud_config_load(&none, &config, NULL), 0);
	assert_int_equal(config.workers, 0);
	assert_string_equal(config.server.listen.host, "127.0.0.1");
	assert_int_equal(config.server.listen.port, 8080);
	assert_int_equal(config.server.drain_s, 25);
	assert_int_equal(config.admin.listen.port, 8081);
	assert_string_equal(config.data.dir, "./budstikke-data");
	assert_true(bud_redis_url_is_embedded(&config.redis.url));
	assert_false(config.delivery.allow_http);
	assert_int_equal(config.delivery.allow_networks.n, 0);
	assert_int_equal(config.delivery.retry_schedule_s.n, 10);
	assert_memory_equal(config.delivery.retry_schedule_s.steps, steps, sizeof(steps));
	assert_int_equal(config.delivery.timeout_ms, 15000);
	assert_int_equal(config.delivery.breaker_failures, 5);
	assert_int_equal(config.delivery.breaker_open_s, 30);
	assert_int_equal(config.retention.age_s, 604800);
	assert_int_equal(config.dedupe.window_s, 600);
	assert_int_equal(config.memory.limit_bytes, 0);
	assert_string_equal(config.node.id, "");
	assert_int_equal(config.log.level, BUD_LOG_INFO);
	assert_int_equal(config.log.format, BUD_LOG_FORMAT_TEXT);
}

static void test_a_whole_file(void **state)
{
	struct bud_config config;

	(void)state;
	assert_int_equal(load_text("# a comment\r\n"
				   "workers = 3\r\n"
				   "[server]\n"
				   "listen = [::1]:0 ; any port\n"
				   "[delivery]\n"
				   "allow_http = yes\n"
				   "allow_networks = 127.0.0.0/8, ; here\n"
				   "   ::1/128,\n"
				   "\tfd00::/8\n"
				   "retry_schedule_s=1,2 , 3\n"
				   "[memory]\n"
				   "limit_bytes = 512M\n"
				   "[redis]\n"
				   "url = redis://u:p%40ss@db.example:7000/3\n"
				   "[node]\n"
				   "id = node-1_A\n"
				   "[log]\n"
				   "level = debug\n"
				   "format = json",
				 &config, NULL),
		0);
	assert_int_equal(config.workers, 3);
	assert_string_equal(config.server.listen.host, "::1");
	assert_int_equal(config.server.listen.port, 0);
	assert_true(config.delivery.allow_http);
	assert_int_equal(config.delivery.allow_networks.n, 3);
	assert_int_equal(config.delivery.allow_networks.list[0].prefix_bits, 104);
	assert_int_equal(config.delivery.allow_networks.list[2].address[0], 0xfd);
	assert_int_equal(config.delivery.retry_schedule_s.n, 3);
	assert_int_equal(config.delivery.retry_schedule_s.steps[2], 3);
	assert_int_equal(config.memory.limit_bytes, 512 << 20);
	assert_string_equal(config.redis.url.password, "p@ss");
	assert_string_equal(config.node.id, "node-1_A");
	assert_int_equal(config.log.level, BUD_LOG_DEBUG);
	assert_int_equal(config.log.format, BUD_LOG_FORMAT_JSON);
}

static void test_order_of_layers(void **state)
{
	char *environment[] = {"PATH=/bin", "BUDSTIKKE_RETENTION_AGE_S=2",
		"BUDSTIKKE_DEDUPE_WINDOW_S=2", "BUDSTIKKE_WORKERS=2", "BUDSTIKKEX=1", NULL};
	const char *sets[] = {
		"dedupe.window_s=3", "delivery.breaker_open_s=9", "dedupe.window_s=4"};
	struct bud_config_sources sources = {path, environment, sets, 3};
	struct bud_config config;

	(void)state;
	write_file("[server]\ndrain_s=1\n[retention]\nage_s=1\n[dedupe]\nwindow_s=1\n");
	assert_int_equal(bud_config_load(&sources, &config, NULL), 0);
	assert_int_equal(config.server.drain_s, 1);
	assert_int_equal(config.retention.age_s, 2);
	assert_int_equal(config.workers, 2);
	assert_int_equal(config.dedupe.window_s, 4);
	assert_int_equal(config.delivery.breaker_open_s, 9);
	assert_int_equal(config.delivery.breaker_failures, 5);
}

static void test_unknown_keys(void **state)
{
	struct bud_error error = {0};
	struct bud_config config;

	(void)state;
	refuse_text("[server]\n\nlisen = 127.0.0.1:1\n",
		TEXTS(path, "b.conf:3: ", "server.lisen;", "server.listen?"));
	refuse_text("timeout_ms = 5\n", TEXTS("b.conf:1", "delivery.timeout_ms?"));
	refuse_text("[x]\nqqqqqqqqqqqqqqq = 5\n",
		TEXTS("b.conf:2", "x.qqq", "check-config --template"));
	refuse_text("[server.listen]\n= 5\n", TEXTS("b.conf:2"));
	refuse_set("worker=2", TEXTS("--set", "unknown setting worker;", "workers?"));
	refuse_set("workers", TEXTS("--set workers", "section.key=value"));
	assert_int_equal(load_variable("BUDSTIKKE_SERVER_LISTN=x", &config, &error), -EINVAL);
	check_error(&error, TEXTS("BUDSTIKKE_SERVER_LISTN:", "BUDSTIKKE_SERVER_LISTEN?"));
	assert_int_equal(load_variable("BUDSTIKKE_=x", &config, &error), -EINVAL);
}

/* Of a service named budstikke, or budstikke-redis, in Kubernetes. */
static void test_service_links(void **state)
{
	static const char *const links[] = {"BUDSTIKKE_SERVICE_HOST=10.0.0.1",
		"BUDSTIKKE_SERVICE_PORT=8080", "BUDSTIKKE_SERVICE_PORT_HTTP=8080",
		"BUDSTIKKE_PORT=tcp://10.0.0.1:8080", "BUDSTIKKE_PORT_8080_TCP=tcp://10.0.0.1:8080",
		"BUDSTIKKE_PORT_8080_TCP_PROTO=tcp", "BUDSTIKKE_REDIS_SERVICE_HOST=10.0.0.2",
		"BUDSTIKKE_REDIS_PORT_6379_TCP_ADDR=10.0.0.2"};
	static const char *const typos[] = {"BUDSTIKKE_SERVER_PORT=8080", "BUDSTIKKE_PORT_X=1",
		"BUDSTIKKE_SERVICE=1", "BUDSTIKKE_SERVER_PORT_99999999_TCP=1"};
	struct bud_error error = {0};
	struct bud_config config;

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		bud_auto(free) char *variable = bud_strdup(links[i]);
		if (load_variable(variable, &config, &error) != 0)
			fail_msg("%s: %s", links[i], error.text);
	}
	for (size_t i = 0; i < sizeof(typos) / sizeof(*typos); i++) {
		bud_auto(free) char *variable = bud_strdup(typos[i]);
		assert_int_equal(load_variable(variable, &config, &error), -EINVAL);
	}
	assert_int_equal(load_set("delivery.proxy=http://u:hidden@p:1", &config, &error), -EINVAL);
	assert_null(strstr(error.text, "hidden"));
}

static void test_bad_values(void **state)
{
	struct bud_error error = {0};
	struct bud_config config;

	(void)state;
	refuse_text("\nworkers = -1\n", TEXTS("b.conf:2: workers: \"-1\"", "0 to 256"));
	refuse_text("workers =\n", TEXTS("b.conf:1: workers: \"\"", "0 to 256"));
	refuse_text("workers = 257\n[log]\n", TEXTS("b.conf:1: workers: \"257\""));
	refuse_set(
		"delivery.timeout_ms=99", TEXTS("--set: delivery.timeout_ms", "from 100 to 60000"));
	refuse_set("delivery.timeout_ms=60001", TEXTS("60001"));
	refuse_set("delivery.allow_http=true", TEXTS("yes or no"));
	refuse_set("retention.age_s=7776001", TEXTS("7776000"));
	refuse_set("log.level=trace", TEXTS("error|warn|info|debug"));
	refuse_set("memory.limit_bytes=5t", TEXTS("k, m or g"));
	refuse_set("memory.limit_bytes=k", TEXTS("k, m or g"));
	refuse_set("memory.limit_bytes=99999999999999g", TEXTS("k, m or g"));
	refuse_set("memory.limit_bytes=512", TEXTS("memory.limit_bytes", "at least 16m"));
	refuse_set("memory.limit_bytes=16383k", TEXTS("at least 16m"));
	assert_int_equal(load_set("memory.limit_bytes=16m", &config, &error), 0);
	refuse_set("node.id=a.b", TEXTS("letters, digits"));
	refuse_set("data.dir=", TEXTS("empty"));
	refuse_set("data.dir=./x # mine", TEXTS("comment"));
	refuse_set("delivery.retry_schedule_s=", TEXTS("1 to 60 numbers"));
	refuse_set("delivery.retry_schedule_s=5,", TEXTS("1 to 60 numbers"));
	refuse_set("delivery.retry_schedule_s=0", TEXTS("from 1 to 604800"));
	refuse_set("delivery.retry_schedule_s=5,604801", TEXTS("604801"));
	refuse_set("delivery.retry_schedule_s=5 30", TEXTS("5 30", "commas"));
	refuse_set("delivery.allow_networks=10.0.0.1/8", TEXTS("10.0.0.0/8?"));
	refuse_set("delivery.allow_networks=10.0.0.0/8,", TEXTS("not a network"));
	refuse_set("delivery.source_address=10.0.0.0/8", TEXTS("an IPv4 address"));
	refuse_set("delivery.nat64_prefix=64:ff9b::/95", TEXTS("delivery.nat64_prefix", "96 bits"));
	refuse_set("delivery.nat64_prefix=64:ff9b::/72", TEXTS("96 bits"));
	refuse_set("delivery.nat64_prefix=10.0.0.0/8", TEXTS("IPv6"));
	refuse_set("delivery.nat64_prefix=2001:db8:0:0:100::/96", TEXTS("bits 64 to 71"));
	refuse_set("delivery.source_address=192.0.2.1, 192.0.2.2", TEXTS("an IPv4 address"));
	refuse_set("delivery.source_address=::1, ::2", TEXTS("an IPv4 address"));
	refuse_set("delivery.proxy=socks5://x:1080", TEXTS("http://host"));
	refuse_set("delivery.proxy=http://", TEXTS("http://host"));
	refuse_set("delivery.proxy=http://me:secret@x:1", TEXTS("http://host"));
	refuse_set("delivery.proxy=http://x:99999", TEXTS("http://host"));
	refuse_set("delivery.proxy=http://x:", TEXTS("http://host"));
	refuse_set("delivery.proxy=http://:3128", TEXTS("http://host"));
	refuse_set("delivery.proxy=http://x:1?y", TEXTS("http://host"));
	assert_int_equal(load_set("delivery.proxy=http://[::1]:3128", &config, &error), 0);
	assert_int_equal(load_set("delivery.proxy=https://[::1]", &config, &error), 0);
	refuse_set("redis.url=http://x", TEXTS("redis://"));
	assert_int_equal(load_variable("BUDSTIKKE_WORKERS=many", &config, &error), -EINVAL);
	check_error(&error, TEXTS("BUDSTIKKE_WORKERS: workers: \"many\""));
	assert_string_equal(error.member, "workers");
}

static void test_ways_out(void **state)
{
	struct bud_config config;
	struct bud_error error = {0};

	(void)state;
	assert_int_equal(
		load_set("delivery.source_address=192.0.2.1, 2001:db8::1", &config, &error), 0);
	assert_int_equal(config.delivery.source_address.n, 2);
	assert_true(bud_network_is_v4(&config.delivery.source_address.list[0]));
	assert_false(bud_network_is_v4(&config.delivery.source_address.list[1]));
	assert_int_equal(load_set("delivery.source_address=", &config, &error), 0);
	assert_int_equal(config.delivery.source_address.n, 0);
	assert_int_equal(config.delivery.nat64_prefix.n, 0);
	assert_int_equal(
		load_set("delivery.nat64_prefix=64:ff9b::/96, 2001:db8::/32", &config, &error), 0);
	assert_int_equal(config.delivery.nat64_prefix.n, 2);
	assert_string_equal(config.delivery.proxy, "");
	assert_int_equal(load_set("delivery.proxy=https://[::1]:3128", &config, &error), 0);
	assert_string_equal(config.delivery.proxy, "https://[::1]:3128");
}

static void test_limits_are_inside(void **state)
{
	bud_auto(buffer) struct bud_buffer set = {0};
	struct bud_config config;

	(void)state;
	bud_buffer_text(&set, "delivery.retry_schedule_s=604800");
	for (size_t i = 1; i < 60; i++)
		bud_buffer_text(&set, ",1");
	assert_int_equal(load_set(set.at, &config, NULL), 0);
	assert_int_equal(config.delivery.retry_schedule_s.n, 60);
	bud_buffer_text(&set, ",1");
	assert_int_equal(load_set(set.at, &config, NULL), -EINVAL);
	assert_int_equal(load_set("delivery.timeout_ms=100", &config, NULL), 0);
	assert_int_equal(load_set("delivery.timeout_ms=60000", &config, NULL), 0);
	assert_int_equal(load_set("retention.age_s=0", &config, NULL), 0);
	assert_int_equal(load_set("retention.age_s=7776000", &config, NULL), 0);
}

static void test_a_repeated_key(void **state)
{
	(void)state;
	refuse_text("workers=1\nworkers=1\n", TEXTS("b.conf:2: workers", "line 1"));
	refuse_text("[log]\nlevel=info\n[server]\n[log]\nlevel=info\n",
		TEXTS("b.conf:5: log.level", "line 2"));
}

static void test_loopback_only(void **state)
{
	struct bud_config config;

	(void)state;
	refuse_set("server.listen=0.0.0.0:9000",
		TEXTS("--set: server.listen", "without authentication",
			"127.0.0.1:9000 or [::1]:9000"));
	refuse_set("admin.listen=[::]:9001", TEXTS("admin.listen", "loopback only"));
	refuse_set("server.listen=192.168.1.1:80", TEXTS("loopback only"));
	refuse_set("server.listen=[::ffff:10.0.0.1]:80", TEXTS("loopback only"));
	refuse_set("admin.listen=127.0.0.1:8080", TEXTS("same as server.listen"));
	refuse_set("admin.listen=[::ffff:127.0.0.1]:8080", TEXTS("same as server.listen"));
	refuse_text("[server]\nlisten=[0:0:0::1]:9\n[admin]\nlisten=[::1]:9\n",
		TEXTS("same as server.listen"));
	assert_int_equal(load_set("admin.listen=127.0.0.2:8080", &config, NULL), 0);
	assert_int_equal(load_set("server.listen=127.1.2.3:80", &config, NULL), 0);
	assert_int_equal(load_set("server.listen=localhost:80", &config, NULL), 0);
	assert_string_equal(config.server.listen.host, "127.0.0.1");
}

/* With tokens it may listen anywhere, but not without TLS in front of it. */
static void test_elsewhere_with_authentication(void **state)
{
	static const char keys[] = "[auth]\nmode=keys\n";
	static const char elsewhere[] = "[server]\nlisten=0.0.0.0:80\n";
	struct bud_config config;
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), "%s%s", keys, elsewhere);
	refuse_text(text, TEXTS("server.listen", "need TLS", "server.behind_proxy=yes"));
	snprintf(text, sizeof(text), "%s%sbehind_proxy=yes\n", keys, elsewhere);
	assert_int_equal(load_text(text, &config, NULL), 0);
	assert_int_equal(config.auth.mode, BUD_AUTH_MODE_KEYS);
	/* What is for the proxy must not end at the listener that asks nobody who it is. */
	snprintf(text, sizeof(text), "%s%sbehind_proxy=yes\n[admin]\nlisten=127.0.0.1:80\n", keys,
		elsewhere);
	refuse_text(text, TEXTS("admin.listen", "same as server.listen"));
	snprintf(text, sizeof(text), "%sbehind_proxy=yes\n", elsewhere);
	refuse_text(text, TEXTS("without authentication"));
	snprintf(text, sizeof(text), "%s[admin]\nlisten=0.0.0.0:81\n", keys);
	refuse_text(text, TEXTS("admin.listen", "loopback only"));
	refuse_set("auth.mode=jwt", TEXTS("auth.issuers", "must name the file"));
	refuse_set("auth.mode=keys,jwt", TEXTS("auth.issuers"));
	refuse_set("auth.mode=token", TEXTS("none|keys|jwt|keys,jwt"));
	assert_int_equal(
		load_text("[auth]\nmode=keys,jwt\nissuers=/etc/i.json\n", &config, NULL), 0);
	assert_int_equal(config.auth.mode, BUD_AUTH_MODE_BOTH);
	assert_string_equal(config.auth.issuers, "/etc/i.json");
}

static void test_a_password_is_never_quoted(void **state)
{
	struct bud_error error = {0};
	struct bud_config config;

	(void)state;
	assert_int_equal(load_set("redis.url=redis://u:hemmelig@:x", &config, &error), -EINVAL);
	assert_null(strstr(error.text, "hemmelig"));
	refuse_set("redis.url=redis://u:***@db:1", TEXTS("masked"));
	refuse_set("secrets.key=***", TEXTS("masked"));
}

/* Nor is a key that seals shown. */
static void test_a_secret_is_masked(void **state)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_error error = {0};
	struct bud_config config;

	(void)state;
	assert_int_equal(load_set("secrets.key=hemmelig", &config, &error), 0);
	assert_string_equal(config.secrets.key, "hemmelig");
	bud_config_write(&config, &text);
	assert_null(strstr(text.at, "hemmelig"));
	assert_non_null(strstr(text.at, "key = ***"));
	assert_int_equal(load_set("secrets.key=hemmelig\x01", &config, &error), -EINVAL);
	assert_null(strstr(error.text, "hemmelig"));
}

static void test_indented_lines(void **state)
{
	(void)state;
	refuse_text("[server]\nlisten = 127.0.0.1:1\n  drain_s = 5\n",
		TEXTS("b.conf:3:", "server.listen", "start of its line"));
}

static void test_a_file_that_is_not_there(void **state)
{
	struct bud_config_sources sources = {.file = "/nowhere/b.conf"};
	struct bud_error error = {0};
	struct bud_config config;

	(void)state;
	assert_int_equal(bud_config_load(&sources, &config, &error), -ENOENT);
	check_error(&error, TEXTS("/nowhere/b.conf: "));
	sources.file = folder;
	assert_int_equal(bud_config_load(&sources, &config, &error), -EISDIR);
}

static void test_who_asks(void **state)
{
	static const char *const bad[] = {"delivery.origin=https://a.example",
		"delivery.origin=a.example:1", "delivery.origin=-a", "delivery.verify=yes",
		"delivery.callback_url=http://a.example", "delivery.callback_url=https://",
		"delivery.callback_url=https://a.example?x", "delivery.callback_url=https:///a",
		"delivery.callback_url=https://u@a.example"};
	struct bud_error error;
	struct bud_config config;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (load_set(bad[i], &config, &error) != -EINVAL)
			fail_msg("%s", bad[i]);
	assert_int_equal(
		load_set("delivery.callback_url=https://a.example/b/", &config, &error), 0);
	assert_string_equal(config.delivery.callback_url, "https://a.example/b");
	assert_int_equal(load_set("delivery.origin=events.a.example", &config, &error), 0);
	assert_string_equal(config.delivery.origin, "events.a.example");
	assert_int_equal(load_set("delivery.verify=low_rate", &config, &error), 0);
	assert_int_equal(config.delivery.verify, BUD_VERIFY_RULE_LOW_RATE);
}

static void test_workers(void **state)
{
	struct bud_config config = {0};

	(void)state;
	assert_int_equal(bud_config_workers(&config, 0), 1);
	assert_int_equal(bud_config_workers(&config, 1), 1);
	assert_int_equal(bud_config_workers(&config, 2), 1);
	assert_int_equal(bud_config_workers(&config, 8), 7);
	config.workers = 5;
	assert_int_equal(bud_config_workers(&config, 2), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_a_whole_file),
		cmocka_unit_test(test_order_of_layers),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_service_links),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_ways_out),
		cmocka_unit_test(test_limits_are_inside),
		cmocka_unit_test(test_a_repeated_key),
		cmocka_unit_test(test_loopback_only),
		cmocka_unit_test(test_elsewhere_with_authentication),
		cmocka_unit_test(test_a_password_is_never_quoted),
		cmocka_unit_test(test_a_secret_is_masked),
		cmocka_unit_test(test_indented_lines),
		cmocka_unit_test(test_a_file_that_is_not_there),
		cmocka_unit_test(test_who_asks),
		cmocka_unit_test(test_workers),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
