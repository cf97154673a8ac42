/* The control thread: follows the registry and writes the table, beats and watches other nodes,
 * trims and forgets, and answers on the admin listener. */
#pragma once
struct bud_app;     /* app/app.h */
struct bud_control; /* opaque */

/* Starts the thread, which answers on the admin listener from now on: people can ask what it waits
 * for while Redis is loading. Takes `admin_fd`, bound and not listening. */
struct bud_control *bud_control_start(struct bud_app *app, int admin_fd);
/* The shard is set up: connect, beat, follow. Wakes the thread; once. */
void bud_control_join(struct bud_control *control);
/* Ends the thread, waits for it and frees it. NULL is fine. */
void bud_control_stop(struct bud_control *control);
