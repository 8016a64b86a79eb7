/*
 * A security key made of software, for the specs: what OpenSSH loads with `ssh-keygen -w` and `ssh-add -S` (its sk-api.h).
 * The key handle is the private key itself, and touching it is taken for granted.
 * Compiled by spec/support/peers/security-keys.ts: cc -shared -fPIC sk-provider.c -lcrypto
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/ec.h>
#include <openssl/x509.h>

#define API_VERSION 0x000a0000
#define ALG_ED25519 1
#define ERR_GENERAL (-1)
#define ERR_UNSUPPORTED (-2)
#define USER_PRESENT 0x01
#define USER_VERIFIED 0x04

struct sk_enroll_response {
  uint8_t flags;
  uint8_t *public_key;
  size_t public_key_len;
  uint8_t *key_handle;
  size_t key_handle_len;
  uint8_t *signature;
  size_t signature_len;
  uint8_t *attestation_cert;
  size_t attestation_cert_len;
  uint8_t *authdata;
  size_t authdata_len;
};

struct sk_sign_response {
  uint8_t flags;
  uint32_t counter;
  uint8_t *sig_r;
  size_t sig_r_len;
  uint8_t *sig_s;
  size_t sig_s_len;
};

uint32_t sk_api_version(void) { return API_VERSION; }

int sk_load_resident_keys(const char *pin, void **options, void ***keys, size_t *count) {
  return ERR_UNSUPPORTED;
}

int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags,
              const char *pin, void **options, struct sk_enroll_response **answer) {
  EVP_PKEY *key = alg == ALG_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_EC_gen("P-256");
  struct sk_enroll_response *made = calloc(1, sizeof(*made));
  if (key == NULL || made == NULL) return ERR_GENERAL;
  made->flags = flags;
  made->public_key = malloc(128);
  EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, made->public_key, 128, &made->public_key_len);
  made->key_handle_len = i2d_PrivateKey(key, &made->key_handle);
  made->signature = calloc(1, 1);
  EVP_PKEY_free(key);
  *answer = made;
  return 0;
}

static size_t sign(EVP_PKEY *key, int is_ed25519, const uint8_t *data, size_t length, uint8_t *out, size_t room) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  EVP_DigestSignInit(context, NULL, is_ed25519 ? NULL : EVP_sha256(), NULL, key);
  if (EVP_DigestSign(context, out, &room, data, length) != 1) room = 0;
  EVP_MD_CTX_free(context);
  return room;
}

static uint8_t *number(const BIGNUM *value, size_t *length) {
  uint8_t *bytes = malloc(*length = BN_num_bytes(value));
  BN_bn2bin(value, bytes);
  return bytes;
}

int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application, const uint8_t *key_handle,
            size_t key_handle_len, uint8_t flags, const char *pin, void **options, struct sk_sign_response **answer) {
  uint8_t seen[69], signature[128];
  const uint8_t *at = signature;
  int is_ed25519 = alg == ALG_ED25519;
  EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &key_handle, key_handle_len);
  struct sk_sign_response *made = calloc(1, sizeof(*made));
  if (key == NULL || made == NULL) return ERR_GENERAL;
  made->flags = flags & (USER_PRESENT | USER_VERIFIED);
  made->counter = 7;
  EVP_Digest(application, strlen(application), seen, NULL, EVP_sha256(), NULL);
  memcpy(seen + 32, (uint8_t[]){made->flags, 0, 0, 0, 7}, 5);
  EVP_Digest(data, data_len, seen + 37, NULL, EVP_sha256(), NULL);
  size_t length = sign(key, is_ed25519, seen, sizeof(seen), signature, sizeof(signature));
  EVP_PKEY_free(key);
  if (length == 0) return ERR_GENERAL;
  if (is_ed25519) {
    made->sig_r = malloc(made->sig_r_len = length);
    memcpy(made->sig_r, signature, length);
  } else {
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, length);
    made->sig_r = number(ECDSA_SIG_get0_r(both), &made->sig_r_len);
    made->sig_s = number(ECDSA_SIG_get0_s(both), &made->sig_s_len);
    ECDSA_SIG_free(both);
  }
  *answer = made;
  return 0;
}
