/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the 9p server: one request in work and its handlers. A handler reads
 * its fields from op->in, checks op->in.bad once, appends its answer to op->out
 * and returns 0 or a positive errno, upon which the answer is discarded.
 */
#ifndef HGVMM_P9_OP_H
#define HGVMM_P9_OP_H

#include <stdatomic.h>
#include <stdint.h>

#include "p9-fid.h"
#include "p9-fs.h"
#include "p9-wire.h"

struct p9_server {
	struct p9_root root;
	struct p9_fids fids;
	uint32_t msize;		/* negotiated, 0: no session yet */
	_Atomic uint64_t requests, errors, rd_bytes, wr_bytes;
	_Atomic unsigned int nr_fids;
};

struct p9_op {
	struct p9_server *s;
	struct p9_in in;
	struct p9_out out;
};

struct p9_qid p9_qid_of(const struct stat *st);
/* The qid path of an inode: numbers repeat across file systems (xdev). */
uint64_t p9_qid_path(uint64_t ino, uint64_t dev);
/* Read a fid. NULL when it is not there; op->in.bad when it cannot be read. */
struct p9_fid *p9_get_fid(struct p9_op *op);
/* dir + "/" + name into a PATH_MAX buffer. 0 or ENAMETOOLONG. */
int p9_join(char *out, const char *dir, const char *name);

/* p9-file.c: files, directories and attributes. */
int p9_op_lopen(struct p9_op *op);
int p9_op_lcreate(struct p9_op *op);
int p9_op_read(struct p9_op *op);
int p9_op_write(struct p9_op *op);
int p9_op_readdir(struct p9_op *op);
int p9_op_statfs(struct p9_op *op);
int p9_op_getattr(struct p9_op *op);
int p9_op_setattr(struct p9_op *op);
int p9_op_readlink(struct p9_op *op);
int p9_op_fsync(struct p9_op *op);
int p9_op_lock(struct p9_op *op);
int p9_op_getlock(struct p9_op *op);

/* p9-name.c: changes of the tree. */
int p9_op_mkdir(struct p9_op *op);
int p9_op_symlink(struct p9_op *op);
int p9_op_mknod(struct p9_op *op);
int p9_op_link(struct p9_op *op);
int p9_op_rename(struct p9_op *op);
int p9_op_renameat(struct p9_op *op);
int p9_op_remove(struct p9_op *op);
int p9_op_unlinkat(struct p9_op *op);

#endif
