/* A server is talked to only over TLS 1.2 or later, with a certificate from a trusted authority,
 * in force, for the host of the URL. A target's own authority and certificate are its alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "certificates.h"
#include "client.h"
#include "core/error.h"
#include "receiver.h"

static char folder[] = "/tmp/bud-fetch-XXXXXX";
static char ca_file[64];
static struct authority *authority;

static void write_authority(const char *path, struct authority *which)
{
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs(authority_pem(which), out);
	fclose(out);
}

static int make_authority(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", folder);
	authority = authority_create();
	write_authority(ca_file, authority);
	return 0;
}

static int drop_authority(void **state)
{
	(void)state;
	authority_destroy(authority);
	unlink(ca_file);
	return rmdir(folder);
}

struct tls_end {
	enum bud_fetch_kind kind;
	int status;
	int64_t time_us;
	int64_t late_us;
	uint64_t handshakes;
	char text[64];
};

/* `n` requests to that port; how the last one ended. */
static struct tls_end talk(enum receiver_port port, const char *ca, int n)
{
	struct client *client = client_create();
	client_open(client, (struct bud_fetch_options){.ca_file = ca});
	struct receiver *receiver = receiver_open(&client->loop, authority);
	/* localhost has two addresses, the time to connect is shared between them */
	struct bud_target *target = client_target(
		port == RECEIVER_SILENT ? "https://127.0.0.1:%d/ok/1" : "https://localhost:%d/ok/1",
		receiver_port(receiver, port));
	for (int i = 0; i < n; i++) {
		struct bud_fetch_request request = {.target = target,
			.timeout_ms = port == RECEIVER_SILENT ? 400 : 20000,
			.body = bud_span("x")};
		client_send(client, &request, &client->end);
		client_wait(client, &client->end);
	}
	struct tls_end end = {.kind = client->end.kind,
		.status = client->end.status,
		.time_us = client->end.time_us,
		.late_us = client->end.late_us,
		.handshakes = receiver_handshakes(receiver, port)};
	snprintf(end.text, sizeof(end.text), "%s", client->end.text);
	bud_target_unref(target);
	receiver_close(receiver);
	client_destroy(client);
	return end;
}

static void accepts_what_the_authority_signed(void **state)
{
	(void)state;
	struct tls_end end = talk(RECEIVER_TLS, ca_file, 1);
	assert_int_equal(end.kind, BUD_FETCH_RESPONSE);
	assert_int_equal(end.status, 200);
}

static void uses_a_tls_connection_again(void **state)
{
	(void)state;
	struct tls_end end = talk(RECEIVER_TLS, ca_file, 20);
	assert_int_equal(end.status, 200);
	assert_int_equal(end.handshakes, 1);
}

static void assert_refused(enum receiver_port port, const char *ca)
{
	/* The last of three: to read a long bundle may take a sanitizer all the first one's time.
	 */
	struct tls_end end = talk(port, ca, 3);
	assert_int_equal(end.kind, BUD_FETCH_TLS_FAILED);
	assert_int_equal(end.status, 0);
}

static void refuses_an_unknown_authority(void **state)
{
	(void)state;
	assert_refused(RECEIVER_TLS, NULL);
}

static void refuses_a_self_signed_certificate(void **state)
{
	(void)state;
	assert_refused(RECEIVER_TLS_SELF_SIGNED, ca_file);
}

static void refuses_a_certificate_for_another_host(void **state)
{
	(void)state;
	assert_refused(RECEIVER_TLS_WRONG_HOST, ca_file);
	struct tls_end end = talk(RECEIVER_TLS_WRONG_HOST, ca_file, 1);
	assert_string_equal(end.text, "the certificate was not accepted");
}

static void refuses_an_expired_certificate(void **state)
{
	(void)state;
	assert_refused(RECEIVER_TLS_EXPIRED, ca_file);
}

static void refuses_old_versions_of_tls(void **state)
{
	(void)state;
	assert_refused(RECEIVER_TLS_OLD, ca_file);
}

