// SPDX-License-Identifier: Apache-2.0
#include "status.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cvm.h"
#include "loop.h"
#include "machine.h"
#include "power.h"
#include "sockpath.h"
#include "util.h"
#include "vcpu.h"
#include "virtio.h"

#define CLIENTS_MAX	8u
#define LINE_MAX_LEN	128u

struct client {
	struct status *owner;
	struct loop_fd handler;
	int fd;			/* -1: free */
	char line[LINE_MAX_LEN];
	unsigned int len;
};

struct status {
	struct machine *m;
	struct sockpath listener;
	struct loop_fd handler;
	struct client client[CLIENTS_MAX];
};

static const char *const state_name[] = {
	[VM_HALTED] = "halted", [VM_RUNNING] = "running", [VM_PAUSED] = "paused",
	[VM_STOPPING] = "stopping",
};

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *hex(const uint8_t *bytes, size_t count)
{
	char text[2 * CVM_DIGEST_SIZE + 1] = "";
	size_t i;

	for (i = 0; i < count && i < CVM_DIGEST_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return json_string(text);
}

static json_t *vcpu_list(const struct vm *vm)
{
	json_t *list = json_array();
	unsigned int i, k;

	for (i = 0; i < vm->cfg->vcpus; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "index", number(i));
		for (k = 0; k < CNT_MAX; k++)
			json_object_set_new(o, vcpu_count_name[k], number(vm->vcpu[i].count[k]));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *device_list(struct machine *m)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < m->nr_virtio; i++) {
		struct virtio_dev *vd = m->virtio[i];
		json_t *o = json_object();

		json_object_set_new(o, "type", json_string(vd->ops->name));
		json_object_set_new(o, "slot", number(vd->pci.slot));
		json_object_set_new(o, "driver_ok", json_boolean(virtio_live(vd)));
		json_object_set_new(o, "interrupts", number(vd->interrupts));
		json_object_set_new(o, "notifies", number(vd->notifies));
		if (vd->ops->stats)
			vd->ops->stats(vd, o);
		json_array_append_new(list, o);
	}
	return list;
}

static void add_status(struct machine *m, json_t *o)
{
	struct vm *vm = &m->vm;

	json_object_set_new(o, "version", json_string(HGVMM_VERSION));
	json_object_set_new(o, "pid", number((uint64_t)getpid()));
	json_object_set_new(o, "state", json_string(state_name[vm->state]));
	json_object_set_new(o, "uptime_ms", number((hg_now_ns() - vm->start_ns) / 1000000));
	json_object_set_new(o, "boots", number(vm->boots));
	json_object_set_new(o, "device", json_string(vm->dev_path));
	json_object_set_new(o, "irqchip",
			    json_string(vm->cfg->irqchip == IRQCHIP_ON ? "on" : "split"));
	json_object_set_new(o, "confidential", json_boolean(vm->cfg->cvm));
	if (vm->cfg->cvm)
		json_object_set_new(o, "launch_digest", hex(vm->launch_digest, CVM_DIGEST_SIZE));
	json_object_set_new(o, "memory_bytes", number(vm->cfg->mem_bytes));
	json_object_set_new(o, "vcpus", vcpu_list(vm));
	json_object_set_new(o, "devices", device_list(m));
}

/* NULL when done, else what is wrong. */
static const char *command(struct machine *m, const char *cmd, json_t *o)
{
	if (!strcmp(cmd, "status"))
		add_status(m, o);
	else if (!strcmp(cmd, "pause"))
		vm_pause(&m->vm);
	else if (!strcmp(cmd, "resume"))
		vm_resume(&m->vm);
	else if (!strcmp(cmd, "powerdown"))
		power_button(m->power);
	else if (!strcmp(cmd, "stop"))
		vm_ask(&m->vm, REQ_STOP);
	else
		return "unknown command; use status, pause, resume, powerdown or stop";
	return NULL;
}

static void drop(struct client *c)
{
	loop_del(c->owner->m->vm.loop, &c->handler);
	close(c->fd);
	c->fd = -1;
}

/* A client that does not read its answers loses them and the connection. */
static bool answer(struct client *c, const char *cmd)
{
	json_t *o = json_object();
	const char *err = command(c->owner->m, cmd, o);
	char *text;
	size_t len;
	bool ok;

	json_object_set_new(o, "ok", json_boolean(!err));
	if (err)
		json_object_set_new(o, "error", json_string(err));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!text)
		return false;
	len = strlen(text);
	text[len++] = '\n';	/* over the terminator */
	ok = send(c->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
	free(text);
	return ok;
}

/* Answer every whole line. False: drop the client. */
static bool take_lines(struct client *c)
{
	char *nl;

	while ((nl = memchr(c->line, '\n', c->len))) {
		unsigned int used = (unsigned int)(nl - c->line) + 1;

		*nl = '\0';
		if (nl > c->line && nl[-1] == '\r')
			nl[-1] = '\0';
		if (*c->line && !answer(c, c->line))
			return false;
		c->len -= used;
		memmove(c->line, c->line + used, c->len);
	}
	return c->len < sizeof(c->line);	/* else the line is too long */
}

static void on_client(void *opaque, uint32_t events)
{
	struct client *c = opaque;
	ssize_t n = recv(c->fd, c->line + c->len, sizeof(c->line) - c->len, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	c->len += (unsigned int)n;
	if (!take_lines(c))
		drop(c);
}

static void on_listen(void *opaque, uint32_t events)
{
	struct status *st = opaque;
	int fd = accept4(st->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	unsigned int i;

	(void)events;
	if (fd < 0)
		return;
	for (i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &st->client[i];

		if (c->fd >= 0)
			continue;
		if (loop_add(st->m->vm.loop, &c->handler, fd, EPOLLIN, on_client, c))
			break;
		c->fd = fd;
		c->len = 0;
		return;
	}
	close(fd);	/* too many at once */
}

struct status *status_new(struct machine *m, const char *path)
{
	struct status *st = calloc(1, sizeof(*st));
	unsigned int i;

	if (!st)
		return NULL;
	st->m = m;
	st->handler.fd = -1;
	for (i = 0; i < CLIENTS_MAX; i++) {
		st->client[i].owner = st;
		st->client[i].fd = st->client[i].handler.fd = -1;
	}
	if (sockpath_claim(&st->listener, SOCK_STREAM, "status", path)) {
		free(st);
		return NULL;
	}
	if (loop_add(m->vm.loop, &st->handler, st->listener.fd, EPOLLIN, on_listen, st)) {
		hg_err("--status: cannot watch the socket");
		status_free(st);
		return NULL;
	}
	return st;
}

void status_free(struct status *st)
{
	unsigned int i;

	if (!st)
		return;
	for (i = 0; i < CLIENTS_MAX; i++)
		if (st->client[i].fd >= 0)
			drop(&st->client[i]);
	loop_del(st->m->vm.loop, &st->handler);
	sockpath_close(&st->listener);
	free(st);
}
