/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 and nothing older, by OpenSSL: contexts for both ends. */
#ifndef HG_TLS_H
#define HG_TLS_H

#include <openssl/ssl.h>

#include "attest.h"

/* @client_ca may be NULL: no certificate is asked for then. */
SSL_CTX *tls_server(const char *certificate, const char *key, const char *client_ca, bool required,
		    struct att_error *err);
/*
 * Trusts the certificates in the file @ca, and no others; they may be the
 * server's own. @certificate and @key may be NULL.
 */
SSL_CTX *tls_client(const char *ca, const char *certificate, const char *key,
		    struct att_error *err);
/* The name or address that the server's certificate must be for. */
int tls_expect(SSL *ssl, const char *host, struct att_error *err);
/* SHA-256 of the other end's certificate. false: it has none. */
bool tls_peer(const SSL *ssl, uint8_t digest[32]);
/* Why an operation failed, in OpenSSL's words; empties its queue. */
int tls_fail(const SSL *ssl, const char *what, struct att_error *err);

#endif