/* And that is not the receiver's fault. */
static void refuses_without_a_bundle(void **state)
{
	(void)state;
	struct tls_end end = talk(RECEIVER_TLS, "/nowhere/ca.pem", 1);
	assert_int_equal(end.kind, BUD_FETCH_BLOCKED);
	assert_int_equal(end.status, 0);
	assert_string_equal(end.text, "our CA bundle cannot be read");
}

static void cuts_a_handshake_that_stalls(void **state)
{
	(void)state;
	struct tls_end end = talk(RECEIVER_SILENT, ca_file, 1);
	assert_int_equal(end.kind, BUD_FETCH_TIMEOUT);
	assert_true(end.time_us >= 395000);
	assert_true(end.late_us < 100000);
}

static void refuses_a_server_without_tls(void **state)
{
	(void)state;
	struct client *client = client_create();
	client_open(client, (struct bud_fetch_options){.ca_file = ca_file});
	client->server.act = (struct scripted_act){
		.on_accept = true, .text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	struct bud_target *target = client_target("https://localhost:%d/", client->server.port);
	struct bud_fetch_request request = {.target = target, .timeout_ms = 20000};
	client_send(client, &request, &client->end);
	assert_int_equal(client_wait(client, &client->end)->kind, BUD_FETCH_TLS_FAILED);
	bud_target_unref(target);
	client_destroy(client);
}

struct own_test {
	struct client *client;
	struct receiver *receiver;
	struct authority *stranger;
	char stranger_file[64];
	struct identity one, other, strange;
};

/* The client itself trusts but a stranger: to read all whom the system trusts takes a sanitizer
 * longer on a loaded machine than a connection may. */
static int set_up_own(void **state)
{
	struct own_test *test = bud_new(struct own_test);
	test->client = client_create();
	test->stranger = authority_create();
	snprintf(test->stranger_file, sizeof(test->stranger_file), "%s/stranger.pem", folder);
	write_authority(test->stranger_file, test->stranger);
	client_open(test->client,
		(struct bud_fetch_options){.ca_file = test->stranger_file, .multis = 1});
	test->receiver = receiver_open(&test->client->loop, authority);
	struct identity_options options = {.authority = authority, .names = "DNS:sender.example"};
	identity_init(&test->one, options);
	identity_init(&test->other, options);
	options.authority = test->stranger;
	identity_init(&test->strange, options);
	*state = test;
	return 0;
}

static int tear_down_own(void **state)
{
	struct own_test *test = *state;
	receiver_close(test->receiver);
	client_destroy(test->client);
	identity_finish(&test->one);
	identity_finish(&test->other);
	identity_finish(&test->strange);
	authority_destroy(test->stranger);
	unlink(test->stranger_file);
	free(test);
	return 0;
}

static struct bud_target *own_target(struct own_test *test, enum receiver_port port, const char *ca,
	const struct identity *identity)
{
	char url[80];
	struct bud_error error = {0};
	struct bud_target_options options = {0};
	snprintf(url, sizeof(url), "https://localhost:%d/_peer",
		receiver_port(test->receiver, port));
	if (ca)
		options.ca_pem = bud_span(ca);
	if (identity) {
		options.certificate_pem = bud_span(identity->certificate_pem);
		options.key_pem = bud_span(identity->key_pem);
	}
	struct bud_target *target = bud_target_create(bud_span(url), &options, &error);
	if (!target)
		fail_msg("%s: %s", error.member, error.text);
	return target;
}

static const struct client_end *ask(struct own_test *test, struct bud_target *target)
{
	struct bud_fetch_request request = {
		.target = target, .method = "GET", .timeout_ms = 20000, .keep_body_bytes = 100};
	client_send(test->client, &request, &test->client->end);
	return client_wait(test->client, &test->client->end);
}

static void assert_peer(const struct client_end *end, const struct identity *identity)
{
	char expected[40];
	snprintf(expected, sizeof(expected), "{\"serial\":%ld}",
		identity ? identity_serial(identity) : 0);
	assert_int_equal(end->status, 200);
	assert_string_equal(end->body.at, expected);
}

/* Also not by those whose handles were used for it before, and the other way round. */
static void trusts_a_private_authority_only_where_it_belongs(void **state)
{
	struct own_test *test = *state;
	struct bud_target *with = own_target(test, RECEIVER_TLS, authority_pem(authority), NULL);
	struct bud_target *without = own_target(test, RECEIVER_TLS, NULL, NULL);
	struct bud_target *another =
		own_target(test, RECEIVER_TLS, authority_pem(test->stranger), NULL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(test, without)->kind, BUD_FETCH_TLS_FAILED);
		assert_peer(ask(test, with), NULL);
		assert_int_equal(ask(test, another)->kind, BUD_FETCH_TLS_FAILED);
	}
	bud_target_unref(with);
	bud_target_unref(without);
	bud_target_unref(another);
}

