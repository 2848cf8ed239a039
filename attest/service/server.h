/* SPDX-License-Identifier: Apache-2.0 */
/* The network side of hgverifyd: sockets, TLS, time limits, worker threads. */
#ifndef HG_SERVER_H
#define HG_SERVER_H

#include "service.h"

struct server;

/* Listens, with the certificate read: as root, before privileges are dropped. */
struct server *server_new(const struct config *cfg, struct att_error *err);
/* ADDRESS:PORT that it listens at. */
const char *server_address(const struct server *srv);
/* Starts the workers, each with the database open. */
int server_start(struct server *srv, struct service *s, struct att_error *err);
/* Closes connections that are over their time; to be called a few times a second. */
void server_tick(struct server *srv);
/* Ends the workers after what they are at, and closes all connections. */
void server_stop(struct server *srv);
void server_free(struct server *srv);

#endif
