/* What is slow about a receiver, its keys, is made outside of the table's lock: the record may be
 * gone by then. A change of a subscription is none of its endpoint. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "dispatch/desk.h"
#include "dispatch/endpoint.h"
#include "dispatch/endpoint_table.h"
#include "dispatch/gate.h"
#include "dispatch/receiver.h"
#include "fetch/target.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

static struct bud_receiver *get(struct rig *rig, struct bud_receivers *receivers)
{
	const struct bud_subscription *subscription = NULL;
	struct bud_receiver *receiver;

	bud_table_lock(rig->table, 0);
	assert_int_equal(bud_table_find(rig->table, "s1", &subscription), BUD_TABLE_LIVE);
	receiver = bud_receiver_ref(bud_receivers_get(receivers, subscription, 0));
	bud_table_unlock(rig->table, 0);
	return receiver;
}

static void fail_once(struct bud_receiver *receiver)
{
	struct bud_settlement failed = {.verdict = BUD_VERDICT_OVERLOADED};
	struct bud_endpoint *endpoint = bud_gate_endpoint(receiver->gate);
	int64_t wait_ms;

	assert_int_equal(bud_endpoint_admit(endpoint, BUD_SHARE_FRESH, 0, &wait_ms), BUD_ADMIT_YES);
	(void)bud_endpoint_settle(endpoint, &failed, 0);
	bud_receiver_unref(receiver);
}

static void what_is_known_of_its_endpoint_outlives_a_change(void **state)
{
	struct rig *rig = *state;
	struct bud_desk desk = {.table = rig->table,
		.endpoints = rig->endpoints,
		.keyring = rig->keyring,
		.config = &rig->config,
		.metrics = &rig->metrics,
		.workers = 1};
	struct bud_gates *gates = bud_gates_create(&desk, NULL);
	struct bud_receivers *receivers = bud_receivers_create(&desk, gates);
	struct bud_endpoint_report report;
	size_t position = 0;

	rig_subscribe(rig, "s1", "t", "/a");
	fail_once(get(rig, receivers));
	rig_subscribe(rig, "s1", "t", "/a");
	fail_once(get(rig, receivers));
	assert_int_equal(bud_endpoints_report(rig->endpoints, 10000, &position, &report, 1), 1);
	assert_int_equal(report.in_a_row, 2);
	bud_endpoint_report_finish(&report);
	bud_receivers_destroy(receivers);
	bud_gates_destroy(gates);
}

static void is_wired_outside_of_the_lock(void **state)
{
	struct rig *rig = *state;
	struct bud_desk desk = {.table = rig->table,
		.endpoints = rig->endpoints,
		.keyring = rig->keyring,
		.config = &rig->config,
		.metrics = &rig->metrics,
		.workers = 1};
	struct bud_gates *gates = bud_gates_create(&desk, NULL);
	struct bud_receivers *receivers = bud_receivers_create(&desk, gates);
	struct bud_receiver *receiver;

	rig_subscribe(rig, "s1", "t", "/a");
	receiver = get(rig, receivers);
	assert_null(receiver->target);
	assert_null(receiver->signer);
	bud_table_remove(rig->table, "s1", 2);
	bud_receivers_wire(receivers, receiver, 0);
	assert_non_null(receiver->target);
	assert_non_null(receiver->signer);
	assert_true(receiver->is_plain);
	assert_non_null(strstr(bud_target_url(receiver->target), "/a"));
	bud_receiver_unref(receiver);

	/* Never used: its record goes with it. */
	rig_subscribe(rig, "s1", "t", "/a");
	bud_receiver_unref(get(rig, receivers));
	bud_receivers_destroy(receivers);
	bud_gates_destroy(gates);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(is_wired_outside_of_the_lock),
		TEST(what_is_known_of_its_endpoint_outlives_a_change),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