static void shows_a_client_certificate(void **state)
{
	struct own_test *test = *state;
	const char *ca = authority_pem(authority);
	struct bud_target *right = own_target(test, RECEIVER_TLS_CLIENT, ca, &test->one);
	struct bud_target *wrong = own_target(test, RECEIVER_TLS_CLIENT, ca, &test->strange);
	struct bud_target *none = own_target(test, RECEIVER_TLS_CLIENT, ca, NULL);
	assert_int_equal(ask(test, none)->status, 0);
	assert_peer(ask(test, right), &test->one);
	assert_int_equal(ask(test, wrong)->status, 0);
	assert_int_equal(ask(test, none)->status, 0);
	assert_int_equal(receiver_handshakes(test->receiver, RECEIVER_TLS_CLIENT), 1);
	bud_target_unref(right);
	bud_target_unref(wrong);
	bud_target_unref(none);
}

/* One connection each, however their requests alternate, and the same again for an equal one. */
static void never_shares_connections_between_certificates(void **state)
{
	struct own_test *test = *state;
	const char *ca = authority_pem(authority);
	struct bud_target *one = own_target(test, RECEIVER_TLS_CLIENT, ca, &test->one);
	struct bud_target *other = own_target(test, RECEIVER_TLS_CLIENT, ca, &test->other);
	struct bud_target *same = own_target(test, RECEIVER_TLS_CLIENT, ca, &test->one);
	for (int i = 0; i < 5; i++) {
		assert_peer(ask(test, one), &test->one);
		assert_peer(ask(test, other), &test->other);
		assert_peer(ask(test, same), &test->one);
	}
	assert_int_equal(receiver_handshakes(test->receiver, RECEIVER_TLS_CLIENT), 2);
	bud_target_unref(one);
	bud_target_unref(other);
	bud_target_unref(same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_the_authority_signed),
		cmocka_unit_test(uses_a_tls_connection_again),
		cmocka_unit_test(refuses_an_unknown_authority),
		cmocka_unit_test(refuses_a_self_signed_certificate),
		cmocka_unit_test(refuses_a_certificate_for_another_host),
		cmocka_unit_test(refuses_an_expired_certificate),
		cmocka_unit_test(refuses_old_versions_of_tls),
		cmocka_unit_test(refuses_without_a_bundle),
		cmocka_unit_test(cuts_a_handshake_that_stalls),
		cmocka_unit_test(refuses_a_server_without_tls),
		cmocka_unit_test_setup_teardown(trusts_a_private_authority_only_where_it_belongs,
			set_up_own, tear_down_own),
		cmocka_unit_test_setup_teardown(
			shows_a_client_certificate, set_up_own, tear_down_own),
		cmocka_unit_test_setup_teardown(
			never_shares_connections_between_certificates, set_up_own, tear_down_own),
	};
	return cmocka_run_group_tests(tests, make_authority, drop_authority);
}
