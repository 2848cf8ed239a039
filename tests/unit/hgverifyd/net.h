/* SPDX-License-Identifier: Apache-2.0 */
/* A site with a server on the network. */
#ifndef TEST_NET_H
#define TEST_NET_H

#include "site.h"

#include <pthread.h>

struct net {
	struct site *t;
	struct server *srv;
	pthread_t ticker;
	volatile bool stop;
	char url[80];
	uint16_t port;
};

/* Time stands still; what is over it is noticed. */
void net_start(struct net *n);
void net_stop(struct net *n);

#endif
