// SPDX-License-Identifier: Apache-2.0
#include "net.h"

#include <stdlib.h>
#include <unistd.h>

static void *tick(void *opaque)
{
	struct net *n = opaque;

	while (!__atomic_load_n(&n->stop, __ATOMIC_SEQ_CST)) {
		server_tick(n->srv);
		usleep(2000);
	}
	return NULL;
}

void net_start(struct net *n)
{
	struct att_error err = { 0 };

	n->srv = server_new(&n->t->cfg, &err);
	if (!n->srv || server_start(n->srv, n->t->s, &err))
		fail_msg("%s", err.text);
	snprintf(n->url, sizeof(n->url), "https://%s", server_address(n->srv));
	n->port = (uint16_t)atoi(strrchr(n->url, ':') + 1);
	n->stop = false;
	assert_int_equal(pthread_create(&n->ticker, NULL, tick, n), 0);
}

void net_stop(struct net *n)
{
	__atomic_store_n(&n->stop, true, __ATOMIC_SEQ_CST);
	pthread_join(n->ticker, NULL);
	server_stop(n->srv);
	server_free(n->srv);
	n->srv = NULL;
}
