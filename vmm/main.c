// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "loop.h"
#include "machine.h"
#include "sandbox.h"
#include "status.h"
#include "util.h"
#include "vcpu.h"

struct app {
	struct config cfg;
	struct loop *loop;
	struct machine machine;
	struct status *status;
	struct loop_fd signal_handler, request_handler;
	bool woken;	/* a request came in */
};

static void on_request(void *opaque, uint32_t events)
{
	struct app *app = opaque;
	uint64_t v;

	(void)events;
	if (read(app->machine.vm.request_fd, &v, sizeof(v)) == sizeof(v))
		app->woken = true;
}

static void on_signal(void *opaque, uint32_t events)
{
	struct app *app = opaque;
	struct signalfd_siginfo info;

	(void)events;
	if (read(app->signal_handler.fd, &info, sizeof(info)) == sizeof(info))
		vm_ask(&app->machine.vm, REQ_STOP);
}

/* Signals that end the machine arrive as events; the rest keep their default. */
static int setup_signals(struct app *app)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	return loop_add(app->loop, &app->signal_handler, fd, EPOLLIN, on_signal, app);
}

/* Every queue has two eventfds and every 9p file one; ask for what we may have. */
static void raise_file_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static int setup(struct app *app)
{
	int ret;

	raise_file_limit();
	umask(077);	/* sockets and logs are for this user alone */
	app->loop = loop_new();
	if (!app->loop)
		return -ENOMEM;
	ret = setup_signals(app);
	if (!ret)
		ret = vcpu_signal_setup();
	if (ret) {
		hg_err("cannot set up signals: %s", strerror(-ret));
		return ret;
	}
	ret = machine_create(&app->machine, &app->cfg, app->loop);
	if (!ret)
		ret = loop_add(app->loop, &app->request_handler, app->machine.vm.request_fd,
			       EPOLLIN, on_request, app);
	if (!ret && app->cfg.status) {
		app->status = status_new(&app->machine, app->cfg.status);
		ret = app->status ? 0 : -EADDRINUSE;
	}
	if (ret)
		return ret;
	umask(0);	/* modes of shared files are the guest's to choose */
	return sandbox_enter(&app->cfg);
}

/* Run the guest until something ends it. Returns the request that did. */
static enum vm_request run_once(struct app *app)
{
	struct vm *vm = &app->machine.vm;
	enum vm_request req;

	app->woken = false;
	if (machine_start(&app->machine))
		return REQ_HOST;
	while (!app->woken) {
		if (loop_run_once(app->loop, -1) < 0) {
			hg_err("epoll_wait: %s", strerror(errno));
			vm_ask(vm, REQ_HOST);
		}
	}
	req = (enum vm_request)atomic_load(&vm->request);
	machine_stop(&app->machine);
	return req;
}

static int run(struct app *app)
{
	for (;;) {
		switch (run_once(app)) {
		case REQ_RESET:
			if (app->cfg.reboot_exit)
				return EXIT_OK;
			continue;
		case REQ_EXIT:
			return app->machine.vm.exit_code;
		case REQ_CRASH:
			return EXIT_GUEST;
		case REQ_HOST:
			return EXIT_HOST;
		default:
			return EXIT_OK;
		}
	}
}

int main(int argc, char **argv)
{
	static struct app app;
	int ret = EXIT_HOST;

	app.signal_handler.fd = app.request_handler.fd = -1;
	switch (config_parse(&app.cfg, argc, argv)) {
	case CONFIG_BAD: return EXIT_USAGE;
	case CONFIG_DONE: return EXIT_OK;
	case CONFIG_RUN: break;
	}
	if (app.cfg.dump_cpuid)
		return cpuid_dump(&app.cfg, app.cfg.dump_cpuid) ? EXIT_HOST : EXIT_OK;
	if (!setup(&app))
		ret = run(&app);
	status_free(app.status);
	machine_destroy(&app.machine);
	loop_free(app.loop);
	return ret;
}
