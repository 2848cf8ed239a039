// SPDX-License-Identifier: Apache-2.0
/* CoRIMs that are signed: COSE_Sign1 (RFC 9052), with the header that CoRIM asks for. */
#include <openssl/evp.h>

#include "cbor.h"
#include "corim.h"
#include "error.h"
#include "key.h"

#define TAG_SIGN1    18u
#define CONTENT_TYPE "application/rim+cbor"
#define ES256	     (-7)
#define ES384	     (-35)

enum { HEADER_ALG = 1, HEADER_CONTENT = 3, HEADER_KID = 4, HEADER_META = 8 };

struct sign1 {
	const uint8_t *protected, *payload, *signature;
	size_t protected_size, payload_size, signature_size;
};

static int bad(struct att_error *err, const char *what)
{
	return att_fail(
		err, ATT_E_FORMAT,
		"signed CoRIM: %s: not what it should be, or not in CBOR's deterministic encoding",
		what);
}

static int split(const uint8_t *data, size_t size, struct sign1 *s, struct att_error *err)
{
	struct att_reader r = { data, size, false };

	att_cbor_read_tag(&r, TAG_SIGN1);
	if (att_cbor_read_array(&r) != 4)
		return bad(err, "COSE_Sign1");
	s->protected = att_cbor_read_bytes(&r, &s->protected_size);
	/* Nothing that is not signed is believed: there may be nothing there. */
	if (att_cbor_read_map(&r))
		return bad(err, "an unprotected header");
	s->payload = att_cbor_read_bytes(&r, &s->payload_size);
	s->signature = att_cbor_read_bytes(&r, &s->signature_size);
	return r.bad || r.left ? bad(err, "COSE_Sign1") : 0;
}

/* The signer's name and address: the key is what counts. */
static bool read_meta(struct att_reader *r)
{
	struct att_cbor_keys keys = { 0 }, inner = { 0 };
	struct att_reader m;
	char text[256];
	size_t size, count;
	const uint8_t *p = att_cbor_read_bytes(r, &size);

	if (!p)
		return false;
	m = (struct att_reader){ p, size, false };
	if (att_cbor_read_map(&m) != 1 || att_cbor_read_key(&m, &keys) || m.bad)
		return false;
	count = att_cbor_read_map(&m);
	if (!count || count > 2 || att_cbor_read_key(&m, &inner) ||
	    !att_cbor_read_text(&m, text, sizeof(text)))
		return false;
	if (count == 2) {
		if (att_cbor_read_key(&m, &inner) != 1)
			return false;
		att_cbor_read_tag(&m, 32);
		att_cbor_read_text(&m, text, sizeof(text));
	}
	return !m.bad && !m.left;
}

static bool read_header_member(struct att_reader *r, int64_t key, int64_t *alg)
{
	char text[64];
	size_t size;

	switch (key) {
	case HEADER_ALG:
		*alg = att_cbor_read_int(r);
		return true;
	case HEADER_CONTENT:
		return att_cbor_read_text(r, text, sizeof(text)) && !strcmp(text, CONTENT_TYPE);
	case HEADER_KID:
		return att_cbor_read_bytes(r, &size) != NULL;
	case HEADER_META:
		return read_meta(r);
	default:
		return false;
	}
}

static int read_header(const struct sign1 *s, int64_t *alg, struct att_error *err)
{
	struct att_reader r = { s->protected, s->protected_size, false };
	struct att_cbor_keys keys = { 0 };
	size_t count = att_cbor_read_map(&r);
	unsigned int seen = 0;

	while (count-- && !r.bad) {
		int64_t key = att_cbor_read_key(&r, &keys);

		if (r.bad || !read_header_member(&r, key, alg) || r.bad)
			return att_fail(
				err, ATT_E_UNSUPPORTED,
				"signed CoRIM: key %lld of the protected header is not understood",
				(long long)key);
		seen |= 1u << key;
	}
	if (r.bad || r.left)
		return bad(err, "the protected header");
	if (!(seen >> HEADER_ALG & 1) || !(seen >> HEADER_CONTENT & 1))
		return att_fail(err, ATT_E_FORMAT,
				"signed CoRIM: its header has no algorithm or no content type");
	return 0;
}

/* Sig_structure: what is signed. */
static void put_signed(struct att_cbor_out *o, const struct sign1 *s)
{
	att_cbor_put(o, ATT_CBOR_ARRAY, 4);
	att_cbor_put_text(o, "Signature1");
	att_cbor_put_bytes(o, s->protected, s->protected_size);
	att_cbor_put_bytes(o, NULL, 0);
	att_cbor_put_bytes(o, s->payload, s->payload_size);
}

