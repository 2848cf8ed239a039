// SPDX-License-Identifier: Apache-2.0
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "error.h"

static const char suites[] =
	"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

/* Instead of OpenSSL's, which would ask at the terminal. */
static int no_password(char *buf, int size, int rwflag, void *u)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)u;
	return -1;
}

static SSL_CTX *new_context(const SSL_METHOD *method, struct att_error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) &&
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) &&
	    SSL_CTX_set_ciphersuites(ctx, suites) &&
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384")) {
		SSL_CTX_set_default_passwd_cb(ctx, no_password);
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					      SSL_MODE_RELEASE_BUFFERS);
		SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION);
		return ctx;
	}
	SSL_CTX_free(ctx);
	att_fail_crypto(err, "TLS 1.3 cannot be set up");
	return NULL;
}

static int use_certificate(SSL_CTX *ctx, const char *certificate, const char *key,
			   struct att_error *err)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1) {
		att_fail_crypto(err, "no certificate in PEM");
		return att_prefix(err, certificate);
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		att_fail_crypto(
			err, "no private key in PEM without a password, or of another certificate");
		return att_prefix(err, key);
	}
	return 0;
}

static int trust(SSL_CTX *ctx, const char *ca, struct att_error *err)
{
	if (SSL_CTX_load_verify_file(ctx, ca) == 1)
		return 0;
	att_fail_crypto(err, "no certificates in PEM");
	return att_prefix(err, ca);
}

SSL_CTX *tls_server(const char *certificate, const char *key, const char *client_ca, bool required,
		    struct att_error *err)
{
	SSL_CTX *ctx = new_context(TLS_server_method(), err);
	STACK_OF(X509_NAME) * names;

	if (!ctx)
		return NULL;
	/* Each connection shows its certificate anew: no tickets. */
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	if (use_certificate(ctx, certificate, key, err) ||
	    (client_ca && trust(ctx, client_ca, err))) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (client_ca) {
		names = SSL_load_client_CA_file(client_ca);
		if (names)
			SSL_CTX_set_client_CA_list(ctx, names);
		SSL_CTX_set_verify(
			ctx, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
			NULL);
	}
	return ctx;
}

SSL_CTX *tls_client(const char *ca, const char *certificate, const char *key, struct att_error *err)
{
	SSL_CTX *ctx = new_context(TLS_client_method(), err);

	if (!ctx)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	/* The file may hold the server's own certificate: that is as good as its issuer's. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
	if (!trust(ctx, ca, err) && (!certificate || !use_certificate(ctx, certificate, key, err)))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

int tls_expect(SSL *ssl, const char *host, struct att_error *err)
{
	uint8_t address[16];
	bool is_address =
		inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
	int ok;

	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_address)
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	else
		ok = SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
	return ok ? 0 : att_fail_crypto(err, "not a host's name");
}

bool tls_peer(const SSL *ssl, uint8_t digest[32])
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);
	unsigned int size = 32;

	return cert && SSL_get_verify_result(ssl) == X509_V_OK &&
	       X509_digest(cert, EVP_sha256(), digest, &size) == 1 && size == 32;
}

int tls_fail(const SSL *ssl, const char *what, struct att_error *err)
{
	long verify = SSL_get_verify_result(ssl);
	int saved = errno;

	if (verify != X509_V_OK) {
		ERR_clear_error();
		return att_fail(err, ATT_E_CRYPTO, "%s: the other end's certificate: %s", what,
				X509_verify_cert_error_string(verify));
	}
	if (ERR_peek_error())
		return att_fail_crypto(err, what);
	return att_fail(err, ATT_E_IO, "%s: %s", what,
			saved ? strerror(saved) : "the other end closed the connection");
}