static int verify(const struct sign1 *s, int64_t alg, EVP_PKEY *key, struct att_error *err)
{
	const char *curve = att_key_curve(key);
	bool p384 = curve && !strcmp(curve, "P-384");
	struct att_cbor_out o = { 0 };
	int ret;

	if (!curve)
		return att_fail(err, ATT_E_UNSUPPORTED,
				"the key of signed CoRIMs: neither of P-256 nor of P-384");
	if (alg != (p384 ? ES384 : ES256))
		return att_fail(err, ATT_E_REFUSED,
				"signed CoRIM: algorithm %lld, but the key is of %s",
				(long long)alg, curve);
	if (s->signature_size != (p384 ? 96u : 64u))
		return bad(err, "the signature");
	put_signed(&o, s);
	ret = o.bad ? att_no_memory(err)
		    : att_ecdsa_verify(key, p384 ? "SHA384" : "SHA256", o.bytes.data, o.bytes.size,
				       s->signature, s->signature_size, err);
	att_bytes_free(&o.bytes);
	return ret ? att_prefix(err, "signed CoRIM") : 0;
}

int att_corim_open(const uint8_t *data, size_t size, const struct att_bytes *key_pem,
		   const uint8_t **payload, size_t *payload_size, struct att_error *err)
{
	struct sign1 s = { 0 };
	int64_t alg = 0;
	EVP_PKEY *key;
	int ret;

	if (size > ATT_CORIM_MAX)
		return att_fail(err, ATT_E_FORMAT, "signed CoRIM: larger than %u bytes",
				ATT_CORIM_MAX);
	if (split(data, size, &s, err) || read_header(&s, &alg, err))
		return -1;
	key = att_key_from_pem((const char *)key_pem->data, key_pem->size, true, err);
	if (!key)
		return att_prefix(err, "the key of signed CoRIMs");
	ret = verify(&s, alg, key, err);
	EVP_PKEY_free(key);
	if (ret)
		return -1;
	*payload = s.payload;
	*payload_size = s.payload_size;
	return 0;
}

static void put_header(struct att_cbor_out *o, bool p384, const char *signer)
{
	struct att_cbor_out meta = { 0 };

	att_cbor_put(o, ATT_CBOR_MAP, 3);
	att_cbor_put_int(o, HEADER_ALG);
	att_cbor_put_int(o, p384 ? ES384 : ES256);
	att_cbor_put_int(o, HEADER_CONTENT);
	att_cbor_put_text(o, CONTENT_TYPE);
	att_cbor_put(&meta, ATT_CBOR_MAP, 1);
	att_cbor_put_int(&meta, 0);
	att_cbor_put(&meta, ATT_CBOR_MAP, 1);
	att_cbor_put_int(&meta, 0);
	att_cbor_put_text(&meta, signer);
	att_cbor_put_int(o, HEADER_META);
	att_cbor_put_inner(o, &meta);
}

static int sign(const struct sign1 *s, EVP_PKEY *key, bool p384, uint8_t *sig,
		struct att_error *err)
{
	struct att_cbor_out o = { 0 };
	int ret;

	put_signed(&o, s);
	ret = o.bad ? att_no_memory(err)
		    : att_ecdsa_sign(key, p384 ? "SHA384" : "SHA256", o.bytes.data, o.bytes.size,
				     sig, p384 ? 96 : 64, err);
	att_bytes_free(&o.bytes);
	return ret;
}

int att_corim_sign(const struct att_bytes *payload, const struct att_bytes *key_pem,
		   const char *signer, struct att_bytes *corim, struct att_error *err)
{
	EVP_PKEY *key = att_key_from_pem((const char *)key_pem->data, key_pem->size, false, err);
	const char *curve = key ? att_key_curve(key) : NULL;
	bool p384 = curve && !strcmp(curve, "P-384");
	struct att_cbor_out header = { 0 }, o = { 0 };
	uint8_t sig[96];
	int ret = -1;

	if (key && !curve)
		att_fail(err, ATT_E_UNSUPPORTED, "a CoRIM is signed by a key of P-256 or P-384");
	put_header(&header, p384, signer);
	if (curve) {
		struct sign1 s = { header.bytes.data, payload->data, NULL,
				   header.bytes.size, payload->size, 0 };

		ret = header.bad ? att_no_memory(err) : sign(&s, key, p384, sig, err);
	}
	att_cbor_put(&o, ATT_CBOR_TAG, TAG_SIGN1);
	att_cbor_put(&o, ATT_CBOR_ARRAY, 4);
	att_cbor_put_inner(&o, &header);
	att_cbor_put(&o, ATT_CBOR_MAP, 0);
	att_cbor_put_bytes(&o, payload->data, payload->size);
	att_cbor_put_bytes(&o, sig, p384 ? 96 : 64);
	if (!ret && o.bad)
		ret = att_no_memory(err);
	if (ret)
		att_bytes_free(&o.bytes);
	*corim = o.bytes;
	EVP_PKEY_free(key);
	return ret;
}
